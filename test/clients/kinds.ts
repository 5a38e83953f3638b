/** Types of fields: how a contract has one, how a record writes a value of it, and what its partners are to get for that. */
import type { Seeded } from '../gateway/seeded.ts';

export interface Sample {
  /** JSON text in the record: longs and decimals have more digits than numbers of JavaScript. */
  readonly text: string;
  readonly data: unknown;
}

export interface Kind {
  /** Members of the contract's property. */
  readonly odcs: Readonly<Record<string, unknown>>;
  sample(random: Seeded): Sample;
}

export interface FieldSpec {
  readonly kind: Kind;
  readonly required?: boolean;
  /** Key in the record; default: the field's name. */
  readonly key?: string;
  readonly description?: string;
}

const same = (data: unknown): Sample => ({ text: JSON.stringify(data), data });

/** `physical`: type in the record; `more`: logicalTypeOptions and the like. */
function scalar(logicalType: string, physical: string, sample: Kind['sample'], more: object = {}): Kind {
  return { odcs: { logicalType, physicalType: physical, ...more }, sample };
}

const TEXTS = [
  '',
  'a',
  'Größe',
  '東京',
  '🛫 🧳',
  'a "quoted" \\ word',
  'line\nbreak\ttab',
  '\u2028\u2029\u0000',
  'x'.repeat(300),
];

export const text = scalar('string', 'string', (random) => same(random.pick(TEXTS)));
export const boolean = scalar('boolean', 'boolean', (random) => same(random.chance(0.5)));
export const int = integer('i32', -(2 ** 31), 2 ** 31 - 1);
export const number = scalar('number', 'double', (random) =>
  same(random.pick([0, 1, -1.5, 1e21, 5e-324, 0.1 + 0.2, (random.next() - 0.5) * 1e6, Number.MAX_VALUE])),
);

function integer(format: string, least: number, greatest: number): Kind {
  const options = { logicalTypeOptions: { format } };
  return scalar('integer', 'int', (r) => same(r.pick([least, greatest, 0, r.between(-100, 100) & 127])), options);
}

const wholes = (format: string, least: bigint, greatest: bigint): Kind =>
  scalar(
    'integer',
    'long',
    (random) => {
      const value = String(random.pick([least, greatest, 0n, 9_007_199_254_740_993n % greatest]));
      return { text: random.chance(0.3) ? `"${value}"` : value, data: value };
    },
    { logicalTypeOptions: { format } },
  );

export const long = wholes('i64', -(2n ** 63n), 2n ** 63n - 1n);

function decimal(precision: number, scale: number): Kind {
  return scalar('number', `decimal(${precision},${scale})`, (random) => {
    const digits = (count: number): string => Array.from({ length: count }, () => random.between(0, 9)).join('');
    const whole = `${random.chance(0.5) ? '-' : ''}${random.between(1, 9)}${digits(precision - scale - 1)}`;
    const value = scale === 0 ? whole : `${whole}.${digits(scale)}`;
    return { text: random.chance(0.3) ? `"${value}"` : value, data: value };
  });
}

/** RFC 3339 without zeros that say nothing. */
export const instant = (ms: number): string => new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
const moment = (random: Seeded): number => random.between(-10_000_000, 2_000_000_000) * 1000 + random.between(0, 999);

/** `digits`: how much finer than milliseconds the unit is. */
const epoch = (unit: string, digits: number): Kind =>
  scalar('timestamp', `timestamp-${unit}`, (random) => {
    const ms = moment(random);
    return { text: `${BigInt(ms) * 10n ** BigInt(digits)}`, data: instant(ms) };
  });

const timestamps = {
  timestamp: scalar('timestamp', 'string', (random) => {
    const ms = moment(random);
    return { text: JSON.stringify(new Date(ms).toISOString()), data: instant(ms) };
  }),
  zoned: scalar(
    'timestamp',
    'string',
    (random) => {
      const ms = moment(random);
      const local = new Date(ms + 19_800_000).toISOString().replace('Z', '+05:30');
      return { text: JSON.stringify(local), data: instant(ms) };
    },
    { logicalTypeOptions: { timezone: true } },
  ),
  seconds: scalar('timestamp', 'timestamp-seconds', (random) => {
    const seconds = random.between(-10_000_000, 2_000_000_000);
    return { text: `${seconds}`, data: instant(seconds * 1000) };
  }),
  millis: epoch('millis', 0),
  micros: epoch('micros', 3),
  nanos: epoch('nanos', 6),
};

const dates = {
  date: scalar('date', 'string', (random) => same(instant(moment(random)).slice(0, 10))),
  days: scalar('date', 'int', (random) => {
    const days = random.between(-1000, 20_000);
    return { text: `${days}`, data: instant(days * 86_400_000).slice(0, 10) };
  }),
  time: scalar('time', 'string', (random) => same(random.pick(['00:00:00', '23:59:59.5', '08:00:00+02:00']))),
  timeMicros: scalar('time', 'time-micros', (random) => {
    const seconds = random.between(0, 86_399);
    return { text: `${seconds * 1_000_000}`, data: new Date(seconds * 1000).toISOString().slice(11, 19) };
  }),
};

export function oneOf(...values: readonly string[]): Kind {
  return scalar('string', 'string', (random) => same(random.pick(values)), {
    enum: values.map((value) => ({ value, label: `It is ${value}` })),
  });
}

export function array(items: Kind, itemsRequired = true): Kind {
  return {
    odcs: {
      logicalType: 'array',
      physicalType: 'array',
      items: { name: 'item', ...items.odcs, required: itemsRequired },
    },
    sample: (random) => {
      const found = Array.from({ length: random.between(0, 3) }, () =>
        !itemsRequired && random.chance(0.3) ? same(null) : items.sample(random),
      );
      return { text: `[${found.map((one) => one.text).join(',')}]`, data: found.map(({ data }) => data) };
    },
  };
}

const KEYS = ['a', 'größe', '東', 'class', 'constructor', 'with space', '🛫'];

export function map(values: Kind): Kind {
  return {
    odcs: {
      logicalType: 'map',
      physicalType: 'map',
      map: { key: { logicalType: 'string' }, value: { name: 'value', ...values.odcs, required: true } },
    },
    sample: (random) =>
      entries(KEYS.filter(() => random.chance(0.4)).map((key) => ({ key, name: key, found: values.sample(random) }))),
  };
}

export function object(fields: Readonly<Record<string, FieldSpec>>): Kind {
  return {
    odcs: { logicalType: 'object', physicalType: 'object', properties: propertiesOf(fields) },
    sample: (random) => sampleOf(fields, random),
  };
}

export function propertiesOf(fields: Readonly<Record<string, FieldSpec>>): readonly object[] {
  return Object.entries(fields).map(([name, { kind, required = false, key, description }]) => ({
    name,
    ...kind.odcs,
    ...(key === undefined ? {} : { physicalName: `['${key}']` }),
    ...(description === undefined ? {} : { description }),
    required,
  }));
}

/** What is not required is null or not there in a good part of the records. `more`: text of members that no property names. */
export function sampleOf(fields: Readonly<Record<string, FieldSpec>>, random: Seeded, more = ''): Sample {
  return entries(
    Object.entries(fields).map(([name, { kind, required = false, key = name }]) => {
      const chance = required ? 1 : random.next();
      const found = chance > 0.4 ? kind.sample(random) : { text: chance > 0.2 ? 'null' : '', data: null };
      return { key, name, found };
    }),
    more,
  );
}

interface Entry {
  readonly key: string;
  readonly name: string;
  /** Without text: the record does not have it. */
  readonly found: Sample;
}

function entries(list: readonly Entry[], more = ''): Sample {
  const texts = list
    .filter(({ found }) => found.text !== '')
    .map(({ key, found }) => `${JSON.stringify(key)}:${found.text}`);
  return {
    text: `{${[...texts, ...(more === '' ? [] : [more])].join(',')}}`,
    data: Object.fromEntries(list.map(({ name, found }) => [name, found.data])),
  };
}

/** Every type that a contract can have. */
export const everyScalar: Readonly<Record<string, Kind>> = {
  text,
  boolean,
  int,
  i8: integer('i8', -128, 127),
  i16: integer('i16', -32_768, 32_767),
  u8: integer('u8', 0, 255),
  u16: integer('u16', 0, 65_535),
  u32: wholes('u32', 0n, 2n ** 32n - 1n),
  long,
  number,
  decimal: decimal(12, 4),
  wideDecimal: decimal(38, 18),
  wholeDecimal: decimal(20, 0),
  ...timestamps,
  ...dates,
};

export const vector: Kind = {
  odcs: { logicalType: 'vector', physicalType: 'array' },
  sample: (random) => same(Array.from({ length: 4 }, () => random.between(-1000, 1000) / 8)),
};
