/** Seeded random events and operations: the same seed, the same case. */
import { type GraphQLObjectType, type GraphQLOutputType, getNamedType, GraphQLObjectType as ObjectType } from 'graphql';
import type { Contract, Field, FieldType, PublicData, PublicEvent } from '../../src/core/contract/index.ts';
import type { Surface } from '../../src/core/surface/index.ts';

/** mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

const pieces = [
  'a',
  'LAX',
  'plain text',
  '"',
  '\\',
  '/',
  '\b',
  '\f',
  '\n',
  '\r',
  '\t',
  '\u0000',
  '\u001f',
  '\u007f',
  '\u0080',
  'é',
  'ß',
  '東京',
  '\u2028',
  '\u2029',
  '\ufeff',
  '\uffff',
  '😀',
  '👩‍👩‍👧',
  '\ud800',
  '\udfff',
  '\udc00\ud800',
  '</script>',
  '`x`',
  "'",
  '__proto__',
  '{"a":1}',
  ' ',
];

export function randomText(random: Random): string {
  const count = random.pick([0, 1, 1, 2, 3, 8]);
  const text = Array.from({ length: count }, () => random.pick(pieces)).join('');
  // Longer than where one way of scanning hands over to the other.
  return random.chance(0.15) ? `${'x'.repeat(random.pick([46, 47, 48, 49, 100]))}${text}` : text;
}

const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.below(10)).join('');

function scalarValue(kind: string, random: Random): unknown {
  switch (kind) {
    case 'int':
      return random.pick([0, 1, -1, 2_147_483_647, -2_147_483_648, random.below(1000)]);
    case 'number':
      return random.pick([
        0,
        -0,
        1.5,
        -2.25,
        1e21,
        1e-7,
        5e-324,
        1.7976931348623157e308,
        0.1 + 0.2,
        123_456_789_012_345_680_000,
        random.next(),
      ]);
    case 'boolean':
      return random.chance(0.5);
    case 'long':
      return random.pick([
        '0',
        '-9223372036854775808',
        '9223372036854775807',
        `${1 + random.below(9)}${digits(random, 17)}`,
      ]);
    case 'decimal':
      return `${random.pick(['', '-'])}${random.below(1000)}.${digits(random, 2)}`;
    case 'date':
      return random.pick(['2026-01-31', '1999-12-31']);
    case 'timestamp':
      return random.pick(['2026-01-31T12:00:00Z', '1969-12-31T23:59:59.123456789Z']);
    case 'time':
      return random.pick(['12:00:00', '23:59:59.5Z']);
    default:
      return randomText(random);
  }
}

function randomValue(type: FieldType, required: boolean, random: Random): unknown {
  if (!required && random.chance(0.2)) return null;
  switch (type.kind) {
    case 'object':
      return dataOf(type.fields, random);
    case 'array':
      return Array.from({ length: random.pick([0, 1, 2, 4]) }, () =>
        randomValue(type.items, type.itemsRequired, random),
      );
    case 'map':
      return Object.fromEntries(
        Array.from({ length: random.pick([0, 1, 3]) }, () => [
          random.pick(['', '7', '__proto__', randomText(random), 'k']),
          randomValue(type.values, type.valuesRequired, random),
        ]),
      );
    default:
      return scalarValue(type.kind, random);
  }
}

function dataOf(fields: readonly Field[], random: Random): PublicData {
  return Object.fromEntries(fields.map(({ name, type, required }) => [name, randomValue(type, required, random)]));
}

export function randomEvent(contract: Contract, random: Random): PublicEvent {
  const deleted = contract.deletes && random.chance(0.15);
  const parts = contract.messageKey.map(() => randomText(random));
  return {
    partition: random.below(12),
    offset: random.below(1e9),
    time: random.pick([0, -1, 1_700_000_000_000, 1_700_000_000_123, 9e15, random.below(2e12)]),
    op: deleted ? 'DELETE' : 'UPSERT',
    topic: random.pick(['aviation/LAX/JFK/DEP', 'a/%2F/東京', randomText(random)]),
    unknownLevels: 0,
    key:
      parts.length === 0 || random.chance(0.1)
        ? null
        : parts.length === 1
          ? (parts[0] as string)
          : JSON.stringify(parts),
    conflationKey: null,
    traceparent: null,
    data: deleted ? null : dataOf(contract.fields, random),
    keyData: null,
  };
}

export interface RandomOperation {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  /** The root field, without its alias. */
  readonly root: string;
}

const aliases = ['toString', '__proto__', 'constructor', 'data', 'A', '_', 'then', 'toJSON', 'length'];

/** A valid subscription of any of the surface's fields: aliases, merged fields, fragments within fragments, directives with variables. */
export function randomOperation(surface: Surface, random: Random): RandomOperation {
  const root = random.pick([...surface.subscription.keys()]);
  const writer = new Writer(random);
  const field = surface.schema.getSubscriptionType()?.getFields()[root];
  const body = `${random.chance(0.3) ? `${random.pick(aliases)}: ` : ''}${root} ${writer.selection(outer(field?.type), 0)}`;
  const wrapped = random.chance(0.1) ? `... on Subscription { ${body} }` : body;
  return {
    query: writer.document(wrapped),
    variables: writer.variables(),
    root,
  };
}

/** A subscription of several products: what every event has, and of some products their data under names of their own. */
export function randomWildcard(surface: Surface, random: Random): RandomOperation {
  const writer = new Writer(random);
  const parts = Array.from({ length: random.below(4) }, () =>
    random.pick(['product', 'cursor', 'topic', 'time', 'op', '__typename']),
  );
  for (const { kind, contract } of surface.subscription.values()) {
    if (kind !== 'stream' || random.chance(0.25)) continue;
    const name = `${contract.typeName}Event`;
    const data = outer(surface.schema.getType(contract.typeName) as GraphQLOutputType);
    // Two that differ in shape under one name are refused, by graphql-js too.
    const alias = random.chance(0.05) ? '' : `${contract.fieldName}_: `;
    const more = random.chance(0.3) ? `${random.pick(['key', 'topic'])} ` : '';
    parts.splice(
      random.below(parts.length + 1),
      0,
      `... on ${name} { ${more}${alias}data ${writer.selection(data, 1)} }`,
    );
  }
  if (parts.length === 0) parts.push('topic');
  const body = `${random.chance(0.3) ? `${random.pick(aliases)}: ` : ''}events { ${parts.join(' ')} }`;
  return { query: writer.document(body), variables: writer.variables(), root: 'events' };
}

function outer(type: GraphQLOutputType | undefined): GraphQLObjectType {
  const named = type === undefined ? null : getNamedType(type);
  if (!(named instanceof ObjectType)) throw new Error('no object type');
  return named;
}

class Writer {
  readonly fragments: string[] = [];
  readonly usedVariables = new Set<string>();
  readonly #random: Random;
  readonly #values: Readonly<Record<string, { readonly given: boolean | undefined; readonly type: string }>>;
  #aliases = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#values = {
      given: { given: random.chance(0.5), type: 'Boolean!' },
      defaulted: { given: undefined, type: `Boolean = ${random.chance(0.5)}` },
      overridden: { given: random.chance(0.5), type: `Boolean! = ${random.chance(0.5)}` },
    };
  }

  /** With the fragments and variables that were used. */
  document(body: string): string {
    const names = [...this.usedVariables];
    const declared = names.length === 0 ? '' : `(${names.map((name) => this.declare(name)).join(', ')})`;
    return [`subscription S${declared} { ${body} }`, ...this.fragments].join('\n');
  }

  declare(name: string): string {
    return `$${name}: ${this.#values[name]?.type}`;
  }

  variables(): Record<string, unknown> {
    return Object.fromEntries(
      [...this.usedVariables]
        .map((name) => [name, this.#values[name]?.given])
        .filter(([, value]) => value !== undefined),
    );
  }

  #directives(): string {
    const random = this.#random;
    if (!random.chance(0.12)) return '';
    const one = (name: string): string => {
      if (random.chance(0.5)) return `@${name}(if: ${random.chance(0.5)})`;
      const variable = random.pick(Object.keys(this.#values));
      this.usedVariables.add(variable);
      return `@${name}(if: $${variable})`;
    };
    return random.chance(0.2) ? ` ${one('skip')} ${one('include')}` : ` ${one(random.pick(['skip', 'include']))}`;
  }

  /** `{...}` of one type. */
  selection(type: GraphQLObjectType, depth: number): string {
    const random = this.#random;
    const parts = Array.from({ length: 1 + random.below(depth === 0 ? 6 : 5) }, () => this.#part(type, depth));
    // Events without data tell little.
    if (type.name.endsWith('Event') && random.chance(0.8))
      parts.splice(random.below(parts.length + 1), 0, this.#named(type, 'data', depth));
    if (type.name.endsWith('Batch') && random.chance(0.9)) parts.push(this.#named(type, 'events', depth));
    return `{ ${parts.join(' ')} }`;
  }

  #part(type: GraphQLObjectType, depth: number): string {
    const random = this.#random;
    const roll = random.next();
    if (depth < 14 && roll < 0.08)
      return `...${random.pick(['', ` on ${type.name}`])}${this.#directives()} ${this.selection(type, depth + 3)}`;
    if (depth < 14 && roll < 0.16) {
      const name = `F${this.fragments.length}`;
      this.fragments.push('');
      this.fragments[Number(name.slice(1))] = `fragment ${name} on ${type.name} ${this.selection(type, depth + 3)}`;
      // Twice, now and then: the second adds nothing.
      return `...${name}${this.#directives()}${random.chance(0.3) ? ` ...${name}` : ''}`;
    }
    const [event] = type.getInterfaces();
    if (event !== undefined && roll < 0.26) {
      const fields = ['product', 'cursor', 'topic', 'key', 'time', 'op', '__typename'];
      return `... on Event${this.#directives()} { ${random.pick(fields)} ${random.pick(fields)} }`;
    }
    if (roll < 0.34)
      return `${random.chance(0.5) ? `${this.#alias('__typename')}: ` : ''}__typename${this.#directives()}`;
    return this.#named(type, random.pick(Object.keys(type.getFields())), depth);
  }

  #alias(field: string): string {
    const odd = this.#random.pick(aliases);
    // Unique, or always of the same field: so no two can conflict.
    return this.#random.chance(0.5) ? `${odd}_${this.#aliases++}` : `${odd}_${field}`;
  }

  #named(type: GraphQLObjectType, name: string, depth: number): string {
    const field = type.getFields()[name];
    const inner = field === undefined ? null : getNamedType(field.type);
    const alias = this.#random.chance(0.2) ? `${this.#alias(name)}: ` : '';
    const below = inner instanceof ObjectType ? ` ${this.selection(inner, depth + 1)}` : '';
    return `${alias}${name}${this.#directives()}${below}`;
  }
}
