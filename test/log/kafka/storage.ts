/** A Kafka cluster of the bed as the conformance suites and the Kafka-only tests use it. */
import { createRequire } from 'node:module';
import type { Admin } from 'kafkajs';
import type { Observe } from '../../../src/core/observe.ts';
import { createKafkaLog, type KafkaLogConfig } from '../../../src/io/log/kafka/index.ts';
import { randomName } from '../../bed/index.ts';
import type { LogUnderTest } from '../conformance.ts';

const { Kafka, logLevel, Partitioners } = createRequire(import.meta.url)('kafkajs') as typeof import('kafkajs');

const handle = { add() {}, set() {} };

/** Says nothing; `SLUICE_TEST_LOG=1` has it say everything. */
export const quiet: Observe = {
  debug: say,
  info: say,
  warn: say,
  error: say,
  counter: () => handle,
  gauge: () => handle,
};

function say(message: string, fields?: Readonly<Record<string, unknown>>): void {
  if (process.env['SLUICE_TEST_LOG'] !== undefined)
    process.stderr.write(`${performance.now().toFixed(0)} ${message} ${JSON.stringify(fields ?? {})}\n`);
}

export function openLog(bootstrap: string, more: Partial<KafkaLogConfig> = {}) {
  return createKafkaLog({
    name: 'test',
    options: { type: 'kafka', brokers: bootstrap.split(',') },
    observe: quiet,
    clientId: 'sluice-test',
    ...more,
  });
}

export async function withAdmin<T>(bootstrap: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({
    clientId: 'test-admin',
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
  }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Writes to partition 0 without asking for a producer id, which a cluster in trouble may be slow to give. */
export async function produce(bootstrap: string, topic: string, values: readonly string[]): Promise<void> {
  const kafka = new Kafka({ clientId: 'test-producer', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  try {
    await producer.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) });
  } finally {
    await producer.disconnect();
  }
}

export async function kafkaUnderTest(bootstrap: string, given: Partial<KafkaLogConfig> = {}): Promise<LogUnderTest> {
  const more = { prefix: `${randomName('own')}.`, ...given };
  const log = openLog(bootstrap, more);
  return {
    log,
    another: async (now) => openLog(bootstrap, { ...more, ...(now === undefined ? {} : { now }) }),
    deleteTopic: (topic) => withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [topic] })),
    addPartitions: (topic, count) =>
      withAdmin(bootstrap, async (admin) => {
        await admin.createPartitions({ topicPartitions: [{ topic, count }] });
        // The controller has them; a moment later the broker has heard of it.
        const known = async () =>
          (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length ?? 0;
        while ((await known()) < count) await new Promise((resolve) => setTimeout(resolve, 10));
      }),
    expire: (topic, partition, before) =>
      withAdmin(bootstrap, async (admin) => {
        await admin.fetchTopicOffsets(topic); // has kafkajs load the metadata, which deleteTopicRecords forgets
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: `${before}` }] });
      }),
    tooLarge: 5_000_000,
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
}
