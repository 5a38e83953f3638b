/**
 * The source port: where a product's public events come from. Delivery, history, positions and publishing see nothing else.
 * The first adapter reads a log and projects (local.ts); siblings, other nodes and far sites are others.
 */
import type { PublicData, PublicEvent } from '../contract/index.ts';
import type { Once } from '../log/index.ts';
import type { Interest } from './interest/index.ts';

/** Index = partition, value = next offset to examine. */
export type Vector = readonly number[];

export interface Placement {
  /** Digest of the incarnation that the vector belongs to (incarnationDigest). */
  readonly incarnation: string;
  readonly vector: Vector;
}

/** A scan of public events: "every record of this partition in [from, to) was examined under these versions; these events are the visible ones". */
export interface Scan {
  readonly product: string;
  readonly incarnation: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** Version of the tail's interest that it was made under: it covers only subscriptions contained in that. 0: everything. */
  readonly interest: number;
  /** The contract's digest that it was projected with. */
  readonly projection: string;
  readonly events: readonly PublicEvent[];
  /** Last stable offset, and first offset still held, when it was read. */
  readonly end: number;
  readonly first: number;
  /** About how many bytes the events hold in memory: what the window counts. */
  readonly bytes: number;
}

export type Origin =
  | { readonly kind: 'latest' }
  | { readonly kind: 'earliest' }
  /** First offset per partition at or after the time (ms), else the end. With `slackMs` it may answer for a time up to so much earlier, from memory. */
  | { readonly kind: 'time'; readonly time: number; readonly slackMs?: number }
  /** Checked against what is held: a partition before `first` is CURSOR_EXPIRED, one after the end SOURCE_RESET; partitions beyond the vector's length start at their first offset. */
  | { readonly kind: 'at'; readonly incarnation: string; readonly vector: Vector };

/** Receives live scans. Called synchronously; must neither throw nor block. */
export interface SourceHandler {
  /** In order per partition, contiguous: `from` is the `to` of the one before. An empty one at least each second while the leader answers. */
  scan(scan: Scan): void;
  /** More partitions; the new ones start at their first offset. */
  grown(partitions: number): void;
  /** The product can be read no further: SOURCE_RESET, CURSOR_EXPIRED, FORBIDDEN as INTERNAL. No scan comes after it. UNAVAILABLE is not reported: the source waits and goes on. */
  failed(error: import('../errors.ts').SluiceError): void;
}

export interface SourceTailOptions {
  /** Of these alone, which the placement has; new ones are told of then, and not read. Default: all, and those that come. */
  readonly partitions?: readonly number[];
  /**
   * What is wanted of the events: a scan may leave out what a covering set of it does not want, and then names its version. It may change
   * at any time, and later scans may follow it. Default: everything.
   */
  readonly interest?: Interest;
}

export interface SourceTail {
  close(): void;
}

export interface PublishEvent {
  readonly key: string | null;
  readonly data: PublicData;
  readonly traceparent: string | null;
}

export interface Published {
  readonly incarnation: string;
  readonly partition: number;
  readonly offset: number;
  readonly time: number;
}

/** What was published under a key, by this call or by the first one. */
export interface PublishedOnce {
  readonly published: readonly Published[];
  readonly digest: string;
  readonly memo: string;
  /** Another call had published before; this one has written nothing. */
  readonly isRepeated: boolean;
}

export interface Source {
  /** Where a subscription begins: resolved when every hop has it. Errors: NOT_FOUND, CURSOR_EXPIRED with `missing` and `vector` of the first positions held, SOURCE_RESET, UNAVAILABLE. */
  place(product: string, origin: Origin): Promise<Placement>;
  /** First offsets held and ends, as placements. */
  extent(product: string): Promise<{ readonly incarnation: string; readonly first: Vector; readonly end: Vector }>;
  /** Reads live from a placement on. No tail, no reader. */
  tail(product: string, from: Placement, handler: SourceHandler, options?: SourceTailOptions): SourceTail;
  /** Consecutive scans that cover exactly [from, to) of a partition (`to` capped at the end); ends early when iteration stops. Errors as place. */
  range(
    product: string,
    incarnation: string,
    partition: number,
    from: number,
    to: number,
    options?: { readonly maxBytes?: number },
  ): AsyncIterable<Scan>;
  /** Resolves when durable. Errors: PAYLOAD_INVALID, UNAVAILABLE. */
  append(product: string, events: readonly PublishEvent[]): Promise<readonly Published[]>;
  /**
   * Appends all events in one transaction, unless that has been done under this key within ONCE_MS: then it answers what was appended then.
   * Errors: PAYLOAD_INVALID, UNAVAILABLE; after that the same call again finds out whether it had been done.
   */
  appendOnce(product: string, events: readonly PublishEvent[], once: Once): Promise<PublishedOnce>;
}
