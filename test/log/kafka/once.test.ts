/** Appends by key while a broker dies, leaders move, and the Kafka topic of the keys goes: time is lost, and no record is there twice. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Log, LogError, ONCE_MS, type Once } from '../../../src/core/log/index.ts';
import { bed, type KafkaCluster, kafkaVersions, randomName, startKafka } from '../../bed/index.ts';
import { plain, read } from '../conformance/bench.ts';
import { openLog, withAdmin } from './storage.ts';

const once = (key: string = randomUUID()): Once => ({ key, digest: key, memo: '' });

async function values(log: Log, topic: string): Promise<string[]> {
  const found: string[] = [];
  for (const { partition, first, end } of await log.extents(topic))
    for (const { value } of await read(log, topic, partition, first, end)) found.push(`${value}`);
  return found.sort();
}

/** A Kafka topic whose partitions have leaders on all brokers, whichever of them dies. */
async function spread(cluster: KafkaCluster, topic: string, numPartitions: number): Promise<void> {
  await withAdmin(cluster.bootstrap, (admin) =>
    admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, replicationFactor: 3 }] }),
  );
}

describe.each(kafkaVersions)('on Kafka %s', { timeout: 180_000 }, (version) => {
  test('a broker that dies and comes back while two logs append by key costs time; each record is there once, of each key all or none', async () => {
    await using cluster = await startKafka({ version, brokers: 3 });
    const prefix = `${randomName('own')}.`;
    await using one = openLog(cluster.bootstrap, { prefix });
    await using two = openLog(cluster.bootstrap, { prefix });
    const topic = randomName('once');
    await spread(cluster, topic, 6);
    await spread(cluster, `${prefix}once`, 4);
    const partitions = [0, 1, 2, 3, 4, 5];
    const keys: string[] = [];
    let stopped = false;
    /** Each key is tried until it is answered, at times by the other log. */
    const writing = async (logs: readonly Log[]): Promise<void> => {
      while (!stopped) {
        const key = randomUUID();
        keys.push(key);
        const records = partitions.map((partition) => plain(partition, `${key}/${partition}`));
        for (let attempt = 0; ; attempt++) {
          const log = logs[attempt % logs.length] as Log;
          const answer = await log.appendOnce(topic, records, once(key)).catch((error: unknown) => {
            if (!(error instanceof LogError) || error.kind !== 'UNAVAILABLE') throw error;
            return null;
          });
          if (answer !== null) break;
        }
      }
    };
    const writers = [
      [one, two],
      [two, one],
      [one, two],
      [two, one],
    ].map(writing);
    const grown = async (by: number): Promise<void> => {
      const until = keys.length + by;
      while (keys.length < until) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    await grown(20);
    const [broker] = cluster.brokers;
    await broker?.kill();
    await grown(12);
    await broker?.start();
    await grown(12);
    stopped = true;
    await Promise.all(writers);
    expect(await values(one, topic)).toEqual(keys.flatMap((key) => partitions.map((p) => `${key}/${p}`)).sort());
  });
});

test('the Kafka topic of the keys may be deleted while it is used: it is created anew, and knows what comes then', async () => {
  const { bootstrap } = await bed().kafka();
  const prefix = `${randomName('own')}.`;
  await using log = openLog(bootstrap, { prefix });
  const topic = randomName('once');
  await log.create(topic, { partitions: 1, cleanup: 'delete' });
  const kept = once();
  await log.appendOnce(topic, [plain(0, 'before')], kept);
  await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [`${prefix}once`] }));
  // The broker may go on for a moment as if nothing had happened.
  const until = async (): Promise<boolean> => {
    const answer = await log.appendOnce(topic, [plain(0, 'after')], kept).catch((error: unknown) => {
      if (!(error instanceof LogError) || error.kind !== 'UNAVAILABLE') throw error;
      return null;
    });
    return answer !== null && !answer.isRepeated;
  };
  while (!(await until()));
  expect((await log.appendOnce(topic, [plain(0, 'again')], kept)).isRepeated).toBe(true);
  expect(await values(log, topic)).toEqual(['after', 'before']);
});

test('as many keys as a shard may hold are held; one more is refused until a day has passed, and known ones are answered', async () => {
  const { bootstrap } = await bed().kafka();
  const prefix = `${randomName('own')}.`;
  await using log = openLog(bootstrap, { prefix });
  const topic = randomName('once');
  await log.create(topic, { partitions: 1, cleanup: 'delete' });
  await log.create(`${prefix}once`, { partitions: 1, cleanup: 'delete' });
  const known = once();
  const first = await log.appendOnce(topic, [plain(0, 'known')], known);
  const value = Buffer.from(JSON.stringify({ digest: '', memo: '', cluster: '', topic: '', positions: [] }));
  for (let n = 1; n < 65_536; n += 1_285) {
    const keys = Array.from({ length: 1_285 }, (_, index) => ({ key: Buffer.from(`k${n + index}`), value }));
    await log.append(`${prefix}once`, keys);
  }
  await using full = openLog(bootstrap, { prefix });
  const refused = await full.appendOnce(topic, [plain(0, 'more')], once()).catch((error: unknown) => error);
  expect(refused).toMatchObject({ kind: 'UNAVAILABLE', message: expect.stringContaining('full') });
  expect(await full.appendOnce(topic, [plain(0, 'known')], known)).toEqual({ ...first, isRepeated: true });
  await using later = openLog(bootstrap, { prefix, now: () => Date.now() + ONCE_MS - 600_000 });
  expect(await later.appendOnce(topic, [plain(0, 'known')], known)).toEqual({ ...first, isRepeated: true });
  expect(await values(log, topic)).toEqual(['known']);
});
