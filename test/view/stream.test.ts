import { describe, expect, test } from 'vitest';
import {
  type Contract,
  type Field,
  type FieldType,
  type PublicEvent,
  sealContract,
} from '../../src/core/contract/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { createSurface, eventTypeOf, formatInstant, type SurfaceHandlers } from '../../src/core/surface/index.ts';
import { type CompiledOperation, createCompiler, eventNode, type StreamOperation } from '../../src/core/view/index.ts';
import { contract, field } from '../surface/contracts.ts';
import { flights, orders, readings } from './contracts.ts';
import { Random, randomEvent } from './random.ts';

const none: SurfaceHandlers = {
  history: () => Promise.reject(new Error('no history here')),
  publish: () => Promise.reject(new Error('no publishing here')),
};
const limits = { maxDepth: 10, maxAliases: 15, maxTokens: 1_000, maxCost: 5_000, maxDirectives: 50 };
const surface = createSurface([flights, orders, readings], none);
const compiler = createCompiler({ limits, cacheSize: 1_000 });

function asked(parts: Partial<StreamOperation> = {}): StreamOperation {
  const nothing = { topic: null, where: null, fields: null, after: null, since: null, last: null, onLag: null };
  return { use: 'subscribe', stream: 'flights', ...nothing, ...parts };
}

function compile(parts: Partial<StreamOperation> = {}): CompiledOperation {
  return compiler.compile(surface, asked(parts));
}

function refusal(parts: Partial<StreamOperation>): { code: string; path: unknown; message: string } {
  try {
    compile(parts);
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    return { code: thrown.code, path: thrown.details.path, message: thrown.message };
  }
  throw new Error('it was not refused');
}

function message(operation: CompiledOperation, event: PublicEvent): Record<string, unknown> {
  return JSON.parse(operation.view.serialise(event, 'the-cursor', 'inc'));
}

function event(of: Contract, seed = 1, parts: Partial<PublicEvent> = {}): PublicEvent {
  const made = randomEvent({ ...of, deletes: false }, new Random(seed));
  return { ...made, time: 1_700_000_000_123, topic: 'a/b', key: 'k', ...parts };
}

describe('what a stream asks', () => {
  test('is everything from the live edge on, where nothing is said', () => {
    const { view, from, onLag, batch } = compile();
    expect({ from, onLag, batch, kind: view.kind, topic: view.topic, where: view.where }).toEqual({
      from: { kind: 'latest' },
      onLag: 'CATCH_UP',
      batch: null,
      kind: 'stream',
      topic: null,
      where: null,
    });
    expect(view.usesCursor).toBe(true);
  });

  test.each([
    [{ after: 'abc' }, { kind: 'cursor', cursor: 'abc' }],
    [{ since: 'earliest' }, { kind: 'earliest' }],
    [{ since: 'PT15M' }, { kind: 'ago', ms: 900_000 }],
    [{ since: '2026-01-31T12:00:00Z' }, { kind: 'time', time: Date.UTC(2026, 0, 31, 12) }],
    [{ last: '25' }, { kind: 'last', count: 25 }],
  ] as const)('begins where %j says', (parts, from) => {
    expect(compile(parts).from).toEqual(from);
    expect(compile({ ...parts, use: 'query' }).from).toEqual(from);
  });

  test.each(['conflate', 'DROP', 'End', 'catch_up'])('takes %s for a policy in any case', (onLag) => {
    expect(compile({ onLag }).onLag).toBe(onLag.toUpperCase());
  });

  test('filters by topic and by JSON', () => {
    const { view } = compile({ topic: 'aviation/LAX/>', where: '{"delay": {"gte": 30}}' });
    const late = event(flights, 1, { topic: 'aviation/LAX/JFK/DEP' });
    const data = { ...late.data, delay: 40 };
    expect(view.matches({ ...late, data })).toBe(true);
    expect(view.matches({ ...late, data, topic: 'aviation/SFO/JFK/DEP' })).toBe(false);
    expect(view.matches({ ...late, data: { ...data, delay: 20 } })).toBe(false);
  });

  test.each([
    [{ stream: 'trains' }, 'NOT_FOUND', undefined],
    [{ stream: 'x'.repeat(10_000) }, 'NOT_FOUND', undefined],
    [{ topic: '' }, 'BAD_FILTER', 'topic'],
    [{ topic: 'a/>/b' }, 'BAD_FILTER', 'topic'],
    [{ topic: 'a/'.repeat(20_000) }, 'BAD_REQUEST', 'topic'],
    [{ where: 'delay > 3' }, 'BAD_FILTER', 'where'],
    [{ where: '{"delay": {"gte": "x"}}' }, 'BAD_FILTER', 'where.delay.gte'],
    [{ where: '{"nonsense": {"eq": 1}}' }, 'BAD_FILTER', 'where.nonsense'],
    [{ where: '[]' }, 'BAD_FILTER', 'where'],
    [{ where: ' '.repeat(20_000) }, 'BAD_REQUEST', 'where'],
    [{ fields: 'delay,nonsense' }, 'BAD_REQUEST', 'fields'],
    [{ fields: '' }, 'BAD_REQUEST', 'fields'],
    [{ fields: 'delay.deeper' }, 'BAD_REQUEST', 'fields'],
    [{ fields: 'delay,'.repeat(2_000) }, 'BAD_REQUEST', 'fields'],
    [{ after: '' }, 'BAD_REQUEST', 'after'],
    [{ after: 'x'.repeat(20_000) }, 'BAD_REQUEST', 'after'],
    [{ since: 'yesterday' }, 'BAD_REQUEST', 'since'],
    [{ since: 'P9999Y' }, 'BAD_REQUEST', 'since'],
    [{ last: '0' }, 'BAD_REQUEST', 'last'],
    [{ last: '1e3' }, 'BAD_REQUEST', 'last'],
    [{ last: '10001' }, 'BAD_REQUEST', 'last'],
    [{ after: 'c', since: 'PT1S' }, 'BAD_REQUEST', 'since'],
    [{ since: 'PT1S', last: '1' }, 'BAD_REQUEST', 'last'],
    [{ onLag: 'sleep' }, 'BAD_REQUEST', 'onLag'],
    [{ use: 'query' }, 'BAD_REQUEST', 'after'],
    [{ use: 'query', stream: 'trains', last: '1' }, 'NOT_FOUND', undefined],
  ] as const)('%j is refused by its place', (parts, code, path) => {
    const refused = refusal(parts);
    expect(refused).toMatchObject({ code, path });
    if (path !== undefined && code === 'BAD_REQUEST') expect(refused.message).toContain(path);
    expect(refused.message.length).toBeLessThan(400);
  });

  test('names no field that is masked in a filter, and finds none below it', () => {
    expect(refusal({ stream: 'orders', where: '{"customer": {"eq": "x"}}' })).toMatchObject({ code: 'BAD_FILTER' });
    expect(refusal({ stream: 'orders', fields: 'profile.age' })).toMatchObject({ code: 'BAD_REQUEST', path: 'fields' });
  });

  test('is not shown what the surface does not have', () => {
    const without = sealContract({ ...flights, operations: { query: { roles: [] } } });
    const narrowed = createSurface([without], none);
    expect(() => compiler.compile(narrowed, asked())).toThrow('There is no stream "flights".');
    expect(compiler.compile(narrowed, asked({ use: 'query', last: '1' })).from).toEqual({ kind: 'last', count: 1 });
  });
});

describe('the fields of a stream', () => {
  test('come in the contract’s order, nested ones by their path, once', () => {
    const { data } = message(compile({ fields: ' route.legs.from , delay,route.carrier,delay' }), {
      ...event(flights),
      data: { delay: 4, route: { carrier: 'AA', legs: [{ from: 'LAX', to: 'JFK' }], grid: null } },
    });
    expect(JSON.stringify(data)).toBe('{"delay":4,"route":{"carrier":"AA","legs":[{"from":"LAX"}]}}');
  });

  test('are all below an object that is named itself', () => {
    const whole = compile({ fields: 'route' });
    expect(compile({ fields: 'route.carrier,route' }).view).toBe(whole.view);
    const { data } = message(whole, { ...event(flights), data: { route: { carrier: 'AA', legs: null, grid: [[1]] } } });
    expect(data).toEqual({ route: { carrier: 'AA', legs: null, grid: [[1]] } });
  });

  test('go through lists and maps without a level of their own', () => {
    const { data } = message(compile({ stream: 'readings', fields: 'places.city,points.inner.y' }), {
      ...event(readings),
      data: {
        places: { home: { city: 'Ulm', zip: '1' } },
        points: [{ x: 1, inner: [{ y: '1.50', hidden: 'secret' }] }, null],
      },
    });
    expect(data).toEqual({ points: [{ inner: [{ y: '1.50' }] }, null], places: { home: { city: 'Ulm' } } });
  });
});

describe('a CloudEvent', () => {
  test('tells the position, and its data with digits whole and maps as objects', () => {
    const given = event(flights, 3, {
      partition: 3,
      offset: 42,
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      data: {
        ...event(flights).data,
        distance: '9223372036854775807',
        fare: '0.10',
        labels: { a: 'x' },
      },
    });
    expect(message(compile({ fields: 'distance,fare,labels' }), given)).toEqual({
      specversion: '1.0',
      id: 'inc-3-42',
      source: '/v1/streams/flights/partitions/3',
      type: 'aviation.flights.FlightEvent.v1',
      subject: 'a/b',
      time: '2023-11-14T22:13:20.123Z',
      partitionkey: 'k',
      sequence: '0000000000000000042',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      cursor: 'the-cursor',
      datacontenttype: 'application/json',
      data: { distance: '9223372036854775807', fare: '0.10', labels: { a: 'x' } },
    });
  });

  test('leaves out what is not there', () => {
    const text = message(compile(), event(flights, 1, { key: null, topic: '' }));
    expect(Object.keys(text)).toEqual(
      'specversion id source type time sequence cursor datacontenttype data'.split(' '),
    );
  });

  test('says what a change was only where the product has deletes, and a delete has no data', () => {
    const deleted = { ...event(readings), op: 'DELETE' as const, data: null };
    expect(message(compile({ stream: 'readings' }), deleted)).toMatchObject({ op: 'DELETE', data: null });
    expect(message(compile({ stream: 'readings' }), event(readings))).toMatchObject({ op: 'UPSERT' });
    expect(message(compile(), event(flights))).not.toHaveProperty('op');
  });

  test('shows masked fields masked, its key too, and hidden ones not at all', () => {
    const given = {
      ...event(orders),
      key: JSON.stringify(['o1', 'Ada']),
      data: { ...event(orders).data, orderId: 'o1', customer: 'Ada', card: '4111', total: '9.99' },
    };
    const shown = message(compile({ stream: 'orders', fields: 'orderId,customer,card,total' }), given);
    const node = eventNode(orders, given, 'the-cursor');
    expect(shown['data']).toEqual({
      orderId: 'o1',
      customer: expect.stringMatching(/^[\w-]{22}$/),
      card: '***',
      total: null,
    });
    expect(shown['partitionkey']).toBe(node.key);
    expect(JSON.stringify(shown)).not.toContain('Ada');
    const hidden = sealContract({ ...orders, fields: orders.fields.filter(({ name }) => name !== 'card') });
    const without = compiler.compile(createSurface([hidden], none), asked({ stream: 'orders' }));
    expect(message(without, given)['data']).not.toHaveProperty('card');
  });

  test('has a type that the owner, the name and the major make', () => {
    const v2 = contract({
      ...flights,
      name: 'flights',
      major: 2,
      product: 'flights-v2',
      typeName: 'FlightV2',
      tenant: 'acme',
    });
    expect(eventTypeOf(v2)).toBe('acme.flights.FlightEvent.v2');
    expect(eventTypeOf(contract({ name: 'plain', typeName: 'Plain', fields: [field('a', 'int')] }))).toBe(
      'plain.PlainEvent.v1',
    );
  });
});

describe('views of streams', () => {
  test('are one for those who ask the same in other words', () => {
    const one = compile({ where: '{"delay":{"gte":30},"origin":{"eq":"LAX"}}', topic: 'a/*' });
    const other = compile({ where: ' { "delay": {"gte": 30}, "origin": {"eq": "LAX"} } ', topic: 'a/*', last: '3' });
    expect(other.view).toBe(one.view);
    expect(compile({ fields: 'delay,origin' }).view).toBe(compile({ fields: 'origin, delay' }).view);
    expect(compile({ use: 'query', last: '1' }).view).toBe(compile().view);
    expect(compile({ topic: 'b/*' }).view).not.toBe(one.view);
  });

  test('that show the same share the serialiser, which writes the data of an event once', () => {
    const views = ['a/>', 'b/>', 'c/>'].map((topic) => compile({ topic, fields: 'delay' }).view);
    expect(new Set(views).size).toBe(3);
    expect(new Set(views.map(({ serialise }) => serialise)).size).toBe(1);
    expect(compile({ fields: 'origin' }).view.serialise).not.toBe(views[0]?.serialise);
    let reads = 0;
    const given = {
      ...event(flights),
      data: {
        get delay() {
          return ++reads;
        },
      },
    };
    for (const { serialise } of views) serialise(given, 'c', 'i');
    expect(reads).toBe(1);
    views[0]?.serialise(event(flights), 'c', 'i');
    views[0]?.serialise(given, 'c', 'i');
    expect(reads).toBe(2);
  });

  test('of applications with salts of their own differ only where a hash shows', () => {
    const salted = (salt: string) =>
      createSurface([sealContract({ ...readings, restriction: { ...readings.restriction, salt } })], none);
    const of = (salt: string, fields: string) =>
      compiler.compile(salted(salt), asked({ stream: 'readings', fields })).view;
    expect(of('a', 'int').digest).toBe(of('b', 'int').digest);
    expect(of('a', 'one').digest).not.toBe(of('b', 'one').digest);
  });
});

/** What the serialiser has to write, made the plain way. */
function reference(of: Contract, given: PublicEvent, paths: readonly string[] | null): string {
  const node = eventNode(of, given, 'the-cursor');
  const data = node.data === null ? null : plain(of.fields, node.data as Record<string, unknown>, paths);
  return JSON.stringify({
    specversion: '1.0',
    id: `inc-${given.partition}-${given.offset}`,
    source: `/v1/streams/${of.product}/partitions/${given.partition}`,
    type: eventTypeOf(of),
    ...(given.topic === '' ? {} : { subject: given.topic }),
    time: formatInstant(given.time),
    // An empty key is none: CloudEvents has no empty texts.
    ...(node.key ? { partitionkey: node.key } : {}),
    sequence: String(given.offset).padStart(19, '0'),
    ...(of.deletes ? { op: given.op } : {}),
    cursor: 'the-cursor',
    datacontenttype: 'application/json',
    data,
  });
}

function plain(fields: readonly Field[], held: Record<string, unknown>, paths: readonly string[] | null): unknown {
  const members = fields.flatMap((one) => {
    if (paths !== null && !paths.includes(one.name)) return [];
    return [[one.name, one.mask === null ? value(one.type, held[one.name] ?? null) : held[one.name]] as const];
  });
  return Object.fromEntries(members);
}

/** GraphQL's nodes have maps as entries. */
function value(type: FieldType, held: unknown): unknown {
  if (held === null || held === undefined) return null;
  if (type.kind === 'object') return plain(type.fields, held as Record<string, unknown>, null);
  if (type.kind === 'array') return (held as unknown[]).map((item) => value(type.items, item));
  if (type.kind !== 'map') return held;
  const text = new Map(
    (held as { key: string; value: unknown }[]).map((entry) => [entry.key, value(type.values, entry.value)]),
  );
  const object: Record<string, unknown> = {};
  for (const [key, one] of text)
    Object.defineProperty(object, key, { value: one, enumerable: true, configurable: true, writable: true });
  return object;
}

test('for random events of contracts with every type, the text is what JSON.stringify makes of a plain reference', () => {
  const seen = { deleted: 0, bytes: 0 };
  const random = new Random(20_261);
  for (let round = 0; round < 1_500; round++) {
    const of = random.pick([flights, orders, readings]);
    const names = of.fields.map(({ name }) => name);
    const paths = random.chance(0.5) ? null : names.filter(() => random.chance(0.4));
    if (paths?.length === 0) continue;
    const { view } = compile({ stream: of.product, fields: paths === null ? null : paths.join(',') });
    const given = randomEvent(of, random);
    const expected = reference(of, given, paths);
    expect(view.serialise(given, 'the-cursor', 'inc'), `round ${round}, ${of.name} ${paths}`).toBe(expected);
    seen.bytes += expected.length;
    if (given.op === 'DELETE') seen.deleted += 1;
  }
  expect(seen.deleted).toBeGreaterThan(50);
  expect(seen.bytes).toBeGreaterThan(500_000);
});
