/**
 * The log port: what Sluice needs of a Kafka cluster, or of the embedded log that stands in for one.
 * One conformance suite (test/log/conformance.ts) holds every adapter to these comments.
 *
 * Offsets are safe integers. `end` is always the *last stable offset*: the offset after the last record
 * that a read_committed reader may see. Buffers inside records may be views of a larger network buffer:
 * whoever keeps one for long copies it.
 */

/** Which life of a Kafka topic an offset belongs to: deleted and created anew, it is another. */
export interface Incarnation {
  /** Cluster id as the cluster itself says it. */
  readonly cluster: string;
  /** Topic id as base64url text of 16 bytes; of brokers without topic ids, a text that changes when the topic is recreated as far as they let one know. */
  readonly topic: string;
}

export interface Header {
  readonly name: string;
  readonly value: Buffer | null;
}

export interface LogRecord {
  readonly offset: number;
  /** Milliseconds since the epoch, as the record's timestamp type has it. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** null is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
}

/**
 * "Every record of this partition in [from, to) was examined; here are those that are visible": control records,
 * aborted and compacted ones are inside the range and not among the records. `to > from`, or `to === from` and no
 * records, which says that the leader answered and there was nothing new.
 */
export interface LogScan {
  readonly incarnation: Incarnation;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly records: readonly LogRecord[];
  /** Last stable offset when it was read. */
  readonly end: number;
  /** First offset still held when it was read. */
  readonly first: number;
}

export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
  readonly incarnation: Incarnation;
}

export interface Extent {
  readonly partition: number;
  /** First offset still held. */
  readonly first: number;
  /** Last stable offset. */
  readonly end: number;
}

export interface TopicConfig {
  readonly partitions: number;
  /** Default: the broker's. */
  readonly replicationFactor?: number;
  readonly cleanup: 'delete' | 'compact';
  /** Milliseconds; default: the broker's. -1 keeps for ever. */
  readonly retentionMs?: number;
}

export interface AppendRecord {
  /** Default: murmur2 of the key as Kafka's own producer does it, or any partition where there is no key. */
  readonly partition?: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly Header[];
  /** Default: now. */
  readonly timestamp?: number;
}

export interface Appended {
  readonly incarnation: Incarnation;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

/** What an append is known by, so that it can be repeated. */
export interface Once {
  /** The same for each repetition and for nothing else of anybody who writes to the cluster: a hash. At most 128 characters. */
  readonly key: string;
  /** Tells a repetition from something else under the same key. At most 128 characters. */
  readonly digest: string;
  /** Short text that is kept with the records and given back. */
  readonly memo: string;
}

/** What was appended under a key, by this call or by the first one. */
export interface AppendedOnce {
  readonly appended: readonly Appended[];
  readonly digest: string;
  readonly memo: string;
  /** Another call had appended before; this one has written nothing. */
  readonly isRepeated: boolean;
}

/** Milliseconds for which a key is known. */
export const ONCE_MS = 86_400_000;

export type LogErrorKind =
  /** The position is not held: before `first` (retention) or after `end` (truncation: see RECREATED). `first` and `end` say what is. */
  | 'OUT_OF_RANGE'
  /** The Kafka topic is another one of the same name now, or its log was cut back behind the position. Old offsets mean nothing. */
  | 'RECREATED'
  | 'UNKNOWN_TOPIC'
  | 'EXISTS'
  | 'UNAUTHORISED'
  /** Cannot be reached now; trying again may help. */
  | 'UNAVAILABLE'
  /** A record is larger than the log takes. */
  | 'TOO_LARGE'
  /** Bytes that are no valid record batch (CRC, magic, codec). */
  | 'CORRUPT';

/** What a log can answer instead of data. Internal: the message may name hosts and Kafka topics. */
export class LogError extends Error {
  readonly kind: LogErrorKind;
  readonly extent: Extent | undefined;

  constructor(
    kind: LogErrorKind,
    message: string,
    options: { readonly extent?: Extent; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LogError';
    this.kind = kind;
    this.extent = options.extent;
  }
}

/** Receives what a tail reads. Called synchronously from the reader's loop; must neither throw nor block. */
export interface TailHandler {
  /** In order per partition; the `from` of each scan is the `to` of the one before. An empty one at least each second while the leader answers. */
  scan(scan: LogScan): void;
  /** The partition is read no further: OUT_OF_RANGE, RECREATED, UNAUTHORISED, CORRUPT. The other partitions go on. UNAVAILABLE is never reported here: a tail waits and goes on at its position. */
  failed(partition: number, error: LogError): void;
  /** The Kafka topic has more partitions now; the new ones are read from their first offset. */
  grown(partitions: number): void;
  /** The leader of at least one partition stopped (`false`) or resumed (`true`) answering. */
  reachable(reachable: boolean): void;
}

export interface TailOptions {
  readonly known?: number;
  readonly fixed?: boolean;
}

/** A live read of one Kafka topic. */
export interface Tail extends AsyncDisposable {
  /** Back-pressure: no further scan of the partition until `resume`; what is fetched already is kept, bounded. */
  pause(partition: number): void;
  resume(partition: number): void;
}

export interface Log extends AsyncDisposable {
  /** The cluster's name in Sluice's configuration. */
  readonly name: string;

  /** Errors: UNKNOWN_TOPIC, UNAUTHORISED, UNAVAILABLE. */
  describe(topic: string): Promise<TopicDescription>;

  /** One entry per partition, in order of partition. */
  extents(topic: string): Promise<readonly Extent[]>;

  /** Per partition the first offset whose timestamp is at or after `timestamp` (ms), else the end. */
  offsetsAt(topic: string, timestamp: number): Promise<readonly number[]>;

  /**
   * Reads live from the given offsets (partition -> next offset) of the given incarnation. Tails of one log share one
   * multi-partition fetch loop per broker. Positions survive leader moves and broker deaths. `known`: how
   * many partitions the caller knows of, those beyond are new; default: as many as it was last described with. `fixed`: of new
   * partitions the handler is told, and they are not read.
   */
  tail(
    topic: string,
    incarnation: Incarnation,
    from: ReadonlyMap<number, number>,
    handler: TailHandler,
    options?: TailOptions,
  ): Tail;

  /**
   * Reads [from, to) of one partition as consecutive scans that together cover exactly that range, each of at most about
   * `maxBytes` (default 1 MiB) of records. On connections of its own: never behind a live read's long poll. Ends early
   * when the consumer stops iterating. `to` is capped at the end. Errors are thrown: OUT_OF_RANGE (also when retention passes
   * the reader), RECREATED, UNAUTHORISED, UNAVAILABLE (after bounded retries), CORRUPT.
   */
  range(
    topic: string,
    incarnation: Incarnation,
    partition: number,
    from: number,
    to: number,
    options?: { readonly maxBytes?: number },
  ): AsyncIterable<LogScan>;

  /** Appends in order; resolves when all in-sync replicas have all of them, one position per record. All or nothing per partition. */
  append(topic: string, records: readonly AppendRecord[]): Promise<readonly Appended[]>;

  /**
   * Appends in order, or finds that it has been done: a key that was appended under within ONCE_MS is answered with what was
   * appended then, whatever the records are now; whoever cares compares the digests. Records, of all partitions, and key become
   * visible in one transaction, which read_committed readers see whole or not at all; it has become so when this resolves, unless a
   * transaction of others holds the end back. A key is known to every log on the same storage, and to those that are opened later. Of calls at
   * once with one key, on however many logs, one appends and the others wait for it. After a rejection the records have been
   * appended or not, never in part: the same call again finds out. Calls that wait are bounded: UNAVAILABLE, as
   * where there are more keys than can be known. TOO_LARGE and UNKNOWN_TOPIC write nothing.
   */
  appendOnce(topic: string, records: readonly AppendRecord[], once: Once): Promise<AppendedOnce>;

  /** Errors: EXISTS, UNAUTHORISED, UNAVAILABLE. */
  create(topic: string, config: TopicConfig): Promise<void>;

  /** Resolves when the cluster answers a request; rejects with LogError. */
  ping(): Promise<void>;
}

export function sameIncarnation(a: Incarnation, b: Incarnation): boolean {
  return a.cluster === b.cluster && a.topic === b.topic;
}
