export { expired } from './failure.ts';
export { createLocalSource, type LocalSource, type Reader, type Served } from './local.ts';
export { type Look, lookBack } from './look-back.ts';
export { isSelective } from './match/lookups.ts';
export { MatchIndex } from './match/match-index.ts';
export { type Merged, type MergedEvent, mergeByTime } from './merge.ts';
export { type Position, resolveLast, resolvePosition } from './position.ts';
export * from './source.ts';
export * from './stream/index.ts';
