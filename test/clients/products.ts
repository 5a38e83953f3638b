/** Nine products and what is in their Kafka topics: the two of the demo, and seven that between them have whatever a contract can have. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { earthquakes, flights } from '../../src/io/demo/samples.ts';
import { randomName } from '../bed/index.ts';
import { Seeded } from '../gateway/seeded.ts';
import {
  array,
  boolean,
  everyScalar,
  type FieldSpec,
  instant,
  int,
  long,
  map,
  number,
  object,
  oneOf,
  propertiesOf,
  sampleOf,
  text,
  vector,
} from './kinds.ts';

export interface Recorded {
  readonly key: string;
  /** null: a tombstone. */
  readonly value: string | null;
}

export interface Product {
  readonly name: string;
  readonly contract: string;
  readonly topic: string;
  readonly records: readonly Recorded[];
  /** What partners are to get of a record's value. */
  data(value: string): unknown;
}

/** Records of a product. */
const COUNT = 10_000;
/** Of one whose records are large: 2,500 are 12 MB. */
const FEWER = 2500;

const demo = join(import.meta.dirname, '../../schema/contracts');

// biome-ignore lint/suspicious/noExplicitAny: records of the demo's data set.
type Raw = any;

/** `samples` again and again, under other ids. */
function ofDemo(
  name: string,
  physical: string,
  samples: () => readonly { readonly id: string; readonly record: object }[],
  data: (record: Raw) => unknown,
  tombstones = false,
): Product {
  const topic = randomName(name);
  const found = samples();
  const records = Array.from({ length: COUNT }, (_, i) => {
    const { id, record } = found[i % found.length] as (typeof found)[number];
    const key = `${id}-${Math.floor(i / found.length)}`;
    return { key, value: tombstones && i % 10 === 9 ? null : JSON.stringify({ ...record, id: key }) };
  });
  return {
    name,
    topic,
    contract: readFileSync(join(demo, `${name}.odcs.yaml`), 'utf8').replace(
      `physicalName: ${physical}`,
      `physicalName: ${topic}`,
    ),
    records,
    data: (value) => data(JSON.parse(value)),
  };
}

function flightOf({ id, date, origin, destination, delay, distance, airports }: Raw): unknown {
  const end = ({ name, city, state, latitude, longitude }: Raw): object => ({
    name,
    city,
    state,
    position: { latitude, longitude },
  });
  return {
    id,
    scheduledAt: `${date}Z`,
    origin,
    destination,
    delay,
    status: delay < 0 ? 'early' : delay < 15 ? 'on-time' : 'delayed',
    distance,
    distanceKm: distance * 1.609344,
    route: { origin: end(airports.origin), destination: end(airports.destination) },
  };
}

function earthquakeOf({ id, properties, geometry }: Raw): unknown {
  const { mag, felt, cdi, mmi, alert } = properties;
  const [longitude, latitude, depth] = geometry.coordinates;
  return {
    id,
    occurredAt: instant(properties.time),
    updatedAt: instant(properties.updated),
    network: properties.net,
    magnitude: mag,
    magnitudeType: properties.magType,
    strength: mag >= 7 ? 'major' : mag >= 5 ? 'moderate' : mag >= 3 ? 'minor' : 'micro',
    kind: properties.type,
    reviewed: properties.status === 'reviewed',
    tsunami: properties.tsunami === 1,
    place: properties.place,
    location: { longitude, latitude, depth },
    impact: { felt, intensity: { reported: cdi, estimated: mmi }, alert },
    alertLevel: alert,
  };
}

interface Made {
  readonly count?: number;
  readonly name: string;
  readonly title?: string;
  readonly purpose?: string;
  readonly fields: Readonly<Record<string, FieldSpec>>;
}

const addressed: Readonly<Record<string, FieldSpec>> = {
  id: { kind: text, required: true },
  lane: { kind: oneOf('slow', 'fast'), required: true },
};

/** A product of our own; each record has members, too, that no property names. `isAddressed`: it has an id as key, and a lane in its topic. */
function made(
  { count = COUNT, name, title = name, purpose = `Events of ${name}.`, fields }: Made,
  isAddressed = true,
): Product {
  const topic = randomName(name);
  const all = isAddressed ? { ...addressed, ...fields } : fields;
  const pascal = name
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  const contract = stringify({
    apiVersion: 'v3.1.0',
    kind: 'DataContract',
    id: `urn:test:${name}`,
    name,
    version: '1.0.0',
    status: 'active',
    dataProduct: title,
    description: { purpose },
    team: { name: 'Tests', members: [{ username: 'owner@example.com', role: 'Owner' }] },
    servers: [{ server: 'main', type: 'kafka', host: '127.0.0.1:9092', format: 'json' }],
    schema: [
      {
        name: `${pascal}Event`,
        physicalName: topic,
        physicalType: 'topic',
        logicalType: 'object',
        customProperties: [
          { property: 'topicTemplate', value: isAddressed ? `${name}/{lane}` : name },
          ...(isAddressed ? [{ property: 'messageKey', value: { fields: ['id'] } }] : []),
        ],
        properties: propertiesOf(all),
      },
    ],
    customProperties: [
      { property: 'operations', value: [{ kind: 'subscribe' }, { kind: 'query' }] },
      { property: 'replay', value: { maxDepth: 'P7D', from: ['latest', 'earliest', 'time', 'cursor'] } },
    ],
  });
  const random = new Seeded(name.length * 1000 + Object.keys(fields).length);
  const expected = new Map<string, unknown>();
  const records = Array.from({ length: count }, (_, i) => {
    const key = `id-${i}`;
    const id = { kind: { ...text, sample: () => ({ text: `"${key}"`, data: key }) }, required: true };
    const given = isAddressed ? { ...all, id } : all;
    // The number makes each record's text another one.
    const { text: value, data } = sampleOf(given, random, `"internal":{"number":${i},"secret":"not for partners"}`);
    expected.set(value, data);
    return { key, value };
  });
  return {
    name,
    topic,
    contract,
    records,
    data: (value) => expected.get(value),
  };
}

const optional = (kinds: Readonly<Record<string, FieldSpec['kind']>>): Readonly<Record<string, FieldSpec>> =>
  Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { kind }]));
const required = (kinds: Readonly<Record<string, FieldSpec['kind']>>): Readonly<Record<string, FieldSpec>> =>
  Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { kind, required: true }]));

/** Five objects deep, required and optional in turn. */
const deep = [1, 2, 3, 4].reduce(
  (inner, level) => object({ value: { kind: int, required: true }, inner: { kind: inner, required: level % 2 === 0 } }),
  object({ value: { kind: long }, texts: { kind: array(text), required: true } }),
);

const words =
  'class from import None True lambda def async await constructor toString prototype default function delete new this type data str int list dict self Any Literal TypedDict'.split(
    ' ',
  );

export const products: readonly Product[] = [
  ofDemo('flights', 'aviation.flights.v1', flights, flightOf),
  ofDemo('earthquakes', 'seismic.earthquakes.v1', earthquakes, earthquakeOf, true),
  made({
    name: 'every-type',
    fields: {
      ...required(everyScalar),
      vector: { kind: vector, required: true },
      longs: { kind: map(long), required: true },
    },
  }),
  made({
    name: 'nested',
    fields: {
      deep: { kind: deep, required: true },
      maybe: { kind: deep },
      maps: { kind: map(map(object(required({ number, boolean })))) },
    },
  }),
  made({
    name: 'choices',
    fields: {
      ...required({ plain: oneOf('red', 'green'), odd: oneOf('', 'two words', 'a"b', '1', 'true', 'größe', 'None') }),
      ...optional({
        maybe: oneOf('yes', 'no'),
        several: array(oneOf('a', 'b', 'c')),
        byName: map(oneOf('up', 'down')),
      }),
    },
  }),
  made({
    name: 'lists',
    fields: {
      ...required({
        legs: array(
          object({
            from: { kind: text, required: true },
            stops: { kind: array(object(optional({ at: long, note: text }))) },
          }),
        ),
        grid: array(array(number)),
      }),
      ...optional({ holes: array(text, false), things: array(object(optional({ int, tags: map(text) })), false) }),
    },
  }),
  made(
    {
      name: 'optional',
      fields: optional({
        ...everyScalar,
        vector,
        nested: object(optional({ ...everyScalar })),
        list: array(int, false),
      }),
    },
    false,
  ),
  made({
    name: 'unicode',
    title: 'Größe "der" 東京 🛫 \\ */ """',
    purpose: 'Schön & <gut>: 東京 */ """ \\',
    fields: {
      size: { kind: number, required: true, key: 'größe', description: 'Wie groß */ """ \\ 🧳' },
      city: { kind: text, key: '都市.名', description: 'Tokyo: 東京' },
      inner: { kind: object({ emoji: { kind: map(text), key: '🛫', required: true } }), key: 'ünnütz', required: true },
      ...Object.fromEntries(
        words.map((name, i) => [
          name,
          i % 3 === 0
            ? { kind: object({ with: { kind: int, required: true } }) }
            : { kind: i % 3 === 1 ? text : int, required: true },
        ]),
      ),
    },
  }),
  made({
    name: 'wide',
    count: FEWER,
    fields: Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [
        `field${i}`,
        {
          kind: [text, int, boolean, number, long][i % 5] as FieldSpec['kind'],
          required: i % 2 === 0,
          description: `Nr. ${i}`,
        },
      ]),
    ),
  }),
];
