/** What a shard says, as far as it has been read: which keys have been appended under, and where it stands what was. */
import { type AppendedOnce, LogError, ONCE_MS, type Once } from '../../../core/log/index.ts';
import type { Cluster, TopicState } from './cluster.ts';
import type { Ranges } from './ranges.ts';

/** Keys of one shard that are held in memory: about 12 MB. */
const mostKeys = 65_536;
const maxBytes = 1_048_576;

interface Held {
  readonly offset: number;
  readonly timestamp: number;
}

/** The value of a once-record; its key is the key. */
interface Kept {
  readonly digest: string;
  readonly memo: string;
  readonly cluster: string;
  readonly topic: string;
  /** Partition, offset and timestamp, one record after the other. */
  readonly positions: readonly number[];
}

export interface OnceKeysParts {
  readonly cluster: Cluster;
  readonly ranges: Ranges;
  /** Wall clock, ms: keys are known and forgotten by it. */
  readonly now: () => number;
  /** Creates the Kafka topic of the keys where it is missing. */
  readonly create: () => Promise<unknown>;
}

export class OnceKeys {
  readonly #cluster: Cluster;
  readonly #ranges: Ranges;
  readonly #topic: string;
  readonly #shard: number;
  readonly #now: () => number;
  readonly #create: () => Promise<unknown>;
  /** In the order of their offsets. */
  readonly #held = new Map<string, Held>();
  #state: TopicState | undefined;
  #next = 0;

  constructor(parts: OnceKeysParts, topic: string, shard: number) {
    this.#cluster = parts.cluster;
    this.#ranges = parts.ranges;
    this.#now = parts.now;
    this.#create = parts.create;
    this.#topic = topic;
    this.#shard = shard;
  }

  get isLoaded(): boolean {
    return this.#state !== undefined;
  }

  /** Reads to the end as of the call. Errors: UNAVAILABLE, also where it must begin anew, which the next call does; UNAUTHORISED. */
  async catchUp(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      if (!(error instanceof LogError) || !['RECREATED', 'OUT_OF_RANGE', 'UNKNOWN_TOPIC'].includes(error.kind))
        throw error;
      // Gone, recreated, or retention has passed what was read last.
      this.#forget();
      if (error.kind === 'UNKNOWN_TOPIC') await this.#create();
      throw new LogError('UNAVAILABLE', error.message, { cause: error });
    }
  }

  /** Where it stands what was appended under the key; undefined: nothing was within ONCE_MS. */
  find(key: string): number | undefined {
    const held = this.#held.get(key);
    return held === undefined || this.#isPast(held) ? undefined : held.offset;
  }

  /** What was answered then. Errors: as catchUp. */
  async read(offset: number): Promise<AppendedOnce> {
    const { incarnation } = this.#state as TopicState;
    const request = { topic: this.#topic, incarnation, partition: this.#shard, from: offset, to: offset + 1, maxBytes };
    try {
      for await (const { records } of this.#ranges.read(request)) {
        const value = records[0]?.value;
        if (value !== null && value !== undefined) return decode(value);
      }
    } catch (error) {
      this.#forget();
      throw error instanceof LogError && error.kind === 'UNAUTHORISED'
        ? error
        : new LogError('UNAVAILABLE', `${this.#topic}-${this.#shard} at ${offset}`, { cause: error });
    }
    this.#forget();
    throw new LogError('UNAVAILABLE', `${this.#topic}-${this.#shard} holds nothing at ${offset}`);
  }

  hasRoom(count: number): boolean {
    this.#sweep();
    return this.#held.size + count <= mostKeys;
  }

  keep(key: string, held: Held): void {
    this.#held.delete(key);
    this.#held.set(key, held);
  }

  async #read(): Promise<void> {
    const state = await this.#cluster.topic(this.#topic, 1_000);
    if (this.#state?.incarnation.topic !== state.incarnation.topic) {
      this.#forget();
      this.#next = (await this.#cluster.offsetsAt(this.#topic, this.#now() - ONCE_MS))[this.#shard] ?? 0;
    }
    const end = await this.#cluster.end(this.#topic, this.#shard);
    if (end < this.#next) throw new LogError('RECREATED', `${this.#topic}-${this.#shard} was cut back to ${end}`);
    const { incarnation } = state;
    const request = { topic: this.#topic, incarnation, partition: this.#shard, from: this.#next, to: end, maxBytes };
    for await (const { records, to } of this.#ranges.read(request)) {
      for (const { key, offset, timestamp } of records)
        if (key !== null) this.keep(key.toString(), { offset, timestamp });
      this.#next = to;
      this.#sweep();
    }
    this.#state = state;
  }

  #sweep(): void {
    for (const [key, held] of this.#held) {
      if (!this.#isPast(held)) return;
      this.#held.delete(key);
    }
  }

  #isPast({ timestamp }: Held): boolean {
    return timestamp <= this.#now() - ONCE_MS;
  }

  #forget(): void {
    this.#held.clear();
    this.#state = undefined;
  }
}

export function encodeOnce({ digest, memo }: Once, appended: AppendedOnce['appended']): Buffer {
  const { cluster = '', topic = '' } = appended[0]?.incarnation ?? {};
  const positions = appended.flatMap(({ partition, offset, timestamp }) => [partition, offset, timestamp]);
  const kept: Kept = { digest, memo, cluster, topic, positions };
  return Buffer.from(JSON.stringify(kept));
}

function decode(value: Buffer): AppendedOnce {
  const { digest, memo, cluster, topic, positions } = JSON.parse(value.toString()) as Kept;
  const incarnation = { cluster, topic };
  const appended = Array.from({ length: positions.length / 3 }, (_, index) => ({
    incarnation,
    partition: positions[index * 3] as number,
    offset: positions[index * 3 + 1] as number,
    timestamp: positions[index * 3 + 2] as number,
  }));
  return { appended, digest, memo, isRepeated: true };
}
