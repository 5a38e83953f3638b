/**
 * One fenced writer: kafkajs's transaction machinery without its producer in front, which takes a producer epoch once for
 * its whole life. Here each transaction takes a new epoch first: that fences whoever else holds the transactional.id, and
 * waits until what they had under way is either committed everywhere or aborted.
 */
import type { Message, RecordMetadata } from 'kafkajs';
import type { Connections, TransactionMachinery } from './connection.ts';

export interface TopicMessages {
  readonly topic: string;
  readonly messages: Message[];
}

/** Longest between fence and commit: then the coordinator aborts by itself. */
const transactionTimeout = 15_000;
/** Unused for so long, the connections are given back. */
const idleAfter = 5_000;

export class FencedWriter {
  readonly #connections: Connections;
  readonly #transactionalId: string;
  #machinery: TransactionMachinery | undefined;
  #idle: NodeJS.Timeout | undefined;
  #epoch: { readonly producer: string; readonly epoch: number } | undefined;
  /** Others have fenced since this writer last did. */
  contended = false;

  constructor(connections: Connections, transactionalId: string) {
    this.#connections = connections;
    this.#transactionalId = transactionalId;
  }

  /** From here on nobody else's transaction under this id can commit. */
  async fence(): Promise<void> {
    clearTimeout(this.#idle);
    this.#machinery ??= await this.#connections.transactions(this.#transactionalId, transactionTimeout);
    await this.#machinery.eos.initProducerId();
    const { eos } = this.#machinery;
    const now = { producer: String(eos.getProducerId()), epoch: eos.getProducerEpoch() };
    const before = this.#epoch;
    this.contended = before !== undefined && (now.producer !== before.producer || now.epoch !== before.epoch + 1);
    this.#epoch = now;
  }

  /** Sends what the transaction writes; nothing of it is visible. One answer per Kafka topic, partition 0. */
  async send(topicMessages: readonly TopicMessages[]): Promise<readonly RecordMetadata[]> {
    const machinery = this.#open();
    machinery.eos.beginTransaction();
    return machinery.send({ acks: -1, topicMessages });
  }

  async commit(): Promise<void> {
    await this.#open().eos.commit();
  }

  /** After any failure: the machinery's state is not to be relied on, and the next fence starts with a new one. */
  async discard(): Promise<void> {
    clearTimeout(this.#idle);
    const machinery = this.#machinery;
    this.#machinery = undefined;
    await machinery?.disconnect().catch(() => undefined);
  }

  /** To be called when nothing follows at once. */
  rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.discard(), idleAfter);
    this.#idle.unref();
  }

  #open(): TransactionMachinery {
    if (this.#machinery === undefined) throw new Error('not fenced');
    return this.#machinery;
  }
}
