/**
 * Writes: one idempotent producer for the whole log (each of kafkajs's keeps connections of its own), one append after
 * the other. A producer whose retries ran out is discarded: kafkajs rolls its sequence numbers back, and the broker could
 * take the next batch for a repetition of the lost one.
 */
import type { Producer, RecordMetadata } from 'kafkajs';
import { type Appended, type AppendRecord, LogError } from '../../../core/log/index.ts';
import { type Connections, Partitioners } from './connection.ts';
import { asLogError } from './errors.ts';
import { type Outgoing, type Placing, Positions } from './placing.ts';

/** Appends that may wait for their turn. */
const mostWaiting = 10_000;

export class Appender {
  readonly #placing: Placing;
  readonly #connections: Connections;
  #producer: Producer | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(placing: Placing, connections: Connections) {
    this.#placing = placing;
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
    const { state, messages } = await this.#placing.place(topic, records, Date.now());
    return new Positions((await this.#produce(topic, messages)).values()).take(state, messages);
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
