import { describe, expect, test } from 'vitest';

import type { AppendRecord, Header } from '../../../src/core/log/index.ts';
import { type Bench, numbered, plain, read, refused } from './bench.ts';

/** Writing. */
export function appending(bench: Bench): void {
  describe('appending', () => {
    test('positions come back one per record, in order, with the incarnation', async () => {
      const topic = await bench.make();
      const { incarnation } = await bench.log.describe(topic);
      const first = await bench.log.append(topic, numbered(0, 3));
      const second = await bench.log.append(topic, numbered(0, 2));
      expect(first.map(({ offset }) => offset)).toEqual([0, 1, 2]);
      expect(second.map(({ offset }) => offset)).toEqual([3, 4]);
      for (const position of [...first, ...second]) expect(position).toMatchObject({ partition: 0, incarnation });
    });

    test('records of several partitions come back in the order they were given', async () => {
      const topic = await bench.make(3);
      const given = [2, 0, 2, 1, 0].map((partition, index) => plain(partition, `${index}`));
      const positions = await bench.log.append(topic, given);
      expect(positions.map(({ partition, offset }) => [partition, offset])).toEqual([
        [2, 0],
        [0, 0],
        [2, 1],
        [1, 0],
        [0, 1],
      ]);
      for (const [index, { partition, offset }] of positions.entries()) {
        const [record] = await read(bench.log, topic, partition, offset, offset + 1);
        expect(record?.value?.toString()).toBe(`${index}`);
      }
    });

    test("a key goes to the partition that Kafka's own producer chooses", async () => {
      const topic = await bench.make(7);
      // (murmur2 & 0x7fffffff) % 7, with murmur2 as in the tests of Apache Kafka.
      const vectors = {
        '21': -973932308,
        foobar: -790332482,
        'a-little-bit-long-string': -985981536,
        'a-little-bit-longer-string': -1486304829,
        abc: 479470107,
      };
      const keys = Object.keys(vectors);
      const positions = await bench.log.append(
        topic,
        keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from('x') })),
      );
      expect(positions.map(({ partition }) => partition)).toEqual(
        Object.values(vectors).map((hash) => (hash & 0x7fffffff) % 7),
      );
    });

    test('a record without a key goes to some partition that exists', async () => {
      const topic = await bench.make(3);
      const positions = await bench.log.append(
        topic,
        Array.from({ length: 30 }, () => ({ key: null, value: Buffer.from('x') })),
      );
      for (const { partition } of positions) expect([0, 1, 2]).toContain(partition);
      const extents = await bench.log.extents(topic);
      expect(extents.reduce((sum, { end }) => sum + end, 0)).toBe(30);
    });

    test('an empty key is a key', async () => {
      const topic = await bench.make(5);
      const record = { key: Buffer.alloc(0), value: Buffer.from('x') };
      const positions = await bench.log.append(topic, [record, record, record, record]);
      expect(new Set(positions.map(({ partition }) => partition)).size).toBe(1);
      const [back] = await read(bench.log, topic, positions[0]?.partition ?? -1, 0, 1);
      expect(back?.key).toEqual(Buffer.alloc(0));
    });

    test('the timestamp is now unless one is given', async () => {
      const topic = await bench.make();
      const before = Date.now();
      const given = before - 60_000;
      const positions = await bench.log.append(topic, [plain(0, 'now'), { ...plain(0, 'then'), timestamp: given }]);
      const after = Date.now();
      const records = await read(bench.log, topic, 0, 0, 2);
      expect(records[0]?.timestamp).toBeGreaterThanOrEqual(before - 1_000);
      expect(records[0]?.timestamp).toBeLessThanOrEqual(after + 1_000);
      expect(records[1]?.timestamp).toBe(given);
      expect(positions.map(({ timestamp }) => timestamp)).toEqual(records.map(({ timestamp }) => timestamp));
    });

    test('keys, values and headers come back byte for byte, null apart from empty', async () => {
      const topic = await bench.make();
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
      await bench.log.append(topic, given);
      const records = await read(bench.log, topic, 0, 0, 4);
      expect(records.map(({ key, value }) => [key, value])).toEqual(given.map(({ key, value }) => [key, value]));
      for (const [index, record] of records.entries())
        expect(sorted(record.headers)).toEqual(sorted(given[index]?.headers ?? []));
      const twice = records[2]?.headers.filter(({ name }) => name === 'twice').map(({ value }) => value?.toString());
      expect(twice).toEqual(['1', '2']);
    });

    test('a record of a million bytes passes', async () => {
      const topic = await bench.make();
      const value = Buffer.alloc(1_000_000, 'abcdefg');
      await bench.log.append(topic, [{ partition: 0, key: null, value }]);
      const [record] = await read(bench.log, topic, 0, 0, 1);
      expect(record?.value?.equals(value)).toBe(true);
    });

    test('a record larger than the log takes is TOO_LARGE and nothing is written', async () => {
      const topic = await bench.make();
      const large = { partition: 0, key: null, value: Buffer.alloc(bench.under.tooLarge, 1) };
      await refused(bench.log.append(topic, [plain(0, 'before'), large, plain(0, 'after')]), 'TOO_LARGE');
      expect(await bench.log.extents(topic)).toEqual([{ partition: 0, first: 0, end: 0 }]);
      expect((await bench.log.append(topic, [plain(0, 'next')]))[0]?.offset).toBe(0);
    });

    test('thousands of records in one call keep their order', async () => {
      const topic = await bench.make(2);
      const given = Array.from({ length: 5_000 }, (_, index) => plain(index % 2, `${index}`));
      const positions = await bench.log.append(topic, given);
      expect(positions.map(({ offset }) => offset)).toEqual(given.map((_, index) => Math.floor(index / 2)));
      const records = await read(bench.log, topic, 1, 0, 2_500);
      expect(records.map(({ value }) => Number(value))).toEqual(
        Array.from({ length: 2_500 }, (_, index) => 2 * index + 1),
      );
    });

    test('appending nothing writes nothing', async () => {
      const topic = await bench.make();
      expect(await bench.log.append(topic, [])).toEqual([]);
      expect((await bench.log.extents(topic))[0]?.end).toBe(0);
    });
  });
}

/** Kafka clients may group headers by name: the order among different names is not promised, that of one name is. */
function sorted(headers: readonly Header[]): Header[] {
  return [...headers].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
