import { describe, expect, test } from 'vitest';

import { type Bench, numbered, plain } from './bench.ts';

/** What is held, and where a time lies. */
export function extents(bench: Bench): void {
  describe('extents and times', () => {
    test('an empty topic begins and ends at 0 in every partition, in order of partition', async () => {
      expect(await bench.log.extents(await bench.make(3))).toEqual(
        [0, 1, 2].map((partition) => ({ partition, first: 0, end: 0 })),
      );
    });

    test('the end is the offset after the last record, and the first moves with retention', async () => {
      const topic = await bench.make(2);
      await bench.log.append(topic, numbered(1, 10));
      expect(await bench.log.extents(topic)).toEqual([
        { partition: 0, first: 0, end: 0 },
        { partition: 1, first: 0, end: 10 },
      ]);
      await bench.under.expire(topic, 1, 4);
      expect((await bench.log.extents(topic))[1]).toEqual({ partition: 1, first: 4, end: 10 });
    });

    test('a time is the first offset at or after it, else the end, per partition', async () => {
      const topic = await bench.make(2);
      const base = Date.now() - 600_000;
      await bench.log.append(
        topic,
        [0, 10, 20, 30].map((after) => ({ ...plain(0, `${after}`), timestamp: base + after })),
      );
      await bench.log.append(topic, [{ ...plain(1, 'x'), timestamp: base + 15 }]);
      expect(await bench.log.offsetsAt(topic, base - 1)).toEqual([0, 0]);
      expect(await bench.log.offsetsAt(topic, base)).toEqual([0, 0]);
      expect(await bench.log.offsetsAt(topic, base + 1)).toEqual([1, 0]);
      expect(await bench.log.offsetsAt(topic, base + 10)).toEqual([1, 0]);
      expect(await bench.log.offsetsAt(topic, base + 16)).toEqual([2, 1]);
      expect(await bench.log.offsetsAt(topic, base + 30)).toEqual([3, 1]);
      expect(await bench.log.offsetsAt(topic, base + 31)).toEqual([4, 1]);
    });

    test('a time is found where timestamps go back and forth', async () => {
      const topic = await bench.make();
      const base = Date.now() - 600_000;
      await bench.log.append(
        topic,
        [50, 10, 90, 20, 95].map((after) => ({ ...plain(0, `${after}`), timestamp: base + after })),
      );
      expect(await bench.log.offsetsAt(topic, base + 15)).toEqual([0]);
      expect(await bench.log.offsetsAt(topic, base + 60)).toEqual([2]);
      expect(await bench.log.offsetsAt(topic, base + 92)).toEqual([4]);
    });

    test('a time before what retention left is the first offset still held', async () => {
      const topic = await bench.make();
      const base = Date.now() - 600_000;
      await bench.log.append(
        topic,
        [0, 10, 20, 30].map((after) => ({ ...plain(0, `${after}`), timestamp: base + after })),
      );
      await bench.under.expire(topic, 0, 2);
      expect(await bench.log.offsetsAt(topic, base)).toEqual([2]);
      expect(await bench.log.offsetsAt(topic, base + 25)).toEqual([3]);
    });
  });
}
