/**
 * Examples as a partner would receive them. They come from the contract where it gives some that are values of their type; what it
 * leaves out is filled with plain ones, so that each is whole and valid.
 */
import { canonicalScalar, type Field, type FieldType, type ScalarType } from '../../contract/index.ts';
import type { Side } from './side.ts';

/** String formats of ODCS that JSON Schema knows: which examples of a contract are surely right, and one that is. */
export const formats: Readonly<Record<string, { readonly sure: RegExp; readonly sample: string }>> = {
  email: { sure: /^[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+$/i, sample: 'ada@example.com' },
  uuid: { sure: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, sample: '6f1e5a0c-9d3b-4c1e-8a57-2b7d9e4f0a31' },
  uri: { sure: /^https?:\/\/[a-z0-9.-]+(\/[\w./-]*)?$/i, sample: 'https://example.com/1' },
  hostname: {
    sure: /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i,
    sample: 'example.com',
  },
  ipv4: { sure: /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}$/, sample: '192.0.2.1' },
  ipv6: { sure: /^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$/i, sample: '2001:db8::1' },
};

/** What a hash looks like; no value has it. */
const HASH = 'c2x1aWNlLmV4YW1wbGUuMQ';

const samples: Readonly<Record<ScalarType['kind'], string | number | boolean>> = {
  string: 'text',
  int: 1,
  long: '1',
  number: 1.5,
  decimal: '1',
  boolean: true,
  date: '2026-01-31',
  timestamp: '2026-01-31T12:00:00Z',
  time: '12:00:00',
};

/** The contract's examples of a field that are values of its type, in canonical form. Of what is masked, what is sent instead. */
export function fieldExamples(field: Field): readonly unknown[] {
  if (field.mask === 'hash') return [HASH];
  if (field.mask !== null) return [];
  const { type } = field;
  if (type.kind === 'object' || type.kind === 'map') return [];
  const documented = field.values.map(({ value }) => value);
  const given = field.examples.length > 0 || type.kind !== 'string' ? field.examples : documented;
  return given.flatMap((example) => {
    const value = canonical(type, example);
    if (value === undefined) return [];
    const format = type.kind === 'string' ? formats[field.format ?? ''] : undefined;
    return format === undefined || format.sure.test(String(value)) ? [value] : [];
  });
}

/** undefined: it is none. */
function canonical(type: FieldType, example: unknown): unknown {
  if (type.kind === 'object' || type.kind === 'map') return undefined;
  if (type.kind === 'array') {
    if (!Array.isArray(example)) return undefined;
    const items = example.map((item) => canonical(type.items, item));
    return items.includes(undefined) ? undefined : items;
  }
  try {
    return canonicalScalar(type, example);
  } catch {
    return undefined;
  }
}

/** Data of one event, whole. */
export function exampleData(fields: readonly Field[], side: Side): Readonly<Record<string, unknown>> {
  return Object.fromEntries(side.fields(fields).map((field) => [field.name, exampleOf(field, side)]));
}

function exampleOf(field: Field, side: Side): unknown {
  const plain = side.suffix === '' ? field : { ...field, mask: null };
  if (plain.mask === 'redact') return '***';
  if (plain.mask === 'null') return null;
  const [first] = fieldExamples(plain);
  if (first !== undefined) return first;
  const { type, required } = side.shape(plain);
  if (type.kind === 'object' || type.kind === 'array' || type.kind === 'map') return sample(type, side);
  if (!required) return null;
  return type.kind === 'string' ? (formats[field.format ?? '']?.sample ?? samples.string) : sample(type, side);
}

function sample(type: FieldType, side: Side): unknown {
  switch (type.kind) {
    case 'object':
      return exampleData(type.fields, side);
    case 'array':
      return [sample(type.items, side)];
    case 'map':
      return { key: sample(type.values, side) };
    case 'decimal':
      return canonical(type, type.precision === type.scale ? '0' : samples.decimal) ?? samples.decimal;
    default:
      return samples[type.kind];
  }
}
