/** What Kafka topics hold, as a consumer of Kafka's own kind reads them. */
import type { Kafka } from 'kafkajs';
import { randomName } from '../bed/index.ts';

export interface Held {
  readonly offset: number;
  /** Milliseconds. */
  readonly timestamp: number;
  readonly key: string;
  readonly value: string | null;
}

/** By Kafka topic and partition, in order of offset, once so many records of each have come. */
export async function readTopics(
  kafka: Kafka,
  counts: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, readonly (readonly Held[])[]>> {
  const held = new Map([...counts.keys()].map((topic): [string, Held[][]] => [topic, []]));
  const missing = new Map(counts);
  const consumer = kafka.consumer({ groupId: randomName('clients-truth'), maxBytesPerPartition: 4_194_304 });
  await consumer.connect();
  await consumer.subscribe({ topics: [...counts.keys()], fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachBatch: async ({ batch: { topic, partition, messages } }) => {
      const partitions = held.get(topic) ?? [];
      partitions[partition] ??= [];
      const list = partitions[partition];
      for (const { offset, timestamp, key, value } of messages) {
        if (Number(offset) <= (list.at(-1)?.offset ?? -1)) continue;
        list.push({
          offset: Number(offset),
          timestamp: Number(timestamp),
          key: String(key),
          value: value === null ? null : String(value),
        });
        missing.set(topic, (missing.get(topic) ?? 0) - 1);
      }
      if ([...missing.values()].every((left) => left <= 0)) resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return held;
}
