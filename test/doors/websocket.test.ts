import { createClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { SluiceError } from '../../src/core/errors.ts';
import { collect } from './clients.ts';
import { KEY, LIVE, TestDoor } from './door.ts';
import { opcodes, RawSocket, text } from './raw.ts';

type Live = { data: { flights: { cursor: string } } };

function clientOf(
  door: TestDoor,
  options: { readonly connectionParams?: Record<string, unknown>; readonly headers?: Record<string, string> } = {},
) {
  class WithHeaders extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol, { headers: options.headers ?? {} });
    }
  }
  const { connectionParams = { apiKey: KEY } } = options;
  return createClient({ url: door.socketUrl, webSocketImpl: WithHeaders, connectionParams, retryAttempts: 0 });
}

function subscribe(id: string, query = LIVE) {
  return { id, type: 'subscribe', payload: { query } };
}

const cursorsOf = (raw: RawSocket, id: string) =>
  raw.messages
    .filter((message) => message['type'] === 'next' && message['id'] === id)
    .map((message) => (message['payload'] as Live).data.flights.cursor);

const cursors = (count: number) => Array.from({ length: count }, (_, index) => `c${index + 1}`);

describe('a stock graphql-ws client', () => {
  test('receives events in order, and completing ends the subscription behind', async () => {
    await using door = await TestDoor.open();
    const client = clientOf(door);
    const events = collect<Live>((sink) => client.subscribe({ query: LIVE }, sink));
    const placed = await door.way.next();
    await placed.emit(3);
    await placed.emit(1);
    expect((await events.take(4)).map((event) => event.data.flights.cursor)).toEqual(cursors(4));
    events.stop();
    await placed.whenEnded;
    expect(placed.ended).toBeNull();
    await client.dispose();
    await door.way.until((way) => way.sessions.size === 0);
    expect(door.observe.errors).toEqual([]);
  });

  test('is told of the end of a subscription by an error with code, retry and cursor', async () => {
    await using door = await TestDoor.open();
    const client = clientOf(door);
    const events = collect((sink) => client.subscribe({ query: LIVE }, sink));
    const placed = await door.way.next();
    await placed.emit(2);
    placed.subscription.end(new SluiceError('GRANT_ENDED'));
    await events.take(2);
    const extensions = { code: 'GRANT_ENDED', retry: 'changed', cursor: 'c2' };
    expect(await events.failed).toMatchObject([{ message: expect.stringContaining('grant'), extensions }]);
    await client.dispose();
  });

  test('runs queries and mutations too, and failures of ours show nothing of the inside', async () => {
    await using door = await TestDoor.open();
    const client = clientOf(door);
    const ask = async (query: string) => (await collect((sink) => client.subscribe({ query }, sink)).take(1))[0];
    expect(await ask('{ flights(from: {earliest: true}) { edges { cursor } } }')).toEqual({
      data: { flights: { edges: [{ cursor: 'c1' }] } },
    });
    expect(await ask('mutation { publishFlights: publishFlight(input: {origin: "LAX"}) { cursor } }')).toEqual({
      data: { publishFlights: { cursor: 'c1' } },
    });
    const failed = await ask('{ flights(from: {earliest: true}, topic: "boom") { edges { cursor } } }');
    expect(failed).toMatchObject({
      data: null,
      errors: [{ path: ['flights'], extensions: { code: 'INTERNAL', retry: 'later' } }],
    });
    expect(JSON.stringify(failed)).not.toContain('kafka-1');
    expect(door.observe.errors).toEqual([expect.stringContaining('kafka-1:9092 said no')]);
    const filter = await ask('{ flights(from: {earliest: true}, topic: "a//b") { edges { cursor } } }');
    expect(filter).toMatchObject({ errors: [{ extensions: { code: 'BAD_FILTER' } }] });
    await client.dispose();
  });

  test.each([
    ['an unknown field', 'subscription { flights { nonsense } }', 'BAD_REQUEST', /nonsense/],
    ['an unknown product', 'subscription { trains { cursor } }', 'NOT_FOUND', /trains/],
    ['a wrong type', 'subscription { flights(onLag: 3) { cursor } }', 'BAD_REQUEST', /OnLag/],
    [
      'two forms of from',
      'subscription { flights(from: {latest: true, earliest: true}) { cursor } }',
      'BAD_REQUEST',
      /from|ReplayFrom/,
    ],
    ['no GraphQL at all', 'subscription {', 'BAD_REQUEST', /Syntax Error/],
    ['a depth bomb', `{ ${'products { '.repeat(40)}name${' }'.repeat(40)} }`, 'OPERATION_TOO_COSTLY', /depth/],
    [
      'an alias bomb',
      `{ ${cursors(50)
        .map((name) => `${name}: products { name }`)
        .join(' ')} }`,
      'OPERATION_TOO_COSTLY',
      /alias/,
    ],
    ['a token bomb', `{ products { ${'name '.repeat(2_000)} } }`, 'OPERATION_TOO_COSTLY', /tokens/],
  ])(
    'is refused %s with a catalogue error that names the place, and no source is opened',
    async (_what, query, code, place) => {
      await using door = await TestDoor.open();
      const client = clientOf(door);
      const events = collect((sink) => client.subscribe({ query }, sink));
      const [error] = (await events.failed) as { message: string; extensions: { code: string; retry: string } }[];
      expect(error?.extensions).toMatchObject({ code, retry: 'changed' });
      expect(error?.message).toMatch(place);
      expect(error?.extensions).not.toHaveProperty('http');
      expect(door.way.opened).toBe(0);
      await client.dispose();
    },
  );
});

describe('a credential', () => {
  test.each([
    ['apiKey in connection_init', { connectionParams: { apiKey: KEY } }],
    ['authorization in connection_init', { connectionParams: { authorization: `Bearer ${KEY}` } }],
    ['a header name in connection_init', { connectionParams: { 'X-API-Key': KEY } }],
    ['Authorization on the upgrade', { connectionParams: {}, headers: { authorization: `Bearer ${KEY}` } }],
    ['X-API-Key on the upgrade', { connectionParams: {}, headers: { 'x-api-key': KEY } }],
  ])('may be given as %s', async (_where, options) => {
    await using door = await TestDoor.open();
    const client = clientOf(door, options);
    const events = collect((sink) => client.subscribe({ query: LIVE }, sink));
    await (await door.way.next()).emit();
    await events.take(1);
    await client.dispose();
  });

  test.each([
    ['wrong', { type: 'connection_init', payload: { apiKey: 'nonsense' } }],
    ['missing', { type: 'connection_init' }],
    ['of another scheme', { type: 'connection_init', payload: { authorization: `Basic ${KEY}` } }],
    ['no text', { type: 'connection_init', payload: { apiKey: { $ne: 1 } } }],
  ])('that is %s closes with 4401, never 4403, and without an ack', async (_how, init) => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.open(door);
    raw.send(init);
    expect(await raw.closed()).toBe(4401);
    expect(raw.messages).toEqual([]);
    expect(door.way.sessions.size).toBe(0);
  });

  test('that is withdrawn ends each subscription with its cursor before the connection closes', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    const placed = await door.way.next();
    await placed.emit(2);
    for (const session of door.way.sessions) {
      placed.subscription.end(new SluiceError('UNAUTHENTICATED'));
      session.end(new SluiceError('UNAUTHENTICATED'));
    }
    expect(await raw.closed()).toBe(4401);
    expect(raw.messages.slice(-1)).toMatchObject([
      { id: '1', type: 'error', payload: [{ extensions: { code: 'UNAUTHENTICATED', cursor: 'c2' } }] },
    ]);
    await door.way.until((way) => way.sessions.size === 0);
  });

  test('is asked for again where too many tried: the close code is of the catalogue', async () => {
    await using door = await TestDoor.open();
    door.way.refusal = new SluiceError('RATE_LIMITED');
    const raw = await RawSocket.open(door);
    raw.send({ type: 'connection_init', payload: { apiKey: KEY } });
    expect(await raw.closed()).toBe(4429);
  });
});

describe('what the server says unasked', () => {
  test('ready comes as a pong with the cursor, before the first event', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    await (await door.way.next()).emit();
    await raw.message((message) => message['type'] === 'next');
    expect(raw.messages.map(({ type }) => type)).toEqual(['connection_ack', 'pong', 'next']);
    expect(raw.messages[1]).toEqual({ type: 'pong', payload: { sluice: { ready: { '1': 'c0' } } } });
  });

  test('progress comes as a pong with the cursor', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    (await door.way.next()).outlet.progress('c9');
    const progress = await raw.message(
      ({ payload }) => (payload as { sluice?: { progress?: object } })?.sluice?.progress !== undefined,
    );
    expect(progress).toEqual({ type: 'pong', payload: { sluice: { progress: { '1': 'c9' } } } });
  });

  test('pings are answered at once, those of the protocol and those of the WebSocket', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send({ type: 'ping', payload: { n: 1 } });
    expect(await raw.message(({ type }) => type === 'pong')).toEqual({ type: 'pong', payload: { n: 1 } });
    raw.socket.write(Buffer.of(0x89, 0x80, 0, 0, 0, 0));
    await raw.until(() => raw.frames.some(({ opcode }) => opcode === opcodes.pong));
  });
});

describe('a subscription that goes', () => {
  test('while it is being placed is aborted and leaves nothing behind', async () => {
    await using door = await TestDoor.open();
    const gate = Promise.withResolvers<void>();
    door.way.gate = gate.promise;
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'), { id: '1', type: 'complete' });
    await door.way.until((way) => way.aborted === 1);
    raw.send(subscribe('2'));
    raw.socket.destroy();
    await door.way.until((way) => way.aborted === 2 && way.sessions.size === 0);
    gate.resolve();
    await gate.promise;
    expect(door.way.opened).toBe(0);
    expect(door.observe.errors).toEqual([]);
  });

  test('with its socket is ended', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    const placed = await door.way.next();
    raw.socket.destroy();
    await placed.whenEnded;
    expect(placed.ended).toBeNull();
    expect(await placed.emit()).toBe('closed');
  });

  test('and comes again under the same id in one segment lives on, again and again, and ends with its socket', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    for (let round = 0; round < 20; round++) {
      const old = await door.way.next();
      raw.send({ id: '1', type: 'complete' }, subscribe('1'));
      await old.whenEnded;
      await door.way.until((way) => way.opened === round + 2);
      await door.way.next();
    }
    const last = await door.way.next();
    await last.emit();
    await raw.message(({ type }) => type === 'next');
    expect(raw.messages.filter(({ type }) => type === 'complete' || type === 'error')).toEqual([]);
    expect(door.way.placed).toEqual([last]);
    raw.socket.destroy();
    await last.whenEnded;
    expect(door.way.placed).toEqual([]);
  });
});

describe('a reader', () => {
  test('that does not read holds its subscription, delays nobody, and gets every event in order when it reads again', async () => {
    await using door = await TestDoor.open();
    const [slow, quick] = [await RawSocket.ready(door), await RawSocket.ready(door)];
    slow.send(subscribe('slow'));
    const stalled = await door.way.next();
    slow.socket.pause();
    quick.send(subscribe('quick'));
    await door.way.until((way) => way.opened === 2);
    const live = door.way.placed[1];
    const bulk = 'x'.repeat(10_000);
    let sent = 0;
    let pending: Promise<string>;
    do {
      pending = stalled.emit(10, bulk);
      sent += 10;
    } while (stalled.outlet.sink.write(Buffer.alloc(0)) === 'taken');
    await live?.emit(5);
    await quick.until(() => cursorsOf(quick, 'quick').length === 5);
    const before = stalled.outlet.sink.taken;
    // Frames of the library in between stay whole ones.
    slow.socket.write(Buffer.of(0x89, 0x80, 0, 0, 0, 0));
    slow.socket.resume();
    await pending;
    expect(stalled.outlet.sink.taken).toBeGreaterThan(before);
    await stalled.emit(1);
    await slow.until(() => cursorsOf(slow, 'slow').length === sent + 1);
    expect(cursorsOf(slow, 'slow')).toEqual(cursors(sent + 1));
  });

  test('that floods without reading the answers is read no further until it reads', async () => {
    await using door = await TestDoor.open();
    const [flood, other] = [await RawSocket.ready(door), await RawSocket.ready(door)];
    flood.socket.pause();
    const count = 40_000;
    const ping = text({ type: 'ping', payload: { filler: 'x'.repeat(1_000) } });
    for (let sent = 0; sent < count; sent++) flood.socket.write(ping);
    other.send(subscribe('1'));
    await (await door.way.next()).emit();
    await other.message(({ type }) => type === 'next');
    expect(flood.socket.writableLength).toBeGreaterThan(0);
    flood.socket.resume();
    await flood.until(() => flood.frames.length === count + 1);
  });

  test('gets large events in frames of 64-bit length, several subscriptions of one socket each with its id', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('one'), subscribe('another'));
    await door.way.until((way) => way.opened === 2);
    for (const placed of [...door.way.placed])
      for (const size of [1, 100, 200, 40_000, 70_000]) await placed.emit(2, `é${'x'.repeat(size)}`);
    await raw.until(() => raw.messages.filter(({ type }) => type === 'next').length === 20);
    expect(cursorsOf(raw, 'one')).toEqual(cursors(10));
    expect(cursorsOf(raw, 'another')).toEqual(cursors(10));
  });

  test('that gives no sign of life for some probes is cut', async () => {
    await using door = await TestDoor.open({ limits: { probeMs: 20 } });
    const dead = await RawSocket.ready(door);
    dead.send(subscribe('1'));
    const placed = await door.way.next();
    // It reads what is asked of it, and answers nothing.
    await placed.whenEnded;
    await dead.gone;
    expect(dead.frames.some(({ opcode }) => opcode === opcodes.ping)).toBe(true);
  });

  test('that answers the probes stays', async () => {
    await using door = await TestDoor.open({ limits: { probeMs: 20 } });
    const client = clientOf(door);
    const events = collect((sink) => client.subscribe({ query: LIVE }, sink));
    const placed = await door.way.next();
    const silent = await RawSocket.ready(door);
    await silent.gone;
    const later = await RawSocket.ready(door);
    await later.gone;
    await placed.emit();
    await events.take(1);
    await client.dispose();
  });
});
