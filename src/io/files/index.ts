export { checkContracts } from './check.ts';
export { type ContractSet, type ContractWatch, type WatchOptions, watchContracts } from './watch.ts';
