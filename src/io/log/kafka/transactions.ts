/**
 * One fenced writer: kafkajs's transaction machinery without its producer in front, which takes a producer epoch once for
 * its whole life. Here each transaction takes a new epoch first: that fences whoever else holds the transactional.id, and
 * waits until what they had under way is either committed everywhere or aborted.
 */
import type { Message, RecordMetadata } from 'kafkajs';
import { LogError } from '../../../core/log/index.ts';
import type { Connections, TransactionMachinery } from './connection.ts';

/** Messages name their partition. */
export interface TopicMessages {
  readonly topic: string;
  readonly messages: Message[];
}

export interface FencedWriterConfig {
  readonly transactionalId: string;
  /** Longest between fence and commit, ms: then the coordinator aborts by itself. */
  readonly timeoutMs: number;
  /** Unused for so long, ms, the connections are given back. */
  readonly idleMs: number;
  /** How often kafkajs sends again by itself. It may send twice what goes to several brokers: 0 for records that must be there once. */
  readonly resends?: number;
}

export class FencedWriter {
  readonly #connections: Connections;
  readonly #config: FencedWriterConfig;
  #machinery: TransactionMachinery | undefined;
  #idle: NodeJS.Timeout | undefined;
  #epoch: { readonly producer: string; readonly epoch: number } | undefined;
  #isBegun = false;
  /** Others have fenced since this writer last did, or may have. */
  contended = false;

  constructor(connections: Connections, config: FencedWriterConfig) {
    this.#connections = connections;
    this.#config = config;
  }

  /** From here on nobody else's transaction under this id can commit. */
  async fence(): Promise<void> {
    clearTimeout(this.#idle);
    const { transactionalId, timeoutMs, resends } = this.#config;
    this.#machinery ??= await this.#connections.transactions(transactionalId, timeoutMs, resends);
    await this.#machinery.eos.initProducerId();
    const { eos } = this.#machinery;
    const now = { producer: String(eos.getProducerId()), epoch: eos.getProducerEpoch() };
    const before = this.#epoch;
    this.contended = before !== undefined && (now.producer !== before.producer || now.epoch !== before.epoch + 1);
    this.#epoch = now;
    this.#isBegun = false;
  }

  /** Opens the transaction over all partitions that it will write to: one by one, brokers that are written to at once get in each other's way. */
  async begin(topics: readonly { readonly topic: string; readonly partitions: Iterable<number> }[]): Promise<void> {
    const { eos } = this.#open();
    this.#isBegun = true;
    eos.beginTransaction();
    await eos.addPartitionsToTransaction(
      topics.map(({ topic, partitions }) => ({
        topic,
        partitions: [...partitions].map((partition) => ({ partition })),
      })),
    );
  }

  /**
   * Sends what the transaction writes; nothing of it is visible. One answer per partition. Errors: UNAVAILABLE where a partition has
   * no answer, or two: leaders that move between kafkajs's attempts make it send twice.
   */
  async send(topicMessages: readonly TopicMessages[]): Promise<readonly RecordMetadata[]> {
    const answers = await this.#open().send({ acks: -1, topicMessages });
    for (const { topic, messages } of topicMessages) {
      const sent = new Set(messages.map(({ partition }) => partition));
      const answered = answers.filter(({ topicName }) => topicName === topic).map(({ partition }) => partition);
      if (answered.length !== sent.size || !answered.every((partition) => sent.has(partition)))
        throw new LogError('UNAVAILABLE', `partitions of ${topic} answered otherwise than once each`);
    }
    return answers;
  }

  async commit(): Promise<void> {
    await this.#open().eos.commit();
    this.#isBegun = false;
  }

  /** After any failure: the machinery's state is not to be relied on, and the next fence starts with a new one. */
  async discard(): Promise<void> {
    clearTimeout(this.#idle);
    const machinery = this.#machinery;
    this.#machinery = undefined;
    await machinery?.disconnect().catch(() => undefined);
  }

  /**
   * The same where nothing is tried again and others read what was written to: what is open is ended, if it can be, so that it holds
   * nobody up. By a fence, since what is still on its way to a broker would begin anew what was merely aborted.
   */
  async abandon(): Promise<void> {
    await this.discard();
    if (!this.#isBegun) return;
    await this.fence().catch(() => this.discard());
    this.rest();
  }

  /** To be called when nothing follows at once. */
  rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.discard(), this.#config.idleMs);
    this.#idle.unref();
  }

  #open(): TransactionMachinery {
    if (this.#machinery === undefined) throw new Error('not fenced');
    return this.#machinery;
  }
}
