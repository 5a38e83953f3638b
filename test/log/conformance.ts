import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  type Appended,
  type AppendRecord,
  type Header,
  type Log,
  LogError,
  type LogErrorKind,
  type LogScan,
  type TailHandler,
} from '../../src/core/log/index.ts';
import { collect, Recorder, scanFaults } from './recorder.ts';

/** A log and what a test must be able to do to its storage. Every hook resolves when the storage has done it. */
export interface LogUnderTest extends AsyncDisposable {
  readonly log: Log;
  /** One more adapter on the same storage, as another process would have it. The test disposes it. */
  readonly another: () => Promise<Log>;
  readonly deleteTopic: (topic: string) => Promise<void>;
  readonly addPartitions: (topic: string, partitions: number) => Promise<void>;
  /** Retention passes the partition: its first offset is `before` now. */
  readonly expire: (topic: string, partition: number, before: number) => Promise<void>;
  /** A value of so many bytes is more than the log takes. */
  readonly tooLarge: number;
}

/** Holds an adapter to each sentence of the comments of core/log/log.ts. */
export function logConformance(title: string, open: () => Promise<LogUnderTest>): void {
  describe(`${title} is a log`, () => {
    let under: LogUnderTest;
    let log: Log;

    beforeAll(async () => {
      under = await open();
      log = under.log;
    });

    afterAll(async () => {
      await under[Symbol.asyncDispose]();
    });

    const make = async (partitions = 1, on: Log = log): Promise<string> => {
      const topic = `conformance-${randomUUID()}`;
      await on.create(topic, { partitions, cleanup: 'delete' });
      return topic;
    };

    const watch = (
      topic: string,
      incarnation: Appended['incarnation'],
      from: ReadonlyMap<number, number>,
      on: Log = log,
    ) => {
      const recorder = new Recorder(from);
      const tail = on.tail(topic, incarnation, from, recorder);
      return { recorder, tail, [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose]() };
    };

    const recreate = async (topic: string, partitions: number) => {
      await under.deleteTopic(topic);
      await log.create(topic, { partitions, cleanup: 'delete' });
    };

    describe('describing', () => {
      test('a topic is described with its partitions and an incarnation that does not change', async () => {
        const topic = await make(3);
        const description = await log.describe(topic);
        expect(description).toMatchObject({ topic, partitions: 3 });
        expect(description.incarnation.cluster).not.toBe('');
        expect(description.incarnation.topic).not.toBe('');
        await log.append(topic, numbered(0, 5));
        expect(await log.describe(topic)).toEqual(description);
      });

      test('topics of one cluster share its id and have ids of their own', async () => {
        const one = await log.describe(await make());
        const two = await log.describe(await make());
        expect(two.incarnation.cluster).toBe(one.incarnation.cluster);
        expect(two.incarnation.topic).not.toBe(one.incarnation.topic);
      });

      test('a topic that was deleted and created anew is another incarnation', async () => {
        const topic = await make();
        const before = await log.describe(topic);
        await recreate(topic, 1);
        const after = await log.describe(topic);
        expect(after.incarnation.cluster).toBe(before.incarnation.cluster);
        expect(after.incarnation.topic).not.toBe(before.incarnation.topic);
      });

      test('what does not exist is UNKNOWN_TOPIC, and asking does not create it', async () => {
        const topic = `conformance-${randomUUID()}`;
        await refused(log.describe(topic), 'UNKNOWN_TOPIC');
        await refused(log.extents(topic), 'UNKNOWN_TOPIC');
        await refused(log.offsetsAt(topic, Date.now()), 'UNKNOWN_TOPIC');
        await refused(log.append(topic, numbered(0, 1)), 'UNKNOWN_TOPIC');
        await refused(log.describe(topic), 'UNKNOWN_TOPIC');
      });

      test('creating what exists is EXISTS and changes nothing', async () => {
        const topic = await make(2);
        const before = await log.describe(topic);
        await refused(log.create(topic, { partitions: 5, cleanup: 'delete' }), 'EXISTS');
        expect(await log.describe(topic)).toEqual(before);
      });

      test('a log that works answers a ping and knows its name', async () => {
        await log.ping();
        expect(log.name).not.toBe('');
      });
    });

    describe('extents and times', () => {
      test('an empty topic begins and ends at 0 in every partition, in order of partition', async () => {
        expect(await log.extents(await make(3))).toEqual(
          [0, 1, 2].map((partition) => ({ partition, first: 0, end: 0 })),
        );
      });

      test('the end is the offset after the last record, and the first moves with retention', async () => {
        const topic = await make(2);
        await log.append(topic, numbered(1, 10));
        expect(await log.extents(topic)).toEqual([
          { partition: 0, first: 0, end: 0 },
          { partition: 1, first: 0, end: 10 },
        ]);
        await under.expire(topic, 1, 4);
        expect((await log.extents(topic))[1]).toEqual({ partition: 1, first: 4, end: 10 });
      });

      test('a time is the first offset at or after it, else the end, per partition', async () => {
        const topic = await make(2);
        const base = Date.now() - 600_000;
        await log.append(
          topic,
          [0, 10, 20, 30].map((after) => ({ ...plain(0, `${after}`), timestamp: base + after })),
        );
        await log.append(topic, [{ ...plain(1, 'x'), timestamp: base + 15 }]);
        expect(await log.offsetsAt(topic, base - 1)).toEqual([0, 0]);
        expect(await log.offsetsAt(topic, base)).toEqual([0, 0]);
        expect(await log.offsetsAt(topic, base + 1)).toEqual([1, 0]);
        expect(await log.offsetsAt(topic, base + 10)).toEqual([1, 0]);
        expect(await log.offsetsAt(topic, base + 16)).toEqual([2, 1]);
        expect(await log.offsetsAt(topic, base + 30)).toEqual([3, 1]);
        expect(await log.offsetsAt(topic, base + 31)).toEqual([4, 1]);
      });

      test('a time is found where timestamps go back and forth', async () => {
        const topic = await make();
        const base = Date.now() - 600_000;
        await log.append(
          topic,
          [50, 10, 90, 20, 95].map((after) => ({ ...plain(0, `${after}`), timestamp: base + after })),
        );
        expect(await log.offsetsAt(topic, base + 15)).toEqual([0]);
        expect(await log.offsetsAt(topic, base + 60)).toEqual([2]);
        expect(await log.offsetsAt(topic, base + 92)).toEqual([4]);
      });

      test('a time before what retention left is the first offset still held', async () => {
        const topic = await make();
        const base = Date.now() - 600_000;
        await log.append(
          topic,
          [0, 10, 20, 30].map((after) => ({ ...plain(0, `${after}`), timestamp: base + after })),
        );
        await under.expire(topic, 0, 2);
        expect(await log.offsetsAt(topic, base)).toEqual([2]);
        expect(await log.offsetsAt(topic, base + 25)).toEqual([3]);
      });
    });

    describe('appending', () => {
      test('positions come back one per record, in order, with the incarnation', async () => {
        const topic = await make();
        const { incarnation } = await log.describe(topic);
        const first = await log.append(topic, numbered(0, 3));
        const second = await log.append(topic, numbered(0, 2));
        expect(first.map(({ offset }) => offset)).toEqual([0, 1, 2]);
        expect(second.map(({ offset }) => offset)).toEqual([3, 4]);
        for (const position of [...first, ...second]) expect(position).toMatchObject({ partition: 0, incarnation });
      });

      test('records of several partitions come back in the order they were given', async () => {
        const topic = await make(3);
        const given = [2, 0, 2, 1, 0].map((partition, index) => plain(partition, `${index}`));
        const positions = await log.append(topic, given);
        expect(positions.map(({ partition, offset }) => [partition, offset])).toEqual([
          [2, 0],
          [0, 0],
          [2, 1],
          [1, 0],
          [0, 1],
        ]);
        for (const [index, { partition, offset }] of positions.entries()) {
          const [record] = await read(log, topic, partition, offset, offset + 1);
          expect(record?.value?.toString()).toBe(`${index}`);
        }
      });

      test("a key goes to the partition that Kafka's own producer chooses", async () => {
        const topic = await make(7);
        // (murmur2 & 0x7fffffff) % 7, with murmur2 as in the tests of Apache Kafka.
        const vectors = {
          '21': -973932308,
          foobar: -790332482,
          'a-little-bit-long-string': -985981536,
          'a-little-bit-longer-string': -1486304829,
          abc: 479470107,
        };
        const keys = Object.keys(vectors);
        const positions = await log.append(
          topic,
          keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from('x') })),
        );
        expect(positions.map(({ partition }) => partition)).toEqual(
          Object.values(vectors).map((hash) => (hash & 0x7fffffff) % 7),
        );
      });

      test('a record without a key goes to some partition that exists', async () => {
        const topic = await make(3);
        const positions = await log.append(
          topic,
          Array.from({ length: 30 }, () => ({ key: null, value: Buffer.from('x') })),
        );
        for (const { partition } of positions) expect([0, 1, 2]).toContain(partition);
        const extents = await log.extents(topic);
        expect(extents.reduce((sum, { end }) => sum + end, 0)).toBe(30);
      });

      test('an empty key is a key', async () => {
        const topic = await make(5);
        const record = { key: Buffer.alloc(0), value: Buffer.from('x') };
        const positions = await log.append(topic, [record, record, record, record]);
        expect(new Set(positions.map(({ partition }) => partition)).size).toBe(1);
        const [back] = await read(log, topic, positions[0]?.partition ?? -1, 0, 1);
        expect(back?.key).toEqual(Buffer.alloc(0));
      });

      test('the timestamp is now unless one is given', async () => {
        const topic = await make();
        const before = Date.now();
        const given = before - 60_000;
        const positions = await log.append(topic, [plain(0, 'now'), { ...plain(0, 'then'), timestamp: given }]);
        const after = Date.now();
        const records = await read(log, topic, 0, 0, 2);
        expect(records[0]?.timestamp).toBeGreaterThanOrEqual(before - 1_000);
        expect(records[0]?.timestamp).toBeLessThanOrEqual(after + 1_000);
        expect(records[1]?.timestamp).toBe(given);
        expect(positions.map(({ timestamp }) => timestamp)).toEqual(records.map(({ timestamp }) => timestamp));
      });

      test('keys, values and headers come back byte for byte, null apart from empty', async () => {
        const topic = await make();
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
        const headers: Header[] = [
          { name: 'twice', value: Buffer.from('1') },
          { name: 'nothing', value: null },
          { name: 'twice', value: Buffer.from('2') },
          { name: 'empty', value: Buffer.alloc(0) },
          { name: 'größe', value: bytes },
        ];
        const given: AppendRecord[] = [
          { partition: 0, key: null, value: null },
          { partition: 0, key: Buffer.alloc(0), value: Buffer.alloc(0) },
          { partition: 0, key: bytes, value: bytes, headers },
          { partition: 0, key: bytes, value: null, headers: headers.slice(0, 2) },
        ];
        await log.append(topic, given);
        const records = await read(log, topic, 0, 0, 4);
        expect(records.map(({ key, value }) => [key, value])).toEqual(given.map(({ key, value }) => [key, value]));
        for (const [index, record] of records.entries())
          expect(sorted(record.headers)).toEqual(sorted(given[index]?.headers ?? []));
        const twice = records[2]?.headers.filter(({ name }) => name === 'twice').map(({ value }) => value?.toString());
        expect(twice).toEqual(['1', '2']);
      });

      test('a record of a million bytes passes', async () => {
        const topic = await make();
        const value = Buffer.alloc(1_000_000, 'abcdefg');
        await log.append(topic, [{ partition: 0, key: null, value }]);
        const [record] = await read(log, topic, 0, 0, 1);
        expect(record?.value?.equals(value)).toBe(true);
      });

      test('a record larger than the log takes is TOO_LARGE and nothing is written', async () => {
        const topic = await make();
        const large = { partition: 0, key: null, value: Buffer.alloc(under.tooLarge, 1) };
        await refused(log.append(topic, [plain(0, 'before'), large, plain(0, 'after')]), 'TOO_LARGE');
        expect(await log.extents(topic)).toEqual([{ partition: 0, first: 0, end: 0 }]);
        expect((await log.append(topic, [plain(0, 'next')]))[0]?.offset).toBe(0);
      });

      test('thousands of records in one call keep their order', async () => {
        const topic = await make(2);
        const given = Array.from({ length: 5_000 }, (_, index) => plain(index % 2, `${index}`));
        const positions = await log.append(topic, given);
        expect(positions.map(({ offset }) => offset)).toEqual(given.map((_, index) => Math.floor(index / 2)));
        const records = await read(log, topic, 1, 0, 2_500);
        expect(records.map(({ value }) => Number(value))).toEqual(
          Array.from({ length: 2_500 }, (_, index) => 2 * index + 1),
        );
      });

      test('appending nothing writes nothing', async () => {
        const topic = await make();
        expect(await log.append(topic, [])).toEqual([]);
        expect((await log.extents(topic))[0]?.end).toBe(0);
      });
    });

    describe('tailing', () => {
      test('a tail reads what is there and then what comes, in order and without gaps', async () => {
        const topic = await make(2);
        await log.append(topic, [...numbered(0, 100), ...numbered(1, 100)]);
        const { incarnation } = await log.describe(topic);
        await using watching = watch(
          topic,
          incarnation,
          new Map([
            [0, 0],
            [1, 0],
          ]),
        );
        const { recorder } = watching;
        await Promise.all([recorder.reads(0, 100), recorder.reads(1, 100)]);
        await log.append(topic, [...numbered(0, 50, 100), ...numbered(1, 50, 100)]);
        await Promise.all([recorder.reads(0, 150), recorder.reads(1, 150)]);
        for (const partition of [0, 1]) {
          expect(recorder.records(partition).map(({ value }) => value?.toString())).toEqual(texts(0, 150));
          expect(recorder.records(partition).map(({ offset }) => offset)).toEqual(
            Array.from({ length: 150 }, (_, index) => index),
          );
        }
        for (const scan of recorder.scans) expect(scan.incarnation).toEqual(incarnation);
        expect(recorder.broken).toEqual([]);
        expect(recorder.reached.filter((reached) => !reached)).toEqual([]);
      });

      test('a tail begins at the offset given, and reads only the partitions given', async () => {
        const topic = await make(2);
        await log.append(topic, [...numbered(0, 10), ...numbered(1, 10)]);
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[1, 7]]));
        const { recorder } = watching;
        await recorder.reads(1, 10);
        await recorder.anotherScan(1);
        expect(recorder.records().map(({ value }) => value?.toString())).toEqual(['7', '8', '9']);
        expect(recorder.of(0)).toEqual([]);
        expect(recorder.broken).toEqual([]);
      });

      test('a tail from the end reads only what is appended after', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[0, 10]]));
        const { recorder } = watching;
        await recorder.anotherScan(0);
        await log.append(topic, numbered(0, 1, 10));
        await recorder.reads(0, 11);
        expect(recorder.records().map(({ offset }) => offset)).toEqual([10]);
        expect(recorder.broken).toEqual([]);
      });

      test('a quiet partition says at least each second that its leader answers', async () => {
        const topic = await make(2);
        await log.append(topic, numbered(0, 3));
        const { incarnation } = await log.describe(topic);
        await using watching = watch(
          topic,
          incarnation,
          new Map([
            [0, 3],
            [1, 0],
          ]),
        );
        const { recorder } = watching;
        const times: number[] = [];
        for (let round = 0; round < 4; round += 1) {
          const scan = await recorder.anotherScan(0);
          expect(scan).toMatchObject({ from: 3, to: 3, records: [], first: 0, end: 3 });
          times.push(performance.now());
        }
        // A second, and what a busy machine adds to any timer.
        for (let round = 1; round < times.length; round += 1)
          expect((times[round] ?? 0) - (times[round - 1] ?? 0)).toBeLessThan(1_500);
        expect(recorder.of(1).length).toBeGreaterThan(1);
        expect(recorder.broken).toEqual([]);
      });

      test('each scan tells the extent as it was when it was read', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        await under.expire(topic, 0, 4);
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[0, 4]]));
        await watching.recorder.reads(0, 10);
        expect(watching.recorder.scans[0]).toMatchObject({ from: 4, first: 4, end: 10 });
      });

      test('a paused partition is silent, the others go on, and resuming misses nothing', async () => {
        const topic = await make(2);
        const { incarnation } = await log.describe(topic);
        await using watching = watch(
          topic,
          incarnation,
          new Map([
            [0, 0],
            [1, 0],
          ]),
        );
        const { recorder, tail } = watching;
        await recorder.anotherScan(0);
        tail.pause(0);
        const before = recorder.of(0).length;
        await log.append(topic, [...numbered(0, 20), ...numbered(1, 20)]);
        await recorder.reads(1, 20);
        await recorder.anotherScan(1);
        await recorder.anotherScan(1);
        expect(recorder.of(0).length).toBe(before);
        tail.resume(0);
        await recorder.reads(0, 20);
        expect(recorder.records(0).map(({ value }) => value?.toString())).toEqual(texts(0, 20));
        expect(recorder.broken).toEqual([]);
      });

      test('a handler may pause from inside a scan and then gets no other', async () => {
        const topic = await make();
        const value = Buffer.alloc(1_000, 'x');
        for (let round = 0; round < 6; round += 1) {
          await log.append(
            topic,
            Array.from({ length: 500 }, () => ({ partition: 0, key: null, value })),
          );
        }
        const { incarnation } = await log.describe(topic);
        const recorder = new Recorder();
        const handler: TailHandler = {
          scan(scan) {
            tail.pause(0);
            recorder.scan(scan);
          },
          failed: (partition, error) => recorder.failed(partition, error),
          grown: (partitions) => recorder.grown(partitions),
          reachable: (reachable) => recorder.reachable(reachable),
        };
        await using tail = log.tail(topic, incarnation, new Map([[0, 0]]), handler);
        for (let round = 1; (recorder.next(0) ?? 0) < 3_000; round += 1) {
          await recorder.until(() => recorder.of(0).length >= round, `scan ${round}`);
          expect(recorder.of(0).length).toBe(round);
          tail.resume(0);
        }
        expect(recorder.records().length).toBe(3_000);
        expect(recorder.broken).toEqual([]);
      });

      test('tails of one topic do not disturb each other', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        const { incarnation } = await log.describe(topic);
        await using one = watch(topic, incarnation, new Map([[0, 0]]));
        await using two = watch(topic, incarnation, new Map([[0, 5]]));
        await Promise.all([one.recorder.reads(0, 10), two.recorder.reads(0, 10)]);
        one.tail.pause(0);
        await log.append(topic, numbered(0, 5, 10));
        await two.recorder.reads(0, 15);
        expect(one.recorder.records().length).toBe(10);
        expect(two.recorder.records().length).toBe(10);
        one.tail.resume(0);
        await one.recorder.reads(0, 15);
        expect([...one.recorder.broken, ...two.recorder.broken]).toEqual([]);
      });

      test('partitions that are added are announced and read from their first offset', async () => {
        const topic = await make(1);
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[0, 0]]));
        const { recorder } = watching;
        await recorder.anotherScan(0);
        await under.addPartitions(topic, 3);
        await log.append(topic, [...numbered(1, 4), ...numbered(2, 4), ...numbered(0, 4)]);
        await Promise.all([0, 1, 2].map((partition) => recorder.reads(partition, 4)));
        expect(recorder.growth).toEqual([3]);
        expect(recorder.records(2).map(({ value }) => value?.toString())).toEqual(texts(0, 4));
        expect(recorder.broken).toEqual([]);
      });

      test('a position before what is held fails its partition with the extent, and the others go on', async () => {
        const topic = await make(2);
        await log.append(topic, [...numbered(0, 10), ...numbered(1, 10)]);
        await under.expire(topic, 0, 6);
        const { incarnation } = await log.describe(topic);
        await using watching = watch(
          topic,
          incarnation,
          new Map([
            [0, 3],
            [1, 0],
          ]),
        );
        const { recorder } = watching;
        const error = await recorder.fails(0);
        expect(error).toBeInstanceOf(LogError);
        expect(error).toMatchObject({ kind: 'OUT_OF_RANGE', extent: { partition: 0, first: 6, end: 10 } });
        await recorder.reads(1, 10);
        await recorder.anotherScan(1);
        expect(recorder.of(0)).toEqual([]);
        expect(recorder.failures.size).toBe(1);
        expect(recorder.broken).toEqual([]);
      });

      test('a position after the end is out of range, with the extent', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[0, 11]]));
        expect(await watching.recorder.fails(0)).toMatchObject({
          kind: 'OUT_OF_RANGE',
          extent: { partition: 0, first: 0, end: 10 },
        });
      });

      test('retention that passes a paused reader fails its partition', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 5));
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[0, 0]]));
        const { recorder, tail } = watching;
        await recorder.reads(0, 5);
        tail.pause(0);
        // More than any reader fetches ahead.
        const value = Buffer.alloc(50_000, 'x');
        for (let round = 0; round < 30; round += 1) {
          await log.append(
            topic,
            Array.from({ length: 15 }, () => ({ partition: 0, key: null, value })),
          );
        }
        const end = 5 + 450;
        await under.expire(topic, 0, end);
        tail.resume(0);
        expect(await recorder.fails(0)).toMatchObject({
          kind: 'OUT_OF_RANGE',
          extent: { partition: 0, first: end, end },
        });
        expect(recorder.broken).toEqual([]);
      });

      test('a reader paused while its topic is deleted, created anew and refilled past its position gets RECREATED and no record of the new one', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[0, 0]]));
        const { recorder, tail } = watching;
        await recorder.reads(0, 10);
        tail.pause(0);
        await recreate(topic, 1);
        await log.append(topic, numbered(0, 50, 1_000));
        tail.resume(0);
        expect((await recorder.fails(0)).kind).toBe('RECREATED');
        expect(recorder.records().map(({ value }) => value?.toString())).toEqual(texts(0, 10));
        expect(recorder.broken).toEqual([]);
      });

      test('a reader at the live edge gets RECREATED when its topic is another one, in every partition', async () => {
        const topic = await make(2);
        await log.append(topic, [...numbered(0, 3), ...numbered(1, 3)]);
        const { incarnation } = await log.describe(topic);
        await using watching = watch(
          topic,
          incarnation,
          new Map([
            [0, 0],
            [1, 0],
          ]),
        );
        const { recorder } = watching;
        await Promise.all([recorder.reads(0, 3), recorder.reads(1, 3)]);
        await recreate(topic, 2);
        await log.append(topic, [...numbered(0, 9, 1_000), ...numbered(1, 9, 1_000)]);
        expect((await recorder.fails(0)).kind).toBe('RECREATED');
        expect((await recorder.fails(1)).kind).toBe('RECREATED');
        expect(recorder.records().length).toBe(6);
      });

      test('a tail of an incarnation that is gone fails with RECREATED', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 5));
        const { incarnation } = await log.describe(topic);
        await recreate(topic, 1);
        await log.append(topic, numbered(0, 20, 1_000));
        await using watching = watch(topic, incarnation, new Map([[0, 5]]));
        expect((await watching.recorder.fails(0)).kind).toBe('RECREATED');
        expect(watching.recorder.records()).toEqual([]);
      });
    });

    describe('ranges', () => {
      test('a range covers exactly what was asked for, in consecutive scans of bounded size', async () => {
        const topic = await make();
        const value = Buffer.alloc(1_000, 'x');
        for (let round = 0; round < 5; round += 1) {
          await log.append(
            topic,
            Array.from({ length: 200 }, () => ({ partition: 0, key: null, value })),
          );
        }
        const { incarnation } = await log.describe(topic);
        const scans = await collect(log.range(topic, incarnation, 0, 100, 900, { maxBytes: 50_000 }));
        expect(faults(scans, 100)).toEqual([]);
        expect(scans.at(-1)?.to).toBe(900);
        expect(scans.flatMap(({ records }) => records.map(({ offset }) => offset))).toEqual(
          Array.from({ length: 800 }, (_, index) => 100 + index),
        );
        expect(scans.length).toBeGreaterThan(4);
        for (const scan of scans) {
          expect(scan).toMatchObject({ incarnation, partition: 0, first: 0, end: 1_000 });
          expect(scan.to).toBeGreaterThan(scan.from);
        }
      });

      test('a range never goes beyond the end', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        const { incarnation } = await log.describe(topic);
        const scans = await collect(log.range(topic, incarnation, 0, 4, 1_000_000));
        expect(faults(scans, 4)).toEqual([]);
        expect(scans.at(-1)?.to).toBe(10);
      });

      test('an empty range yields no scan', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        const { incarnation } = await log.describe(topic);
        expect(await collect(log.range(topic, incarnation, 0, 5, 5))).toEqual([]);
        expect(await collect(log.range(topic, incarnation, 0, 10, 20))).toEqual([]);
      });

      test('a record larger than maxBytes still passes, alone', async () => {
        const topic = await make();
        await log.append(topic, [
          plain(0, 'small'),
          { partition: 0, key: null, value: Buffer.alloc(300_000, 'x') },
          plain(0, 'small'),
        ]);
        const { incarnation } = await log.describe(topic);
        const scans = await collect(log.range(topic, incarnation, 0, 0, 3, { maxBytes: 1_000 }));
        expect(faults(scans, 0)).toEqual([]);
        expect(scans.flatMap(({ records }) => records).map(({ value }) => value?.length)).toEqual([5, 300_000, 5]);
      });

      test('a consumer that stops early ends the range, and the log goes on', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 1_000));
        const { incarnation } = await log.describe(topic);
        let seen = 0;
        for await (const scan of log.range(topic, incarnation, 0, 0, 1_000, { maxBytes: 500 })) {
          seen += scan.records.length;
          break;
        }
        expect(seen).toBeGreaterThan(0);
        expect((await read(log, topic, 0, 0, 1_000)).length).toBe(1_000);
      });

      test('two ranges and a tail read side by side', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 2_000));
        const { incarnation } = await log.describe(topic);
        await using watching = watch(topic, incarnation, new Map([[0, 2_000]]));
        const [one, two] = await Promise.all([
          collect(log.range(topic, incarnation, 0, 0, 2_000, { maxBytes: 5_000 })),
          collect(log.range(topic, incarnation, 0, 500, 1_500, { maxBytes: 5_000 })),
          watching.recorder.anotherScan(0),
        ]);
        expect([...faults(one, 0), ...faults(two, 500), ...watching.recorder.broken]).toEqual([]);
        expect(one.at(-1)?.to).toBe(2_000);
        expect(two.at(-1)?.to).toBe(1_500);
      });

      test('a range outside of what is held is OUT_OF_RANGE, with the extent', async () => {
        const topic = await make();
        await log.append(topic, numbered(0, 10));
        await under.expire(topic, 0, 4);
        const { incarnation } = await log.describe(topic);
        const before = await refused(collect(log.range(topic, incarnation, 0, 3, 10)), 'OUT_OF_RANGE');
        expect(before.extent).toEqual({ partition: 0, first: 4, end: 10 });
        const after = await refused(collect(log.range(topic, incarnation, 0, 11, 20)), 'OUT_OF_RANGE');
        expect(after.extent).toEqual({ partition: 0, first: 4, end: 10 });
      });

      test('retention that passes a range while it is read is OUT_OF_RANGE, with the extent', async () => {
        const topic = await make();
        const value = Buffer.alloc(20_000, 'x');
        for (let round = 0; round < 10; round += 1) {
          await log.append(
            topic,
            Array.from({ length: 20 }, () => ({ partition: 0, key: null, value })),
          );
        }
        const { incarnation } = await log.describe(topic);
        const scans: LogScan[] = [];
        const reading = async () => {
          for await (const scan of log.range(topic, incarnation, 0, 0, 200, { maxBytes: 10_000 })) {
            scans.push(scan);
            if (scans.length === 1) await under.expire(topic, 0, 200);
          }
        };
        const error = await refused(reading(), 'OUT_OF_RANGE');
        expect(error.extent).toEqual({ partition: 0, first: 200, end: 200 });
        expect(faults(scans, 0)).toEqual([]);
      });

      test('a range of an incarnation that is gone is RECREATED, at its start and in its middle', async () => {
        const topic = await make();
        const value = Buffer.alloc(20_000, 'x');
        const fill = async () => {
          for (let round = 0; round < 10; round += 1) {
            await log.append(
              topic,
              Array.from({ length: 20 }, () => ({ partition: 0, key: null, value })),
            );
          }
        };
        await fill();
        const { incarnation } = await log.describe(topic);
        const reading = async () => {
          let begun = false;
          for await (const scan of log.range(topic, incarnation, 0, 0, 200, { maxBytes: 10_000 })) {
            expect(scan.incarnation).toEqual(incarnation);
            if (begun) continue;
            begun = true;
            await recreate(topic, 1);
            await fill();
          }
        };
        await refused(reading(), 'RECREATED');
        await refused(collect(log.range(topic, incarnation, 0, 0, 10)), 'RECREATED');
      });
    });

    describe('several adapters on one storage', () => {
      test('a tail of one sees what another appends, under the same incarnation', async () => {
        await using other = await under.another();
        const topic = await make();
        const mine = await log.describe(topic);
        expect((await other.describe(topic)).incarnation).toEqual(mine.incarnation);
        await using watching = watch(topic, mine.incarnation, new Map([[0, 0]]));
        await other.append(topic, numbered(0, 10));
        await watching.recorder.reads(0, 10);
        await log.append(topic, numbered(0, 10, 10));
        expect((await read(other, topic, 0, 0, 20)).map(({ value }) => value?.toString())).toEqual(texts(0, 20));
      });

      test('appends from both sides at once get each offset once and stay in order', async () => {
        await using other = await under.another();
        const topic = await make();
        const appending = async (on: Log, who: string) => {
          const offsets: number[] = [];
          for (let round = 0; round < 50; round += 1) {
            for (const { offset } of await on.append(topic, [
              plain(0, `${who}${2 * round}`),
              plain(0, `${who}${2 * round + 1}`),
            ]))
              offsets.push(offset);
          }
          return offsets;
        };
        const [a, b] = await Promise.all([appending(log, 'a'), appending(other, 'b')]);
        expect([...a, ...b].sort((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, index) => index));
        const values = (await read(log, topic, 0, 0, 200)).map(({ value }) => value?.toString() ?? '');
        for (const [who, offsets] of [
          ['a', a],
          ['b', b],
        ] as const) {
          expect(values.filter((value) => value.startsWith(who))).toEqual(texts(0, 100).map((text) => who + text));
          expect(offsets.map((offset) => values[offset])).toEqual(texts(0, 100).map((text) => who + text));
        }
      });
    });

    describe('ending', () => {
      test('a tail that was disposed says nothing more', async () => {
        const topic = await make();
        const { incarnation } = await log.describe(topic);
        const ended = watch(topic, incarnation, new Map([[0, 0]]));
        await using watching = watch(topic, incarnation, new Map([[0, 0]]));
        await ended.recorder.anotherScan(0);
        await ended.tail[Symbol.asyncDispose]();
        const said = ended.recorder.scans.length;
        await log.append(topic, numbered(0, 5));
        await watching.recorder.reads(0, 5);
        await watching.recorder.anotherScan(0);
        expect(ended.recorder.scans.length).toBe(said);
        expect(ended.recorder.failures.size).toBe(0);
        ended.tail.pause(0);
        ended.tail.resume(0);
        await ended.tail[Symbol.asyncDispose]();
      });

      test('a log that was disposed stops its tails and refuses further calls', async () => {
        const other = await under.another();
        const topic = await make();
        const { incarnation } = await other.describe(topic);
        const ended = watch(topic, incarnation, new Map([[0, 0]]), other);
        await ended.recorder.anotherScan(0);
        await other[Symbol.asyncDispose]();
        const said = ended.recorder.scans.length;
        await using watching = watch(topic, incarnation, new Map([[0, 0]]));
        await log.append(topic, numbered(0, 5));
        await watching.recorder.reads(0, 5);
        await watching.recorder.anotherScan(0);
        expect(ended.recorder.scans.length).toBe(said);
        expect(ended.recorder.failures.size).toBe(0);
        await refused(other.append(topic, numbered(0, 1)), 'UNAVAILABLE');
        await refused(other.ping(), 'UNAVAILABLE');
        await other[Symbol.asyncDispose]();
      });
    });
  });
}

/** Records whose values are the numbers from `start`, in one partition. */
function numbered(partition: number, count: number, start = 0): AppendRecord[] {
  return texts(start, count).map((text) => plain(partition, text));
}

function plain(partition: number, text: string): AppendRecord {
  return { partition, key: null, value: Buffer.from(text) };
}

function texts(start: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${start + index}`);
}

async function read(log: Log, topic: string, partition: number, from: number, to: number) {
  const { incarnation } = await log.describe(topic);
  return (await collect(log.range(topic, incarnation, partition, from, to))).flatMap(({ records }) => records);
}

function faults(scans: readonly LogScan[], from: number): string[] {
  let next = from;
  return scans.flatMap((scan) => {
    const found = scanFaults(scan, next);
    next = scan.to;
    return found;
  });
}

async function refused(attempt: Promise<unknown>, kind: LogErrorKind): Promise<LogError> {
  const error = await attempt.then(
    (value) => expect.fail(`${kind} was expected, but it answered ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LogError);
  expect((error as LogError).kind, (error as LogError).message).toBe(kind);
  return error as LogError;
}

/** Kafka clients may group headers by name: the order among different names is not promised, that of one name is. */
function sorted(headers: readonly Header[]): Header[] {
  return [...headers].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
