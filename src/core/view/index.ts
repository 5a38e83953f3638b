/** What a subscription asked for. Hides GraphQL operations, their limits, masks and serialisers. */
export { type Compiler, createCompiler } from './compile.ts';
export { asOperationError, classified } from './failure.ts';
export { createFilter, type Filter } from './filter.ts';
export { checkVariables, limitErrors, parseBounded } from './limits.ts';
export { eventNode } from './node.ts';
export { parseReplayFrom } from './position.ts';
export * from './view.ts';
export { MAX_PRODUCTS } from './wildcard.ts';
