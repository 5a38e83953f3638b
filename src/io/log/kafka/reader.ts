/** One tail's reading of one partition: where it stands, and what the fetch loops may do with it. */
import type { Incarnation, LogError, LogScan } from '../../../core/log/index.ts';
import { endOf, type FetchedPartition, type WantedPartition } from './fetch.ts';
import type { DecodedBatches } from './records.ts';

/** What a reader reports to. `sentAt` (performance.now) is when the request that brought the scan left: what it says was so no earlier. */
export interface ReaderEvents {
  scan(scan: LogScan, sentAt: number): void;
  failed(partition: number, error: LogError): void;
}

/** Room for one partition in one response. Its first batch comes whatever its size, so that no record is too large to read. */
export const partitionBytes = 1024 * 1024;

/** A partition with nothing new says so this often, given that long polls end each half second: at least once a second. */
const emptyScanEvery = 400;

export class PartitionReader {
  readonly topic: string;
  readonly topicId: Buffer;
  readonly incarnation: Incarnation;
  readonly partition: number;
  readonly #events: ReaderEvents;

  /** The next offset to hand on. */
  position: number;
  /** Leader epoch of the batch before `position`; -1 while unknown. */
  lastEpoch = -1;
  leaderEpoch = -1;
  paused = false;
  /** Wants whatever the partition begins with, rather than its position. */
  fromFirst = false;
  /** The leader has answered for this position at least once. */
  placed = false;
  /** Failed or disposed: no more of it. */
  ended = false;
  /** Something is being looked into: not to be fetched until that is done. */
  held = false;
  /** performance.now before which it is not to be fetched: after an answer that only time or new metadata will better. */
  notBefore = 0;
  /** When the leader last answered for it. */
  answeredAt = performance.now();
  /** Answers in a row that the position is out of range though it lies in the range. */
  outOfRange = 0;
  #scannedAt = Number.NEGATIVE_INFINITY;
  /** The first fetch begins one record early: the batch that comes with it tells the epoch of the history that the position belongs to. */
  #probing: boolean;

  constructor(
    topic: { readonly topic: string; readonly id: Buffer; readonly incarnation: Incarnation },
    partition: number,
    position: number,
    events: ReaderEvents,
  ) {
    this.topic = topic.topic;
    this.topicId = topic.id;
    this.incarnation = topic.incarnation;
    this.partition = partition;
    this.position = position;
    this.#probing = position > 0;
    this.#events = events;
  }

  get readable(): boolean {
    return !(this.ended || this.paused || this.held);
  }

  get offset(): number {
    return this.#probing ? this.position - 1 : this.position;
  }

  wanted(): WantedPartition {
    return {
      topic: this.topic,
      topicId: this.topicId,
      partition: this.partition,
      leaderEpoch: this.leaderEpoch,
      offset: this.offset,
      lastEpoch: this.lastEpoch,
      maxBytes: partitionBytes,
    };
  }

  /** The record before the position is gone, so nothing can be learned from it. Says whether that was being tried. */
  stopProbing(): boolean {
    const was = this.#probing;
    this.#probing = false;
    return was;
  }

  /** Takes what a fetch brought, if it joins on to the position: the two lanes of a node may bring the same twice. */
  take(fetched: FetchedPartition<WantedPartition>, decoded: DecodedBatches, sentAt: number): void {
    const now = performance.now();
    this.answeredAt = now;
    this.outOfRange = 0;
    const from = this.position;
    if (fetched.wanted.offset > from) return;
    this.#probing = false;
    if (decoded.next < from) return;
    this.placed = true;
    if (decoded.epoch >= 0) this.lastEpoch = decoded.epoch;
    this.position = decoded.next;
    if (decoded.next === from && now - this.#scannedAt < emptyScanEvery) return;
    this.#scannedAt = now;
    const records = decoded.records;
    const skip = fetched.wanted.offset === from ? 0 : firstAtOrAfter(records, from);
    this.#events.scan(
      {
        incarnation: this.incarnation,
        partition: this.partition,
        from,
        to: decoded.next,
        records: skip === 0 ? records : records.slice(skip),
        end: endOf(fetched, decoded),
        first: Math.max(fetched.first, 0),
      },
      sentAt,
    );
  }

  fail(error: LogError): void {
    if (this.ended) return;
    this.ended = true;
    this.#events.failed(this.partition, error);
  }
}

function firstAtOrAfter(records: DecodedBatches['records'], offset: number): number {
  const at = records.findIndex((record) => record.offset >= offset);
  return at < 0 ? records.length : at;
}
