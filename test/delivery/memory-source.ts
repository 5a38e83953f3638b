/**
 * A Source whose logs are arrays and whose failures are at the test's command. It passes the Source conformance suite
 * (test/routing/source-conformance.ts), as every adapter does.
 */
import type { PublicEvent } from '../../src/core/contract/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import type { Once } from '../../src/core/log/index.ts';
import {
  type Interest,
  type Origin,
  type Placement,
  type PublishEvent,
  type Published,
  type PublishedOnce,
  type Scan,
  type Source,
  type SourceHandler,
  type SourceTail,
  type SourceTailOptions,
  Wanted,
} from '../../src/core/routing/index.ts';

export interface Written {
  readonly key?: string | null;
  readonly value: number;
  readonly topic?: string;
  readonly time?: number;
}

/** null: a position without a visible event, as aborted and compacted records leave. */
type Entry = Written | null;

interface Partition {
  entries: Entry[];
  first: number;
}

interface Log {
  life: number;
  partitions: Partition[];
}

interface Tail {
  readonly product: string;
  readonly handler: SourceHandler;
  readonly life: number;
  readonly next: number[];
  /** null: all. */
  readonly only: ReadonlySet<number> | null;
  readonly interest: Interest | null;
  /** What it tells; null: everything. */
  wanted: Wanted | null;
  known: number;
}

export interface MemorySourceOptions {
  /** Tails are told by themselves, asynchronously; else when the test calls `deliver`. */
  readonly auto?: boolean;
  /** Calls once each `ms` until cancelled: for the empty scans of quiet partitions, where the test wants them. */
  readonly every?: (ms: number, task: () => void) => () => void;
}

const EVENT_BYTES = 100;

export class MemorySource implements Source {
  readonly #logs = new Map<string, Log>();
  readonly #tails = new Set<Tail>();
  readonly #kept = new Map<string, Promise<PublishedOnce>>();
  readonly #auto: boolean;
  readonly #every: MemorySourceOptions['every'];
  #lives = 0;
  #told = false;
  /** Tails leave out what their interest, as they last learnt it, does not want. */
  filters = false;
  /** What new reads are projected with. */
  projection = 'p1';
  /** Thrown by place, extent and range while set. */
  failure: SluiceError | null = null;
  /** Scans that ranges have yielded, placements that were asked for. */
  readonly reads: { readonly partition: number; readonly from: number; readonly to: number }[] = [];
  openRanges = 0;
  mostRanges = 0;
  /** Most events per scan. */
  scanEvents = 50;
  /** Awaited by ranges before each scan. */
  gate: () => Promise<void> = () => Promise.resolve();

  constructor(options: MemorySourceOptions = {}) {
    this.#auto = options.auto ?? false;
    this.#every = options.every;
  }

  get tails(): number {
    return this.#tails.size;
  }

  create(product: string, partitions: number): void {
    this.#logs.set(product, {
      life: ++this.#lives,
      partitions: Array.from({ length: partitions }, () => ({ entries: [], first: 0 })),
    });
    this.#tell();
  }

  remove(product: string): void {
    this.#logs.delete(product);
  }

  put(product: string, partition: number, ...entries: readonly Entry[]): void {
    this.#log(product).partitions[partition]?.entries.push(...entries);
    this.#tell();
  }

  grow(product: string, partitions: number): void {
    const log = this.#log(product);
    while (log.partitions.length < partitions) log.partitions.push({ entries: [], first: 0 });
    this.#tell();
  }

  /** Retention: everything before `first` is gone. */
  trim(product: string, partition: number, first: number): void {
    const log = this.#log(product).partitions[partition] as Partition;
    log.first = Math.max(log.first, first);
  }

  end(product: string, partition: number): number {
    return this.#log(product).partitions[partition]?.entries.length ?? 0;
  }

  partitions(product: string): number {
    return this.#log(product).partitions.length;
  }

  incarnation(product: string): string {
    return incarnationOf(this.#log(product).life);
  }

  event(product: string, partition: number, offset: number): PublicEvent | null {
    const entry = this.#log(product).partitions[partition]?.entries[offset] ?? null;
    return entry === null ? null : toEvent(entry, partition, offset, this.projection);
  }

  /** Ends the tails of a product with an error, as a source does that cannot go on. */
  fail(product: string, error: SluiceError): void {
    for (const tail of [...this.#tails]) {
      if (tail.product !== product) continue;
      this.#tails.delete(tail);
      tail.handler.failed(error);
    }
  }

  /** Tails hear of their newest interest. */
  learn(): void {
    for (const tail of this.#tails) if (tail.interest !== null) tail.wanted = new Wanted(tail.interest.covering);
  }

  /** Hands scans to tails as they are, right or wrong. */
  inject(product: string, scan: Partial<Scan> & Pick<Scan, 'partition' | 'from' | 'to'>): void {
    for (const tail of [...this.#tails]) {
      if (tail.product === product)
        tail.handler.scan({ ...this.#scan(product, scan.partition, scan.from, scan.to), ...scan });
    }
  }

  /** Tells tails what is new, of one partition or all; at most `most` positions of each. */
  deliver(product?: string, partition?: number, most = Number.POSITIVE_INFINITY): void {
    for (const tail of [...this.#tails]) {
      if (product === undefined || tail.product === product) this.#follow(tail, partition, most, false);
    }
  }

  async place(product: string, origin: Origin): Promise<Placement> {
    const log = await this.#reach(product);
    const incarnation = incarnationOf(log.life);
    switch (origin.kind) {
      case 'latest':
        return { incarnation, vector: log.partitions.map(({ entries }) => entries.length) };
      case 'earliest':
        return { incarnation, vector: log.partitions.map(({ first }) => first) };
      case 'time':
        return { incarnation, vector: log.partitions.map((partition) => firstAt(partition, origin.time)) };
      default: {
        if (origin.incarnation !== incarnation || origin.vector.length > log.partitions.length)
          throw new SluiceError('SOURCE_RESET');
        const missing: { partition: number; from: number; to: number }[] = [];
        const vector = log.partitions.map(({ entries, first }, partition) => {
          const next = origin.vector[partition] ?? first;
          if (next > entries.length) throw new SluiceError('SOURCE_RESET');
          if (next < first) missing.push({ partition, from: next, to: first });
          return next;
        });
        if (missing.length > 0) throw new SluiceError('CURSOR_EXPIRED', undefined, { details: { missing } });
        return { incarnation, vector };
      }
    }
  }

  async extent(product: string): Promise<{ incarnation: string; first: readonly number[]; end: readonly number[] }> {
    const log = await this.#reach(product);
    return {
      incarnation: incarnationOf(log.life),
      first: log.partitions.map(({ first }) => first),
      end: log.partitions.map(({ entries }) => entries.length),
    };
  }

  tail(product: string, from: Placement, handler: SourceHandler, options: SourceTailOptions = {}): SourceTail {
    const { partitions } = options;
    const life = Number(from.incarnation.slice(1));
    const only = partitions === undefined ? null : new Set(partitions);
    const interest = this.filters ? (options.interest ?? null) : null;
    const wanted = interest === null ? null : new Wanted(interest.covering);
    const known = from.vector.length;
    const tail: Tail = { product, handler, life, next: [...from.vector], only, interest, wanted, known };
    this.#log(product);
    this.#tails.add(tail);
    const quiet = this.#every?.(500, () => this.#follow(tail, undefined, Number.POSITIVE_INFINITY, true));
    this.#tell();
    return {
      close: () => {
        quiet?.();
        this.#tails.delete(tail);
      },
    };
  }

  async *range(
    product: string,
    incarnation: string,
    partition: number,
    from: number,
    to: number,
  ): AsyncGenerator<Scan> {
    this.openRanges += 1;
    this.mostRanges = Math.max(this.mostRanges, this.openRanges);
    try {
      const until = Math.min(to, (await this.#reach(product)).partitions[partition]?.entries.length ?? 0);
      for (let next = from; next < until; ) {
        await this.gate();
        const log = await this.#reach(product);
        if (incarnationOf(log.life) !== incarnation) throw new SluiceError('SOURCE_RESET');
        const first = log.partitions[partition]?.first ?? 0;
        if (next < first) {
          throw new SluiceError('CURSOR_EXPIRED', undefined, {
            details: { missing: [{ partition, from: next, to: first }] },
          });
        }
        const scan = this.#scan(product, partition, next, Math.min(until, next + this.scanEvents));
        this.reads.push({ partition, from: scan.from, to: scan.to });
        yield scan;
        next = scan.to;
      }
    } finally {
      this.openRanges -= 1;
    }
  }

  async append(product: string, events: readonly PublishEvent[]): Promise<readonly Published[]> {
    const log = await this.#reach(product);
    return events.map(({ key, data }) => {
      const partition = (key ?? '').length % log.partitions.length;
      const offset = this.end(product, partition);
      this.put(product, partition, { key, value: Number(data['value']) });
      return { incarnation: incarnationOf(log.life), partition, offset, time: offset };
    });
  }

  async appendOnce(product: string, events: readonly PublishEvent[], once: Once): Promise<PublishedOnce> {
    await this.#reach(product);
    const kept = this.#kept.get(once.key);
    if (kept !== undefined) return { ...(await kept), isRepeated: true };
    const { digest, memo } = once;
    const appending = this.append(product, events).then((published) => ({
      published,
      digest,
      memo,
      isRepeated: false,
    }));
    this.#kept.set(once.key, appending);
    return appending;
  }

  #log(product: string): Log {
    const log = this.#logs.get(product);
    if (log === undefined) throw new SluiceError('NOT_FOUND');
    return log;
  }

  async #reach(product: string): Promise<Log> {
    await Promise.resolve();
    if (this.failure !== null) throw this.failure;
    return this.#log(product);
  }

  #tell(): void {
    if (!this.#auto || this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      this.deliver();
    });
  }

  #follow(tail: Tail, only: number | undefined, most: number, quietToo: boolean): void {
    const log = this.#logs.get(tail.product);
    if (log === undefined || !this.#tails.has(tail)) return;
    if (log.life !== tail.life) {
      this.#tails.delete(tail);
      tail.handler.failed(new SluiceError('SOURCE_RESET'));
      return;
    }
    if (log.partitions.length > tail.known) {
      tail.known = log.partitions.length;
      while (tail.next.length < tail.known) tail.next.push(log.partitions[tail.next.length]?.first ?? 0);
      tail.handler.grown(tail.known);
    }
    log.partitions.forEach(({ entries, first }, partition) => {
      if ((only !== undefined && only !== partition) || tail.only?.has(partition) === false) return;
      const from = tail.next[partition] as number;
      if (from < first) {
        this.#tails.delete(tail);
        const missing = [{ partition, from, to: first }];
        tail.handler.failed(new SluiceError('CURSOR_EXPIRED', undefined, { details: { missing } }));
        return;
      }
      const to = Math.min(entries.length, from + most);
      for (let next = from; next < to; next += this.scanEvents) {
        const scan = this.#scan(tail.product, partition, next, Math.min(to, next + this.scanEvents));
        tail.next[partition] = scan.to;
        tail.handler.scan(wantedOf(scan, tail.wanted));
        if (!this.#tails.has(tail)) return;
      }
      if (to === from && quietToo) tail.handler.scan(this.#scan(tail.product, partition, from, from));
    });
  }

  #scan(product: string, partition: number, from: number, to: number): Scan {
    const log = this.#log(product);
    const { entries, first } = log.partitions[partition] ?? { entries: [], first: 0 };
    const events: PublicEvent[] = [];
    for (let offset = from; offset < Math.min(to, entries.length); offset++) {
      const entry = entries[offset] ?? null;
      if (entry !== null) events.push(toEvent(entry, partition, offset, this.projection));
    }
    return {
      product,
      incarnation: incarnationOf(log.life),
      partition,
      from,
      to,
      interest: 0,
      projection: this.projection,
      events,
      end: entries.length,
      first,
      bytes: events.length * EVENT_BYTES,
    };
  }
}

function wantedOf(scan: Scan, wanted: Wanted | null): Scan {
  const events = wanted?.of(scan.events) ?? scan.events;
  return wanted === null || events === scan.events ? scan : { ...scan, events, interest: wanted.version };
}

function incarnationOf(life: number): string {
  return `i${life}`;
}

function firstAt({ entries, first }: Partition, time: number): number {
  const found = entries.findIndex(
    (entry, offset) => offset >= first && entry !== null && (entry.time ?? offset) >= time,
  );
  return found < 0 ? entries.length : found;
}

function toEvent(entry: Written, partition: number, offset: number, projection: string): PublicEvent {
  const key = entry.key ?? null;
  return {
    partition,
    offset,
    time: entry.time ?? offset,
    op: 'UPSERT',
    topic: entry.topic ?? 't',
    unknownLevels: 0,
    key,
    conflationKey: key,
    traceparent: null,
    data: { value: entry.value, projection },
    keyData: null,
  };
}
