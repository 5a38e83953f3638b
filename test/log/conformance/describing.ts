import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { type Bench, numbered, refused } from './bench.ts';

/** What a topic is. */
export function describing(bench: Bench): void {
  describe('describing', () => {
    test('a topic is described with its partitions and an incarnation that does not change', async () => {
      const topic = await bench.make(3);
      const description = await bench.log.describe(topic);
      expect(description).toMatchObject({ topic, partitions: 3 });
      expect(description.incarnation.cluster).not.toBe('');
      expect(description.incarnation.topic).not.toBe('');
      await bench.log.append(topic, numbered(0, 5));
      expect(await bench.log.describe(topic)).toEqual(description);
    });

    test('topics of one cluster share its id and have ids of their own', async () => {
      const one = await bench.log.describe(await bench.make());
      const two = await bench.log.describe(await bench.make());
      expect(two.incarnation.cluster).toBe(one.incarnation.cluster);
      expect(two.incarnation.topic).not.toBe(one.incarnation.topic);
    });

    test('a topic that was deleted and created anew is another incarnation', async () => {
      const topic = await bench.make();
      const before = await bench.log.describe(topic);
      await bench.recreate(topic, 1);
      const after = await bench.log.describe(topic);
      expect(after.incarnation.cluster).toBe(before.incarnation.cluster);
      expect(after.incarnation.topic).not.toBe(before.incarnation.topic);
    });

    test('what does not exist is UNKNOWN_TOPIC, and asking does not create it', async () => {
      const topic = `conformance-${randomUUID()}`;
      await refused(bench.log.describe(topic), 'UNKNOWN_TOPIC');
      await refused(bench.log.extents(topic), 'UNKNOWN_TOPIC');
      await refused(bench.log.offsetsAt(topic, Date.now()), 'UNKNOWN_TOPIC');
      await refused(bench.log.append(topic, numbered(0, 1)), 'UNKNOWN_TOPIC');
      await refused(bench.log.describe(topic), 'UNKNOWN_TOPIC');
    });

    test('creating what exists is EXISTS and changes nothing', async () => {
      const topic = await bench.make(2);
      const before = await bench.log.describe(topic);
      await refused(bench.log.create(topic, { partitions: 5, cleanup: 'delete' }), 'EXISTS');
      expect(await bench.log.describe(topic)).toEqual(before);
    });

    test('a log that works answers a ping and knows its name', async () => {
      await bench.log.ping();
      expect(bench.log.name).not.toBe('');
    });
  });
}
