/** Brokers that die, freeze, lose what they had: the reader goes on exactly where it was, or says that it cannot. */
import { describe, expect, test } from 'vitest';
import type { Log, LogRecord } from '../../../src/core/log/index.ts';
import { createKafkaJournal } from '../../../src/io/log/kafka/index.ts';
import { type Broker, kafkaVersions, randomName, startKafka } from '../../bed/index.ts';
import { collect, Recorder } from '../recorder.ts';
import { openLog, produce, quiet, withAdmin } from './storage.ts';

// Elections and starts of brokers take their time on a busy machine.
describe.each(kafkaVersions)('on Kafka %s', { timeout: 180_000 }, (version) => {
  test('a broker that is killed and comes back, and one that freezes and thaws, cost time and no record', async () => {
    await using cluster = await startKafka({ version });
    const broker = only(cluster.brokers);
    await using log = openLog(cluster.bootstrap);
    const topic = await make(log, 3);
    const { incarnation } = await log.describe(topic);
    const recorder = new Recorder();
    await using _ = log.tail(topic, incarnation, fromStart(3), recorder);
    const writer = writing(log, topic, 3);
    await recorder.until(() => recorder.records().length > 100, 'the first records arrive');

    await broker.kill();
    await recorder.until(() => recorder.reached.at(-1) === false, 'the death is noticed');
    await broker.start();
    await recorder.until(() => recorder.reached.at(-1) === true, 'the return is noticed');
    const before = recorder.records().length;
    await recorder.until(() => recorder.records().length > before + 100, 'records arrive again');

    broker.pause();
    await recorder.until(() => recorder.reached.at(-1) === false, 'the silence is noticed');
    broker.resume();
    await recorder.until(() => recorder.reached.at(-1) === true, 'the thaw is noticed');

    await writer.stop();
    await exactly(log, topic, recorder);
  });

  test('leaders that move are followed without losing or doubling a record', async () => {
    await using cluster = await startKafka({ version, brokers: 3 });
    await using log = openLog(cluster.bootstrap);
    const topic = await make(log, 6, 3);
    const { incarnation } = await log.describe(topic);
    const recorder = new Recorder();
    await using _ = log.tail(topic, incarnation, fromStart(6), recorder);
    const writer = writing(log, topic, 6);
    for (const broker of cluster.brokers.slice(0, 2)) {
      const before = recorder.records().length;
      await recorder.until(() => recorder.records().length > before + 200, 'records arrive');
      await broker.kill();
      const after = new Map(counts(recorder, 6));
      await recorder.until(
        () => [...counts(recorder, 6)].every(([partition, count]) => count > (after.get(partition) ?? 0) + 5),
        'every partition is read from its new leader',
      );
      await broker.start();
    }
    await writer.stop();
    await exactly(log, topic, recorder);
    expect(recorder.failures.size).toBe(0);
  });

  test('a log that was cut back behind a reader is RECREATED, for tails and ranges, and never other records under its offsets', async () => {
    await using cluster = await startKafka({ version, brokers: 3 });
    await using log = openLog(cluster.bootstrap);
    const replicas = cluster.brokers.slice(0, 2);
    const topic = randomName('cut');
    await withAdmin(cluster.bootstrap, (admin) =>
      admin.createTopics({
        waitForLeaders: false,
        topics: [
          {
            topic,
            replicaAssignment: [{ partition: 0, replicas: replicas.map(({ nodeId }) => nodeId) }],
            configEntries: [{ name: 'unclean.leader.election.enable', value: 'true' }],
          },
        ],
      }),
    );
    // Each broker hears of the Kafka topic in its own time, and another one may be asked next. On a busy machine either replica may lead.
    let leads: number | undefined;
    await until(async () => {
      const known = await Promise.all(cluster.brokers.map((broker) => leaderOf(broker, topic)));
      [leads] = known;
      return leads !== undefined && known.every((node) => node === leads);
    });
    const leader = replicas.find(({ nodeId }) => nodeId === leads) as Broker;
    const follower = replicas.find(({ nodeId }) => nodeId !== leads) as Broker;
    const { incarnation } = await log.describe(topic);
    const recorder = new Recorder();
    await using tail = log.tail(topic, incarnation, fromStart(1), recorder);
    await log.append(topic, values('both', 50));
    await recorder.reads(0, 50);

    // The follower misses what only the leader has, then leads without it.
    await follower.stop();
    for (let n = 0; n < 100; n += 10) await log.append(topic, values('leader only', 10, n));
    await recorder.reads(0, 150);
    tail.pause(0);
    const range = log.range(topic, incarnation, 0, 0, 150, { maxBytes: 100 })[Symbol.asyncIterator]();
    for (let to = 0; to < 60; ) to = (await range.next()).value?.to ?? Number.POSITIVE_INFINITY;
    leader.pause();
    await follower.start();
    await until(async () => (await leaderOf(follower, topic)) === follower.nodeId);
    for (let n = 0; n < 4; n++) await produce(follower.address, topic, values('follower', 100).map(text));

    tail.resume(0);
    expect((await recorder.fails(0)).kind).toBe('RECREATED');
    expect(recorder.records().map(text)).toEqual([...values('both', 50), ...values('leader only', 100)].map(text));
    expect(recorder.broken).toEqual([]);
    await expect(rest(range)).rejects.toMatchObject({ kind: 'RECREATED' });
    leader.resume();
  });

  test('transactions of the journal survive the death of their broker: none is lost, none is done twice', async () => {
    await using cluster = await startKafka({ version });
    const broker = only(cluster.brokers);
    const options = { type: 'kafka' as const, brokers: [cluster.bootstrap] };
    const topics = [{ name: 'counts', cleanup: 'compact' as const }];
    const clock = () => performance.now();
    await using journal = createKafkaJournal({
      name: 'test',
      options,
      clientId: 'test',
      prefix: 'state.',
      topics,
      clock,
      observe: quiet,
    });
    let count = 0;
    const history: number[] = [];
    await using following = await journal.follow(
      ({ value }) => {
        count = Number(value);
        history.push(count);
      },
      () => undefined,
    );
    const increment = () =>
      journal.transact(following, () => ({
        writes: [{ topic: 'counts', key: 'n', value: `${count + 1}` }],
        answer: count + 1,
      }));
    const answers: number[] = [];
    for (let round = 0; round < 2; round++) {
      let dying: Promise<void> | undefined;
      for (let i = 0; i < 10; i++) {
        if (i === 5) dying = broker.kill().then(() => broker.start());
        answers.push(await increment());
      }
      await dying;
    }
    expect(answers).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect(history).toEqual(answers);
  });
});

function only<T>(all: readonly T[]): T {
  const [one] = all;
  if (one === undefined) throw new Error('none');
  return one;
}

function fromStart(partitions: number): Map<number, number> {
  return new Map(Array.from({ length: partitions }, (_, partition) => [partition, 0]));
}

async function make(log: Log, partitions: number, replicationFactor = 1): Promise<string> {
  const topic = randomName('failures');
  await log.create(topic, { partitions, replicationFactor, cleanup: 'delete' });
  return topic;
}

function values(what: string, count: number, start = 0) {
  return Array.from({ length: count }, (_, n) => ({
    partition: 0,
    key: null,
    value: Buffer.from(`${what} ${start + n}`),
  }));
}

function text({ value }: { readonly value: Buffer | null }): string {
  return value?.toString() ?? '';
}

/** Appends all the time, whatever happens, until told to stop. */
function writing(log: Log, topic: string, partitions: number) {
  let going = true;
  const done = (async () => {
    for (let n = 0; going; n++) {
      const records = [...fromStart(partitions).keys()].map((partition) => ({
        partition,
        key: null,
        value: Buffer.from(`${n}`),
      }));
      await log.append(topic, records).catch(() => undefined);
    }
  })();
  return {
    stop: () => {
      going = false;
      return done;
    },
  };
}

/** What the tail told is what the log holds, from the first record to the last. */
async function exactly(log: Log, topic: string, recorder: Recorder): Promise<void> {
  const { incarnation } = await log.describe(topic);
  for (const { partition, first, end } of await log.extents(topic)) {
    await recorder.reads(partition, end);
    const held = (await collect(log.range(topic, incarnation, partition, first, end))).flatMap(
      ({ records }) => records,
    );
    expect(recorder.records(partition).map(line)).toEqual(held.map(line));
    expect(held.length).toBeGreaterThan(0);
  }
  expect(recorder.broken).toEqual([]);
}

function line({ offset, value }: LogRecord): string {
  return `${offset} ${value?.toString()}`;
}

function* counts(recorder: Recorder, partitions: number): Generator<readonly [number, number]> {
  for (let partition = 0; partition < partitions; partition++) yield [partition, recorder.next(partition) ?? 0];
}

async function leaderOf(broker: Broker, topic: string): Promise<number | undefined> {
  const found = await withAdmin(broker.address, (admin) => admin.fetchTopicMetadata({ topics: [topic] })).catch(
    () => undefined,
  );
  return found?.topics[0]?.partitions[0]?.leader;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function rest(iterator: AsyncIterator<unknown>): Promise<void> {
  while (!(await iterator.next()).done);
}
