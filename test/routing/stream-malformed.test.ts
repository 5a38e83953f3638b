/** Whatever arrives over a channel, at either end: what cannot be right closes that channel with an error, and no other. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createRemote,
  createStreamServer,
  JournalRelay,
  type Remote,
  type Scan,
  type StreamServer,
} from '../../src/core/routing/index.ts';
import { encodeScan } from '../../src/core/routing/stream/scan.ts';
import { MemorySource } from '../delivery/memory-source.ts';
import { MemoryChannel } from '../link/memory-channel.ts';
import { clock, noJournal, observe } from './stream.ts';

const kinds = ['hello', 'ask', 'credit', 'cancel', 'answer', 'refusal', 'scan', 'told', 'end'];
const hello = Buffer.from('\x01SLSS\x01', 'latin1');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function message(kind: string, id: number, body: string | Buffer | object = ''): Buffer {
  const head = Buffer.alloc(5);
  head[0] = kinds.indexOf(kind) + 1;
  head.writeUInt32BE(id, 1);
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return Buffer.concat([head, Buffer.from(text as string)]);
}

const source = new MemorySource({ auto: true });
source.create('p', 1);
source.put('p', 0, ...Array.from({ length: 50 }, (_, value) => ({ value })));

describe('at the serving end', () => {
  let server: StreamServer;
  let neighbour: Remote;

  beforeEach(() => {
    server = createStreamServer({
      source,
      journal: new JournalRelay(noJournal, [], clock),
      standing: { here: { value: { a: 1 }, watch: () => () => {} } },
      observe,
      wait: turn,
    });
    const [here, there] = MemoryChannel.pair();
    void server.serve(there);
    neighbour = createRemote(here, clock, observe);
  });
  afterEach(async () => {
    // The neighbour has noticed nothing.
    expect((await neighbour.source.extent('p')).end).toEqual([50]);
    neighbour.close();
    await neighbour.closed;
    while (source.tails > 0 || source.openRanges > 0) await turn();
  });

  /** Sends the messages, and says how the channel has ended; undefined while it has not. */
  const endAfter = async (...messages: readonly Buffer[]): Promise<Error | null | undefined> => {
    const [raw, there] = MemoryChannel.pair();
    let end: Error | null | undefined;
    void server.serve(there).then((error) => {
      end = error;
    });
    raw.receive({ message() {}, drained() {}, closed() {} });
    for (const each of messages) raw.send([each]);
    for (let i = 0; i < 10; i += 1) await turn();
    const ended = end;
    raw.close();
    for (let i = 0; i < 3; i += 1) await turn();
    return ended;
  };

  test.each([
    ['nothing at all', [Buffer.alloc(0)], /unknown kind none/],
    ['an unknown kind', [Buffer.from([77])], /unknown kind 77/],
    ['a word of another protocol', [Buffer.from('GET / HTTP/1.1\r\n')], /unknown kind 71/],
    ['another magic', [Buffer.from('\x01NOPE\x01', 'latin1')], /no scan stream/],
    ['another version', [Buffer.from('\x01SLSS\x09', 'latin1')], /speaks version 9, this one 1/],
    ['an ask before the hello', [message('ask', 0, { ask: 'extent', product: 'p' })], /before the hello/],
    ['a second hello', [hello, hello], /second hello/],
    ['half a head', [hello, Buffer.from([2, 0, 0])], /ends in its head/],
    ['an ask that is no JSON', [hello, message('ask', 0, '{"ask":')], /no JSON/],
    ['an ask of an unknown kind', [hello, message('ask', 0, { ask: 'dance' })], /malformed ask/],
    [
      'an ask with more than it has',
      [hello, message('ask', 0, { ask: 'extent', product: 'p', x: 1 })],
      /malformed ask/,
    ],
    [
      'a position that is none',
      [
        hello,
        message('ask', 0, { ask: 'place', product: 'p', origin: { kind: 'at', incarnation: 'i', vector: [-1] } }),
      ],
      /malformed ask: origin.vector.0/,
    ],
    ['an ask twice', [hello, ...[0, 0].map((id) => message('ask', id, { ask: 'watch', name: 'here' }))], /two asks/],
    ['half a credit', [hello, message('credit', 0, 'abc')], /wrong length/],
    ['a cancel that says more', [hello, message('cancel', 0, 'abc')], /with a body/],
    ['an answer to nothing', [hello, message('answer', 0, '{}')], /never made/],
    ['a scan that nobody asked for', [hello, message('scan', 0)], /never made/],
  ])('%s closes the channel', async (_, messages, why) => {
    const end = await endAfter(...(messages as Buffer[]));
    expect(end?.name).toBe('StreamError');
    expect(end?.message).toMatch(why);
  });

  test('what belongs to no ask that is open is late, and passed over', async () => {
    expect(await endAfter(hello, message('cancel', 5), message('credit', 5, '12345678'))).toBeUndefined();
  });

  test('more asks at a time than are served are refused one by one', async () => {
    const remote = neighbour;
    const watched = Array.from({ length: 5_000 }, () => new Promise((resolve) => remote.watch('here', resolve)));
    await Promise.all(watched.slice(0, 4_096));
    await expect(remote.source.extent('p')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    remote.close();
    const [here, there] = MemoryChannel.pair();
    void server.serve(there);
    neighbour = createRemote(here, clock, observe);
  });

  test('20,000 random messages end no process and open nothing that stays', async () => {
    const piece = fc.oneof(
      fc
        .record({ kind: fc.constantFrom(...kinds), id: fc.nat(4), body: fc.uint8Array({ maxLength: 20 }) })
        .map((m) => message(m.kind, m.id, Buffer.from(m.body))),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      fc
        .record({
          id: fc.nat(4),
          ask: fc.constantFrom(
            'place',
            'extent',
            'append',
            'appendOnce',
            'tail',
            'range',
            'follow',
            'confirm',
            'watch',
          ),
          more: fc.dictionary(
            fc.constantFrom(
              'product',
              'origin',
              'from',
              'to',
              'incarnation',
              'partition',
              'credit',
              'name',
              'following',
            ),
            fc.jsonValue({ maxDepth: 2 }),
          ),
        })
        .map(({ id, ask, more }) => message('ask', id, { ...more, ask })),
      fc.constantFrom(
        message('ask', 1, {
          ask: 'tail',
          product: 'p',
          from: { incarnation: source.incarnation('p'), vector: [0] },
          credit: 100,
        }),
        message('ask', 2, { ask: 'watch', name: 'here' }),
        message('credit', 1, Buffer.from([0, 0, 0, 0, 0, 1, 0, 0])),
        message('cancel', 1),
      ),
    );
    let sent = 0;
    while (sent < 20_000) {
      const batches = fc.sample(fc.array(piece, { minLength: 1, maxLength: 20 }), 200);
      for (const batch of batches) {
        const [raw, there] = MemoryChannel.pair();
        const end = server.serve(there);
        raw.receive({ message() {}, drained() {}, closed() {} });
        for (const each of [hello, ...batch]) raw.send([each]);
        sent += batch.length;
        await turn();
        raw.close();
        await end;
      }
    }
  });
});

describe('at the asking end', () => {
  const scan: Scan = {
    product: 'p',
    incarnation: 'life',
    partition: 0,
    from: 5,
    to: 7,
    interest: 0,
    projection: 'contract',
    events: [],
    end: 9,
    first: 0,
    bytes: 64,
  };
  const event = [5, 0, false, 't', 0, null, null, null, {}, null];
  const bytesOf = (over: Partial<Scan>, events: unknown = []): Buffer => {
    const body = encodeScan({ ...scan, ...over, events: [] })[0]?.body as Buffer;
    return Buffer.concat([body.subarray(0, body.length - 2), Buffer.from(JSON.stringify(events))]);
  };

  /** How a tail from position 5 fares that is sent this. */
  const afterTail = async (...messages: readonly Buffer[]) => {
    const [here, raw] = MemoryChannel.pair();
    raw.receive({ message() {}, drained() {}, closed() {} });
    const remote = createRemote(here, clock, observe);
    const scans: Scan[] = [];
    const failures: string[] = [];
    remote.source.tail(
      'p',
      { incarnation: 'life', vector: [5] },
      { scan: (each) => scans.push(each), grown() {}, failed: ({ code }) => failures.push(code) },
    );
    let end: Error | null | undefined;
    void remote.closed.then((error) => {
      end = error;
    });
    for (const each of [hello, ...messages]) raw.send([each]);
    for (let i = 0; i < 5; i += 1) await turn();
    raw.close();
    return { end, scans, failures };
  };

  test('what is right is taken', async () => {
    const { end, scans } = await afterTail(message('scan', 0, bytesOf({}, [event])));
    expect(end).toBeUndefined();
    expect(scans).toMatchObject([{ from: 5, to: 7, events: [{ offset: 5, op: 'UPSERT', topic: 't' }] }]);
  });

  test.each([
    ['runs backwards', bytesOf({ from: 7, to: 5 }), /from 7 to 5/],
    ['leaves a hole', bytesOf({ from: 6 }), /from 6 where one from 5/],
    ['begins before', bytesOf({ from: 4 }), /from 4 where one from 5/],
    ['is of another incarnation', bytesOf({ incarnation: 'other' }), /another incarnation/],
    ['has a position that is none', bytesOf({ end: 0.5 }), /the number 0.5/],
    ['is cut off', bytesOf({}).subarray(0, 20), /ends in its head/],
    ['is cut off in its events', bytesOf({}).subarray(0, -1), /no JSON/],
    ['has no list of events', bytesOf({}, {}), /without a list/],
    ['has an event that is no list', bytesOf({}, [{}]), /no list of ten/],
    ['has an event outside of it', bytesOf({}, [[7, ...event.slice(1)]]), /an event at 7/],
    ['has an event twice', bytesOf({}, [event, event]), /an event at 5/],
    ['has an event without a topic', bytesOf({}, [[5, 0, false, null, ...event.slice(4)]]), /wrong kind/],
    ['has a deleted event with data', bytesOf({}, [[5, 0, true, ...event.slice(3)]]), /wrong kind/],
  ])('a scan that %s closes the channel, and its tail waits', async (_, body, why) => {
    const { end, scans, failures } = await afterTail(message('scan', 0, body));
    expect(end?.message).toMatch(why);
    expect([scans, failures]).toEqual([[], []]);
  });

  test('an error that is none of the catalogue is INTERNAL', async () => {
    const { end, failures } = await afterTail(message('refusal', 0, { code: 'OOPS', message: 'm', details: {} }));
    expect([end, failures]).toEqual([undefined, ['INTERNAL']]);
  });

  test('an ask is a fault where nothing is served', async () => {
    const { end } = await afterTail(message('ask', 0, { ask: 'extent', product: 'p' }));
    expect(end?.message).toMatch(/nothing is served/);
  });

  test('an answer of the wrong shape closes the channel, and whoever asked is told UNAVAILABLE', async () => {
    const [here, raw] = MemoryChannel.pair();
    raw.receive({ message() {}, drained() {}, closed() {} });
    const remote = createRemote(here, clock, observe);
    const asked = remote.source.extent('p');
    for (const each of [hello, message('answer', 0, { incarnation: 'life' })]) raw.send([each]);
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await remote.closed)?.message).toMatch(/malformed answer to extent/);
  });
});
