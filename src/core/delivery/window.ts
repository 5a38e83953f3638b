/**
 * The window: recent scans of every partition, shared by all subscriptions and bounded in bytes over the whole process.
 * Whoever's position lies in it is served without touching the log. The oldest scans, of whichever partition, go first.
 */
import type { PublicEvent } from '../contract/index.ts';
import type { Scan } from '../routing/index.ts';

/** A stretch of a partition: every record in [from, to) was examined, `events` are the visible ones, in order of offset. */
export interface Slot {
  readonly from: number;
  readonly to: number;
  readonly projection: string;
  /** As in a scan. */
  readonly interest: number;
  readonly events: readonly PublicEvent[];
  readonly bytes: number;
}

interface Held extends Slot {
  to: number;
  /** Bytes that had passed through the partition before it. */
  readonly mark: number;
  readonly ring: Ring;
}

/** What a slot costs beside its events. */
const OVERHEAD = 200;

/** One partition's part of the window: contiguous slots that cover [floor, head). */
export class Ring {
  readonly #slots = new Deque<Held>();
  #floor: number;
  #head: number;
  #total = 0;

  constructor(at: number) {
    this.#floor = at;
    this.#head = at;
  }

  /** First position that it covers. */
  get floor(): number {
    return this.#floor;
  }

  /** Position after all that has arrived. */
  get head(): number {
    return this.#head;
  }

  /** The slot that holds the position, if any. */
  find(position: number): Slot | null {
    const slots = this.#slots;
    if (position < this.#floor || position >= this.#head) return null;
    let low = 0;
    let high = slots.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((slots.at(middle) as Held).from <= position) low = middle;
      else high = middle - 1;
    }
    return slots.at(low) ?? null;
  }

  /** About how many bytes lie between the position and the head; infinite where they are no longer held. */
  bytesSince(position: number): number {
    if (position >= this.#head) return 0;
    const slot = this.find(position) as Held | null;
    return slot === null ? Number.POSITIVE_INFINITY : this.#total - slot.mark;
  }

  /** For the window alone. Returns the slot that the scan became, or null where it brought nothing new or widened the last slot. */
  append(scan: Scan): Held | null {
    if (scan.to <= this.#head) return null;
    // A hole: what is before it no longer leads to the head. The window counts those slots until their turn to go comes.
    if (scan.from > this.#head) this.clear(scan.from);
    const last = this.#slots.at(this.#slots.length - 1);
    const from = this.#head;
    this.#head = scan.to;
    if (
      scan.events.length === 0 &&
      last !== undefined &&
      last.projection === scan.projection &&
      last.interest === scan.interest
    ) {
      last.to = scan.to;
      return null;
    }
    const bytes = scan.bytes + OVERHEAD;
    const slot: Held = {
      from,
      to: scan.to,
      projection: scan.projection,
      interest: scan.interest,
      events: scan.events,
      bytes,
      mark: this.#total,
      ring: this,
    };
    this.#total += bytes;
    this.#slots.push(slot);
    return slot;
  }

  /** For the window alone: forgets the oldest slot if it is this one. */
  shift(slot: Held): void {
    if (this.#slots.at(0) !== slot) return;
    this.#slots.shift();
    this.#floor = slot.to;
  }

  /** For the window alone: forgets everything and goes on at a position. */
  clear(at: number): void {
    while (this.#slots.shift() !== undefined);
    this.#floor = at;
    this.#head = at;
  }
}

export class Window {
  readonly #limit: number;
  /** Every slot in order of arrival. */
  #order = new Deque<Held>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(ring: Ring, scan: Scan): void {
    const slot = ring.append(scan);
    if (slot === null) return;
    this.#order.push(slot);
    this.#bytes += slot.bytes;
  }

  /** Lets go of the oldest until the rest fits. */
  trim(): void {
    while (this.#bytes > this.#limit) {
      const slot = this.#order.shift();
      if (slot === undefined) return;
      this.#bytes -= slot.bytes;
      slot.ring.shift(slot);
    }
  }

  /** The rings are done with. */
  drop(rings: readonly Ring[]): void {
    const gone = new Set(rings);
    const kept = new Deque<Held>();
    for (let slot = this.#order.shift(); slot !== undefined; slot = this.#order.shift()) {
      if (gone.has(slot.ring)) this.#bytes -= slot.bytes;
      else kept.push(slot);
    }
    this.#order = kept;
    for (const ring of rings) ring.clear(ring.head);
  }
}

/** A queue over an array: amortised O(1) at both of the ends that are used. */
class Deque<T> {
  #items: (T | undefined)[] = [];
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#start + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#start === this.#items.length) return undefined;
    const item = this.#items[this.#start];
    this.#items[this.#start++] = undefined;
    if (this.#start === this.#items.length) {
      this.#items = [];
      this.#start = 0;
    } else if (this.#start > 1024 && this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }
}
