export { type CheckedContracts, checkContracts } from './check.ts';
export { readContractFiles } from './directory.ts';
export { type ContractSet, type ContractWatch, type WatchOptions, watchContracts } from './watch.ts';
