/** Where records go and what came of them: the partition of each before it is sent, and its position once there are answers. */
import type { Message, RecordMetadata } from 'kafkajs';
import { type Appended, type AppendRecord, LogError } from '../../../core/log/index.ts';
import type { Cluster, TopicState } from './cluster.ts';
import { Partitioners } from './connection.ts';

/** A recreated Kafka topic may be written under its former incarnation's name for as long. */
const metadataAge = 1_000;

export type Outgoing = Message & { readonly partition: number; readonly timestamp: string };

/** Chooses partitions, those of records without a key in turns. */
export class Placing {
  readonly #cluster: Cluster;
  readonly #partition = Partitioners.DefaultPartitioner();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Errors: UNKNOWN_TOPIC, also where there is no such partition; UNAUTHORISED, UNAVAILABLE. */
  async place(
    topic: string,
    records: readonly AppendRecord[],
    now: number,
  ): Promise<{ readonly state: TopicState; readonly messages: readonly Outgoing[] }> {
    let state = await this.#cluster.topic(topic, metadataAge);
    const wanted = records.reduce((highest, { partition }) => Math.max(highest, partition ?? 0), 0);
    if (wanted >= state.partitions.length) state = await this.#cluster.topic(topic);
    if (wanted >= state.partitions.length) throw new LogError('UNKNOWN_TOPIC', `${topic} has no partition ${wanted}`);
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
    return { state, messages };
  }
}

/** What each partition has answered to one send, and how many of its positions have been given out. */
export class Positions {
  readonly #answers: ReadonlyMap<number, RecordMetadata>;
  readonly #next = new Map<number, number>();

  constructor(answers: Iterable<RecordMetadata>) {
    this.#answers = new Map([...answers].map((answer) => [answer.partition, answer]));
  }

  /** Of the next messages, in the order in which they were sent. */
  take({ incarnation }: TopicState, messages: readonly Outgoing[]): readonly Appended[] {
    return messages.map(({ partition, timestamp }) => {
      const answer = this.#answers.get(partition) as RecordMetadata;
      const index = this.#next.get(partition) ?? 0;
      this.#next.set(partition, index + 1);
      const appendTime = Number(answer.logAppendTime ?? -1);
      return {
        incarnation,
        partition,
        offset: Number(answer.baseOffset) + index,
        timestamp: appendTime >= 0 ? appendTime : Number(timestamp),
      };
    });
  }
}

/** As kafkajs takes it; the headers are a list, which the record encoder of `connection.ts` expects and kafkajs passes through. */
function outgoing(record: AppendRecord, now: number): Message & { readonly timestamp: string } {
  return {
    key: record.key,
    value: record.value,
    timestamp: String(record.timestamp ?? now),
    headers: (record.headers ?? []) as unknown as NonNullable<Message['headers']>,
    ...(record.partition === undefined ? {} : { partition: record.partition }),
  };
}
