/**
 * The journal port: the state of record (applications, key hashes, grants, ...) as compacted or retained Kafka topics of
 * one partition each, materialised in memory by every process that follows it. One writer at a time (invariant 8): a
 * transaction fences whoever came before, reads to the end, decides, and writes records for several topics atomically.
 * One conformance suite (test/log/journal-conformance.ts) holds every adapter to these comments.
 */

/** A state topic without the site's prefix, e.g. `applications` for the Kafka topic `_sluice.applications`. */
export interface JournalTopic {
  readonly name: string;
  readonly cleanup: 'delete' | 'compact';
  readonly retentionMs?: number;
}

export interface JournalRecord {
  /** Name of a JournalTopic. */
  readonly topic: string;
  readonly key: string;
  /** JSON text, or null to delete the key. */
  readonly value: string | null;
  readonly offset: number;
  readonly timestamp: number;
}

export interface JournalWrite {
  readonly topic: string;
  readonly key: string;
  readonly value: string | null;
}

export interface Following extends AsyncDisposable {
  /** Monotonic milliseconds (of the clock given to the adapter) at which everything written up to then is known to have been applied. */
  readonly confirmedAt: number;
}

export interface Journal extends AsyncDisposable {
  /**
   * Creates missing topics, applies every record from the start, in order per topic, then goes on applying as records arrive.
   * Resolves when the end as of the call has been applied. Each record is applied once per following. While the log
   * cannot be reached it waits and `confirmedAt` stands still; while it answers `confirmedAt` advances at least each second.
   * A state topic that was recreated under a following ends the following by `lost`.
   */
  follow(apply: (record: JournalRecord) => void, lost: (error: Error) => void): Promise<Following>;

  /**
   * Fences earlier writers, brings `following` to the end, then calls `decide` once, synchronously: it looks at the state
   * that the following has built and returns what to write and what to answer; throwing writes nothing. All writes
   * become visible atomically. Resolves with the answer when they are durable and applied to `following`. A writer
   * that was fenced between its fence and its commit writes nothing and starts over (bounded), calling `decide` again.
   */
  transact<T>(
    following: Following,
    decide: () => { readonly writes: readonly JournalWrite[]; readonly answer: T },
  ): Promise<T>;
}
