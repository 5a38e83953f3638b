export { readContractFiles } from './directory.ts';
export { type ContractSet, type ContractWatch, type WatchOptions, watchContracts } from './watch.ts';
