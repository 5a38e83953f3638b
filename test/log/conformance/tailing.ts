import { describe, expect, test } from 'vitest';

import { LogError, type TailHandler } from '../../../src/core/log/index.ts';
import { Recorder } from '../recorder.ts';
import { type Bench, fill, numbered, texts } from './bench.ts';

/** Reading live. */
export function tailing(bench: Bench): void {
  describe('tailing', () => {
    test('a tail reads what is there and then what comes, in order and without gaps', async () => {
      const topic = await bench.make(2);
      await bench.log.append(topic, [...numbered(0, 100), ...numbered(1, 100)]);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(
        topic,
        incarnation,
        new Map([
          [0, 0],
          [1, 0],
        ]),
      );
      const { recorder } = watching;
      await Promise.all([recorder.reads(0, 100), recorder.reads(1, 100)]);
      await bench.log.append(topic, [...numbered(0, 50, 100), ...numbered(1, 50, 100)]);
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
      const topic = await bench.make(2);
      await bench.log.append(topic, [...numbered(0, 10), ...numbered(1, 10)]);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[1, 7]]));
      const { recorder } = watching;
      await recorder.reads(1, 10);
      await recorder.anotherScan(1);
      expect(recorder.records().map(({ value }) => value?.toString())).toEqual(['7', '8', '9']);
      expect(recorder.of(0)).toEqual([]);
      expect(recorder.broken).toEqual([]);
    });

    test('a tail from the end reads only what is appended after', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 10]]));
      const { recorder } = watching;
      await recorder.anotherScan(0);
      await bench.log.append(topic, numbered(0, 1, 10));
      await recorder.reads(0, 11);
      expect(recorder.records().map(({ offset }) => offset)).toEqual([10]);
      expect(recorder.broken).toEqual([]);
    });

    test('a quiet partition says at least each second that its leader answers', async () => {
      const topic = await bench.make(2);
      await bench.log.append(topic, numbered(0, 3));
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(
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
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      await bench.under.expire(topic, 0, 4);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 4]]));
      await watching.recorder.reads(0, 10);
      expect(watching.recorder.scans[0]).toMatchObject({ from: 4, first: 4, end: 10 });
    });

    test('a paused partition is silent, the others go on, and resuming misses nothing', async () => {
      const topic = await bench.make(2);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(
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
      await bench.log.append(topic, [...numbered(0, 20), ...numbered(1, 20)]);
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
      const topic = await bench.make();
      await fill(bench.log, topic, 6, 500, 1_000);
      const { incarnation } = await bench.log.describe(topic);
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
      await using tail = bench.log.tail(topic, incarnation, new Map([[0, 0]]), handler);
      for (let round = 1; (recorder.next(0) ?? 0) < 3_000; round += 1) {
        await recorder.until(() => recorder.of(0).length >= round, `scan ${round}`);
        expect(recorder.of(0).length).toBe(round);
        tail.resume(0);
      }
      expect(recorder.records().length).toBe(3_000);
      expect(recorder.broken).toEqual([]);
    });

    test('a handler may pause another partition from inside a scan, and gets none of it until it resumes', async () => {
      const topic = await bench.make(4);
      await bench.log.append(
        topic,
        [0, 1, 2, 3].flatMap((partition) => numbered(partition, 300)),
      );
      const { incarnation } = await bench.log.describe(topic);
      const recorder = new Recorder();
      // Whichever partition comes first silences the others.
      let speaking: number | undefined;
      const handler: TailHandler = {
        scan(scan) {
          if (speaking === undefined) for (const each of [0, 1, 2, 3]) if (each !== scan.partition) tail.pause(each);
          speaking ??= scan.partition;
          recorder.scan(scan);
        },
        failed: (partition, error) => recorder.failed(partition, error),
        grown: (partitions) => recorder.grown(partitions),
        reachable: (reachable) => recorder.reachable(reachable),
      };
      await using tail = bench.log.tail(topic, incarnation, new Map([0, 1, 2, 3].map((each) => [each, 0])), handler);
      await recorder.until(() => speaking !== undefined, 'the first scan');
      await recorder.reads(speaking ?? -1, 300);
      await recorder.anotherScan(speaking ?? -1);
      expect(new Set(recorder.scans.map(({ partition }) => partition))).toEqual(new Set([speaking]));
      for (const each of [0, 1, 2, 3]) tail.resume(each);
      await Promise.all([0, 1, 2, 3].map((each) => recorder.reads(each, 300)));
      expect(recorder.broken).toEqual([]);
    });

    test('a tail that is far behind catches up without waiting between its scans', async () => {
      const topic = await bench.make();
      await fill(bench.log, topic, 10, 2_000, 100);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      await watching.recorder.reads(0, 20_000);
      expect(watching.recorder.records().length).toBe(20_000);
      expect(watching.recorder.broken).toEqual([]);
    });

    test('tails of one topic do not disturb each other', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      const { incarnation } = await bench.log.describe(topic);
      await using one = bench.watch(topic, incarnation, new Map([[0, 0]]));
      await using two = bench.watch(topic, incarnation, new Map([[0, 5]]));
      await Promise.all([one.recorder.reads(0, 10), two.recorder.reads(0, 10)]);
      one.tail.pause(0);
      await bench.log.append(topic, numbered(0, 5, 10));
      await two.recorder.reads(0, 15);
      expect(one.recorder.records().length).toBe(10);
      expect(two.recorder.records().length).toBe(10);
      one.tail.resume(0);
      await one.recorder.reads(0, 15);
      expect([...one.recorder.broken, ...two.recorder.broken]).toEqual([]);
    });

    test('partitions that are added are announced and read from their first offset', async () => {
      const topic = await bench.make(1);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      const { recorder } = watching;
      await recorder.anotherScan(0);
      await bench.under.addPartitions(topic, 3);
      await bench.log.append(topic, [...numbered(1, 4), ...numbered(2, 4), ...numbered(0, 4)]);
      await Promise.all([0, 1, 2].map((partition) => recorder.reads(partition, 4)));
      expect(recorder.growth).toEqual([3]);
      expect(recorder.records(2).map(({ value }) => value?.toString())).toEqual(texts(0, 4));
      expect(recorder.broken).toEqual([]);
    });

    test('partitions that are added between the description and the tail are read as well', async () => {
      const topic = await bench.make(1);
      const { incarnation } = await bench.log.describe(topic);
      await bench.under.addPartitions(topic, 2);
      await bench.log.append(topic, numbered(1, 4));
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      await watching.recorder.reads(1, 4);
      expect(watching.recorder.growth).toEqual([2]);
      expect(watching.recorder.broken).toEqual([]);
    });

    test('a fixed tail is told of partitions that are added, and does not read them', async () => {
      const topic = await bench.make(1);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]), { fixed: true });
      await using other = bench.watch(topic, incarnation, new Map([[0, 0]]));
      const { recorder } = watching;
      await Promise.all([recorder.anotherScan(0), other.recorder.anotherScan(0)]);
      await bench.under.addPartitions(topic, 2);
      await bench.log.append(topic, [...numbered(1, 4), ...numbered(0, 4)]);
      await Promise.all([recorder.reads(0, 4), other.recorder.reads(1, 4)]);
      await recorder.anotherScan(0);
      expect(recorder.growth).toEqual([2]);
      expect(recorder.of(1)).toEqual([]);
      expect(recorder.broken).toEqual([]);
    });

    test('a position before what is held fails its partition with the extent, and the others go on', async () => {
      const topic = await bench.make(2);
      await bench.log.append(topic, [...numbered(0, 10), ...numbered(1, 10)]);
      await bench.under.expire(topic, 0, 6);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(
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
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 11]]));
      expect(await watching.recorder.fails(0)).toMatchObject({
        kind: 'OUT_OF_RANGE',
        extent: { partition: 0, first: 0, end: 10 },
      });
    });

    test('retention that passes a paused reader fails its partition', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 5));
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      const { recorder, tail } = watching;
      await recorder.reads(0, 5);
      tail.pause(0);
      // More than any reader fetches ahead.
      await fill(bench.log, topic, 30, 15, 50_000);
      const end = 5 + 450;
      await bench.under.expire(topic, 0, end);
      tail.resume(0);
      expect(await recorder.fails(0)).toMatchObject({
        kind: 'OUT_OF_RANGE',
        extent: { partition: 0, first: end, end },
      });
      expect(recorder.broken).toEqual([]);
    });

    test('a reader paused while its topic is deleted, created anew and refilled past its position gets RECREATED and no record of the new one', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      const { recorder, tail } = watching;
      await recorder.reads(0, 10);
      tail.pause(0);
      await bench.recreate(topic, 1);
      await bench.log.append(topic, numbered(0, 50, 1_000));
      tail.resume(0);
      expect((await recorder.fails(0)).kind).toBe('RECREATED');
      expect(recorder.records().map(({ value }) => value?.toString())).toEqual(texts(0, 10));
      expect(recorder.broken).toEqual([]);
    });

    test('a reader at the live edge gets RECREATED when its topic is another one, in every partition', async () => {
      const topic = await bench.make(2);
      await bench.log.append(topic, [...numbered(0, 3), ...numbered(1, 3)]);
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(
        topic,
        incarnation,
        new Map([
          [0, 0],
          [1, 0],
        ]),
      );
      const { recorder } = watching;
      await Promise.all([recorder.reads(0, 3), recorder.reads(1, 3)]);
      await bench.recreate(topic, 2);
      await bench.log.append(topic, [...numbered(0, 9, 1_000), ...numbered(1, 9, 1_000)]);
      expect((await recorder.fails(0)).kind).toBe('RECREATED');
      expect((await recorder.fails(1)).kind).toBe('RECREATED');
      expect(recorder.records().length).toBe(6);
    });

    test('a tail of an incarnation that is gone fails with RECREATED', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 5));
      const { incarnation } = await bench.log.describe(topic);
      await bench.recreate(topic, 1);
      await bench.log.append(topic, numbered(0, 20, 1_000));
      await using watching = bench.watch(topic, incarnation, new Map([[0, 5]]));
      expect((await watching.recorder.fails(0)).kind).toBe('RECREATED');
      expect(watching.recorder.records()).toEqual([]);
    });
  });
}
