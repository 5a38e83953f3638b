/**
 * Appends that are known by a key. Which keys have been appended under stands in a Kafka topic of the same cluster, since no transaction
 * spans two; keys are spread over its partitions, the shards, by their hash.
 */
import {
  type AppendedOnce,
  type AppendRecord,
  type Log,
  LogError,
  murmur2Partition,
  ONCE_MS,
  type Once,
} from '../../../core/log/index.ts';
import type { Logger } from '../../../core/observe.ts';
import { createIfMissing } from './creating.ts';
import { OnceShard, type OnceShardParts } from './once-shard.ts';

/** Appends by key that may be under way. */
const mostWaiting = 1_000;
/** Of a Kafka topic that is created here. Never changed later: a key would be looked for in another shard. */
const shards = 16;
/** Clocks of nodes differ, and retention goes by whole segments. */
const slackMs = 7_200_000;

export class OnceAppender {
  readonly #parts: Omit<OnceShardParts, 'create'>;
  readonly #log: Pick<Log, 'describe' | 'create'>;
  readonly #topic: string;
  readonly #observe: Logger;
  readonly #shards = new Map<number, OnceShard>();
  #partitions: Promise<number> | undefined;
  #waiting = 0;
  #isClosed = false;
  #said = '';

  constructor(
    parts: Omit<OnceShardParts, 'create'>,
    log: Pick<Log, 'describe' | 'create'>,
    topic: string,
    observe: Logger,
  ) {
    this.#observe = observe;
    this.#parts = parts;
    this.#log = log;
    this.#topic = topic;
  }

  async append(topic: string, records: readonly AppendRecord[], once: Once): Promise<AppendedOnce> {
    if (this.#waiting >= mostWaiting) throw new LogError('UNAVAILABLE', 'too many appends by key wait');
    this.#waiting++;
    try {
      const partitions = await this.#ready();
      if (this.#isClosed) throw new LogError('UNAVAILABLE', 'the log is closed');
      const shard = this.#shard(murmur2Partition(Buffer.from(once.key), partitions));
      const answer = await new Promise<AppendedOnce>((resolve, reject) => {
        shard.add({ topic, records, once, resolve, reject });
      });
      this.#said = '';
      return answer;
    } catch (error) {
      this.#say(error);
      throw error;
    } finally {
      this.#waiting--;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#shards.values()].map((shard) => shard.close()));
  }

  /** Once for each kind of trouble: every caller is told by its own error. */
  #say(error: unknown): void {
    if (this.#isClosed || !(error instanceof LogError) || !['UNAVAILABLE', 'UNAUTHORISED'].includes(error.kind)) return;
    if (this.#said !== error.kind)
      this.#observe.warn('cannot append by key; needs the Kafka topic of the keys and its transactional ids', {
        topic: this.#topic,
        kind: error.kind,
        error: error.message,
      });
    this.#said = error.kind;
  }

  /** How many shards there are, once there are some. */
  #ready(): Promise<number> {
    this.#partitions ??= this.#create().catch((error: unknown) => {
      this.#partitions = undefined;
      throw error;
    });
    return this.#partitions;
  }

  async #create(): Promise<number> {
    const config = { partitions: shards, cleanup: 'delete', retentionMs: ONCE_MS + slackMs } as const;
    return (await createIfMissing(this.#log, this.#topic, config)).partitions;
  }

  #shard(number: number): OnceShard {
    let shard = this.#shards.get(number);
    if (shard === undefined) {
      shard = new OnceShard({ ...this.#parts, create: () => this.#create() }, this.#topic, number);
      this.#shards.set(number, shard);
    }
    return shard;
  }
}
