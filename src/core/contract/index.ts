/** Contracts: what the data products are. Hides ODCS, versions, and the grammars of topic filter and predicate. */
export * from './codec.ts';
export * from './model.ts';
