import type { Logger } from '../../../core/observe.ts';
import { createLease, type Lease } from './lease.ts';
import { deleteRecord, deleteRecords, offsetAtTime, readKeys } from './records.ts';
import { maxOffset } from './schema.ts';
import type { Store } from './store.ts';
import { allTopics, type PartitionRow, partitionRows, type TopicRow } from './topics.ts';

/** Records per transaction: short locks, short pauses of the event loop. */
const slice = 256;
/** Distinct keys that one pass of compaction holds in memory; the next pass goes on from there. */
const maxKeys = 100_000;

export interface CompactorOptions {
  readonly holder: string;
  readonly everyMs: number;
  readonly tombstoneMs: number;
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** Retention, compaction and the sweeping up of deleted topics, by one process of those that have the file open. */
export class Compactor {
  readonly #store: Store;
  readonly #options: CompactorOptions;
  readonly #lease: Lease;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(store: Store, options: CompactorOptions) {
    this.#store = store;
    this.#options = options;
    this.#lease = createLease(store, 'compactor', options.holder, options.everyMs * 3, options.now);
    this.#timer = setInterval(() => {
      this.#running ??= this.#runIfMine().finally(() => {
        this.#running = undefined;
      });
    }, options.everyMs);
    // A process that has nothing else to do need not stay for this.
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One pass over everything. Errors: UNAVAILABLE. */
  async run(): Promise<void> {
    await this.#sweep();
    for (const topic of await this.#store.read(allTopics)) {
      for (const partition of await this.#store.read((connection) => partitionRows(connection, topic.name))) {
        if (this.#stopped) return;
        if (topic.cleanup === 'compact') await this.#compact(topic, partition);
        else await this.#retain(topic, partition);
      }
    }
  }

  /** Moves the first offset of a partition up to `before` and deletes what lies below. */
  async expire(partition: PartitionRow, before: number): Promise<void> {
    await this.#store.write(function* (connection) {
      connection
        .sql('UPDATE partition SET first = max(first, min(?2, next)) WHERE slot = ?1')
        .run(partition.slot, before);
    });
    await this.#delete(partition.slot, Math.min(before, partition.next));
  }

  async #runIfMine(): Promise<void> {
    try {
      if (await this.#lease.acquire()) await this.run();
    } catch (error) {
      if (!this.#stopped)
        this.#options.logger.warn(
          'Compaction and retention of the embedded log did not finish; the next round tries again.',
          { error: String(error) },
        );
    }
  }

  async #retain(topic: TopicRow, partition: PartitionRow): Promise<void> {
    if (topic.retentionMs < 0) return;
    const before = await this.#store.read((connection) =>
      offsetAtTime(connection, partition, this.#options.now() - topic.retentionMs),
    );
    if (before > partition.first) await this.expire(partition, before);
  }

  async #sweep(): Promise<void> {
    const slots = await this.#store.read(
      (connection) => connection.sql('SELECT slot FROM orphan').all() as unknown as [number][],
    );
    for (const [slot] of slots) {
      await this.#delete(slot, maxOffset);
      if (this.#stopped) return;
      await this.#store.write(function* (connection) {
        connection.sql('DELETE FROM orphan WHERE slot = ?').run(slot);
      });
    }
  }

  async #delete(slot: number, before: number): Promise<void> {
    let done = false;
    while (!done && !this.#stopped) {
      done = await this.#store.write(function* (connection) {
        return deleteRecords(connection, slot, 0, before, slice);
      });
    }
  }

  /**
   * Keeps the newest record of each key, as Kafka's cleaner does: gather the newest offset of the keys written since the last
   * pass, then go over everything up to there and drop what they supersede. A tombstone goes with the first pass
   * that begins `tombstoneMs` after one had passed it, so that every reader has that long to see it.
   */
  async #compact(topic: TopicRow, { slot, next, cleaned, passed, passedAt }: PartitionRow): Promise<void> {
    const now = this.#options.now();
    const ripe = passedAt !== null && passed > 0 && now - passedAt >= this.#options.tombstoneMs;
    // A pass goes over the whole partition: it waits until there is something worth it.
    if ((cleaned >= next || (next - cleaned) * 100 < next) && !ripe) return;
    const newest = new Map<string, number>();
    let until = cleaned;
    while (until < next && newest.size < maxKeys && !this.#stopped) {
      const keys = await this.#store.read((connection) => readKeys(connection, slot, until, next, slice));
      for (const { key, offset } of keys) newest.set(key, offset);
      until = keys.length < slice ? next : (keys.at(-1)?.offset ?? next) + 1;
    }
    let removed = 0;
    for (let at = 0; at < until && !this.#stopped; ) {
      const from = at;
      at = await this.#store.write(function* (connection) {
        const keys = readKeys(connection, slot, from, until, slice);
        for (const { key, offset, tombstone } of keys) {
          if (offset >= (newest.get(key) ?? -1) && !(tombstone && ripe && offset < passed)) continue;
          deleteRecord(connection, slot, offset);
          removed += 1;
        }
        return keys.length < slice ? until : (keys.at(-1)?.offset ?? until) + 1;
      });
    }
    if (this.#stopped) return;
    const again = ripe || passedAt === null;
    await this.#store.write(function* (connection) {
      connection
        .sql('UPDATE partition SET cleaned = ?2, passed = ?3, passed_at = ?4 WHERE slot = ?1')
        .run(slot, until, again ? until : passed, again ? now : passedAt);
    });
    if (removed > 0) this.#options.logger.debug('Compacted.', { topic: topic.name, removed });
  }
}
