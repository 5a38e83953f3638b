/** A filter in the index: its values, and the places where a lookup finds it. */
import type { Filter } from '../../view/index.ts';
import type { Lookup } from './lookups.ts';

/** What is left to ask of an event by whose lookup the filter was found. */
export type Residual = 'nothing' | 'holds' | 'matches';

/** The filters that one lookup finds. Dense, in no order. */
export type Bucket<T extends object> = Place<T>[];

/** One bucket that an entry is in. */
export class Place<T extends object> {
  readonly entry: Entry<T>;
  /** null: in none, since it is asked of every event. */
  readonly lookup: Lookup | null;
  readonly #bucket: Bucket<T>;
  #index: number;

  constructor(entry: Entry<T>, lookup: Lookup | null, bucket: Bucket<T>) {
    this.entry = entry;
    this.lookup = lookup;
    this.#bucket = bucket;
    this.#index = bucket.push(this) - 1;
  }

  /** Leaves the bucket; true: it was the last one there. */
  leave(): boolean {
    const bucket = this.#bucket;
    const last = bucket.pop() as Place<T>;
    if (last !== this) {
      bucket[this.#index] = last;
      last.#index = this.#index;
    }
    return bucket.length === 0;
  }
}

/** Up to so many values are searched one by one. */
const FEW = 8;

/**
 * Values are a dense array with swap-remove. While they are visited a value that leaves makes a hole instead, so that none is
 * visited twice or left out.
 */
export class Entry<T extends object> {
  readonly filter: Filter;
  readonly residual: Residual;
  readonly places: Place<T>[] = [];
  /** In more than one place, so that one event may find it twice. */
  several = false;
  /** Found already by the event that is being matched; only where `several`. */
  found = false;
  readonly #values: (T | null)[] = [];
  /** Where each value is, once they are more than a few. */
  #at: Map<T, number> | null = null;
  #holes: number[] | null = null;
  #size = 0;

  constructor(filter: Filter, residual: Residual) {
    this.filter = filter;
    this.residual = residual;
  }

  get size(): number {
    return this.#size;
  }

  /** false: it is there already. */
  add(value: T): boolean {
    if (this.#find(value) >= 0) return false;
    const index = this.#values.push(value) - 1;
    if (this.#at !== null) this.#at.set(value, index);
    else if (this.#values.length > FEW) this.#at = this.#positions();
    this.#size += 1;
    return true;
  }

  /** false: it is not there. `visiting`: leaves a hole, to be closed by `compact`. */
  delete(value: T, visiting: boolean): boolean {
    const index = this.#find(value);
    if (index < 0) return false;
    this.#at?.delete(value);
    this.#size -= 1;
    if (visiting) {
      this.#values[index] = null;
      this.#holes ??= [];
      this.#holes.push(index);
    } else this.#close(index);
    return true;
  }

  /** Those that are there when it begins and have not left when their turn comes. */
  visit(visit: (value: T) => void): void {
    const values = this.#values;
    // Backwards: what is added meanwhile stands behind.
    for (let i = values.length - 1; i >= 0; i--) {
      const value = values[i] as T | null;
      if (value !== null) visit(value);
    }
  }

  compact(): void {
    // From the last hole on: behind it there is none.
    for (const index of (this.#holes ?? []).sort((a, b) => b - a)) this.#close(index);
    this.#holes = null;
  }

  #close(index: number): void {
    const last = this.#values.pop() as T | null;
    if (index === this.#values.length || last === null) return;
    this.#values[index] = last;
    this.#at?.set(last, index);
  }

  #find(value: T): number {
    return this.#at === null ? this.#values.indexOf(value) : (this.#at.get(value) ?? -1);
  }

  #positions(): Map<T, number> {
    const at = new Map<T, number>();
    this.#values.forEach((value, index) => {
      if (value !== null) at.set(value, index);
    });
    return at;
  }
}
