/**
 * Replay readers: reading the log for those who are behind the window. A bounded number of readers, each of which goes on from
 * scan to scan for as long as somebody wants the next one, and the scans that were read last: whoever wants the same place shares
 * the scan. Who must wait for a reader waits in a queue in which partners take turns, one scan a turn.
 */
import type { SluiceError } from '../errors.ts';
import { asSluiceError } from '../errors.ts';
import type { Scan, Source } from '../routing/index.ts';
import type { Clock } from './ports.ts';
import { Turns } from './turns.ts';

export interface ReplayRequest {
  readonly product: string;
  readonly incarnation: string;
  readonly partition: number;
  readonly position: number;
  /** As far as anybody will want to read from here: the live edge now. */
  readonly to: number;
  /** The contract that the scan must have been projected with. */
  readonly projection: string;
  /** Who asks: readers are dealt out to partners in turn. */
  readonly partner: string;
}

/** Told exactly once per request unless it is cancelled before. */
export interface ReplayWaiter {
  /** Covers the position, under the projection that was asked for. */
  page(scan: Scan): void;
  /** Not now: the log cannot be reached, does not reach so far yet, or is still projected under another contract. Ask again after a while. */
  later(): void;
  failed(error: SluiceError): void;
}

interface Entry {
  readonly request: ReplayRequest;
  readonly waiter: ReplayWaiter;
  /** It was to share a scan that began before its position, and did not reach it: the next one is read from its position on. */
  readonly alone: boolean;
}

interface Reader {
  readonly request: ReplayRequest;
  readonly scans: AsyncIterator<Scan>;
  /** The position after the last scan. */
  next: number;
  /** Whom the read under way is for; null while it is idle. */
  serving: Entry[] | null;
  lastUsed: number;
}

const PAGE_BYTES = 256 * 1024;
/** Scans that are kept, for each reader there may be: those who are behind take several partitions in turn, and come one after the other. */
const KEPT_PER_READER = 2;
/** An idle reader, and a scan that nobody came for, go after so long. */
const IDLE_MS = 2_000;

interface Kept {
  readonly request: ReplayRequest;
  readonly scan: Scan;
  lastUsed: number;
}

export class Replay {
  readonly #source: Pick<Source, 'range'>;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #readers = new Set<Reader>();
  /** Scans that were read, the one whose last use lies back furthest first. */
  readonly #kept = new Set<Kept>();
  /** How many positions the last scan of a log's partition covered: who is less than that ahead of another shares the next one. */
  readonly #spans = new Map<string, number>();
  readonly #queue = new Turns<Entry>();
  readonly #queued = new Map<ReplayWaiter, Entry>();
  #cancelIdle: (() => void) | null = null;

  constructor(source: Pick<Source, 'range'>, clock: Clock, maxReaders: number) {
    this.#source = source;
    this.#clock = clock;
    this.#max = maxReaders;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** One request per waiter at a time. Answers come later, never from within the call. */
  request(request: ReplayRequest, waiter: ReplayWaiter): void {
    const entry = { request, waiter, alone: false };
    if (this.#share(entry)) return;
    this.#enqueue(entry);
    this.#dispatch();
  }

  cancel(waiter: ReplayWaiter): void {
    const queued = this.#queued.get(waiter);
    if (queued !== undefined) this.#forget(queued);
    for (const reader of this.#readers) {
      if (reader.serving !== null) reader.serving = reader.serving.filter((entry) => entry.waiter !== waiter);
    }
  }

  /** Ends the readers of a product's incarnation. */
  close(product: string, incarnation: string): void {
    const isOf = ({ request }: Reader | Kept): boolean =>
      request.product === product && request.incarnation === incarnation;
    for (const reader of [...this.#readers]) if (isOf(reader)) this.#drop(reader);
    for (const kept of [...this.#kept]) if (isOf(kept)) this.#kept.delete(kept);
    const of = logKey({ product, incarnation });
    for (const log of [...this.#spans.keys()]) if (log.startsWith(of)) this.#spans.delete(log);
    this.#rest();
  }

  /** Whether a scan that is kept, or a reader that is at the place, serves the entry too. */
  #share(entry: Entry): boolean {
    const { request, waiter } = entry;
    for (const kept of this.#kept) {
      if (!sameLog(kept.request, request) || !covers(kept.scan, request)) continue;
      this.#keep(kept);
      this.#clock.soon(() => waiter.page(kept.scan));
      return true;
    }
    for (const reader of this.#readers) {
      if (reader.serving === null || !this.#reaches(reader, entry)) continue;
      reader.serving.push(entry);
      return true;
    }
    return false;
  }

  /** Whether the next scan of the reader will, as far as one can tell, hold the entry's position. */
  #reaches(reader: Reader, { request, alone }: Entry): boolean {
    // One that has read as far as it was asked to cannot go on.
    if (!sameLog(reader.request, request) || reader.next >= reader.request.to) return false;
    return this.#isNear(reader.next, request.position, request, alone);
  }

  #isNear(from: number, position: number, request: ReplayRequest, alone: boolean): boolean {
    if (from === position) return true;
    return !alone && from < position && position < from + (this.#spans.get(logKey(request)) ?? 0);
  }

  /** The scan was used last; the one whose last use lies back furthest gives way. */
  #keep(kept: Kept): void {
    kept.lastUsed = this.#clock.now();
    this.#kept.delete(kept);
    this.#kept.add(kept);
    const [oldest] = this.#kept;
    if (oldest !== undefined && this.#kept.size > KEPT_PER_READER * this.#max) this.#kept.delete(oldest);
  }

  /** Gives the entry a reader: one that waits at its place, or a new one, which begins where somebody a little behind it waits. */
  #start(entry: Entry): void {
    const { request } = entry;
    for (const reader of this.#readers) {
      if (reader.serving === null && this.#reaches(reader, entry)) return this.#read(reader, [entry]);
    }
    if (this.#readers.size >= this.#max) this.#evict();
    const { product, incarnation, partition, to } = request;
    const position = this.#lowest(entry);
    const scans = this.#source
      .range(product, incarnation, partition, position, to, { maxBytes: PAGE_BYTES })
      [Symbol.asyncIterator]();
    const reader: Reader = { request, scans, next: position, serving: null, lastUsed: this.#clock.now() };
    this.#readers.add(reader);
    this.#read(reader, [entry]);
  }

  #lowest({ request, alone }: Entry): number {
    let lowest = request.position;
    for (const { request: other } of this.#queued.values()) {
      if (other.position >= lowest || !sameLog(other, request) || other.projection !== request.projection) continue;
      if (this.#isNear(other.position, request.position, request, alone)) lowest = other.position;
    }
    return lowest;
  }

  #read(reader: Reader, entries: Entry[]): void {
    reader.serving = entries;
    reader.lastUsed = this.#clock.now();
    reader.scans.next().then(
      (result) => this.#arrived(reader, result.done === true ? null : result.value),
      (thrown: unknown) => this.#failed(reader, thrown),
    );
  }

  #arrived(reader: Reader, scan: Scan | null): void {
    const served = reader.serving ?? [];
    reader.serving = null;
    if (!this.#readers.has(reader)) {
      // Dropped while it read: those who came for it ask again.
      for (const { waiter } of served) waiter.later();
      return;
    }
    if (scan === null || scan.from > reader.next || scan.to <= reader.next) {
      this.#drop(reader);
      for (const { waiter } of served) waiter.later();
    } else {
      reader.next = scan.to;
      this.#keep({ request: reader.request, scan, lastUsed: 0 });
      this.#spans.set(logKey(reader.request), scan.to - scan.from);
      for (const entry of served) {
        const { request, waiter, alone } = entry;
        if (covers(scan, request)) waiter.page(scan);
        else if (alone || scan.projection !== request.projection || request.position < scan.to) waiter.later();
        else this.#enqueue({ ...entry, alone: true });
      }
      for (const entry of [...this.#queued.values()]) {
        if (!sameLog(reader.request, entry.request) || !covers(scan, entry.request)) continue;
        this.#forget(entry);
        entry.waiter.page(scan);
      }
      this.#watchIdle();
    }
    this.#dispatch();
  }

  #failed(reader: Reader, thrown: unknown): void {
    const served = reader.serving ?? [];
    const known = this.#readers.has(reader);
    if (known) this.#drop(reader);
    const error = asSluiceError(thrown);
    for (const entry of served) {
      const { request, waiter, alone } = entry;
      if (!known || error.code === 'UNAVAILABLE') waiter.later();
      // What is wrong where somebody else began need not be wrong at one's own position.
      else if (!alone && request.position > reader.next) this.#enqueue({ ...entry, alone: true });
      else waiter.failed(error);
    }
    this.#dispatch();
  }

  /** Partners take turns; of one partner, whoever has waited longest. */
  #dispatch(): void {
    while (this.#queue.size > 0 && (this.#readers.size < this.#max || this.#idle() !== null)) {
      const entry = this.#queue.take() as Entry;
      this.#queued.delete(entry.waiter);
      if (!this.#share(entry)) this.#start(entry);
    }
  }

  #enqueue(entry: Entry): void {
    this.#queue.add(entry.request.partner, entry);
    this.#queued.set(entry.waiter, entry);
  }

  #forget(entry: Entry): void {
    this.#queue.delete(entry.request.partner, entry);
    this.#queued.delete(entry.waiter);
  }

  /** The idle reader that was used the longest ago. */
  #idle(): Reader | null {
    let oldest: Reader | null = null;
    for (const reader of this.#readers) {
      if (reader.serving === null && (oldest === null || reader.lastUsed < oldest.lastUsed)) oldest = reader;
    }
    return oldest;
  }

  #evict(): void {
    const oldest = this.#idle();
    if (oldest !== null) this.#drop(oldest);
  }

  #drop(reader: Reader): void {
    this.#readers.delete(reader);
    // A source that fails to close has nothing left to tell: its reads have been answered.
    reader.scans.return?.().catch(() => {});
    this.#rest();
  }

  /** Nothing is held any more: no timer either. */
  #rest(): void {
    if (this.#readers.size > 0 || this.#kept.size > 0) return;
    this.#cancelIdle?.();
    this.#cancelIdle = null;
  }

  #watchIdle(): void {
    if (this.#cancelIdle !== null || (this.#readers.size === 0 && this.#kept.size === 0)) return;
    this.#cancelIdle = this.#clock.after(IDLE_MS, () => {
      this.#cancelIdle = null;
      const before = this.#clock.now() - IDLE_MS;
      for (const reader of [...this.#readers]) {
        if (reader.serving === null && reader.lastUsed <= before) this.#drop(reader);
      }
      for (const kept of [...this.#kept]) if (kept.lastUsed <= before) this.#kept.delete(kept);
      this.#watchIdle();
    });
  }
}

function sameLog(a: ReplayRequest, b: ReplayRequest): boolean {
  return a.partition === b.partition && a.product === b.product && a.incarnation === b.incarnation;
}

function covers(scan: Scan, request: ReplayRequest): boolean {
  return scan.from <= request.position && request.position < scan.to && scan.projection === request.projection;
}

function logKey(log: { readonly product: string; readonly incarnation: string; readonly partition?: number }): string {
  return `${log.product}\n${log.incarnation}\n${log.partition ?? ''}`;
}
