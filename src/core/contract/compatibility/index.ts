/** What changes between contracts, and for whom. */
export { compareCatalogues, type ProductChanges } from './catalogue.ts';
export { type Change, type ChangeKind, isBreaking } from './change.ts';
export { compareContracts } from './compare.ts';
export { placesIn } from './places.ts';
export { isPromised } from './terms.ts';
export { verdictOf } from './verdict.ts';
export { isBehind } from './version.ts';
