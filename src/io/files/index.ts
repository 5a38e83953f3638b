export { type ContractFile, readContractFiles } from './directory.ts';
export { type BrokenFile, type ContractSet, type ContractWatch, type WatchOptions, watchContracts } from './watch.ts';
