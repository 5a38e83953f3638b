import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';

import {
  type Following,
  type Journal,
  type JournalRecord,
  type JournalTopic,
  type JournalWrite,
  LogError,
} from '../../../core/log/index.ts';
import type { Logger } from '../../../core/observe.ts';
import type { Connection } from './file.ts';
import { readRecords, writeRecords } from './records.ts';
import { Store } from './store.ts';
import { createTopic, findTopic, needPartition, needTopic, type PartitionRow } from './topics.ts';

export interface EmbeddedJournalConfig {
  /** The cluster's name. */
  readonly name: string;
  readonly path: string;
  readonly synchronous?: 'normal' | 'full';
  readonly maxBytes?: number | undefined;
  /** Before the name of each state topic, e.g. `_sluice.` */
  readonly prefix: string;
  readonly topics: readonly JournalTopic[];
  /** Monotonic milliseconds, for `confirmedAt`. */
  readonly clock: () => number;
  readonly observe: Logger;
  /** Wall clock, ms; default Date.now. */
  readonly now?: () => number;
}

/** What one turn applies, over all topics. */
const turnRecords = 1_000;
const turnBytes = 1_048_576;
const retryMs = 250;

/** The state of record beside the events, in the same file or one of its own: a transaction is one of SQLite, so that a command may write beside a running gateway. */
export class EmbeddedJournal implements Journal {
  readonly #config: EmbeddedJournalConfig;
  readonly #store: Store;
  readonly #followings = new Set<EmbeddedFollowing>();
  #closed = false;

  constructor(config: EmbeddedJournalConfig) {
    this.#config = config;
    this.#store = new Store({
      name: config.name,
      path: config.path,
      synchronous: config.synchronous ?? 'normal',
      maxBytes: config.maxBytes,
      logger: config.observe,
    });
  }

  async follow(apply: (record: JournalRecord) => void, lost: (error: Error) => void): Promise<Following> {
    const uids = await this.#waiting(() => this.#createMissing());
    const following = new EmbeddedFollowing(this.#store, this.#config, uids, apply, lost, () =>
      this.#followings.delete(following),
    );
    this.#followings.add(following);
    await this.#waiting(() => following.caughtUp());
    return following;
  }

  async transact<T>(
    following: Following,
    decide: () => { readonly writes: readonly JournalWrite[]; readonly answer: T },
  ): Promise<T> {
    if (!(following instanceof EmbeddedFollowing) || !this.#followings.has(following)) {
      throw new LogError(
        'UNAVAILABLE',
        'The following has ended, or is of another journal: a transaction needs a live one of its own.',
      );
    }
    // The bulk outside the lock, so that others wait for the last few records only.
    await following.caughtUp();
    const { prefix, now } = this.#config;
    const answer = await this.#store.write(function* (connection) {
      following.applyAll(connection);
      const decision = decide();
      for (const [topic, writes] of Map.groupBy(decision.writes, (write) => write.topic)) {
        const row = needTopic(connection, prefix + topic);
        const records = writes.map(({ key, value }) => ({
          partition: 0,
          key: Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
        }));
        yield* writeRecords(connection, row, records, (now ?? Date.now)(), () => 0);
      }
      return decision.answer;
    });
    await applied(following);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const following of [...this.#followings]) following.end();
    await this.#store[Symbol.asyncDispose]();
  }

  /** Waits while the log cannot be reached, as long as this journal lives. */
  async #waiting<T>(attempt: () => Promise<T>): Promise<T> {
    let said = '';
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (this.#closed || !(error instanceof LogError) || error.kind !== 'UNAVAILABLE') throw error;
        // Said once: it is tried again for as long as it takes.
        if (error.message !== said) {
          const { name: cluster, observe } = this.#config;
          observe.warn('The state of record cannot be reached; waiting.', { cluster, error: error.message });
        }
        said = error.message;
        await delay(retryMs);
      }
    }
  }

  /** The state topics' ids, once all of them exist. */
  async #createMissing(): Promise<ReadonlyMap<string, string>> {
    const { topics, prefix } = this.#config;
    const ids = (connection: Connection) =>
      new Map(topics.map(({ name }) => [name, findTopic(connection, prefix + name)?.uid] as const));
    const found = await this.#store.read(ids);
    const complete = (map: ReadonlyMap<string, string | undefined>): map is Map<string, string> =>
      ![...map.values()].includes(undefined);
    if (complete(found)) return found;
    await this.#store.write(function* (connection) {
      for (const { name, cleanup, retentionMs } of topics) {
        if (findTopic(connection, prefix + name) !== undefined) continue;
        yield* createTopic(connection, prefix + name, { partitions: 1, cleanup }, retentionMs ?? -1);
      }
    });
    return this.#createMissing();
  }
}

/** What is written is written: an outage in between delays the answer and must not turn it into an error that invites a second try. */
async function applied(following: EmbeddedFollowing): Promise<void> {
  while (following.open) {
    try {
      return await following.caughtUp();
    } catch {
      await delay(retryMs);
    }
  }
}

class EmbeddedFollowing implements Following {
  readonly #store: Store;
  readonly #config: EmbeddedJournalConfig;
  readonly #uids: ReadonlyMap<string, string>;
  readonly #apply: (record: JournalRecord) => void;
  readonly #lost: (error: Error) => void;
  readonly #ended: () => void;
  readonly #next = new Map<string, number>();
  readonly #unwatch: () => void;
  #catchingUp = 0;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #open = true;

  constructor(
    store: Store,
    config: EmbeddedJournalConfig,
    uids: ReadonlyMap<string, string>,
    apply: (record: JournalRecord) => void,
    lost: (error: Error) => void,
    ended: () => void,
  ) {
    this.#store = store;
    this.#config = config;
    this.#uids = uids;
    this.#apply = apply;
    this.#lost = lost;
    this.#ended = ended;
    this.#unwatch = store.watch(({ error }) => {
      // An outage is told by the store, and by a `confirmedAt` that stands still.
      if (error === undefined && this.#catchingUp === 0) this.caughtUp().catch(() => undefined);
    });
  }

  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Resolves once everything committed by now has been applied. Errors: UNAVAILABLE; a following that ended resolves. */
  async caughtUp(): Promise<void> {
    this.#catchingUp += 1;
    try {
      for (let done = false; !done && this.#open; ) {
        const at = this.#config.clock();
        done = await this.#store.read((connection) => this.#step(connection));
        if (done) this.#confirmedAt = Math.max(this.#confirmedAt, at);
        else await breathe();
      }
    } finally {
      this.#catchingUp -= 1;
    }
  }

  /** The same inside a write transaction, where nothing can be added meanwhile. */
  applyAll(connection: Connection): void {
    while (this.#open && !this.#step(connection));
    if (!this.#open) throw new LogError('UNAVAILABLE', 'The following ended before the transaction began.');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unwatch();
    this.#ended();
  }

  /** Applies a bounded number of records; true when nothing is left. What goes wrong with a topic ends the following. */
  #step(connection: Connection): boolean {
    let records = turnRecords;
    let bytes = turnBytes;
    let done = true;
    try {
      for (const [name, uid] of this.#uids) {
        const { slot, first, next: end } = this.#partition(connection, name, uid);
        const next = this.#next.get(name) ?? first;
        if (next < first || next > end) {
          const kind = next < first ? 'OUT_OF_RANGE' : 'RECREATED';
          throw new LogError(kind, `State topic ${name} holds [${first}, ${end}); this process had come to ${next}.`);
        }
        if (next === end) continue;
        if (records <= 0 || bytes <= 0) return false;
        const read = readRecords(connection, slot, next, end, { maxRecords: records, maxBytes: bytes });
        for (const { offset, timestamp, key, value } of read.records) {
          this.#apply({ topic: name, key: key?.toString() ?? '', value: value?.toString() ?? null, offset, timestamp });
        }
        this.#next.set(name, read.to);
        records -= read.records.length;
        bytes -= read.bytes;
        done &&= read.to === end;
      }
      return done;
    } catch (thrown) {
      // SQLite's own errors are the store's to judge: it waits for a lock and tells an outage.
      if (thrown instanceof Error && 'errcode' in thrown) throw thrown;
      this.end();
      this.#lost(thrown instanceof Error ? thrown : new Error(String(thrown)));
      return true;
    }
  }

  #partition(connection: Connection, name: string, uid: string): PartitionRow {
    const topic = this.#config.prefix + name;
    if (findTopic(connection, topic)?.uid !== uid)
      throw new LogError('RECREATED', `State topic ${topic} was deleted or created anew.`);
    return needPartition(connection, topic, 0);
  }
}
