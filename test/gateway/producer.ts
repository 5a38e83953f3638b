/** Another program that writes to Kafka: kafkajs as any user has it, with the records that a test expects to see again. */
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { randomName } from '../bed/ports.ts';
import type { ProductSpec } from './node.ts';

export interface Reading {
  readonly id: string;
  readonly seq: number;
  readonly region: string;
}

export class KafkaUser implements AsyncDisposable {
  readonly kafka: Kafka;
  readonly #producer: Producer;
  #connected = false;

  /** `idempotent`: what it sends again, since a broker went, is in Kafka once all the same. */
  constructor(bootstrap: string, idempotent = false) {
    this.kafka = new Kafka({
      brokers: [bootstrap],
      logLevel: logLevel.NOTHING,
      retry: { retries: 20, maxRetryTime: 3_000 },
    });
    this.#producer = this.kafka.producer({ allowAutoTopicCreation: false, idempotent });
  }

  async createTopic(
    topic: string,
    partitions: number,
    configEntries: { name: string; value: string }[] = [],
  ): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions, configEntries }] });
    await admin.disconnect();
  }

  async deleteTopic(topic: string): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
  }

  /** What retention does: everything before the offset is gone. */
  async trim(topic: string, partition: number, offset: number): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    // The client wants to know the leaders first.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    await admin.disconnect();
  }

  /** Writes readings seq `from` to `to` (exclusive), keyed by id so that they spread over the partitions. */
  async write(topic: string, from: number, to: number, step = 500): Promise<void> {
    if (!this.#connected) {
      await this.#producer.connect();
      this.#connected = true;
    }
    for (let at = from; at < to; at += step) {
      const messages = Array.from({ length: Math.min(step, to - at) }, (_, i) => {
        const reading = readingOf(at + i);
        return { key: reading.id, value: JSON.stringify(reading) };
      });
      await this.#producer.send({ topic, messages, acks: -1 });
    }
  }

  async send(
    topic: string,
    messages: { key?: string | null; value: string | null; partition?: number; timestamp?: string }[],
  ): Promise<void> {
    if (!this.#connected) {
      await this.#producer.connect();
      this.#connected = true;
    }
    await this.#producer.send({
      topic,
      messages: messages.map(({ key = null, ...rest }) => ({ key, ...rest })),
      acks: -1,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#connected) await this.#producer.disconnect();
  }
}

export function readingOf(seq: number): Reading {
  return { id: `id-${seq % 997}`, seq, region: ['eu', 'us', 'ap'][seq % 3] as string };
}

/** A product over a fresh Kafka topic of readings. */
export function readings(overrides: Partial<ProductSpec> = {}): ProductSpec {
  return {
    name: 'readings',
    topic: randomName('readings'),
    type: 'ReadingEvent',
    template: 'readings/{region}/{id}',
    fields: { id: 'string', seq: 'integer', region: 'string' },
    ...overrides,
  };
}
