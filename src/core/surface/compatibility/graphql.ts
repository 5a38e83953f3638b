/** What graphql-js says of two schemas: a second opinion on changes of contracts. */
import { buildSchema, findBreakingChanges, findDangerousChanges, type GraphQLSchema, isScalarType } from 'graphql';
import type { ChangeKind, Contract } from '../../contract/index.ts';
import { schemaText } from '../sdl.ts';

export interface SchemaChange {
  readonly kind: ChangeKind;
  /** graphql-js's name of it: `FIELD_REMOVED`. */
  readonly type: string;
  readonly what: string;
}

/** What breaks, or could, from the schema of one set of contracts to that of another. Its `compatible` are graphql-js's "dangerous": optional arguments and inputs. */
export function compareSchemas(olds: readonly Contract[], nows: readonly Contract[]): readonly SchemaChange[] {
  const [old, now] = [schemaOf(olds), schemaOf(nows)];
  const inputs = new Set(
    [...olds, ...nows].flatMap(({ typeName, operations }) =>
      operations.publish === undefined ? [] : [`${typeName}Input`, `publish${typeName}`],
    ),
  );
  const found = findBreakingChanges(old, now).filter(({ description }) => !isUnusedScalar(old, description));
  const breaking = found.map(({ type, description }) => ({
    kind: isOfPublishing(description, inputs) ? ('breaking-publishers' as const) : ('breaking-readers' as const),
    type,
    what: description,
  }));
  const dangerous = findDangerousChanges(old, now).map(({ type, description }) => ({
    kind: 'compatible' as const,
    type,
    what: description,
  }));
  return [...breaking, ...dangerous];
}

function schemaOf(contracts: readonly Contract[]): GraphQLSchema {
  return buildSchema(schemaText(contracts), { noLocation: true });
}

/** A scalar, and its filter, goes with the last field that has it, which is said by itself. */
function isUnusedScalar(schema: GraphQLSchema, description: string): boolean {
  const name = /^(?:Standard scalar )?(\w+) was removed/.exec(description)?.[1] ?? '';
  return isScalarType(schema.getType(name)) || isScalarType(schema.getType(name.replace(/Filter$/, '')));
}

/** graphql-js tells the type in words alone; types of nested objects end like that of the outermost. */
function isOfPublishing(description: string, roots: ReadonlySet<string>): boolean {
  const names = description.match(/\w+/g) ?? [];
  return names.some(
    (name) => roots.has(name) || name.endsWith('Input') || name === 'Mutation' || name === 'PublishReceipt',
  );
}
