/**
 * Brokers without Fetch by topic id, as Kafka before 3.1 and some services are: held here by asking a newer broker for no more
 * than those know.
 */
import { describe, expect, test } from 'vitest';
import type { Observe } from '../../../src/core/observe.ts';
import { bed, randomName } from '../../bed/index.ts';
import { collect, Recorder } from '../recorder.ts';
import { openLog, produce, quiet, withAdmin } from './storage.ts';

const values = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `v${from + i}`);

describe.each([
  ['knows topic ids and does not read by them', { fetch: 11, metadata: 12 }],
  ['knows no topic ids', { fetch: 11, metadata: 9 }],
])('a broker that %s', (_, ceilings) => {
  test('is read by name, live and in ranges, and the log says once that the promise is weaker', async () => {
    const { bootstrap } = await bed().kafka();
    const warnings: string[] = [];
    const observe: Observe = { ...quiet, warn: (message) => void warnings.push(message) };
    await using log = openLog(bootstrap, { ceilings, observe });
    const topic = randomName('by-name');
    await log.create(topic, { partitions: 1, cleanup: 'delete' });
    await produce(bootstrap, topic, values(0, 50));
    const { incarnation } = await log.describe(topic);
    const recorder = new Recorder(new Map([[0, 0]]));
    await using _tail = log.tail(topic, incarnation, new Map([[0, 0]]), recorder);
    await recorder.reads(0, 50);
    await produce(bootstrap, topic, values(50, 100));
    await recorder.reads(0, 100);
    expect(recorder.records().map(({ value }) => value?.toString())).toEqual(values(0, 100));
    expect(recorder.broken).toEqual([]);
    const scans = await collect(log.range(topic, incarnation, 0, 10, 90));
    expect(scans.flatMap(({ records }) => records.map(({ value }) => value?.toString()))).toEqual(values(10, 90));
    expect(warnings.filter((message) => message.includes('topic id'))).toHaveLength(1);
  });
});

test('where the metadata has topic ids, a Kafka topic that was recreated ends its tail once they are refreshed', async () => {
  const { bootstrap } = await bed().kafka();
  await using log = openLog(bootstrap, { ceilings: { fetch: 11, metadata: 12 } });
  const topic = randomName('by-name');
  await log.create(topic, { partitions: 1, cleanup: 'delete' });
  await produce(bootstrap, topic, values(0, 10));
  const { incarnation } = await log.describe(topic);
  const recorder = new Recorder(new Map([[0, 0]]));
  await using _tail = log.tail(topic, incarnation, new Map([[0, 0]]), recorder);
  await recorder.reads(0, 10);
  await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [topic] }));
  await log.create(topic, { partitions: 1, cleanup: 'delete' });
  expect((await recorder.fails(0)).kind).toBe('RECREATED');
});
