/** Contracts: what the data products are. Hides ODCS, versions, and the grammars of topic filter and predicate. */

export * from './acceptance/index.ts';
export { checkCatalogue } from './catalogue.ts';
export * from './codec.ts';
export * from './compatibility/index.ts';
export { type CompiledContract, compileContract } from './compile.ts';
export { compilePredicate, compileRead, decidePredicate, knownAt } from './evaluate.ts';
export { parseTopicFilter, type TopicFilter, topicMatches } from './filter.ts';
export { formatFindings, formatRemarks, type Remark } from './findings.ts';
export { isInput } from './inputs.ts';
export { compileLayout } from './layout.ts';
export * from './model.ts';
export { nearest } from './nearest.ts';
export { canMatch } from './overlap.ts';
export { parsePredicate } from './predicate.ts';
export { type ReadContract, readContract } from './read.ts';
export { durationMs } from './rules/terms.ts';
export { canonicalScalar, ranges } from './scalars.ts';
export { sealContract } from './seal.ts';
export { decodeLevel, encodeLevel } from './topic.ts';
export { type Violation, violationsOf } from './violations.ts';
