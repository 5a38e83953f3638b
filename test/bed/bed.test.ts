import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { bed, kafkaVersions, randomName, startKafka } from './index.ts';

const client = (bootstrap: string): Kafka => new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });

describe('the shared servers', () => {
  test.each(kafkaVersions)('Kafka %s says who it is, takes a record and finds its end', async (version) => {
    const shared = await bed().kafka(version);
    const kafka = client(shared.bootstrap);
    const [admin, producer] = [kafka.admin(), kafka.producer()];
    await Promise.all([admin.connect(), producer.connect()]);
    const topic = randomName('bed');
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    await producer.send({ topic, messages: [{ value: 'x'.repeat(1 << 20) }] });
    expect((await admin.describeCluster()).clusterId).toBe(shared.clusterId);
    expect((await admin.fetchTopicOffsets(topic))[0]?.high).toBe('1');
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });

  test('are the same for everyone who asks', async () => {
    expect(await bed().redis()).toEqual(await bed().redis());
    expect(await bed().kafka()).toEqual(await bed().kafka('4.1.1'));
  });
});

test('a broker that was killed comes back on its port with what it had acknowledged', async () => {
  await using cluster = await startKafka({ version: '3.9.1' });
  const [broker] = cluster.brokers;
  const topic = randomName('bed');
  const admin = client(cluster.bootstrap).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] });
  const before = broker?.pid;
  await broker?.kill();
  await broker?.start();
  expect(broker?.pid).not.toBe(before);
  expect(await admin.listTopics()).toContain(topic);
  await admin.disconnect();
});
