export { compareDocumentsOf, type DiffItem, type DocumentChange, type DocumentDiff } from './asyncapi.ts';
export { compareSchemas, type SchemaChange } from './graphql.ts';
