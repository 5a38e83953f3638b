/** Seeded random contracts: every type at every depth, masks, documented values, examples good and bad, with and without deletes, keys and topics. */
import type { Contract, Field, FieldType, ScalarKind } from '../../src/core/contract/index.ts';
import { type Random, randomText } from '../view/random.ts';
import { contract, field } from './contracts.ts';

const kinds: readonly ScalarKind[] = [
  ...(['string', 'int', 'long', 'number', 'decimal', 'boolean', 'date', 'timestamp', 'time'] as const),
];
/** Words that mean something in a language, in JSON Schema or in GraphQL, beside plain ones. */
const words = ['id', 'class', 'type', 'from', 'import', 'constructor', 'data', 'y', 'no', 'null_', 'größe', 'a1', '_x'];
const odd: readonly unknown[] = [
  null,
  'LAX',
  -1,
  1.5,
  true,
  '2026-01-31',
  '12:00:00',
  [1, 'a'],
  { a: 1 },
  '12.50',
  2 ** 60,
];

export function randomContract(random: Random): Contract {
  const fields = [field('id', 'string', { required: true }), ...randomFields(random, 'Thing', 0)];
  const deletes = random.chance(0.3);
  const hasTopic = random.chance(0.8);
  return contract({
    name: 'more-things',
    fieldName: 'moreThings',
    typeName: 'Thing',
    tenant: random.pick([null, 'acme', 'Größe & Co']),
    title: random.pick(['Things', randomText(random)]),
    description: { purpose: random.pick([null, randomText(random)]), usage: null, limitations: null },
    owner: random.pick([null, randomText(random)]),
    tags: random.pick([[], ['a', 'a', randomText(random)]]),
    support: random.pick([
      [],
      [{ channel: 'c', url: random.pick([null, 'no url', 'mailto:a@b.example']), tool: null }],
    ]),
    fields,
    deletes,
    messageKey: deletes || random.chance(0.5) ? ['id'] : [],
    template: hasTopic ? [{ literal: 'things' }, { field: ['id'] }] : [],
    templateText: hasTopic ? 'things/{id}' : '',
    operations: { subscribe: { roles: [] }, query: { roles: [] }, publish: { roles: [] } },
    restriction: { topics: null, rows: null, replayMs: random.pick([null, 90_061_500]), salt: 'c2FsdA' },
  });
}

function randomFields(random: Random, owner: string, depth: number): readonly Field[] {
  const names = new Set(Array.from({ length: 1 + random.below(6) }, () => `${random.pick(words)}${random.below(3)}`));
  return [...names].map((written) => {
    // GraphQL's names are ASCII.
    const name = written.normalize('NFD').replace(/[^_0-9A-Za-z]/g, '');
    const type = randomType(random, `${owner}${name.charAt(0).toUpperCase()}${name.slice(1)}`, depth);
    const mask = random.pick([null, null, null, 'hash', 'redact', 'null'] as const);
    return field(name, type, {
      required: mask !== 'null' && random.chance(0.5),
      ...(mask === null ? {} : { mask, privacy: { masking: mask, visibleTo: [] } }),
      description: random.pick([null, randomText(random)]),
      deprecated: random.pick([null, null, 'gone']),
      classification: random.pick([null, 'restricted']),
      // An object of derived fields alone is another matter.
      derivation: depth === 0 ? random.pick([null, null, 'source.x']) : null,
      values: random.pick([[], [{ value: randomText(random), label: null, description: 'd' }]]),
      examples: random.pick([[], [random.pick(odd), random.pick(odd)]]),
      format: type.kind === 'string' ? null : random.pick([null, 'i64', 'yyyy']),
    });
  });
}

function randomType(random: Random, name: string, depth: number): FieldType {
  const shape = depth > 3 ? 'scalar' : random.pick(['scalar', 'scalar', 'scalar', 'object', 'array', 'map'] as const);
  switch (shape) {
    case 'object':
      return { kind: 'object', name, fields: randomFields(random, name, depth + 1) };
    case 'array':
      return { kind: 'array', items: randomType(random, name, depth + 1), itemsRequired: random.chance(0.5) };
    case 'map':
      return {
        kind: 'map',
        name: `${name}Entry`,
        values: randomType(random, `${name}Value`, depth + 1),
        valuesRequired: random.chance(0.5),
      };
    default:
      return { kind: random.pick(kinds) };
  }
}
