import { describe, expect, test } from 'vitest';
import { KEY, LIVE, TestDoor } from './door.ts';
import { frame, opcodes, RawSocket, text } from './raw.ts';

const init = { type: 'connection_init', payload: { apiKey: KEY } };
const subscribe = (id: string, query = LIVE) => ({ id, type: 'subscribe', payload: { query } });

/** A neighbour that must not notice anything. */
async function withNeighbour(door: TestDoor, disturb: () => Promise<void>): Promise<void> {
  const neighbour = await RawSocket.ready(door);
  neighbour.send(subscribe('n'));
  const placed = await door.way.next();
  await placed.emit();
  await disturb();
  await placed.emit(2);
  await neighbour.until(() => neighbour.messages.filter(({ type }) => type === 'next').length === 3);
  expect(door.way.placed).toEqual([placed]);
  expect(door.way.sessions.size).toBe(1);
  expect(door.observe.errors).toEqual([]);
  neighbour.socket.destroy();
}

describe('a connection is closed with the code of its protocol, opens no source and leaves nothing behind, when it sends', () => {
  const cut = text(init).subarray(0, -3);
  test.each<[string, number, readonly Buffer[]]>([
    ['what is no JSON', 4400, [text('{')]],
    ['JSON that is no message', 4400, [text('[]')]],
    ['a message of no known type', 4400, [text({ type: 'start', id: '1' })]],
    ['a message that only a server may send', 4400, [text(init), text({ type: 'next', id: '1', payload: {} })]],
    ['a subscribe without an id', 4400, [text(init), text({ type: 'subscribe', payload: { query: LIVE } })]],
    ['a subscribe with an empty id', 4400, [text(init), text(subscribe(''))]],
    [
      'a subscribe whose query is no text',
      4400,
      [text(init), text({ id: '1', type: 'subscribe', payload: { query: 1 } })],
    ],
    [
      'a subscribe whose variables are a list',
      4400,
      [text(init), text({ id: '1', type: 'subscribe', payload: { query: LIVE, variables: [] } })],
    ],
    ['a subscribe with an id too long', 4400, [text(init), text(subscribe('i'.repeat(257)))]],
    ['a subscribe with an id of a megabyte', 4400, [text(init), text(subscribe('i'.repeat(1_000_000)))]],
    ['a subscribe before connection_init', 4401, [text(subscribe('1'))]],
    ['connection_init twice', 4429, [text(init), text(init)]],
    ['a binary frame', 1003, [text(init), frame(opcodes.binary, Buffer.of(0, 1, 2))]],
    ['broken UTF-8', 1007, [text(init), frame(opcodes.text, Buffer.of(0x22, 0xc3, 0x28, 0x22))]],
    ['a frame over the limit', 1009, [text(init), text({ type: 'ping', payload: { filler: 'x'.repeat(1_048_576) } })]],
    [
      'fragments that are together over the limit',
      1009,
      [
        text(init),
        frame(opcodes.text, 'x'.repeat(700_000), { isLast: false }),
        frame(opcodes.continuation, 'x'.repeat(700_000)),
      ],
    ],
    ['an unmasked frame', 1002, [frame(opcodes.text, JSON.stringify(init), { isMasked: false })]],
    ['a frame of no known opcode', 1002, [frame(3, 'x')]],
    ['a continuation of nothing', 1002, [frame(opcodes.continuation, 'x')]],
    ['a fragmented ping', 1002, [frame(opcodes.ping, 'x', { isLast: false })]],
    ['a ping too long', 1002, [frame(opcodes.ping, 'x'.repeat(200))]],
    ['a compressed frame, though compression was not agreed on', 1002, [Buffer.of(0xc1, 0x80, 0, 0, 0, 0)]],
    ['half a frame and then its end', 1006, [cut]],
  ])('%s: %i', async (_what, code, frames) => {
    await using door = await TestDoor.open();
    await withNeighbour(door, async () => {
      const opened = door.way.opened;
      const raw = await RawSocket.open(door);
      for (const bytes of frames) raw.socket.write(bytes);
      if (code === 1006) raw.socket.end();
      expect((await raw.closed()) ?? 1006).toBe(code);
      expect(door.way.opened).toBe(opened);
      await door.way.until((way) => way.sessions.size === 1);
    });
  });

  test('two subscriptions with one id: 4409, and the first ends', async () => {
    await using door = await TestDoor.open();
    await withNeighbour(door, async () => {
      const raw = await RawSocket.ready(door);
      raw.send(subscribe('1'), subscribe('1'));
      expect(await raw.closed()).toBe(4409);
      await door.way.until((way) => way.placed.length === 1 && way.sessions.size === 1);
    });
  });

  test('no connection_init in time: 4408', async () => {
    await using door = await TestDoor.open({ limits: { connectionInitTimeoutMs: 30 } });
    const raw = await RawSocket.open(door);
    expect(await raw.closed()).toBe(4408);
    expect(door.way.sessions.size).toBe(0);
  });

  test.each(['graphql-ws', 'mqtt', null])('the subprotocol %s: 4406', async (protocol) => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.open(door, { protocol });
    expect(await raw.closed()).toBe(4406);
  });
});

describe('a connection is refused', () => {
  test('at another path', async () => {
    await using door = await TestDoor.open();
    expect(await (await RawSocket.open(door, { path: '/elsewhere' })).answer).toMatch(/^HTTP\/1.1 404 /);
  });

  test('with 429 when the process has as many as it may', async () => {
    await using door = await TestDoor.open({ limits: { maxConnections: 1 } });
    const first = await RawSocket.ready(door);
    expect(await (await RawSocket.open(door)).answer).toMatch(/^HTTP\/1.1 429 .*\r\n(.*\r\n)*Retry-After: \d+/);
    first.socket.destroy();
    await door.way.until((way) => way.sessions.size === 0);
    expect(await (await RawSocket.open(door)).answer).toMatch(/^HTTP\/1.1 101 /);
  });

  test('when it is no handshake of RFC 6455', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.open(door, { headers: 'Sec-WebSocket-Version: 7\r\n' });
    expect(await raw.answer).toMatch(/^HTTP\/1.1 400 /);
  });
});

test('a message in many fragments, with a ping between them, is one message', async () => {
  await using door = await TestDoor.open();
  const raw = await RawSocket.ready(door);
  const bytes = Buffer.from(JSON.stringify(subscribe('é1')));
  for (let at = 0; at < bytes.length; at++) {
    raw.socket.write(
      frame(at === 0 ? opcodes.text : opcodes.continuation, bytes.subarray(at, at + 1), { isLast: false }),
    );
  }
  raw.socket.write(frame(opcodes.ping, 'between'));
  raw.socket.write(frame(opcodes.continuation, ''));
  await door.way.next();
  expect(raw.frames.find(({ opcode }) => opcode === opcodes.pong)?.payload.toString()).toBe('between');
});

test('a message that comes byte by byte is one message', async () => {
  await using door = await TestDoor.open();
  const raw = await RawSocket.ready(door);
  raw.socket.setNoDelay(true);
  for (const byte of text(subscribe('é1'))) {
    raw.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await door.way.next()).outlet.id.toString()).toBe('é1');
});

describe('one connection', () => {
  test('has at most its number of subscriptions; the next is refused by itself, and takes the place of one that goes', async () => {
    await using door = await TestDoor.open({ limits: { maxSubscriptions: 3 } });
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'), subscribe('2'), subscribe('3'), subscribe('4'));
    const refused = await raw.message(({ type }) => type === 'error');
    expect(refused).toMatchObject({
      id: '4',
      payload: [{ extensions: { code: 'SUBSCRIPTION_LIMIT', retry: 'later' } }],
    });
    expect(door.way.opened).toBe(3);
    raw.send({ id: '2', type: 'complete' }, subscribe('4'));
    await door.way.until((way) => way.opened === 4);
  });

  test('counts what it gave up while it is still being placed', async () => {
    await using door = await TestDoor.open({ limits: { maxSubscriptions: 2 } });
    const gate = Promise.withResolvers<void>();
    door.way.gate = gate.promise;
    const raw = await RawSocket.ready(door);
    for (const id of ['1', '2', '3']) raw.send(subscribe(id), { id, type: 'complete' });
    const refused = await raw.message(({ type }) => type === 'error');
    expect(refused).toMatchObject({ id: '3', payload: [{ extensions: { code: 'SUBSCRIPTION_LIMIT' } }] });
    gate.resolve();
  });

  test('that floods with 20,000 subscribes gets an answer to each, and others are served meanwhile', async () => {
    await using door = await TestDoor.open();
    await withNeighbour(door, async () => {
      const flood = await RawSocket.ready(door);
      const count = 20_000;
      flood.socket.write(Buffer.concat(Array.from({ length: count }, (_, index) => text(subscribe(`x${index}`)))));
      const errors = () => flood.frames.length;
      await flood.until(() => errors() > 500);
      const other = await RawSocket.ready(door);
      other.send({ type: 'ping', payload: { at: 'the same time' } });
      await other.message(({ type }) => type === 'pong');
      expect(errors()).toBeLessThan(count);
      other.socket.destroy();
      // An acknowledgement, a hundred that are ready, and the rest refused.
      await flood.until(() => errors() === 1 + count);
      expect(door.way.opened).toBe(101);
      flood.socket.destroy();
      await door.way.until((way) => way.placed.length === 1 && way.sessions.size === 1);
    });
  });

  test('that never reads and has bytes waiting is cut like one that gives no sign of life', async () => {
    await using door = await TestDoor.open({ limits: { probeMs: 30 } });
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    const placed = await door.way.next();
    raw.socket.pause();
    let pending: Promise<string>;
    do {
      pending = placed.emit(10, 'x'.repeat(10_000));
    } while (placed.outlet.sink.write(Buffer.alloc(0)) === 'taken');
    pending.catch(() => {});
    await placed.whenEnded;
    expect(placed.ended).toBeNull();
    await door.way.until((way) => way.sessions.size === 0);
  });

  test('has four of its queries answered at once; the others wait, and go on in their order', async () => {
    await using door = await TestDoor.open();
    const gate = Promise.withResolvers<void>();
    door.way.historyGate = gate.promise;
    const raw = await RawSocket.ready(door);
    const ids = Array.from({ length: 20 }, (_, index) => `q${index}`);
    raw.send(...ids.map((id) => subscribe(id, '{ flights(from: {earliest: true}) { edges { cursor } } }')), {
      type: 'ping',
    });
    await raw.message(({ type }) => type === 'pong');
    expect(door.way.asked).toBe(4);
    // One that is given up does not hold up the others.
    raw.send({ id: 'q9', type: 'complete' }, { type: 'ping', payload: { gave: 'up' } });
    await raw.message(({ payload }) => (payload as { gave?: string })?.gave === 'up');
    gate.resolve();
    const answers = () => raw.messages.filter(({ type }) => type === 'next').map(({ id }) => id);
    await raw.until(() => answers().length === 19);
    expect(answers()).toEqual(ids.filter((id) => id !== 'q9'));
  });

  test('that goes while its queries wait leaves nothing', async () => {
    await using door = await TestDoor.open();
    const gate = Promise.withResolvers<void>();
    door.way.historyGate = gate.promise;
    const raw = await RawSocket.ready(door);
    const query = '{ flights(from: {earliest: true}) { edges { cursor } } }';
    raw.send(...Array.from({ length: 20 }, (_, index) => subscribe(`${index}`, query)), { type: 'ping' });
    await raw.message(({ type }) => type === 'pong');
    raw.socket.destroy();
    await door.way.until((way) => way.sessions.size === 0);
    gate.resolve();
    await door.way.gate;
    expect(door.way.asked).toBe(4);
    expect(door.observe.errors).toEqual([]);
  });

  test('that subscribes and completes 5,000 times leaves nothing', async () => {
    await using door = await TestDoor.open();
    await withNeighbour(door, async () => {
      const raw = await RawSocket.ready(door);
      const rounds = Array.from({ length: 5_000 }, (_, index) => [
        subscribe(`${index % 7}`),
        { id: `${index % 7}`, type: 'complete' },
      ]);
      raw.send(...rounds.flat());
      raw.send({ type: 'ping' });
      await raw.message(({ type, payload }) => type === 'pong' && payload === undefined);
      expect(door.way.placed.length).toBe(1);
      raw.socket.destroy();
      await door.way.until((way) => way.sessions.size === 1);
    });
  });
});

describe('draining', () => {
  test('ends each subscription with DRAINING and its cursor, pending ones too, then closes with 1012, and lets nobody in', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    const placed = await door.way.next();
    await placed.emit(2);
    door.way.gate = new Promise(() => {});
    raw.send(subscribe('2'), { type: 'ping' });
    await raw.message(({ type, payload }) => type === 'pong' && payload === undefined);
    const drained = door.door.drain();
    expect(await (await RawSocket.open(door)).answer).toMatch(/^HTTP\/1.1 503 /);
    expect(await raw.closed()).toBe(1012);
    const errors = raw.messages.filter(({ type }) => type === 'error');
    expect(errors).toMatchObject([
      { id: '1', payload: [{ extensions: { code: 'DRAINING', retry: 'now', cursor: 'c2' } }] },
      { id: '2', payload: [{ extensions: { code: 'DRAINING', retry: 'now' } }] },
    ]);
    await drained;
    expect(door.way.sessions.size).toBe(0);
  });

  test('is over in time, though a client reads nothing and answers no close', async () => {
    await using door = await TestDoor.open({ limits: { closeTimeoutMs: 50 } });
    const raw = await RawSocket.ready(door);
    raw.send(subscribe('1'));
    const placed = await door.way.next();
    raw.socket.pause();
    let outcome: Promise<string>;
    do {
      outcome = placed.emit(10, 'x'.repeat(10_000));
    } while (placed.outlet.sink.write(Buffer.alloc(0)) === 'taken');
    outcome.catch(() => {});
    await door.server.drain();
    expect(placed.ended).toMatchObject({ code: 'DRAINING' });
    expect(door.way.sessions.size).toBe(0);
  });
});
