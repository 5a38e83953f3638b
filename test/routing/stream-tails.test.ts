/** Live tails over channels: one tail of the source, however many ends want it from wherever, read as fast or as slowly as they like. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/core/errors.ts';
import {
  createRemote,
  createStreamServer,
  JournalRelay,
  type Placement,
  type Remote,
  type Scan,
  type SourceTail,
} from '../../src/core/routing/index.ts';
import { decodeScan, encodeScan } from '../../src/core/routing/stream/scan.ts';
import { MemorySource } from '../delivery/memory-source.ts';
import { MemoryChannel } from '../link/memory-channel.ts';
import { clock, noJournal, observe } from './stream.ts';

const product = 'p';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** A message that carries a scan: its head and the scan's bytes. */
const isScan = (parts: readonly Uint8Array[]): boolean => parts[0]?.[0] === 7;

class Listener {
  readonly scans: Scan[] = [];
  readonly failures: SluiceError[] = [];
  partitions = 0;
  readonly from: Placement;
  tail: SourceTail | null = null;

  constructor(from: Placement) {
    this.from = from;
  }

  scan(scan: Scan): void {
    this.scans.push(scan);
  }

  grown(partitions: number): void {
    this.partitions = partitions;
  }

  failed(error: SluiceError): void {
    this.failures.push(error);
  }

  position(partition: number): number | undefined {
    return this.scans.findLast((scan) => scan.partition === partition)?.to ?? this.from.vector[partition];
  }

  /** That everything from the placement on was told once, in order and without a hole, and that nothing else was. */
  expectExact(source: MemorySource): void {
    for (let partition = 0; partition < source.partitions(product); partition += 1) {
      let next = this.from.vector[partition] ?? 0;
      for (const scan of this.scans.filter((each) => each.partition === partition)) {
        expect(scan.from).toBe(next);
        const wanted = [];
        for (let offset = scan.from; offset < scan.to; offset += 1) {
          const event = source.event(product, partition, offset);
          if (event !== null) wanted.push(event);
        }
        expect(scan.events).toEqual(wanted);
        next = scan.to;
      }
    }
  }
}

class Stage {
  readonly source = new MemorySource({ auto: true });
  /** Why a channel has closed, where that was not in order. */
  broken: Error | null = null;
  readonly channels: { readonly here: MemoryChannel; readonly there: MemoryChannel; readonly remote: Remote }[] = [];

  constructor(partitions: number, ends: number, credit: { tail: number; range: number }) {
    this.source.create(product, partitions);
    this.source.scanEvents = 4;
    const server = createStreamServer({
      source: this.source,
      journal: new JournalRelay(noJournal, [], clock),
      standing: {},
      observe,
      wait: turn,
    });
    for (let i = 0; i < ends; i += 1) {
      const [here, there] = MemoryChannel.pair();
      const remote = createRemote(here, clock, observe, credit);
      for (const closed of [server.serve(there), remote.closed])
        void closed.then((error) => {
          this.broken ??= error;
        });
      this.channels.push({ here, there, remote });
    }
  }

  end(i: number): (typeof this.channels)[number] {
    return this.channels[i % this.channels.length] as (typeof this.channels)[number];
  }

  join(i: number, from: Placement): Listener {
    const listener = new Listener(from);
    listener.tail = this.end(i).remote.source.tail(product, from, listener);
    return listener;
  }

  /** Waits until the tail has told everything that there is. */
  async caughtUp(listener: Listener): Promise<void> {
    const isAt = (partition: number): boolean =>
      (listener.position(partition) ?? 0) === this.source.end(product, partition);
    while (!Array.from({ length: this.source.partitions(product) }, (_, p) => p).every(isAt)) {
      if (this.broken !== null) throw this.broken;
      await turn();
    }
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), at: fc.nat(5), count: fc.nat(30) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      end: fc.nat(2),
      back: fc.array(fc.nat(40)),
      cut: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), end: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), end: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('grow' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const), count: fc.nat(6) }) },
);

describe('tails over channels', () => {
  test('tell everything from their placement on exactly once, whoever joins, leaves, stands still and grows meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.integer({ min: 200, max: 3_000 }),
        async (steps, tail) => {
          const stage = new Stage(2, 3, { tail, range: 1_000 });
          const { source } = stage;
          const joined: Listener[] = [];
          let value = 0;
          for (const each of steps) {
            const partitions = source.partitions(product);
            switch (each.do) {
              case 'put':
                source.put(
                  product,
                  each.at % partitions,
                  ...Array.from({ length: each.count }, () => (value++ % 5 === 0 ? null : { value })),
                );
                break;
              case 'join': {
                const vector = Array.from({ length: partitions }, (_, p) =>
                  Math.max(0, source.end(product, p) - (each.back[p] ?? 0)),
                );
                const known = Math.max(1, partitions - each.cut);
                joined.push(
                  stage.join(each.end, {
                    incarnation: source.incarnation(product),
                    vector: vector.slice(0, known),
                  }),
                );
                break;
              }
              case 'leave':
                joined.splice(each.which, 1)[0]?.tail?.close();
                break;
              case 'hold':
                stage.end(each.end).here.hold();
                break;
              case 'release':
                stage.end(each.end).here.release();
                break;
              case 'grow':
                if (partitions < 5) source.grow(product, partitions + 1);
                break;
              default:
                for (let i = 0; i < each.count; i += 1) await turn();
            }
          }
          for (const { here } of stage.channels) here.release();
          for (const listener of joined) {
            await stage.caughtUp(listener);
            listener.expectExact(source);
            expect(listener.failures).toEqual([]);
            listener.tail?.close();
          }
          // No tail, no reader.
          while (source.tails > 0 || source.openRanges > 0) await turn();
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('are one tail of the source, and the bytes of a scan are made once for all of them', async () => {
    const stage = new Stage(1, 3, { tail: 100_000, range: 1_000 });
    const from = await stage.source.place(product, { kind: 'latest' });
    const listeners = [0, 1, 2].map((end) => stage.join(end, from));
    // Asks arrive a turn later.
    while (stage.source.tails < 1) await turn();
    for (let i = 0; i < 10; i += 1) await turn();
    stage.source.put(product, 0, { value: 1 }, { value: 2 });
    for (const listener of listeners) await stage.caughtUp(listener);
    expect(stage.source.tails).toBe(1);
    const [first, ...others] = stage.channels.map(({ there }) => there.sent.filter(isScan).map((parts) => parts[1]));
    expect(first).toHaveLength(1);
    for (const other of others) expect(other[0]).toBe(first?.[0]);
  });

  test('whoever does not read costs no memory beyond its credit, delays nobody, and gets everything once it reads', async () => {
    const credit = 4_000;
    const stage = new Stage(2, 2, { tail: credit, range: 1_000 });
    const from = await stage.source.place(product, { kind: 'latest' });
    const [still, moving] = [stage.join(0, from), stage.join(1, from)];
    while (stage.source.tails < 1) await turn();
    for (let i = 0; i < 10; i += 1) await turn();
    stage.end(0).here.hold();
    const before = stage.end(0).here.mostBytes;
    for (let i = 0; i < 200; i += 1) {
      stage.source.put(product, i % 2, ...Array.from({ length: 50 }, (_, n) => ({ value: i * 50 + n })));
      await turn();
    }
    await stage.caughtUp(moving);
    moving.expectExact(stage.source);
    expect(still.scans.length).toBeLessThan(moving.scans.length / 10);
    // The credit of two partitions, and the scan that each may exceed it by.
    expect(stage.end(0).here.mostBytes - before).toBeLessThan(2 * (credit + 1_000));
    stage.end(0).here.release();
    await stage.caughtUp(still);
    still.expectExact(stage.source);
  });

  test('an error of the source ends those whom it concerns, and a log that cannot be reached none', async () => {
    const stage = new Stage(1, 2, { tail: 10_000, range: 1_000 });
    stage.source.put(product, 0, ...Array.from({ length: 20 }, (_, value) => ({ value })));
    const { incarnation } = await stage.source.place(product, { kind: 'latest' });
    const ahead = stage.join(0, { incarnation, vector: [20] });
    while (stage.source.tails < 1) await turn();
    stage.source.failure = new SluiceError('UNAVAILABLE');
    const behind = stage.join(1, { incarnation, vector: [5] });
    for (let i = 0; i < 50; i += 1) await turn();
    expect([behind.scans, behind.failures]).toEqual([[], []]);
    stage.source.failure = null;
    await stage.caughtUp(behind);
    behind.expectExact(stage.source);

    stage.source.trim(product, 0, 10);
    const late = stage.join(1, { incarnation, vector: [5] });
    while (late.failures.length === 0) await turn();
    expect(late.failures[0]).toMatchObject({
      code: 'CURSOR_EXPIRED',
      details: { missing: [{ partition: 0, from: 5, to: 10 }] },
    });
    expect([ahead.failures, behind.failures]).toEqual([[], []]);
    stage.source.fail(product, new SluiceError('SOURCE_RESET'));
    while (ahead.failures.length === 0 || behind.failures.length === 0) await turn();
    expect([ahead, behind].map(({ failures }) => failures.map(({ code }) => code))).toEqual([
      ['SOURCE_RESET'],
      ['SOURCE_RESET'],
    ]);
    expect(late.failures).toHaveLength(1);
  });

  test('end with their channel, whatever was under way', async () => {
    const stage = new Stage(1, 2, { tail: 10_000, range: 1_000 });
    stage.source.put(product, 0, ...Array.from({ length: 100 }, (_, value) => ({ value })));
    const { incarnation } = await stage.source.place(product, { kind: 'latest' });
    stage.join(0, { incarnation, vector: [100] });
    const other = stage.join(1, { incarnation, vector: [0] });
    const range = stage.end(0).remote.source.range(product, incarnation, 0, 0, 100)[Symbol.asyncIterator]();
    await range.next();
    stage.end(0).there.close();
    const rest = (async () => {
      while ((await range.next()).done !== true);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(stage.end(0).remote.source.extent(product)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await stage.caughtUp(other);
    other.tail?.close();
    while (stage.source.tails > 0 || stage.source.openRanges > 0) await turn();
    expect(await stage.end(0).remote.closed).toBeNull();
  });
});

describe('a range over a channel', () => {
  test('is read as far as somebody waits for it, and no further', async () => {
    const stage = new Stage(1, 1, { tail: 10_000, range: 500 });
    stage.source.put(product, 0, ...Array.from({ length: 1_000 }, (_, value) => ({ value })));
    const { incarnation } = await stage.source.place(product, { kind: 'latest' });
    const seen: number[] = [];
    for await (const scan of stage.end(0).remote.source.range(product, incarnation, 0, 0, 1_000)) {
      seen.push(...scan.events.map(({ offset }) => offset));
      for (let i = 0; i < 20; i += 1) await turn();
      expect(stage.source.reads.at(-1)?.to).toBeLessThanOrEqual(seen.length + 20);
      if (seen.length >= 100) break;
    }
    while (stage.source.openRanges > 0) await turn();
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i));
  });
});

describe('a scan as bytes', () => {
  const event = fc.record({
    time: fc.integer(),
    topic: fc.string({ unit: 'binary' }),
    key: fc.option(fc.string({ unit: 'binary' })),
    data: fc.option(fc.dictionary(fc.string(), fc.jsonValue()), { freq: 4 }),
  });

  test('comes back as it was, in consecutive pieces where it is large', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(event, { freq: 4 }), { maxLength: 30 }),
        fc.nat(1_000),
        fc.integer({ min: 64, max: 8_000_000 }),
        (entries, from, bytes) => {
          const events = entries.flatMap((entry, i) =>
            entry === null
              ? []
              : [
                  {
                    partition: 3,
                    offset: from + i,
                    time: entry.time,
                    op: entry.data === null ? ('DELETE' as const) : ('UPSERT' as const),
                    topic: entry.topic,
                    unknownLevels: entry.data === null ? 5 : 0,
                    key: entry.key,
                    conflationKey: entry.key,
                    traceparent: null,
                    // As it is after any JSON: -0 is 0, and what no data has is not there.
                    data: JSON.parse(JSON.stringify(entry.data)),
                    keyData: entry.data === null ? { a: 1 } : null,
                  },
                ],
          );
          const to = from + entries.length;
          const scan: Scan = {
            product,
            incarnation: 'life',
            partition: 3,
            from,
            to,
            interest: 7,
            projection: 'contract',
            events,
            end: to + 5,
            first: 0,
            bytes,
          };
          const pieces = encodeScan(scan).map(({ body }) => decodeScan(product, body));
          expect(pieces.flatMap((piece) => piece.events)).toEqual(events);
          let next = from;
          for (const piece of pieces) {
            expect(piece.from).toBe(next);
            next = piece.to;
            const { events: _events, from: _from, to: _to, bytes: _bytes, ...same } = scan;
            expect(piece).toMatchObject(same);
          }
          expect(next).toBe(to);
          if (bytes <= 1_048_576) expect(pieces).toEqual([scan]);
          else if (events.length > 1) expect(pieces.length).toBeGreaterThan(1);
        },
      ),
    );
  });
});
