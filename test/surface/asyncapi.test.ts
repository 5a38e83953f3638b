import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Contract, readContract, sealContract, violationsOf } from '../../src/core/contract/index.ts';
import {
  asyncApiProtocols,
  asyncApiYaml,
  createSurface,
  renderAsyncApi,
  type SurfaceHandlers,
} from '../../src/core/surface/index.ts';
import { createCompiler } from '../../src/core/view/index.ts';
import { flights, orders, readings } from '../view/contracts.ts';
import { Random, randomEvent } from '../view/random.ts';
import { at, diagnosticsOf, examplesOf, type Json, record, validatorsOf } from './asyncapi-reader.ts';
import { contract, field } from './contracts.ts';
import { randomContract } from './random-contract.ts';

const url = 'https://events.example.com';
const committed = 'asyncapi/generated';
/** A failure is had again by SLUICE_SEED. */
const SEED = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const none: SurfaceHandlers = {
  history: () => Promise.reject(new Error('no history here')),
  publish: () => Promise.reject(new Error('no publishing here')),
};

const demo: readonly Contract[] = ['flights', 'earthquakes'].map((name) => {
  const file = `schema/contracts/${name}.odcs.yaml`;
  return readContract(readFileSync(file, 'utf8'), file).contract as Contract;
});

/** A product of 200 fields, a few levels deep. */
const wide = contract({
  name: 'wide',
  typeName: 'Wide',
  fields: Array.from({ length: 40 }, (_, i) =>
    field(`group${i}`, {
      kind: 'object',
      name: `WideGroup${i}`,
      fields: Array.from({ length: 4 }, (_each, j) =>
        field(`value${j}`, j % 2 === 0 ? 'long' : 'timestamp', { examples: [7] }),
      ),
    }),
  ),
});

const all = (contracts: readonly Contract[]): readonly Json[] =>
  contracts.flatMap((one) => asyncApiProtocols(one).map((protocol) => renderAsyncApi(one, { protocol, url })));

/** Every schema that is an object with members, or an enum, where it stands. */
function typesIn(value: unknown, path: string): readonly { readonly path: string; readonly id: unknown }[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => typesIn(item, `${path}/${index}`));
  if (typeof value !== 'object' || value === null) return [];
  const schema = value as Json;
  const inside = Object.entries(schema)
    .filter(([name]) => name !== 'examples')
    .flatMap(([name, held]) => typesIn(held, `${path}/${name}`));
  const isNamed = schema['enum'] !== undefined || (schema['properties'] !== undefined && schema['type'] !== undefined);
  return isNamed ? [{ path, id: schema['$id'] }, ...inside] : inside;
}

/** The same with something taken away, put in or replaced, at any depth. */
function mutated(value: unknown, random: Random): unknown {
  const odd = random.pick<unknown>([null, 'text', -1, 1.5, true, '2026-01-31', [], {}, { nowhere: 1 }]);
  if (typeof value !== 'object' || value === null) return odd;
  if (Array.isArray(value)) return random.chance(0.3) ? odd : value.map((item) => mutated(item, random));
  const members = Object.entries(value);
  if (members.length === 0 || random.chance(0.1)) return { ...value, nowhere: odd };
  const [name, held] = random.pick(members);
  if (random.chance(0.2)) return Object.fromEntries(members.filter(([other]) => other !== name));
  return { ...value, [name]: mutated(held, random) };
}

describe('an AsyncAPI document', () => {
  test.each(readdirSync(committed))('%s is good for the parser of AsyncAPI', async (file) => {
    expect(await diagnosticsOf(readFileSync(join(committed, file), 'utf8'))).toEqual([]);
  });

  test('of any contract is good for the parser of AsyncAPI, masked and hidden fields or not', async () => {
    const random = Array.from({ length: 12 }, (_, index) => randomContract(new Random(SEED + index)));
    for (const document of all([orders, readings, wide, ...random])) {
      const told = await diagnosticsOf(asyncApiYaml(document));
      expect(told, `SLUICE_SEED=${SEED}`).toEqual([]);
    }
  });

  test('has a name on every type, so that generators of models make none up', () => {
    for (const document of all([...demo, flights, orders, readings, wide, randomContract(new Random(SEED))])) {
      const schemas = record(at(document, 'components', 'schemas'));
      for (const [name, schema] of Object.entries(schemas)) expect(record(schema)['$id']).toBe(name);
      const types = typesIn(schemas, '');
      expect(types.length).toBeGreaterThan(5);
      expect(types.filter(({ path, id }) => id === undefined || path !== `/${id}`)).toEqual([]);
    }
  });

  test('has examples that its own schemas accept', () => {
    const random = Array.from({ length: 40 }, (_, index) => randomContract(new Random(SEED + index)));
    let examples = 0;
    for (const document of all([...demo, flights, orders, readings, wide, ...random])) {
      const validator = validatorsOf(document);
      for (const { message, payload } of examplesOf(document)) {
        const validate = validator(message);
        expect(validate(payload), `SLUICE_SEED=${SEED} ${message} ${JSON.stringify(validate.errors)}`).toBe(true);
        examples += 1;
      }
    }
    expect(examples).toBeGreaterThan(500);
  });

  test('takes its examples from the contract, a masked one as it is sent', () => {
    const [first] = examplesOf(renderAsyncApi(demo[0] as Contract, { protocol: 'ws', url }));
    expect(record(first?.payload)['data']).toMatchObject({
      id: '20010101-0655-LAX-BNA-1',
      origin: 'LAX',
      delay: -19,
      route: { origin: { city: 'Los Angeles', position: { latitude: 33.94253611 } } },
    });
    expect(record(first?.payload)).toMatchObject({
      type: 'bts.flights.FlightEvent.v1',
      subject: 'aviation/LAX/BNA/on-time',
      partitionkey: '20010101-0655-LAX-BNA-1',
    });
    const secret = contract({
      name: 'secrets',
      typeName: 'Secret',
      fields: [field('mail', 'string', { required: true, examples: ['ada@secret.example'], mask: 'hash' })],
    });
    expect(JSON.stringify(renderAsyncApi(secret, { protocol: 'all', url }))).not.toContain('ada@secret.example');
  });

  test('describes what serialisers write, whatever the contract', () => {
    const limits = { maxDepth: 100, maxAliases: 10_000, maxTokens: 100_000, maxCost: 1e12, maxDirectives: 10_000 };
    const compiler = createCompiler({ limits, cacheSize: 10 });
    const nothing = { topic: null, where: null, fields: null, after: null, since: null, last: null, onLag: null };
    const contracts = [
      orders,
      readings,
      flights,
      ...Array.from({ length: 150 }, (_, i) => randomContract(new Random(SEED + i))),
    ];
    let deleted = 0;
    for (const [index, one] of contracts.entries()) {
      const surface = createSurface([one], none);
      const { view } = compiler.compile(surface, { use: 'subscribe', stream: one.product, ...nothing });
      const document = renderAsyncApi(one, { protocol: 'ws', url });
      const validate = validatorsOf(document)(`${one.typeName}Event`);
      const random = new Random(SEED + index);
      for (let count = 0; count < 10; count++) {
        const event = { ...randomEvent(one, random), time: 1_700_000_000_123 };
        const message = JSON.parse(
          view.serialise({ ...event, topic: one.template.length === 0 ? '' : 'a/b' }, 'c', 'inc'),
        );
        const hint = `SLUICE_SEED=${SEED} contract ${index}`;
        expect(validate(message), `${hint} ${JSON.stringify(validate.errors)} ${JSON.stringify(message)}`).toBe(true);
        if (event.op === 'DELETE') deleted += 1;
        // The schema tells apart: what no serialiser writes it does not take.
        expect(validate({ ...message, data: 7 })).toBe(false);
        expect(validate({ ...message, type: 'other' })).toBe(false);
      }
    }
    expect(deleted).toBeGreaterThan(5);
  });

  test('describes what a publisher may give: whatever its schema takes, the contract takes', () => {
    const random = Array.from({ length: 100 }, (_, index) => randomContract(new Random(SEED + index)));
    const verdicts = { taken: 0, refused: 0 };
    for (const [index, one] of [demo[0] as Contract, flights, ...random].entries()) {
      const document = renderAsyncApi(one, { protocol: 'sse', url });
      const name = `${one.typeName}EventInput`;
      const example = record(examplesOf(document).find(({ message }) => message === name)?.payload);
      const validate = validatorsOf(document)(name);
      const pick = new Random(SEED + index);
      for (let tried = 0; tried < 20; tried += 1) {
        const data = tried === 0 ? example['data'] : mutated(example['data'], pick);
        const found = violationsOf(one, data, 10);
        const isTaken = validate({ ...example, data });
        const hint = `SLUICE_SEED=${SEED} contract ${index} ${JSON.stringify(data)} ${JSON.stringify(validate.errors)}`;
        if (tried === 0) expect(isTaken, hint).toBe(true);
        if (isTaken) expect(found, hint).toEqual([]);
        verdicts[isTaken ? 'taken' : 'refused'] += 1;
      }
    }
    expect(verdicts.taken).toBeGreaterThan(100);
    expect(verdicts.refused).toBeGreaterThan(500);
  });

  test('says nothing of where the events lie, and nothing of fields that are not public', () => {
    const inner = contract({
      name: 'parcels',
      typeName: 'Parcel',
      source: { cluster: 'secret-cluster', topic: 'secret.topic.v1', format: 'secretformat', envelope: 'none' },
      file: '/secret/path/parcels.odcs.yaml',
      fields: [
        field('id', 'string', { required: true, path: ['secret_column', 'secret_inner'] }),
        field('late', 'boolean', { derivation: 'source.secret_flag > 1', path: [] }),
        field('mail', 'string', { privacy: { masking: 'hash', visibleTo: ['secret_role'] } }),
      ],
      operations: { subscribe: { roles: ['secret_role'] }, query: { roles: [] }, publish: { roles: ['secret_role'] } },
      restriction: {
        topics: ['secret/filter'],
        rows: { op: 'eq', path: ['id'], kind: 'string', value: 'secret row' },
        replayMs: null,
        salt: 'secret-salt',
      },
    });
    for (const document of all([inner])) expect(JSON.stringify(document)).not.toMatch(/secret/i);
    const texts = readdirSync(committed).map((file) => readFileSync(join(committed, file), 'utf8'));
    for (const text of texts) {
      for (const inside of [
        'aviation.flights.v1',
        'seismic.earthquakes.v1',
        'geometry',
        'embedded',
        'flights_reader',
        'transformLogic',
        'kafka',
      ]) {
        expect(text.toLowerCase().includes(inside), inside).toBe(false);
      }
      expect(text.match(/^ *(mag|magType|cdi|mmi|dmin|airports|feed):/gm)).toBeNull();
    }
  });

  test('holds what there is to do, by protocol', () => {
    const operations = (one: Contract, protocol: 'all' | 'ws' | 'sse'): readonly string[] =>
      Object.keys(record(renderAsyncApi(one, { protocol, url })['operations'])).filter(
        (name) => !name.startsWith('onSluice'),
      );
    expect(asyncApiProtocols(flights)).toEqual(['all', 'ws', 'sse']);
    expect(operations(flights, 'all')).toEqual(['onFlightEvent', 'readFlightEvents', 'publishFlight']);
    expect(operations(flights, 'sse')).toEqual(['onFlightEvent', 'readFlightEvents', 'publishFlight']);
    expect(operations(flights, 'ws')).toEqual(['onFlightEvent']);
    const past = sealContract({ ...flights, operations: { query: { roles: [] } } });
    expect(asyncApiProtocols(past)).toEqual(['all', 'sse']);
    expect(operations(past, 'sse')).toEqual(['readFlightEvents']);
    expect(JSON.stringify(renderAsyncApi(past, { protocol: 'all', url }))).not.toContain('"ws"');
    expect(asyncApiProtocols(sealContract({ ...flights, operations: {} }))).toEqual([]);
    expect(asyncApiProtocols(sealContract({ ...flights, source: null }))).toEqual([]);
  });

  test('names its servers as partners reach them', () => {
    const servers = (at: string): unknown =>
      Object.fromEntries(
        Object.entries(record(renderAsyncApi(flights, { protocol: 'all', url: at })['servers'])).map(
          ([name, server]) => {
            const { protocol, host, pathname } = record(server);
            return [name, `${protocol}://${host}${pathname}`];
          },
        ),
      );
    expect(servers('https://events.example.com')).toEqual({
      ws: 'wss://events.example.com/v1/streams/flights',
      sse: 'https://events.example.com/v1/streams/flights',
      https: 'https://events.example.com/v1/streams/flights',
    });
    expect(servers('http://127.0.0.1:4000/behind/proxy/')).toEqual({
      ws: 'ws://127.0.0.1:4000/behind/proxy/v1/streams/flights',
      sse: 'http://127.0.0.1:4000/behind/proxy/v1/streams/flights',
      https: 'http://127.0.0.1:4000/behind/proxy/v1/streams/flights',
    });
  });

  test('tells owner, promise, support, life-cycle, tags, replay and topic levels', () => {
    const [first] = demo as [Contract];
    const old = sealContract({
      ...first,
      status: 'deprecated',
      deprecation: { successor: 'flights-v2', noticePeriod: 'P90D' },
      restriction: { ...first.restriction, replayMs: 90_000 },
    });
    const document = renderAsyncApi(old, { protocol: 'all', url });
    expect(document['info']).toMatchObject({
      title: 'Flights',
      contact: { name: 'Flight Operations', email: 'flights-data@example.com' },
      tags: [{ name: 'aviation' }, { name: 'transport' }, { name: 'public-data' }],
      externalDocs: { url: 'https://www.transtats.bts.gov/DatabaseInfo.asp?QO_VQ=EFD' },
      'x-sluice-owner': 'Flight Operations',
      'x-sluice-status': 'deprecated',
      'x-sluice-deprecation': { successor: 'flights-v2', noticePeriod: 'P90D' },
      'x-sluice-replay': { maxDepth: 'PT1M30S' },
    });
    expect(at(document, 'info', 'description')).toMatch(
      /^\*\*Deprecated\*\*: Flights 1\.0\.0 will go\. Use flights-v2\./,
    );
    expect(at(document, 'info', 'x-sluice-sla')).toContainEqual({ property: 'latency', value: '2', unit: 's' });
    expect(at(document, 'channels', 'flights', 'x-sluice-topic', 'parameters', 'status')).toMatchObject({
      examples: ['early', 'on-time', 'delayed'],
    });
    const [, quakes] = demo as [Contract, Contract];
    const schemas = at(renderAsyncApi(quakes, { protocol: 'ws', url }), 'components', 'schemas');
    expect(at(schemas, 'Earthquake', 'properties', 'alertLevel')).toMatchObject({ deprecated: true });
    expect(at(schemas, 'Earthquake', 'properties', 'network')).not.toHaveProperty('enum');
    expect(at(schemas, 'Earthquake', 'properties', 'network', 'x-sluice-values')).toContainEqual({
      value: 'ak',
      label: 'Alaska',
    });
  });

  test('is the same text for the same contract, and the same in JSON as in YAML of any version', () => {
    for (const one of [...demo, orders, readings, randomContract(new Random(SEED))]) {
      const text = asyncApiYaml(renderAsyncApi(one, { protocol: 'all', url }));
      const again = renderAsyncApi(sealContract(structuredClone({ ...one })), { protocol: 'all', url });
      expect(asyncApiYaml(again)).toBe(text);
      for (const version of ['1.1', '1.2'] as const) expect(parse(text, { version })).toEqual(again);
    }
  });
});
