export * from './journal.ts';
export * from './log.ts';
export * from './partitioner.ts';
