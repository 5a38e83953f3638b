import { randomUUID } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';

import {
  type Appended,
  type AppendedOnce,
  type AppendRecord,
  type Extent,
  type Incarnation,
  type Log,
  LogError,
  type LogScan,
  type Once,
  type Tail,
  type TailHandler,
  type TailOptions,
  type TopicConfig,
  type TopicDescription,
} from '../../../core/log/index.ts';
import type { Logger } from '../../../core/observe.ts';
import { Compactor } from './compactor.ts';
import { createLease, type Lease } from './lease.ts';
import { findOnce, keepOnce } from './once.ts';
import { embeddedOptions } from './options.ts';
import { offsetAtTime, readRecords, recordBytes, type Written, writeRecords } from './records.ts';
import { Store } from './store.ts';
import { outOfRange, Tails } from './tails.ts';
import {
  createTopic,
  deleteTopic,
  extentOf,
  growTopic,
  needPartition,
  needTopic,
  partitionRows,
  sameTopic,
} from './topics.ts';

export interface EmbeddedLogConfig {
  /** The cluster's name. */
  readonly name: string;
  readonly path: string;
  readonly synchronous?: 'normal' | 'full';
  readonly retentionMs?: number;
  readonly maxBytes?: number | undefined;
  readonly maxRecordBytes?: number;
  readonly compactEveryMs?: number;
  readonly tombstoneMs?: number;
  readonly observe: Logger;
  /** Wall clock, ms; default Date.now. Timestamps of records, retention and leases go by it. */
  readonly now?: () => number;
}

const rangeBytes = 1_048_576;
const rangeRecords = 2_000;

/** A Log in one SQLite file that several processes may have open at once. Opens on first use; what cannot be opened is UNAVAILABLE until it can. */
export class EmbeddedLog implements Log {
  readonly name: string;
  readonly #store: Store;
  readonly #tails: Tails;
  readonly #compactor: Compactor;
  readonly #holder = randomUUID();
  readonly #now: () => number;
  readonly #retentionMs: number;
  readonly #maxRecordBytes: number;
  /** How many partitions whoever asked this log was told of: growth begins there, not at a tail's first look. */
  readonly #described = new Map<string, number>();
  #turn = 0;
  readonly #spread = (partitions: number): number => this.#turn++ % partitions;

  constructor(config: EmbeddedLogConfig) {
    const { observe, now, ...rest } = config;
    const { name, ...given } = rest;
    const options = embeddedOptions.parse({ type: 'embedded', ...given });
    this.name = name;
    this.#now = now ?? Date.now;
    this.#retentionMs = options.retentionMs;
    this.#maxRecordBytes = options.maxRecordBytes;
    this.#store = new Store({
      name,
      path: options.path,
      synchronous: options.synchronous,
      maxBytes: options.maxBytes,
      logger: observe,
    });
    this.#tails = new Tails(this.#store);
    this.#compactor = new Compactor(this.#store, {
      holder: this.#holder,
      everyMs: options.compactEveryMs,
      tombstoneMs: options.tombstoneMs,
      now: this.#now,
      logger: observe,
    });
  }

  async describe(topic: string): Promise<TopicDescription> {
    const description = await this.#store.read((connection) => {
      const { uid } = needTopic(connection, topic);
      return { topic, partitions: partitionRows(connection, topic).length, incarnation: this.#incarnation(uid) };
    });
    this.#described.set(description.incarnation.topic, description.partitions);
    return description;
  }

  async extents(topic: string): Promise<readonly Extent[]> {
    return this.#store.read((connection) => {
      needTopic(connection, topic);
      return partitionRows(connection, topic).map(extentOf);
    });
  }

  async offsetsAt(topic: string, timestamp: number): Promise<readonly number[]> {
    return this.#store.read((connection) => {
      needTopic(connection, topic);
      return partitionRows(connection, topic).map((partition) => offsetAtTime(connection, partition, timestamp));
    });
  }

  tail(
    topic: string,
    incarnation: Incarnation,
    from: ReadonlyMap<number, number>,
    handler: TailHandler,
    { known = this.#described.get(incarnation.topic), fixed = false }: TailOptions = {},
  ): Tail {
    return this.#tails.open(topic, incarnation, from, handler, { known, fixed });
  }

  async *range(
    topic: string,
    incarnation: Incarnation,
    partition: number,
    from: number,
    to: number,
    options: { readonly maxBytes?: number } = {},
  ): AsyncGenerator<LogScan> {
    const bounds = { maxBytes: options.maxBytes ?? rangeBytes, maxRecords: rangeRecords };
    let next = from;
    let until = to;
    do {
      const scan = await this.#store.read((connection): LogScan | undefined => {
        sameTopic(connection, topic, this.#store.cluster, incarnation);
        const row = needPartition(connection, topic, partition);
        const extent = extentOf(row);
        if (next < extent.first || next > extent.end) throw outOfRange(topic, next, extent, next > from);
        if (next === from) until = Math.min(to, extent.end);
        if (next >= until) return undefined;
        const read = readRecords(connection, row.slot, next, until, bounds);
        return {
          incarnation,
          partition,
          from: next,
          to: read.to,
          records: read.records,
          end: extent.end,
          first: extent.first,
        };
      });
      if (scan === undefined) return;
      next = scan.to;
      yield scan;
      // Reading is synchronous: without this a long replay would keep everybody else from the event loop.
      await breathe();
    } while (next < until);
  }

  async append(topic: string, records: readonly AppendRecord[]): Promise<readonly Appended[]> {
    this.#checkSizes(records);
    const now = this.#now;
    const spread = this.#spread;
    const written = await this.#store.write(function* (connection) {
      const row = needTopic(connection, topic);
      return { uid: row.uid, positions: yield* writeRecords(connection, row, records, now(), spread) };
    });
    return this.#appended(written.uid, written.positions);
  }

  async appendOnce(topic: string, records: readonly AppendRecord[], once: Once): Promise<AppendedOnce> {
    this.#checkSizes(records);
    const now = this.#now;
    const spread = this.#spread;
    const { uid, positions, digest, memo, isRepeated } = await this.#store.write(function* (connection) {
      const found = findOnce(connection, once.key, now());
      if (found !== undefined) return { ...found, isRepeated: true };
      const row = needTopic(connection, topic);
      const written = yield* writeRecords(connection, row, records, now(), spread);
      keepOnce(connection, once, now(), row.uid, written);
      return { ...once, uid: row.uid, positions: written, isRepeated: false };
    });
    return { appended: this.#appended(uid, positions), digest, memo, isRepeated };
  }

  async create(topic: string, config: TopicConfig): Promise<void> {
    const retentionMs = this.#retentionMs;
    await this.#store.write((connection) => createTopic(connection, topic, config, retentionMs));
  }

  async ping(): Promise<void> {
    await this.#store.read((connection) => connection.sql("SELECT value FROM meta WHERE name = 'cluster'").get());
  }

  /** Ends the topic for every reader (RECREATED); its space is given back by compaction. Errors: UNKNOWN_TOPIC. */
  async deleteTopic(topic: string): Promise<void> {
    await this.#store.write(function* (connection) {
      deleteTopic(connection, topic);
    });
  }

  /** Errors: UNKNOWN_TOPIC. */
  async addPartitions(topic: string, partitions: number): Promise<void> {
    await this.#store.write(function* (connection) {
      growTopic(connection, topic, partitions);
    });
  }

  /** Lets go of everything before `before`, as retention does. */
  async expire(topic: string, partition: number, before: number): Promise<void> {
    const row = await this.#store.read((connection) => needPartition(connection, topic, partition));
    await this.#compactor.expire(row, before);
  }

  /** One pass of compaction and retention now, whoever holds the lease. */
  async compact(): Promise<void> {
    await this.#compactor.run();
  }

  /** A lease row of this file, held in the name of this log. */
  lease(name: string, ttlMs: number): Lease {
    return createLease(this.#store, name, this.#holder, ttlMs, this.#now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tails.dispose();
    await this.#compactor.stop();
    await this.#store[Symbol.asyncDispose]();
  }

  #checkSizes(records: readonly AppendRecord[]): void {
    for (const record of records) {
      if (recordBytes(record) <= this.#maxRecordBytes) continue;
      throw new LogError(
        'TOO_LARGE',
        `A record of ${recordBytes(record)} bytes is more than cluster "${this.name}" takes (maxRecordBytes ${this.#maxRecordBytes}).`,
      );
    }
  }

  #appended(uid: string, positions: readonly Written[]): readonly Appended[] {
    const incarnation = this.#incarnation(uid);
    return positions.map((position) => ({ incarnation, ...position }));
  }

  #incarnation(uid: string): Incarnation {
    return { cluster: this.#store.cluster, topic: uid };
  }
}
