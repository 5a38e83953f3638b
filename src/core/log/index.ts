export * from './journal.ts';
export * from './log.ts';
