/** A Kafka broker of the bed dies again and again under a producer: every record that it acknowledged is there after it. */
import { Kafka, logLevel } from 'kafkajs';
import { startKafka } from '../bed/kafka.ts';
import { randomName } from '../bed/ports.ts';
import type { SoakOptions } from './main.ts';

export const name = 'broker-kills';

export async function run({ until, seed }: SoakOptions): Promise<string> {
  await using cluster = await startKafka();
  const [broker] = cluster.brokers;
  if (broker === undefined) throw new Error('the cluster has no broker');
  const kafka = new Kafka({
    brokers: [cluster.bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { retries: 30, maxRetryTime: 1000 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ idempotent: true });
  await Promise.all([admin.connect(), producer.connect()]);
  const topic = randomName('soak');
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  let acknowledged = 0;
  let kills = 0;
  for (let random = seed; performance.now() < until; kills++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 1;
    const records = 1 + (random % 200);
    for (let i = 0; i < records; i++) {
      await producer.send({ topic, acks: -1, messages: [{ value: String(acknowledged) }] });
      acknowledged += 1;
    }
    await broker.kill();
    await broker.start();
    const held = Number((await admin.fetchTopicOffsets(topic))[0]?.high);
    if (held < acknowledged)
      throw new Error(`${acknowledged} records acknowledged, ${held} held after kill ${kills + 1}`);
  }
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  return `${kills} kills, ${acknowledged} acknowledged records all held`;
}
