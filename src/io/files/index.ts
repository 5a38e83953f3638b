export { checkContracts } from './check.ts';
export { type ContractWatch, type WatchOptions, watchContracts } from './watch.ts';
