import { describe, expect, test } from 'vitest';

import type { Log } from '../../../src/core/log/index.ts';
import { type Bench, numbered, plain, read, refused, texts } from './bench.ts';

/** Several adapters on one storage, and their ends. */
export function sharing(bench: Bench): void {
  describe('several adapters on one storage', () => {
    test('a tail of one sees what another appends, under the same incarnation', async () => {
      await using other = await bench.under.another();
      const topic = await bench.make();
      const mine = await bench.log.describe(topic);
      expect((await other.describe(topic)).incarnation).toEqual(mine.incarnation);
      await using watching = bench.watch(topic, mine.incarnation, new Map([[0, 0]]));
      await other.append(topic, numbered(0, 10));
      await watching.recorder.reads(0, 10);
      await bench.log.append(topic, numbered(0, 10, 10));
      expect((await read(other, topic, 0, 0, 20)).map(({ value }) => value?.toString())).toEqual(texts(0, 20));
    });

    test('appends from both sides at once get each offset once and stay in order', async () => {
      await using other = await bench.under.another();
      const topic = await bench.make();
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
      const [a, b] = await Promise.all([appending(bench.log, 'a'), appending(other, 'b')]);
      expect([...a, ...b].sort((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, index) => index));
      const values = (await read(bench.log, topic, 0, 0, 200)).map(({ value }) => value?.toString() ?? '');
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
      const topic = await bench.make();
      const { incarnation } = await bench.log.describe(topic);
      const ended = bench.watch(topic, incarnation, new Map([[0, 0]]));
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      await ended.recorder.anotherScan(0);
      await ended.tail[Symbol.asyncDispose]();
      const said = ended.recorder.scans.length;
      await bench.log.append(topic, numbered(0, 5));
      await watching.recorder.reads(0, 5);
      await watching.recorder.anotherScan(0);
      expect(ended.recorder.scans.length).toBe(said);
      expect(ended.recorder.failures.size).toBe(0);
      ended.tail.pause(0);
      ended.tail.resume(0);
      await ended.tail[Symbol.asyncDispose]();
    });

    test('a log that was disposed stops its tails and refuses further calls', async () => {
      const other = await bench.under.another();
      const topic = await bench.make();
      const { incarnation } = await other.describe(topic);
      const ended = bench.watch(topic, incarnation, new Map([[0, 0]]), { log: other });
      await ended.recorder.anotherScan(0);
      await other[Symbol.asyncDispose]();
      const said = ended.recorder.scans.length;
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      await bench.log.append(topic, numbered(0, 5));
      await watching.recorder.reads(0, 5);
      await watching.recorder.anotherScan(0);
      expect(ended.recorder.scans.length).toBe(said);
      expect(ended.recorder.failures.size).toBe(0);
      await refused(other.append(topic, numbered(0, 1)), 'UNAVAILABLE');
      await refused(other.ping(), 'UNAVAILABLE');
      await other[Symbol.asyncDispose]();
    });
  });
}
