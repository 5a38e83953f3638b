import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Contract, type PublicEvent, sealContract } from '../../src/core/contract/index.ts';
import { createSurface, type Surface, type SurfaceHandlers } from '../../src/core/surface/index.ts';
import {
  type CompiledOperation,
  createCompiler,
  eventNode,
  type Operation,
  OperationError,
} from '../../src/core/view/index.ts';
import { flights, orders } from './contracts.ts';

const none: SurfaceHandlers = {
  history: () => Promise.reject(new Error('no history here')),
  publish: () => Promise.reject(new Error('no publishing here')),
};
const limits = { maxDepth: 10, maxAliases: 15, maxTokens: 1_000, maxCost: 5_000, maxDirectives: 50 };
const surface = createSurface([flights, orders], none);
const compiler = createCompiler({ limits, cacheSize: 100 });

function compile(query: string, variables?: Record<string, unknown>, of: Surface = surface): CompiledOperation {
  return compiler.compile(of, { query, ...(variables === undefined ? {} : { variables }) });
}

interface Refusal {
  readonly message: string;
  readonly code: unknown;
  readonly path: unknown;
  readonly at: string | undefined;
}

function refusals(operation: Operation | string, of: Surface = surface): readonly Refusal[] {
  try {
    compiler.compile(of, typeof operation === 'string' ? { query: operation } : operation);
  } catch (thrown) {
    if (!(thrown instanceof OperationError)) throw thrown;
    return thrown.errors.map(({ message, extensions, locations }) => {
      expect(extensions['retry']).toBe('changed');
      const at = locations?.map(({ line, column }) => `${line}:${column}`).join(' ');
      return { message, code: extensions['code'], path: extensions['path'], at };
    });
  }
  throw new Error('it was not refused');
}

function refusal(operation: Operation | string): Refusal {
  const [first] = refusals(operation);
  if (first === undefined) throw new Error('an OperationError without errors');
  return first;
}

function event(parts: Partial<PublicEvent> = {}): PublicEvent {
  return {
    partition: 0,
    offset: 1,
    time: 1_700_000_000_000,
    op: 'UPSERT',
    topic: 'aviation/LAX/JFK/DEP',
    unknownLevels: 0,
    key: 'f1',
    conflationKey: null,
    traceparent: null,
    data: {
      flightId: 'f1',
      origin: 'LAX',
      destination: 'JFK',
      status: 'DEP',
      delay: 20,
      distance: '12',
      cancelled: false,
      route: { carrier: 'AA' },
    },
    keyData: null,
    ...parts,
  };
}

describe('a compiled operation', () => {
  test('has the defaults that the schema promises', () => {
    const { view, from, onLag, batch } = compile('subscription { flights { cursor data { origin } } }');
    expect({ from, onLag, batch }).toEqual({ from: { kind: 'latest' }, onLag: 'CATCH_UP', batch: null });
    expect([view.kind, view.topic, view.where, view.usesCursor, view.contract.product]).toEqual([
      'stream',
      null,
      null,
      true,
      'flights',
    ]);
    expect(view.serialise(event(), 'c1', 'i')).toBe('{"data":{"flights":{"cursor":"c1","data":{"origin":"LAX"}}}}');
    expect(view.matches(event())).toBe(true);
    expect(compile('subscription { flightsBatch { events { op } } }').batch).toEqual({
      maxEvents: 100,
      maxDelayMs: 100,
    });
  });

  test('takes explicit nulls as what is not said', () => {
    const { from, onLag, batch, view } = compile(
      'subscription { flightsBatch(topic: null, where: null, from: null, onLag: null, maxEvents: null, maxDelay: null) { cursor } }',
    );
    expect({ from, onLag, batch }).toEqual({
      from: { kind: 'latest' },
      onLag: 'CATCH_UP',
      batch: { maxEvents: 100, maxDelayMs: 100 },
    });
    expect([view.topic, view.where]).toEqual([null, null]);
  });

  test('has its own position, policy and batch bounds, which no view depends on', () => {
    const text =
      'subscription S($from: ReplayFrom, $lag: OnLag, $n: Int, $d: Duration) { flightsBatch(from: $from, onLag: $lag, maxEvents: $n, maxDelay: $d) { cursor events { topic } } }';
    const one = compile(text, { from: { earliest: true }, lag: 'END', n: 1000, d: 'PT60S' });
    const other = compile(text, { from: { last: 5 }, lag: 'DROP', n: 1, d: 'PT0S' });
    expect(one.view).toBe(other.view);
    expect(one).toMatchObject({
      from: { kind: 'earliest' },
      onLag: 'END',
      batch: { maxEvents: 1000, maxDelayMs: 60_000 },
    });
    expect(other).toMatchObject({
      from: { kind: 'last', count: 5 },
      onLag: 'DROP',
      batch: { maxEvents: 1, maxDelayMs: 0 },
    });
  });

  test.each([
    ['{latest: true}', { kind: 'latest' }],
    ['{earliest: true}', { kind: 'earliest' }],
    ['{time: "2026-01-31T12:00:00.5+01:00"}', { kind: 'time', time: Date.UTC(2026, 0, 31, 11, 0, 0, 500) }],
    ['{cursor: "abc"}', { kind: 'cursor', cursor: 'abc' }],
    ['{last: 10000}', { kind: 'last', count: 10_000 }],
    ['{ago: "P1DT2H"}', { kind: 'ago', ms: 26 * 3_600_000 }],
  ])('reads from: %s', (text, expected) => {
    expect(compile(`subscription { flights(from: ${text}) { cursor } }`).from).toEqual(expected);
  });

  test('writes batches with the cursor of their last event', () => {
    const { view } = compile('subscription { b: flightsBatch { cursor events { cursor topic } } }');
    expect(view.kind).toBe('batch');
    expect(view.serialiseBatch([event(), event({ topic: 'x' })], ['c1', 'c2'])).toBe(
      '{"data":{"b":{"cursor":"c2","events":[{"cursor":"c1","topic":"aviation/LAX/JFK/DEP"},{"cursor":"c2","topic":"x"}]}}}',
    );
  });
});

describe('matching', () => {
  test('wants topic, where, and the restrictions of the grant together', () => {
    const { matches } = compile(
      'subscription { flights(topic: "aviation/LA*/>", where: {delay: {gt: 15}, route: {carrier: {in: ["AA", "BB"]}}}) { cursor } }',
    ).view;
    expect(matches(event())).toBe(true);
    expect(matches(event({ topic: 'aviation/SFO/JFK/DEP' }))).toBe(false);
    expect(matches(event({ data: { ...event().data, delay: 15 } }))).toBe(false);
    expect(matches(event({ data: { ...event().data, route: { carrier: 'CC' } } }))).toBe(false);
    const restricted = restrict(flights, {
      topics: ['aviation/*/JFK/*', 'aviation/*/SEA/*'],
      rows: { op: 'eq', path: ['status'], kind: 'string', value: 'DEP' },
    });
    const { view } = compile('subscription { flights { cursor } }', {}, createSurface([restricted], none));
    expect(view.matches(event())).toBe(true);
    expect(view.matches(event({ topic: 'aviation/LAX/SFO/DEP' }))).toBe(false);
    expect(view.matches(event({ data: { ...event().data, status: 'ARR' } }))).toBe(false);
  });

  test('by the rows of a grant sees the value that the partner is not shown', () => {
    const rows = { op: 'eq', path: ['customer'], kind: 'string', value: 'ann' } as const;
    const { view } = compile(
      'subscription { orders { data { customer } } }',
      {},
      createSurface([restrict(orders, { rows })], none),
    );
    const order = { orderId: 'o1', customer: 'ann', card: '1' };
    expect(view.matches(event({ data: order }))).toBe(true);
    expect(view.matches(event({ data: { ...order, customer: 'bob' } }))).toBe(false);
    expect(view.serialise(event({ data: order }), '', 'i')).not.toContain('ann');
  });

  test('delivers a tombstone only where its key decides', () => {
    const gone = event({ op: 'DELETE', data: null, keyData: { orderId: 'o1' }, key: '["o1","ann"]' });
    const on = (where: string): boolean =>
      compile(`subscription { orders(where: ${where}) { op } }`).view.matches(gone);
    expect(on('{orderId: {eq: "o1"}}')).toBe(true);
    expect(on('{orderId: {eq: "o2"}}')).toBe(false);
    expect(on('{address: {city: {eq: "Bonn"}}}')).toBe(false);
  });
});

function restrict(contract: Contract, restriction: Partial<Contract['restriction']>): Contract {
  return sealContract({ ...contract, restriction: { ...contract.restriction, ...restriction } });
}

describe('sharing', () => {
  const plain = compile(
    'subscription { flights(where: {delay: {gt: 3}}, topic: "aviation/>") { topic data { origin route { carrier } } } }',
  ).view;

  test('shares one filter among views that differ in what they show', () => {
    const filterOf = (what: string, of: Surface = surface) => compile(`subscription { ${what} }`, {}, of).view.filter;
    const where = '(where: {delay: {gt: 3}}, topic: "aviation/>")';
    expect(filterOf(`flights${where} { key }`)).toBe(plain.filter);
    expect(filterOf(`flightsBatch${where} { cursor }`)).toBe(plain.filter);
    expect(filterOf('flights(where: {delay: {gt: 4}}, topic: "aviation/>") { key }')).not.toBe(plain.filter);
    // Topics of a grant are one of several: neither order nor repetition makes another filter.
    const granted = (...topics: string[]) =>
      filterOf('flights { key }', createSurface([restrict(flights, { topics })], none));
    expect(granted('aviation/LAX/>', 'aviation/SFO/>', 'aviation/LAX/>')).toBe(
      granted('aviation/SFO/>', 'aviation/LAX/>'),
    );
    expect(granted('aviation/LAX/>').key).not.toBe(filterOf('flights { key }').key);
    expect(plain.filter.matches(event())).toBe(plain.matches(event()));
  });

  test('gives the same view for the same request in other words', () => {
    const words = [
      compile(
        'subscription Other { flights(topic: "aviation/>", where: {delay: {gt: 3}}, from: {earliest: true}) { ...F } } fragment F on FlightEvent { topic ... on Event { topic } data { origin } data { route { carrier } } }',
      ),
      compile(
        'subscription ($d: Int!, $t: TopicFilter, $on: Boolean!) { flights(where: {delay: {gt: $d}}, topic: $t) { topic key @include(if: $on) data { origin route { carrier carrier } } } }',
        { d: 3, t: 'aviation/>', on: false },
      ),
      compile(
        'subscription ($w: FlightFilter) { flights(where: $w, topic: "aviation/>") { topic data { origin route { carrier } } } }',
        { w: { delay: { gt: 3 } } },
      ),
    ];
    for (const { view } of words) expect(view).toBe(plain);
    const again = createSurface([{ ...flights, file: 'moved.yaml' }, orders], none);
    expect(
      compile(
        'subscription { flights(where: {delay: {gt: 3}}, topic: "aviation/>") { topic data { origin route { carrier } } } }',
        {},
        again,
      ).view,
    ).toBe(plain);
  });

  test('tells apart whatever changes a byte or an event', () => {
    const others = [
      'subscription { flights(where: {delay: {gt: 3}}, topic: "aviation/>") { data { origin route { carrier } } topic } }',
      'subscription { flights(where: {delay: {gt: 3}}, topic: "aviation/>") { topic data { o: origin route { carrier } } } }',
      'subscription { f: flights(where: {delay: {gt: 3}}, topic: "aviation/>") { topic data { origin route { carrier } } } }',
      'subscription { flights(where: {delay: {gt: 4}}, topic: "aviation/>") { topic data { origin route { carrier } } } }',
      'subscription { flights(where: {delay: {gt: 3}}, topic: "aviation/*") { topic data { origin route { carrier } } } }',
      'subscription { flights(where: {delay: {gt: 3}}) { topic data { origin route { carrier } } } }',
    ];
    const digests = others.map((query) => compile(query).view.digest);
    const narrowed = createSurface(
      [restrict(flights, { rows: { op: 'isNull', path: ['delay'], value: false } })],
      none,
    );
    digests.push(
      compile(
        'subscription { flights(where: {delay: {gt: 3}}, topic: "aviation/>") { topic data { origin route { carrier } } } }',
        {},
        narrowed,
      ).view.digest,
    );
    expect(new Set([plain.digest, ...digests]).size).toBe(8);
  });

  test('between applications ends where a hash of their own shows', () => {
    const mine = createSurface([restrict(orders, { salt: 'mine' })], none);
    const yours = createSurface([restrict(orders, { salt: 'yours' })], none);
    const same = 'subscription { orders { topic data { orderId card address { city street } } } }';
    expect(compile(same, {}, mine).view).toBe(compile(same, {}, yours).view);
    for (const fields of ['data { customer }', 'key', 'data { contacts { mail } }', 'data { profile }']) {
      const query = `subscription { orders { ${fields} } }`;
      expect(compile(query, {}, mine).view.digest).not.toBe(compile(query, {}, yours).view.digest);
    }
  });

  test('keeps no more than it was told to', () => {
    const small = createCompiler({ limits, cacheSize: 2 });
    const view = (name: string) => small.compile(surface, { query: `subscription { flights { ${name} } }` }).view;
    const first = view('topic');
    expect(view('topic')).toBe(first);
    view('key');
    view('op');
    const second = view('topic');
    expect(second).not.toBe(first);
    expect(second.digest).toBe(first.digest);
  });
});

describe('masks', () => {
  const data = {
    orderId: 'o1',
    customer: 'ann',
    card: '4111',
    total: '1.00',
    address: { city: 'Bonn', street: 'Weg 1' },
    contacts: [{ mail: 'a@b', kind: null }],
    profile: { age: 7 },
  };
  const order = event({ topic: 'orders', key: '["o1","ann"]', data });
  const hash = (text: string, salt = orders.restriction.salt as string): string =>
    createHmac('sha256', salt).update(text).digest().subarray(0, 16).toString('base64url');

  test('hash under the salt of the application, redact and null, in the key too', () => {
    const { view } = compile(
      'subscription { orders { key data { orderId customer card total address { city street } contacts { mail kind } profile } } }',
    );
    const expected = {
      key: JSON.stringify(['o1', hash('ann')]),
      data: {
        orderId: 'o1',
        customer: hash('ann'),
        card: '***',
        total: null,
        address: { city: 'Bonn', street: '***' },
        contacts: [{ mail: hash('a@b'), kind: null }],
        profile: hash('{"age":7}'),
      },
    };
    expect(JSON.parse(view.serialise(order, 'c', 'i'))).toEqual({ data: { orders: expected } });
    expect(eventNode(view.contract, order, 'c')).toMatchObject(expected);
    for (const secret of ['ann', '4111', '1.00', 'Weg', 'a@b', 'age'])
      expect(view.serialise(order, 'c', 'i')).not.toContain(secret);
    expect(hash('ann')).toMatch(/^[\w-]{22}$/);
  });

  test('leave a key of a hidden field out, and a tombstone without data', () => {
    const hidden = sealContract({ ...orders, messageKey: ['orderId', 'gone'] });
    const { view } = compile('subscription { orders { op key data { customer } } }', {}, createSurface([hidden], none));
    const gone = event({ op: 'DELETE', data: null, key: '["o1","secret"]' });
    expect(view.serialise(gone, 'c', 'i')).toBe(
      '{"data":{"orders":{"op":"DELETE","key":"[\\"o1\\",null]","data":null}}}',
    );
    const single = sealContract({ ...orders, messageKey: ['customer'] });
    expect(eventNode(single, event({ key: 'ann', data }), 'c').key).toBe(hash('ann'));
  });

  test('refuse to hash without a salt', () => {
    const unsalted = createSurface([restrict(orders, { salt: null })], none);
    expect(() => compile('subscription { orders { data { customer } } }', {}, unsalted)).toThrow(/salt/);
    expect(compile('subscription { orders { data { orderId card } } }', {}, unsalted).view.kind).toBe('stream');
  });
});

describe('what is refused', () => {
  test.each([
    ['a syntax error', 'subscription { flights { ', 'BAD_REQUEST', /^Syntax Error: Expected Name, found <EOF>/, '1:26'],
    [
      'an unknown field',
      'subscription { flights { data { orign } } }',
      'BAD_REQUEST',
      /Cannot query field "orign" on type "Flight"\. Did you mean "origin"\?/,
      '1:33',
    ],
    [
      'an unknown product',
      'subscription { flight { cursor } }',
      'NOT_FOUND',
      /Cannot query field "flight" on type "Subscription"\. Did you mean "flights"/,
      '1:16',
    ],
    [
      'an unknown argument',
      'subscription { flights(topics: "a") { cursor } }',
      'BAD_REQUEST',
      /Unknown argument "topics".*Did you mean "topic"\?/,
      '1:24',
    ],
    [
      'an argument of the wrong type',
      'subscription { flightsBatch(maxEvents: "x") { cursor } }',
      'BAD_REQUEST',
      /Int cannot represent non-integer value: "x"/,
      '1:40',
    ],
    [
      'a where of an unknown field',
      'subscription { flights(where: {orign: {eq: "a"}}) { cursor } }',
      'BAD_FILTER',
      /Field "orign" is not defined by type "FlightFilter"\. Did you mean "origin"/,
      '1:32',
    ],
    [
      'a where of an unknown operator',
      'subscription { flights(where: {origin: {like: "a"}}) { cursor } }',
      'BAD_FILTER',
      /Field "like" is not defined by type "StringFilter"/,
      '1:41',
    ],
    [
      'a where of the wrong type',
      'subscription { flights(where: {delay: {gt: "a"}}) { cursor } }',
      'BAD_FILTER',
      /Int cannot represent non-integer value: "a"/,
      '1:44',
    ],
    [
      'a where of a malformed scalar',
      'subscription { flights(where: {day: {eq: "2026-02-30"}}) { cursor } }',
      'BAD_FILTER',
      /Date cannot represent "2026-02-30": expected a date such as/,
      '1:42',
    ],
    [
      'a where on a masked field',
      'subscription { orders(where: {customer: {eq: "ann"}}) { cursor } }',
      'BAD_FILTER',
      /Field "customer" is not defined by type "OrderFilter"/,
      '1:31',
    ],
    [
      'a where that is empty where it must not be',
      'subscription { flights(where: {or: []}) { cursor } }',
      'BAD_FILTER',
      /^where\.or: /,
      '1:24',
    ],
    [
      'an empty level in a topic filter',
      'subscription { flights(topic: "a//b") { cursor } }',
      'BAD_FILTER',
      /level 2/,
      '1:24',
    ],
    ['a > that is not last', 'subscription { flights(topic: "a/>/b") { cursor } }', 'BAD_FILTER', /level 2/, '1:24'],
    [
      'a topic filter that is too deep',
      `subscription { flights(topic: "${Array(40).fill('a').join('/')}") { cursor } }`,
      'BAD_FILTER',
      /40 levels/,
      '1:24',
    ],
    [
      'a topic filter that is no text',
      'subscription { flights(topic: 3) { cursor } }',
      'BAD_FILTER',
      /TopicFilter cannot represent/,
      '1:31',
    ],
    [
      'two forms of from',
      'subscription { flights(from: {latest: true, earliest: true}) { cursor } }',
      'BAD_REQUEST',
      /exactly one key/,
      '1:30',
    ],
    ['no form of from', 'subscription { flights(from: {}) { cursor } }', 'BAD_REQUEST', /exactly one key/, '1:30'],
    [
      'an unknown form of from',
      'subscription { flights(from: {offset: 3}) { cursor } }',
      'BAD_REQUEST',
      /Field "offset" is not defined by type "ReplayFrom"/,
      '1:31',
    ],
    [
      'a time without offset',
      'subscription { flights(from: {time: "2026-01-01T00:00:00"}) { cursor } }',
      'BAD_REQUEST',
      /DateTime cannot represent/,
      '1:37',
    ],
    [
      'latest: false',
      'subscription { flights(from: {latest: false}) { cursor } }',
      'BAD_REQUEST',
      /^from\.latest: only true/,
      '1:24',
    ],
    [
      'last: 0',
      'subscription { flights(from: {last: 0}) { cursor } }',
      'BAD_REQUEST',
      /^from\.last: from 1 to 10000/,
      '1:24',
    ],
    [
      'an endless ago',
      'subscription { flights(from: {ago: "P999999W"}) { cursor } }',
      'BAD_REQUEST',
      /^from\.ago: /,
      '1:24',
    ],
    [
      'an unknown policy',
      'subscription { flights(onLag: WAIT) { cursor } }',
      'BAD_REQUEST',
      /Value "WAIT" does not exist in "OnLag" enum/,
      '1:31',
    ],
    [
      'batches of nothing',
      'subscription { flightsBatch(maxEvents: 0) { cursor } }',
      'BAD_REQUEST',
      /^maxEvents: from 1 to 1000/,
      '1:29',
    ],
    [
      'batches beyond the bound',
      'subscription { flightsBatch(maxEvents: 1001) { cursor } }',
      'BAD_REQUEST',
      /^maxEvents: /,
      '1:29',
    ],
    [
      'a delay beyond the bound',
      'subscription { flightsBatch(maxDelay: "PT61S") { cursor } }',
      'BAD_REQUEST',
      /^maxDelay: /,
      '1:29',
    ],
    [
      'two root fields',
      'subscription { flights { cursor } orders { cursor } }',
      'BAD_REQUEST',
      /must select exactly one root field/,
      '1:35',
    ],
    ['a root of introspection', 'subscription { __typename }', 'NOT_FOUND', /There is no such subscription/, '1:16'],
    ['no selection', 'subscription { flights }', 'BAD_REQUEST', /must have a selection of subfields/, '1:16'],
    [
      'a selection of a leaf',
      'subscription { flights { cursor { x } } }',
      'BAD_REQUEST',
      /must not have a selection/,
      '1:33',
    ],
    [
      'an unused fragment',
      'subscription { flights { cursor } } fragment F on Flight { origin }',
      'BAD_REQUEST',
      /Fragment "F" is never used/,
      '1:37',
    ],
    [
      'a fragment that spreads itself',
      'subscription { flights { ...F } } fragment F on FlightEvent { cursor ...F }',
      'BAD_REQUEST',
      /Cannot spread fragment "F" within itself/,
      '1:70',
    ],
    [
      'fields that conflict',
      'subscription { flights { a: cursor a: topic } }',
      'BAD_REQUEST',
      /Fields "a" conflict/,
      '1:26 1:36',
    ],
    [
      'an unknown directive',
      'subscription { flights { cursor @stream } }',
      'BAD_REQUEST',
      /Unknown directive "@stream"/,
      '1:33',
    ],
    ['a query', '{ products { name } }', 'BAD_REQUEST', /Expected a subscription, not a query/, '1:1'],
    ['nothing at all', '', 'BAD_REQUEST', /Unexpected <EOF>/, '1:1'],
  ])('%s, with its place', (_what, query, code, message, at) => {
    const refused = refusal(query);
    expect(refused.message).toMatch(message);
    expect([refused.code, refused.at]).toEqual([code, at]);
  });

  test.each<[string, string, unknown, string, RegExp]>([
    [
      'a missing variable',
      'subscription ($d: Int!) { flights(where: {delay: {gt: $d}}) { cursor } }',
      {},
      'BAD_REQUEST',
      /Variable "\$d" of required type "Int!" was not provided/,
    ],
    [
      'a variable of the wrong type',
      'subscription ($n: Int) { flightsBatch(maxEvents: $n) { cursor } }',
      { n: 'x' },
      'BAD_REQUEST',
      /Variable "\$n" got invalid value "x"/,
    ],
    [
      'a filter in a variable',
      'subscription ($w: FlightFilter) { flights(where: $w) { cursor } }',
      { w: { orign: { eq: 'a' } } },
      'BAD_FILTER',
      /"\$w" got invalid value .*; Field "orign" is not defined/,
    ],
    [
      'an operator in a variable',
      'subscription ($w: FlightFilter) { flights(where: $w) { cursor } }',
      { w: { delay: { gt: 1.5 } } },
      'BAD_FILTER',
      /at "w\.delay\.gt"; Int cannot represent/,
    ],
    [
      'a topic filter in a variable',
      'subscription ($t: TopicFilter) { flights(topic: $t) { cursor } }',
      { t: 'a//b' },
      'BAD_FILTER',
      /level 2/,
    ],
    [
      'two forms of from in a variable',
      'subscription ($f: ReplayFrom) { flights(from: $f) { cursor } }',
      { f: { latest: true, last: 3 } },
      'BAD_REQUEST',
      /Exactly one key must be specified/,
    ],
    [
      'null for a condition',
      'subscription ($i: Boolean = true) { flights { cursor @include(if: $i) } }',
      { i: null },
      'BAD_REQUEST',
      /must not be null/,
    ],
    [
      'variables that are a list',
      'subscription { flights { cursor } }',
      [1],
      'BAD_REQUEST',
      /^variables: expected an object/,
    ],
  ])('%s', (_what, query, variables, code, message) => {
    const refused = refusal({ query, variables: variables as never });
    expect(refused.message).toMatch(message);
    expect(refused.code).toBe(code);
  });

  test('a root field that its directives leave out', () => {
    const query = 'subscription ($no: Boolean!) { flights @skip(if: $no) { cursor } }';
    expect(refusal({ query, variables: { no: true } })).toMatchObject({
      code: 'BAD_REQUEST',
      message: 'A subscription must select exactly one root field.',
    });
    expect(compile(query, { no: false }).view.kind).toBe('stream');
  });

  test('an operation that is not named, or not there', () => {
    const query = 'subscription A { flights { cursor } } subscription B { orders { cursor } }';
    expect(refusal(query)).toMatchObject({
      code: 'BAD_REQUEST',
      path: 'operationName',
      message: expect.stringContaining('several operations'),
    });
    expect(refusal({ query, operationName: 'C' }).message).toBe('There is no operation named "C".');
    expect(compiler.compile(surface, { query, operationName: 'B' }).view.contract.product).toBe('orders');
    expect(refusal({ query: undefined as never })).toMatchObject({ code: 'BAD_REQUEST', path: 'query' });
  });

  test('what another application may see', () => {
    const narrow = createSurface([flights], none);
    expect(refusals('subscription { orders { cursor } }', narrow)).toMatchObject([{ code: 'NOT_FOUND' }]);
    expect(refusals('subscription { flights { cursor } }', createSurface([], none))).toMatchObject([
      { code: 'NOT_FOUND', message: 'There is nothing to subscribe to.' },
    ]);
  });

  test('every fault at once, each with its own code', () => {
    const found = refusals('subscription { flights(where: {x: 1}, nope: 2) { y } }');
    expect(found.map(({ code }) => code).sort()).toEqual(['BAD_FILTER', 'BAD_REQUEST', 'BAD_REQUEST']);
  });
});
