/**
 * Writes: one idempotent producer for the whole log (each of kafkajs's keeps connections of its own), one append after
 * the other. A producer whose retries ran out is discarded: kafkajs rolls its sequence numbers back, and the broker could
 * take the next batch for a repetition of the lost one.
 */
import type { Message, Producer, RecordMetadata } from 'kafkajs';
import { type Appended, type AppendRecord, LogError } from '../../../core/log/index.ts';
import type { Cluster } from './cluster.ts';
import { type Connections, Partitioners } from './connection.ts';
import { asLogError } from './errors.ts';

/** Appends that may wait for their turn. */
const mostWaiting = 10_000;
/** A recreated Kafka topic may be written under its former incarnation's name for as long. */
const metadataAge = 1_000;

export class Appender {
  readonly #cluster: Cluster;
  readonly #connections: Connections;
  readonly #partition = Partitioners.DefaultPartitioner();
  #producer: Producer | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(cluster: Cluster, connections: Connections) {
    this.#cluster = cluster;
    this.#connections = connections;
  }

  append(topic: string, records: readonly AppendRecord[]): Promise<readonly Appended[]> {
    if (records.length === 0) return Promise.resolve([]);
    if (this.#waiting >= mostWaiting) return Promise.reject(new LogError('UNAVAILABLE', 'too many appends wait'));
    this.#waiting++;
    const mine = this.#last.then(() => this.#send(topic, records)).finally(() => this.#waiting--);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#discard();
  }

  async #send(topic: string, records: readonly AppendRecord[]): Promise<readonly Appended[]> {
    let state = await this.#cluster.topic(topic, metadataAge);
    const wanted = records.reduce((highest, { partition }) => Math.max(highest, partition ?? 0), 0);
    if (wanted >= state.partitions.length) state = await this.#cluster.topic(topic);
    if (wanted >= state.partitions.length) throw new LogError('UNKNOWN_TOPIC', `${topic} has no partition ${wanted}`);
    const now = Date.now();
    const partitionMetadata = state.partitions.map(({ partition, leader }) => ({
      partitionId: partition,
      leader,
      partitionErrorCode: 0,
      replicas: [],
      isr: [],
    }));
    const messages = records.map((record): Outgoing => {
      const message = outgoing(record, now);
      return { ...message, partition: message.partition ?? this.#partition({ topic, partitionMetadata, message }) };
    });
    const answers = await this.#produce(topic, messages);
    const next = new Map<number, number>();
    return messages.map(({ partition, timestamp }) => {
      const answer = answers.get(partition) as RecordMetadata;
      const index = next.get(partition) ?? 0;
      next.set(partition, index + 1);
      const appendTime = Number(answer.logAppendTime ?? -1);
      return {
        incarnation: state.incarnation,
        partition,
        offset: Number(answer.baseOffset) + index,
        timestamp: appendTime >= 0 ? appendTime : Number(timestamp),
      };
    });
  }

  /** By partition. kafkajs sends nothing, without a word, to a partition that its metadata does not have yet: those are sent again. */
  async #produce(topic: string, messages: readonly Outgoing[]): Promise<ReadonlyMap<number, RecordMetadata>> {
    const answers = new Map<number, RecordMetadata>();
    try {
      for (let attempt = 0; attempt < 5; attempt++) {
        const unanswered = messages.filter(({ partition }) => !answers.has(partition));
        if (unanswered.length === 0) return answers;
        if (attempt > 0) await this.#discard();
        this.#producer ??= await this.#connect();
        for (const answer of await this.#producer.send({ topic, messages: unanswered, acks: -1 })) {
          answers.set(answer.partition, answer);
        }
      }
      if (messages.every(({ partition }) => answers.has(partition))) return answers;
      throw new LogError('UNAVAILABLE', `partitions of ${topic} are not known to their producer`);
    } catch (error) {
      void this.#discard();
      throw asLogError(error, `append to ${topic}`);
    }
  }

  async #connect(): Promise<Producer> {
    const producer = this.#connections.client().producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  }

  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.disconnect().catch(() => undefined);
  }
}

type Outgoing = Message & { readonly partition: number; readonly timestamp: string };

/** As kafkajs takes it; the headers are a list, which the record encoder of `connection.ts` expects and kafkajs passes through. */
export function outgoing(record: AppendRecord, now: number): Message & { readonly timestamp: string } {
  return {
    key: record.key,
    value: record.value,
    timestamp: String(record.timestamp ?? now),
    headers: (record.headers ?? []) as unknown as NonNullable<Message['headers']>,
    ...(record.partition === undefined ? {} : { partition: record.partition }),
  };
}
