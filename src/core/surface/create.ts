/** From contracts to an executable schema: queries and mutations go to the handlers, event streams never come here. */
import { createHash } from 'node:crypto';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { parse, printSchema } from 'graphql';
import type { Contract, Field } from '../contract/index.ts';
import { Definitions } from './definitions.ts';
import { scalarTypes } from './scalars.ts';
import { rootFields, schemaText } from './sdl.ts';
import { shown, visible } from './shown.ts';
import type { HistoryArguments, Surface, SurfaceField, SurfaceHandlers } from './surface.ts';

type Resolvers = Record<string, (source: unknown, args: never, context: never) => unknown>;

/** `contracts` are valid, of unique names, and in the order in which they shall be shown. */
export function createSurface<Context>(contracts: readonly Contract[], handlers: SurfaceHandlers<Context>): Surface {
  const subscription = new Map<string, SurfaceField>();
  const query = new Map<string, SurfaceField>();
  const mutation = new Map<string, SurfaceField>();
  const queries: Resolvers = {
    products: () => contracts.map(product),
    product: (_source, args: { readonly name: string }) => {
      const found = contracts.find((contract) => contract.product === args.name);
      return found === undefined ? null : product(found);
    },
  };
  const mutations: Resolvers = {};
  for (const contract of contracts) {
    const roots = rootFields(contract);
    if (roots.stream !== null) subscription.set(roots.stream, { kind: 'stream', contract });
    if (roots.batch !== null) subscription.set(roots.batch, { kind: 'batch', contract });
    if (roots.history !== null) {
      query.set(roots.history, { kind: 'history', contract });
      queries[roots.history] = (_source, args: HistoryArguments, context: Context) =>
        handlers.history(contract, args, context);
    }
    if (roots.publish !== null) {
      mutation.set(roots.publish, { kind: 'publish', contract });
      mutations[roots.publish] = (_source, args: { readonly input: unknown }, context: Context) =>
        handlers.publish(contract, args.input, context);
    }
  }
  const schema = makeExecutableSchema({
    typeDefs: parse(schemaText(contracts), { noLocation: true }),
    resolvers: { Query: queries, ...(mutation.size > 0 ? { Mutation: mutations } : {}), ...scalarTypes },
    // Scalars of the whole surface are given even where these contracts do not use them.
    resolverValidationOptions: { requireResolversToMatchSchema: 'ignore' },
  });
  let sdl: string | null = null;
  return {
    schema,
    digest: digestOf(contracts),
    contracts,
    subscription,
    query,
    mutation,
    // Few ask for it, and printing costs more than the rest together.
    get sdl() {
      sdl ??= `${printSchema(schema)}\n`;
      return sdl;
    },
  };
}

function digestOf(contracts: readonly Contract[]): string {
  return createHash('sha256')
    .update(canonicalText(contracts.map(({ file: _file, ...contract }) => contract)))
    .digest('base64url');
}

/** JSON text with sorted keys: equal values have equal texts. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) =>
    held !== null && typeof held === 'object' && !Array.isArray(held)
      ? Object.fromEntries(Object.entries(held).sort(([a], [b]) => (a < b ? -1 : 1)))
      : held,
  );
}

/** A contract in the shape of the GraphQL type Product. */
function product(contract: Contract): Record<string, unknown> {
  return {
    name: contract.product,
    version: contract.version,
    status: contract.status.toUpperCase(),
    title: contract.title,
    description: contract.description.purpose,
    usage: contract.description.usage,
    limitations: contract.description.limitations,
    owner: contract.owner,
    domain: contract.domain,
    tags: contract.tags,
    topicTemplate: contract.templateText === '' ? null : contract.templateText,
    operations: Object.keys(contract.operations).map((kind) => kind.toUpperCase()),
    fields: flatten('', contract.fields, new Definitions()),
    sla: contract.sla.map(({ property, value, unit }) => ({ property, promised: value, unit })),
    deprecation: contract.deprecation,
  };
}

function flatten(prefix: string, fields: readonly Field[], types: Definitions): Record<string, unknown>[] {
  return visible(fields).flatMap((field) => {
    const { type, required } = shown(field);
    const own = {
      name: `${prefix}${field.name}`,
      type: `${types.output(type)}${required ? '!' : ''}`,
      description: field.description,
      deprecationReason: field.deprecated,
      classification: field.classification,
      masking: field.mask === null ? null : field.mask.toUpperCase(),
    };
    return type.kind === 'object' ? [own, ...flatten(`${own.name}.`, type.fields, types)] : [own];
  });
}
