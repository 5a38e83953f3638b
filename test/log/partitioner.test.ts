import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { murmur2, murmur2Partition } from '../../src/core/log/index.ts';

test('murmur2 agrees with the vectors in the tests of Apache Kafka', () => {
  const vectors: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [text, hash] of vectors) expect([text, murmur2(Buffer.from(text))]).toEqual([text, hash]);
});

test('any key goes where the partitioner of kafkajs sends it', () => {
  const theirs = createRequire(import.meta.url)('kafkajs/src/producer/partitioners/default/murmur2.js') as (
    key: Buffer,
  ) => number;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 500 }), (bytes, partitions) => {
      const key = Buffer.from(bytes);
      expect(murmur2Partition(key, partitions)).toBe((theirs(key) & 0x7fffffff) % partitions);
    }),
    { numRuns: 2_000 },
  );
});
