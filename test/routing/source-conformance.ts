/**
 * What every Source promises (core/routing/source.ts), as one suite. An adapter is opened as a bench: a product with two
 * partitions of an empty log, and the hands that write and break it from outside.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PublicEvent } from '../../src/core/contract/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import type { Placement, Scan, Source, SourceHandler, SourceTail } from '../../src/core/routing/index.ts';

export interface SourceBench extends AsyncDisposable {
  readonly source: Source;
  /** Served, with two partitions. */
  readonly product: string;
  /** Appends events to a partition; resolves when readers may see them. `time`: ms since the epoch, the same for all. */
  write(partition: number, values: readonly number[], time?: number): Promise<void>;
  /** The number that was written. */
  valueOf(event: PublicEvent): number;
  /** Deletes the log and creates it anew, empty. */
  recreate(): Promise<void>;
  grow(partitions: number): Promise<void>;
  /** Retention: positions before `first` are gone. */
  trim(partition: number, first: number): Promise<void>;
  /** What append takes as an event with this value. */
  publishable(value: number): {
    readonly key: string;
    readonly data: Record<string, unknown>;
    readonly traceparent: null;
  };
}

/** Collects what a tail tells, and wakes whoever waits for it. */
class Listener implements SourceHandler {
  readonly scans: Scan[] = [];
  readonly failures: SluiceError[] = [];
  partitions = 0;
  #waiting: (() => void)[] = [];

  scan(scan: Scan): void {
    this.scans.push(scan);
    this.#wake();
  }

  grown(partitions: number): void {
    this.partitions = partitions;
    this.#wake();
  }

  failed(error: SluiceError): void {
    this.failures.push(error);
    this.#wake();
  }

  events(partition: number): PublicEvent[] {
    return this.scans.filter((scan) => scan.partition === partition).flatMap(({ events }) => events);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

export function sourceConformance(name: string, open: () => Promise<SourceBench>): void {
  describe(`the Source ${name}`, () => {
    let bench: SourceBench;
    const tails: SourceTail[] = [];
    beforeEach(async () => {
      bench = await open();
    });
    afterEach(async () => {
      for (const tail of tails.splice(0)) tail.close();
      await bench[Symbol.asyncDispose]();
    });

    const follow = (from: Placement, partitions?: readonly number[]): Listener => {
      const listener = new Listener();
      tails.push(bench.source.tail(bench.product, from, listener, partitions === undefined ? {} : { partitions }));
      return listener;
    };
    const place = (kind: 'latest' | 'earliest'): Promise<Placement> => bench.source.place(bench.product, { kind });
    const values = (events: readonly PublicEvent[]): number[] => events.map((event) => bench.valueOf(event));
    const read = async (
      placement: Placement,
      partition: number,
      from: number,
      to: number,
      maxBytes?: number,
    ): Promise<Scan[]> => {
      const options = maxBytes === undefined ? {} : { maxBytes };
      const scans: Scan[] = [];
      for await (const scan of bench.source.range(bench.product, placement.incarnation, partition, from, to, options))
        scans.push(scan);
      return scans;
    };
    const refusal = async (promise: Promise<unknown>): Promise<SluiceError> => {
      const error = await promise.then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof SluiceError)) throw new Error(`not refused with a SluiceError: ${String(error)}`);
      return error;
    };

    test('places earliest at the first offsets and latest at the ends, in one incarnation', async () => {
      await bench.write(0, [1, 2, 3]);
      await bench.write(1, [4]);
      const [first, last] = [await place('earliest'), await place('latest')];
      expect([first.vector, last.vector]).toEqual([
        [0, 0],
        [3, 1],
      ]);
      expect(first.incarnation).toBe(last.incarnation);
      const extent = await bench.source.extent(bench.product);
      expect([extent.incarnation, [...extent.first], [...extent.end]]).toEqual([first.incarnation, [0, 0], [3, 1]]);
    });

    test('latest, asked for after an append was acknowledged, lies after it', async () => {
      for (let i = 1; i <= 20; i++) {
        await bench.write(0, [i]);
        expect((await place('latest')).vector).toEqual([i, 0]);
      }
    });

    test('places a time at the first event at or after it, partitions without one at their end', async () => {
      // Within what a broker keeps: its retention may look at any moment.
      const then = Date.now() - 3_600_000;
      await bench.write(0, [1], then);
      await bench.write(0, [2], then + 1_000);
      await bench.write(0, [3], then + 2_000);
      await bench.write(1, [4], then);
      const at = async (time: number): Promise<readonly number[]> =>
        (await bench.source.place(bench.product, { kind: 'time', time })).vector;
      expect(await at(then)).toEqual([0, 0]);
      expect(await at(then + 1)).toEqual([1, 1]);
      expect(await at(then + 1_000)).toEqual([1, 1]);
      expect(await at(then + 3_000)).toEqual([3, 1]);
    });

    test('places a cursor where it stands, if that is held', async () => {
      await bench.write(0, [1, 2, 3]);
      const { incarnation } = await place('latest');
      const placed = await bench.source.place(bench.product, { kind: 'at', incarnation, vector: [2, 0] });
      expect(placed).toEqual({ incarnation, vector: [2, 0] });
    });

    test('a position after the end, and one of another incarnation, are SOURCE_RESET', async () => {
      await bench.write(0, [1]);
      const { incarnation } = await place('latest');
      const at = (digest: string, vector: number[]) =>
        refusal(bench.source.place(bench.product, { kind: 'at', incarnation: digest, vector }));
      expect((await at(incarnation, [2, 0])).code).toBe('SOURCE_RESET');
      expect((await at('another', [0, 0])).code).toBe('SOURCE_RESET');
    });

    test('a product that is not served is NOT_FOUND', async () => {
      expect((await refusal(bench.source.place('no-such-product', { kind: 'latest' }))).code).toBe('NOT_FOUND');
      expect((await refusal(bench.source.extent('no-such-product'))).code).toBe('NOT_FOUND');
    });

    test('a tail tells everything from its placement on, contiguous and in order per partition', async () => {
      await bench.write(0, [1, 2]);
      const from = await place('latest');
      const listener = follow(from);
      for (let i = 3; i < 20; i++) await bench.write(i % 2, [i]);
      await listener.until(() => listener.events(0).length === 8 && listener.events(1).length === 9);
      expect(values(listener.events(0))).toEqual([4, 6, 8, 10, 12, 14, 16, 18]);
      expect(values(listener.events(1))).toEqual([3, 5, 7, 9, 11, 13, 15, 17, 19]);
      for (const partition of [0, 1]) {
        let next = from.vector[partition] ?? -1;
        for (const scan of listener.scans.filter((each) => each.partition === partition)) {
          expect(scan.from).toBe(next);
          expect(scan.incarnation).toBe(from.incarnation);
          expect(scan.product).toBe(bench.product);
          expect(scan.to).toBeLessThanOrEqual(scan.end);
          for (const event of scan.events) {
            expect(event.partition).toBe(partition);
            expect(event.offset).toBeGreaterThanOrEqual(next);
            expect(event.offset).toBeLessThan(scan.to);
            next = event.offset + 1;
          }
          next = scan.to;
        }
      }
    });

    test('a tail never calls its handler from within tail()', async () => {
      await bench.write(0, [1]);
      const from = await place('earliest');
      const listener = follow(from);
      expect(listener.scans).toEqual([]);
      await listener.until(() => listener.events(0).length === 1);
    });

    test('a quiet partition yields an empty scan at least each second', async () => {
      const listener = follow(await place('latest'));
      const empty = (partition: number): number =>
        listener.scans.filter((scan) => scan.partition === partition && scan.from === scan.to).length;
      const started = performance.now();
      await listener.until(() => empty(0) >= 2 && empty(1) >= 2);
      // Two of each: the second comes within a second of the first; the rest is the start and a busy machine.
      expect(performance.now() - started).toBeLessThan(6_000);
    });

    test('nothing comes after close', async () => {
      const listener = new Listener();
      const tail = bench.source.tail(bench.product, await place('latest'), listener);
      const other = follow(await place('latest'));
      tail.close();
      const before = listener.scans.length;
      await bench.write(0, [1]);
      await other.until(() => other.events(0).length === 1);
      expect(listener.scans.length).toBe(before);
    });

    test('new partitions are told, and read from their first offset', async () => {
      const listener = follow(await place('latest'));
      await bench.grow(3);
      await bench.write(2, [7, 8]);
      await listener.until(() => listener.events(2).length === 2);
      expect(listener.partitions).toBe(3);
      expect(values(listener.events(2))).toEqual([7, 8]);
      expect(listener.scans.find((scan) => scan.partition === 2)?.from).toBe(0);
    });

    test('a tail of some partitions reads these alone, and is told of new ones', async () => {
      const from = await place('latest');
      const [some, all] = [follow(from, [1]), follow(from)];
      await bench.write(0, [1, 2]);
      await bench.write(1, [3, 4]);
      await bench.grow(3);
      await bench.write(2, [5]);
      await bench.write(1, [6]);
      await all.until(() => all.events(2).length === 1);
      await some.until(() => some.events(1).length === 3 && some.partitions === 3);
      expect(values(some.events(1))).toEqual([3, 4, 6]);
      expect(new Set(some.scans.map(({ partition }) => partition))).toEqual(new Set([1]));
    });

    test('a cursor from before the growth stands at the first offset of the new partitions', async () => {
      const { incarnation } = await place('latest');
      await bench.grow(3);
      await bench.write(2, [7]);
      const placed = await bench.source.place(bench.product, { kind: 'at', incarnation, vector: [0, 0] });
      expect(placed.vector).toEqual([0, 0, 0]);
    });

    test('a log deleted and created anew ends tails with SOURCE_RESET, and is another incarnation', async () => {
      await bench.write(0, [1, 2, 3]);
      const before = await place('latest');
      const listener = follow(before);
      await bench.recreate();
      await bench.write(0, [11, 12, 13, 14, 15]);
      await listener.until(() => listener.failures.length > 0);
      expect(listener.failures.map(({ code }) => code)).toEqual(['SOURCE_RESET']);
      expect(listener.events(0)).toEqual([]);
      expect((await place('latest')).incarnation).not.toBe(before.incarnation);
      const at = bench.source.place(bench.product, {
        kind: 'at',
        incarnation: before.incarnation,
        vector: before.vector,
      });
      expect((await refusal(at)).code).toBe('SOURCE_RESET');
      expect((await refusal(read(before, 0, 0, 3))).code).toBe('SOURCE_RESET');
    });

    test('a range is consecutive scans that cover exactly what was asked for', async () => {
      const written = Array.from({ length: 500 }, (_, i) => i);
      await bench.write(0, written);
      const placement = await place('latest');
      const scans = await read(placement, 0, 17, 480, 2_000);
      expect([scans[0]?.from, scans.at(-1)?.to]).toEqual([17, 480]);
      scans.forEach((scan, i) => {
        expect(scan.to).toBeGreaterThan(scan.from);
        if (i > 0) expect(scan.from).toBe(scans[i - 1]?.to);
      });
      expect(values(scans.flatMap(({ events }) => events))).toEqual(written.slice(17, 480));
    });

    test('a range is capped at the end, and may be left early', async () => {
      await bench.write(0, [1, 2, 3]);
      const placement = await place('latest');
      const scans = await read(placement, 0, 1, 1_000);
      expect(scans.at(-1)?.to).toBe(3);
      for await (const scan of bench.source.range(bench.product, placement.incarnation, 0, 0, 3)) {
        expect(scan.from).toBe(0);
        break;
      }
      expect(await read(placement, 0, 3, 3)).toEqual([]);
    });

    test('live scans and ranges show the same events under the same projection', async () => {
      const from = await place('latest');
      const listener = follow(from);
      await bench.write(0, [1, 2, 3]);
      await listener.until(() => listener.events(0).length === 3);
      const scans = await read(from, 0, 0, 3);
      expect(scans.flatMap(({ events }) => events)).toEqual(listener.events(0));
      expect(new Set([...scans, ...listener.scans].map(({ projection }) => projection)).size).toBe(1);
    });

    test('what retention took is CURSOR_EXPIRED with the missing range, placed or read', async () => {
      await bench.write(0, [1, 2, 3, 4, 5]);
      const before = await place('earliest');
      await bench.trim(0, 3);
      const missing = [{ partition: 0, from: 1, to: 3 }];
      const placed = await refusal(
        bench.source.place(bench.product, { kind: 'at', incarnation: before.incarnation, vector: [1, 0] }),
      );
      expect([placed.code, placed.details.missing]).toEqual(['CURSOR_EXPIRED', missing]);
      const ranged = await refusal(read(before, 0, 1, 5));
      expect([ranged.code, ranged.details.missing]).toEqual(['CURSOR_EXPIRED', missing]);
      expect((await place('earliest')).vector[0]).toBe(3);
    });

    test('append answers with positions, in order, once they can be read', async () => {
      const events = [1, 2, 3, 4].map((value) => bench.publishable(value));
      const published = await bench.source.append(bench.product, events);
      expect(published).toHaveLength(4);
      for (const [i, { incarnation, partition, offset }] of published.entries()) {
        const scans = await read({ incarnation, vector: [] }, partition, offset, offset + 1);
        expect(values(scans.flatMap((scan) => scan.events))).toEqual([i + 1]);
      }
    });

    test('appendOnce answers a repetition with what was published, of calls at once one is the first, and others have keys of their own', async () => {
      const events = [1, 2, 3, 4].map((value) => bench.publishable(value));
      const once = { key: randomUUID(), digest: 'the events', memo: 'first' };
      const [first, ...others] = await Promise.all(
        ['first', 'second', 'third'].map((memo) => bench.source.appendOnce(bench.product, events, { ...once, memo })),
      );
      expect(first).toMatchObject({ digest: 'the events', memo: 'first', isRepeated: false });
      for (const other of others) expect(other).toEqual({ ...first, isRepeated: true });
      expect(first?.published).toHaveLength(4);
      for (const [i, { incarnation, partition, offset }] of (first?.published ?? []).entries()) {
        const scans = await read({ incarnation, vector: [] }, partition, offset, offset + 1);
        expect(values(scans.flatMap((scan) => scan.events))).toEqual([i + 1]);
      }
      const { vector } = await place('latest');
      const another = await bench.source.appendOnce(bench.product, events, { ...once, key: randomUUID() });
      expect(another.isRepeated).toBe(false);
      for (const { partition, offset } of another.published)
        expect(offset).toBeGreaterThanOrEqual(vector[partition] ?? -1);
    });

    test('latest, asked for after an appendOnce was acknowledged, lies after it', async () => {
      for (let i = 1; i <= 10; i++) {
        const once = { key: randomUUID(), digest: '', memo: '' };
        const { published } = await bench.source.appendOnce(bench.product, [bench.publishable(i)], once);
        const { vector } = await place('latest');
        for (const { partition, offset } of published) expect(vector[partition]).toBeGreaterThan(offset);
      }
    });
  });
}
