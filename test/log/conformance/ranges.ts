import { describe, expect, test } from 'vitest';

import type { LogScan } from '../../../src/core/log/index.ts';
import { collect } from '../recorder.ts';
import { type Bench, faults, fill, numbered, plain, read, refused } from './bench.ts';

/** Reading a stretch. */
export function ranges(bench: Bench): void {
  describe('ranges', () => {
    test('a range covers exactly what was asked for, in consecutive scans of bounded size', async () => {
      const topic = await bench.make();
      await fill(bench.log, topic, 5, 200, 1_000);
      const { incarnation } = await bench.log.describe(topic);
      const scans = await collect(bench.log.range(topic, incarnation, 0, 100, 900, { maxBytes: 50_000 }));
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
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      const { incarnation } = await bench.log.describe(topic);
      const scans = await collect(bench.log.range(topic, incarnation, 0, 4, 1_000_000));
      expect(faults(scans, 4)).toEqual([]);
      expect(scans.at(-1)?.to).toBe(10);
    });

    test('an empty range yields no scan', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      const { incarnation } = await bench.log.describe(topic);
      expect(await collect(bench.log.range(topic, incarnation, 0, 5, 5))).toEqual([]);
      expect(await collect(bench.log.range(topic, incarnation, 0, 10, 20))).toEqual([]);
    });

    test('a record larger than maxBytes still passes, alone', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, [
        plain(0, 'small'),
        { partition: 0, key: null, value: Buffer.alloc(300_000, 'x') },
        plain(0, 'small'),
      ]);
      const { incarnation } = await bench.log.describe(topic);
      const scans = await collect(bench.log.range(topic, incarnation, 0, 0, 3, { maxBytes: 1_000 }));
      expect(faults(scans, 0)).toEqual([]);
      expect(scans.flatMap(({ records }) => records).map(({ value }) => value?.length)).toEqual([5, 300_000, 5]);
    });

    test('a consumer that stops early ends the range, and the log goes on', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 1_000));
      const { incarnation } = await bench.log.describe(topic);
      let seen = 0;
      for await (const scan of bench.log.range(topic, incarnation, 0, 0, 1_000, { maxBytes: 500 })) {
        seen += scan.records.length;
        break;
      }
      expect(seen).toBeGreaterThan(0);
      expect((await read(bench.log, topic, 0, 0, 1_000)).length).toBe(1_000);
    });

    test('two ranges and a tail read side by side', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 2_000));
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 2_000]]));
      const [one, two] = await Promise.all([
        collect(bench.log.range(topic, incarnation, 0, 0, 2_000, { maxBytes: 5_000 })),
        collect(bench.log.range(topic, incarnation, 0, 500, 1_500, { maxBytes: 5_000 })),
        watching.recorder.anotherScan(0),
      ]);
      expect([...faults(one, 0), ...faults(two, 500), ...watching.recorder.broken]).toEqual([]);
      expect(one.at(-1)?.to).toBe(2_000);
      expect(two.at(-1)?.to).toBe(1_500);
    });

    test('a range outside of what is held is OUT_OF_RANGE, with the extent', async () => {
      const topic = await bench.make();
      await bench.log.append(topic, numbered(0, 10));
      await bench.under.expire(topic, 0, 4);
      const { incarnation } = await bench.log.describe(topic);
      const before = await refused(collect(bench.log.range(topic, incarnation, 0, 3, 10)), 'OUT_OF_RANGE');
      expect(before.extent).toEqual({ partition: 0, first: 4, end: 10 });
      const after = await refused(collect(bench.log.range(topic, incarnation, 0, 11, 20)), 'OUT_OF_RANGE');
      expect(after.extent).toEqual({ partition: 0, first: 4, end: 10 });
    });

    test('retention that passes a range while it is read is OUT_OF_RANGE, with the extent', async () => {
      const topic = await bench.make();
      await fill(bench.log, topic, 10, 20, 20_000);
      const { incarnation } = await bench.log.describe(topic);
      const scans: LogScan[] = [];
      const reading = async () => {
        for await (const scan of bench.log.range(topic, incarnation, 0, 0, 200, { maxBytes: 10_000 })) {
          scans.push(scan);
          if (scans.length === 1) await bench.under.expire(topic, 0, 200);
        }
      };
      const error = await refused(reading(), 'OUT_OF_RANGE');
      expect(error.extent).toEqual({ partition: 0, first: 200, end: 200 });
      expect(faults(scans, 0)).toEqual([]);
    });

    test('a range of an incarnation that is gone is RECREATED, at its start and in its middle', async () => {
      const topic = await bench.make();
      const value = Buffer.alloc(20_000, 'x');
      const fill = async () => {
        for (let round = 0; round < 10; round += 1) {
          await bench.log.append(
            topic,
            Array.from({ length: 20 }, () => ({ partition: 0, key: null, value })),
          );
        }
      };
      await fill();
      const { incarnation } = await bench.log.describe(topic);
      const reading = async () => {
        let begun = false;
        for await (const scan of bench.log.range(topic, incarnation, 0, 0, 200, { maxBytes: 10_000 })) {
          expect(scan.incarnation).toEqual(incarnation);
          if (begun) continue;
          begun = true;
          await bench.recreate(topic, 1);
          await fill();
        }
      };
      await refused(reading(), 'RECREATED');
      await refused(collect(bench.log.range(topic, incarnation, 0, 0, 10)), 'RECREATED');
    });
  });
}
