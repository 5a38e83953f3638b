/** What the crowd follows: a product, another program that writes its records to Kafka, and what Kafka holds in the end. */
import type { Kafka, Producer } from 'kafkajs';
import { randomName } from '../bed/ports.ts';
import type { ProductSpec } from './node.ts';
import type { Seeded } from './seeded.ts';

export const PARTITIONS = 6;
const KEYS = 97;
const REGIONS = ['LAX', 'LAS', 'LA', 'LGA', 'SFO', 'D%N'] as const;
const KINDS = ['la/te', 'on time', 'early'] as const;

/** All that a record says follows from its number, but for its size. */
export interface Reading {
  readonly seq: number;
  readonly id: string;
  readonly region: string;
  readonly kind: string;
  readonly value: number;
  readonly pad: string;
}

export function crowdProduct(name = 'crowd'): ProductSpec {
  return {
    name,
    topic: randomName(name),
    type: `${name}Reading`,
    template: `${name}/{region}/{kind}`,
    fields: { id: 'string', seq: 'integer', region: 'string', kind: 'string', value: 'integer', pad: 'string' },
  };
}

/** Quotes and letters of two bytes, so that neither escapes nor lengths can go wrong unnoticed. */
const padding = '0123456789 "quoted" \\ añb '.repeat(4_000);

export function readingOf(seq: number, padLength: number): Reading {
  const mixed = Math.imul(seq + 1, 2_654_435_761) >>> 0;
  const pad = padLength === 0 ? '' : padding.slice(seq % 26, (seq % 26) + padLength);
  return {
    seq,
    id: `id-${seq % KEYS}`,
    region: REGIONS[(mixed >>> 8) % REGIONS.length] as string,
    kind: KINDS[(mixed >>> 16) % KINDS.length] as string,
    value: (mixed >>> 4) % 1_000,
    pad,
  };
}

/** One that is part of every view. */
function closingOf(seq: number, partition: number): Reading {
  return { seq, id: `last-${partition}`, region: 'LAX', kind: 'la/te', value: 777, pad: '' };
}

/** Another program: it writes in its own pace, and knows what it has written. */
export class CrowdWriter implements AsyncDisposable {
  /** Index = seq. */
  readonly readings: Reading[] = [];
  /** Bytes of values up to each offset, by partition: nobody else writes there. */
  readonly #bytes: number[][] = Array.from({ length: PARTITIONS }, () => [0]);
  readonly #topic: string;
  readonly #producer: Producer;

  private constructor(topic: string, producer: Producer) {
    this.#topic = topic;
    this.#producer = producer;
  }

  static async begin(kafka: Kafka, topic: string): Promise<CrowdWriter> {
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    return new CrowdWriter(topic, producer);
  }

  /** A trickle, and now and then a burst of small and large ones. Resolves with the records once `isOver`. */
  async run(chance: Seeded, isOver: () => boolean): Promise<void> {
    let burst = Date.now();
    while (!isOver()) {
      if (Date.now() >= burst) {
        await this.#burst(chance);
        burst = Date.now() + chance.between(3_000, 7_000);
      } else {
        const sizes = Array.from({ length: chance.between(1, 8) }, () => (chance.chance(0.04) ? 18_000 : 0));
        await this.write(sizes);
      }
      await new Promise((resolve) => setTimeout(resolve, chance.between(20, 120)));
    }
  }

  /** One reading for each length of padding. */
  async write(padLengths: readonly number[]): Promise<void> {
    const readings = padLengths.map((length) => {
      const reading = readingOf(this.readings.length, length);
      this.readings.push(reading);
      return reading;
    });
    await this.#send(readings.map((reading) => ({ partition: (reading.seq % KEYS) % PARTITIONS, reading })));
  }

  /** One for each partition that is part of every view; the offsets they got. */
  async close(): Promise<readonly number[]> {
    const closing = Array.from({ length: PARTITIONS }, (_, partition) => {
      const reading = closingOf(this.readings.length, partition);
      this.readings.push(reading);
      return { partition, reading };
    });
    await this.#send(closing);
    return this.#bytes.map((bytes) => bytes.length - 2);
  }

  /** Bytes that were written behind a position. */
  bytesSince(vector: readonly number[]): number {
    return vector.reduce((sum, next, partition) => {
      const bytes = this.#bytes[partition] as number[];
      return sum + (bytes.at(-1) as number) - (bytes[Math.min(next, bytes.length - 1)] as number);
    }, 0);
  }

  async #burst(chance: Seeded): Promise<void> {
    const large = chance.between(15, 40);
    const small = chance.between(50, 300);
    for (let i = 0; i < large; i += 8) {
      const sizes = Array.from({ length: Math.min(8, large - i) }, () => chance.pick([17_000, 66_000, 90_000]));
      await this.write([...sizes, ...Array.from({ length: Math.ceil((small * 8) / large) }, () => 0)]);
    }
  }

  async #send(records: readonly { readonly partition: number; readonly reading: Reading }[]): Promise<void> {
    const texts = records.map(({ partition, reading }) => ({
      partition,
      key: reading.id,
      value: JSON.stringify(reading),
    }));
    await this.#producer.send({ topic: this.#topic, messages: texts, acks: -1 });
    for (const { partition, value } of texts) {
      const bytes = this.#bytes[partition] as number[];
      bytes.push((bytes.at(-1) as number) + Buffer.byteLength(value));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect();
  }
}

/** A record's place in the Kafka topic. */
export interface Place {
  readonly partition: number;
  readonly offset: number;
}

/** What a Kafka topic holds, as Kafka's own kind of client reads it: seqs by partition in order of offset. */
export async function readTopic(kafka: Kafka, topic: string): Promise<readonly (readonly Held[])[]> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]));
  await admin.disconnect();
  const held: Held[][] = Array.from({ length: ends.size }, () => []);
  const missing = new Set([...ends].filter(([, end]) => end > 0).map(([partition]) => partition));
  if (missing.size === 0) return held;
  const consumer = kafka.consumer({ groupId: randomName('crowd-truth'), maxBytesPerPartition: 4_194_304 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const list = held[batch.partition] as Held[];
      for (const { offset, value } of batch.messages) {
        if (Number(offset) <= (list.at(-1)?.offset ?? -1)) continue;
        list.push({ offset: Number(offset), reading: JSON.parse(String(value)) as Reading });
      }
      if ((list.at(-1)?.offset ?? -1) + 1 >= (ends.get(batch.partition) ?? 0)) missing.delete(batch.partition);
      if (missing.size === 0) resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return held;
}

export interface Held {
  readonly offset: number;
  readonly reading: Reading;
}
