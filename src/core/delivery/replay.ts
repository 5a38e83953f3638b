/**
 * Replay readers: reading the log for those who are behind the window. A bounded number of readers, each of which goes on from
 * scan to scan for as long as somebody wants the next one; whoever wants the same place shares the scan. Who must wait for a
 * reader waits in a queue, one scan a turn.
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
}

interface Reader {
  readonly request: ReplayRequest;
  readonly scans: AsyncIterator<Scan>;
  /** The position after the last scan. */
  next: number;
  last: Scan | null;
  /** Whom the read under way is for; null while it is idle. */
  serving: Entry[] | null;
  lastUsed: number;
}

const PAGE_BYTES = 256 * 1024;
/** An idle reader, and the scan that it keeps, goes after so long. */
const IDLE_MS = 2_000;

export class Replay {
  readonly #source: Pick<Source, 'range'>;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #readers = new Set<Reader>();
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
    const entry = { request, waiter };
    if (this.#share(entry)) return;
    this.#queue.add(request.partner, entry);
    this.#queued.set(waiter, entry);
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
    for (const reader of [...this.#readers]) {
      if (reader.request.product === product && reader.request.incarnation === incarnation) this.#drop(reader);
    }
  }

  /** Whether a reader that is at the place serves the entry too. */
  #share(entry: Entry): boolean {
    const { request, waiter } = entry;
    for (const reader of this.#readers) {
      if (!sameLog(reader.request, request)) continue;
      const { last } = reader;
      if (last !== null && covers(last, request)) {
        reader.lastUsed = this.#clock.now();
        this.#clock.soon(() => waiter.page(last));
        return true;
      }
      if (reader.serving !== null && reader.next === request.position && reader.next < reader.request.to) {
        reader.serving.push(entry);
        return true;
      }
    }
    return false;
  }

  /** Gives the entry a reader: one that waits at its place, or a new one. */
  #start(entry: Entry): void {
    const { request } = entry;
    for (const reader of this.#readers) {
      // One that has read as far as it was asked to cannot go on: a new one is opened further ahead.
      const waits = reader.serving === null && reader.next === request.position && reader.next < reader.request.to;
      if (waits && sameLog(reader.request, request)) return this.#read(reader, [entry]);
    }
    if (this.#readers.size >= this.#max) this.#evict();
    const { product, incarnation, partition, position, to } = request;
    const scans = this.#source
      .range(product, incarnation, partition, position, to, { maxBytes: PAGE_BYTES })
      [Symbol.asyncIterator]();
    const reader: Reader = { request, scans, next: position, last: null, serving: null, lastUsed: this.#clock.now() };
    this.#readers.add(reader);
    this.#read(reader, [entry]);
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
      reader.last = scan;
      reader.next = scan.to;
      for (const { request, waiter } of served) {
        if (covers(scan, request)) waiter.page(scan);
        else waiter.later();
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
    for (const { waiter } of served) {
      if (!known || error.code === 'UNAVAILABLE') waiter.later();
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
    reader.last = null;
    // A source that fails to close has nothing left to tell: its reads have been answered.
    reader.scans.return?.().catch(() => {});
    if (this.#readers.size === 0) {
      this.#cancelIdle?.();
      this.#cancelIdle = null;
    }
  }

  #watchIdle(): void {
    if (this.#cancelIdle !== null || this.#readers.size === 0) return;
    this.#cancelIdle = this.#clock.after(IDLE_MS, () => {
      this.#cancelIdle = null;
      const before = this.#clock.now() - IDLE_MS;
      for (const reader of [...this.#readers]) {
        if (reader.serving === null && reader.lastUsed <= before) this.#drop(reader);
      }
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
