import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { type AppendedOnce, type Log, ONCE_MS, type Once } from '../../../src/core/log/index.ts';
import { type Bench, numbered, plain, read, refused } from './bench.ts';

const once = (more: Partial<Once> = {}): Once => ({ key: randomUUID(), digest: 'd1', memo: 'm1', ...more });

/** Writing under a key. */
export function appendingOnce(bench: Bench): void {
  const ends = async (topic: string): Promise<number[]> => (await bench.log.extents(topic)).map(({ end }) => end);
  /** The values of all partitions. */
  const values = async (topic: string, log: Log = bench.log): Promise<string[]> => {
    const found: string[] = [];
    for (const { partition, first, end } of await log.extents(topic))
      for (const { value } of await read(log, topic, partition, first, end)) found.push(`${value}`);
    return found.sort();
  };

  describe('appending once', () => {
    test('positions come back one per record, in order, and readers see the records at once', async () => {
      const topic = await bench.make(3);
      const { incarnation } = await bench.log.describe(topic);
      const given = [2, 0, 2, 1, 0].map((partition, index) => plain(partition, `${index}`));
      const asked = once();
      const { appended, ...rest } = await bench.log.appendOnce(topic, given, asked);
      expect(rest).toEqual({ digest: 'd1', memo: 'm1', isRepeated: false });
      expect(appended.map(({ partition }) => partition)).toEqual([2, 0, 2, 1, 0]);
      for (const [index, position] of appended.entries()) {
        expect(position.incarnation).toEqual(incarnation);
        const [record] = await read(bench.log, topic, position.partition, position.offset, position.offset + 1);
        expect([record?.value?.toString(), record?.timestamp]).toEqual([`${index}`, position.timestamp]);
      }
      expect(await values(topic)).toEqual(['0', '1', '2', '3', '4']);
    });

    test('a repetition is answered with what was appended, and writes nothing', async () => {
      const topic = await bench.make(2);
      const asked = once({ memo: 'the first one’s' });
      const records = [...numbered(0, 3), ...numbered(1, 2, 3)];
      const first = await bench.log.appendOnce(topic, records, asked);
      const before = await ends(topic);
      const second = await bench.log.appendOnce(topic, records, { ...asked, memo: 'another' });
      expect(second).toEqual({ ...first, isRepeated: true });
      expect(await ends(topic)).toEqual(before);
    });

    test('another digest gives the first one back, and nothing is written', async () => {
      const topic = await bench.make();
      const asked = once();
      const first = await bench.log.appendOnce(topic, numbered(0, 2), asked);
      const other = await bench.log.appendOnce(topic, numbered(0, 5), { ...asked, digest: 'd2', memo: 'm2' });
      expect(other).toEqual({ ...first, isRepeated: true });
      expect(await values(topic)).toEqual(['0', '1']);
    });

    test('of calls at once with one key one appends, on one log and on two', async () => {
      await using other = await bench.under.another();
      const topic = await bench.make(2);
      const asked = once();
      const calls = Array.from({ length: 12 }, (_, n) => {
        const records = [plain(0, `a${n}`), plain(1, `b${n}`)];
        return (n % 2 === 0 ? bench.log : other).appendOnce(topic, records, { ...asked, digest: `${n}`, memo: `${n}` });
      });
      const answers = await Promise.all(calls);
      const firsts = answers.filter(({ isRepeated }) => !isRepeated);
      expect(firsts).toHaveLength(1);
      for (const answer of answers) expect({ ...answer, isRepeated: false }).toEqual(firsts[0]);
      expect(await values(topic)).toEqual([`a${firsts[0]?.digest}`, `b${firsts[0]?.digest}`]);
    });

    test('many keys on two logs at once, each of them tried by both, are each there once', async () => {
      await using other = await bench.under.another();
      const topic = await bench.make(3);
      const keys = Array.from({ length: 60 }, () => randomUUID());
      const each = (log: Log): Promise<AppendedOnce[]> =>
        Promise.all(
          keys.map((key, n) =>
            log.appendOnce(
              topic,
              [0, 1, 2].map((partition) => plain(partition, `${key}/${partition}`)),
              {
                key,
                digest: key,
                memo: `${n}`,
              },
            ),
          ),
        );
      const [mine, theirs] = await Promise.all([each(bench.log), each(other)]);
      for (const [n, answer] of mine.entries()) {
        expect(answer.appended).toEqual(theirs[n]?.appended);
        expect([answer.isRepeated, theirs[n]?.isRepeated].sort()).toEqual([false, true]);
        for (const { partition, offset } of answer.appended)
          expect((await read(bench.log, topic, partition, offset, offset + 1))[0]?.value?.toString()).toBe(
            `${keys[n]}/${partition}`,
          );
      }
      expect(await values(topic)).toEqual(keys.flatMap((key) => [0, 1, 2].map((p) => `${key}/${p}`)).sort());
    });

    test('a key is known to a log that is opened later', async () => {
      const topic = await bench.make();
      const asked = once();
      let first: AppendedOnce;
      {
        await using writer = await bench.under.another();
        first = await writer.appendOnce(topic, numbered(0, 3), asked);
      }
      await using later = await bench.under.another();
      expect(await later.appendOnce(topic, numbered(0, 3), asked)).toEqual({ ...first, isRepeated: true });
      expect(await values(topic)).toEqual(['0', '1', '2']);
    });

    test('a key is known for a day, and is one of its own after that', async () => {
      const topic = await bench.make();
      const asked = once();
      const at = async (age: number, value: string): Promise<AppendedOnce> => {
        await using log = await bench.under.another(() => Date.now() - age);
        return await log.appendOnce(topic, [plain(0, value)], { ...asked, memo: value });
      };
      await at(ONCE_MS * 2 - 60_000, 'first');
      expect(await at(ONCE_MS, 'within a day')).toMatchObject({ isRepeated: true, memo: 'first' });
      expect(await at(ONCE_MS - 120_000, 'a day later')).toMatchObject({ isRepeated: false, memo: 'a day later' });
      expect(await at(0, 'within a day again')).toMatchObject({ isRepeated: true, memo: 'a day later' });
      expect(await values(topic)).toEqual(['a day later', 'first']);
    });

    test('a record larger than the log takes is TOO_LARGE, nothing is written, of no partition, and the key is free', async () => {
      const topic = await bench.make(2);
      const asked = once();
      const large = { partition: 1, key: null, value: Buffer.alloc(bench.under.tooLarge, 1) };
      await refused(bench.log.appendOnce(topic, [plain(0, 'before'), large], asked), 'TOO_LARGE');
      expect(await values(topic)).toEqual([]);
      expect((await bench.log.appendOnce(topic, [plain(0, 'right')], asked)).isRepeated).toBe(false);
      expect(await values(topic)).toEqual(['right']);
    });

    test('what one does wrong that comes together with others is its own', async () => {
      const topic = await bench.make(2);
      const large = { partition: 1, key: null, value: Buffer.alloc(bench.under.tooLarge, 1) };
      const outcomes = await Promise.allSettled(
        Array.from({ length: 40 }, (_, n) => {
          if (n % 10 === 3) return bench.log.appendOnce(topic, [large], once());
          if (n % 10 === 6) return bench.log.appendOnce(`nowhere-${n}`, [plain(0, 'x')], once());
          return bench.log.appendOnce(topic, [plain(n % 2, `${n}`)], once());
        }),
      );
      const kinds = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.kind : 'written'));
      expect(kinds).toEqual(
        kinds.map((_, n) => (n % 10 === 3 ? 'TOO_LARGE' : n % 10 === 6 ? 'UNKNOWN_TOPIC' : 'written')),
      );
      expect(await values(topic)).toHaveLength(32);
    });

    test('appends without a key go on beside it', async () => {
      const topic = await bench.make();
      const writes = Array.from({ length: 40 }, (_, n) =>
        n % 2 === 0
          ? bench.log.append(topic, [plain(0, `${n}`)])
          : bench.log.appendOnce(topic, [plain(0, `${n}`)], once()).then(({ appended }) => appended),
      );
      const offsets = (await Promise.all(writes)).map(([position]) => position?.offset ?? -1);
      expect(new Set(offsets).size).toBe(40);
      for (const [n, offset] of offsets.entries())
        expect((await read(bench.log, topic, 0, offset, offset + 1))[0]?.value?.toString()).toBe(`${n}`);
    });

    test('a tail sees a transaction whole, in order, and nothing of it before', async () => {
      const topic = await bench.make();
      const { incarnation } = await bench.log.describe(topic);
      await using watching = bench.watch(topic, incarnation, new Map([[0, 0]]));
      for (let n = 0; n < 5; n++) await bench.log.appendOnce(topic, numbered(0, 20, 20 * n), once());
      await watching.recorder.until(() => watching.recorder.records().length >= 100, 'all arrive');
      expect(watching.recorder.records().map(({ value }) => Number(value))).toEqual(
        Array.from({ length: 100 }, (_, n) => n),
      );
    });
  });
}
