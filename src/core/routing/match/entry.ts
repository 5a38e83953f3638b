/**
 * A filter in the index, with its values. What an event reads of it lies together, since fetching it from memory is what finding one of
 * many costs: a single value and a single place take no object of their own.
 */
import type { PublicEvent } from '../../contract/index.ts';
import type { Filter } from '../../view/index.ts';
import type { Lookup } from './lookups.ts';
import { Values } from './values.ts';

export class Entry<T extends object> {
  /** What is left to ask of an event by whose lookup the filter was found; null: nothing. */
  readonly residual: ((event: PublicEvent) => boolean) | null;
  /** In more than one bucket, so that one event may find it twice. */
  readonly several: boolean;
  /** Found already by the event that is being matched; only where `several`. */
  found = false;
  /** The value, while there has never been another. */
  #only: T | null = null;
  #values: Values<T> | null = null;
  readonly filter: Filter;
  /** null: it is asked of every event. */
  readonly lookups: readonly Lookup[] | null;
  /** Where it is in its bucket; -1: in none. */
  #index = -1;
  /** Where it is in each, where `several`. */
  readonly #indexes: Map<Bucket<T>, number> | null;

  constructor(filter: Filter, residual: Entry<T>['residual'], lookups: readonly Lookup[] | null) {
    this.filter = filter;
    this.residual = residual;
    this.lookups = lookups;
    this.several = lookups !== null && lookups.length > 1;
    this.#indexes = this.several ? new Map() : null;
  }

  get isEmpty(): boolean {
    return this.#values === null ? this.#only === null : this.#values.size === 0;
  }

  has(value: T): boolean {
    return this.#values === null ? this.#only === value : this.#values.has(value);
  }

  /** Not while anybody is visited, and not what is there already. */
  add(value: T): void {
    if (this.#values !== null) this.#values.add(value);
    else if (this.#only === null) this.#only = value;
    else {
      this.#values = new Values(this.#only);
      this.#values.add(value);
      this.#only = null;
    }
  }

  /** false: it is not there. `visiting`: `compact` is called when nobody is being visited any more. */
  delete(value: T, visiting: boolean): boolean {
    if (this.#values !== null) return this.#values.delete(value, visiting);
    if (this.#only !== value) return false;
    this.#only = null;
    return true;
  }

  visit(visit: (value: T) => void): void {
    if (this.#values !== null) this.#values.visit(visit);
    else if (this.#only !== null) visit(this.#only);
  }

  compact(): void {
    this.#values?.compact();
  }

  indexIn(bucket: Bucket<T>): number {
    return this.#indexes === null ? this.#index : (this.#indexes.get(bucket) ?? -1);
  }

  /** Told by its buckets; -1: it has left. */
  place(bucket: Bucket<T>, index: number): void {
    if (this.#indexes === null) this.#index = index;
    else if (index < 0) this.#indexes.delete(bucket);
    else this.#indexes.set(bucket, index);
  }
}

/** The filters that one lookup finds, in no order. Most lookups find one, which therefore takes no array. */
export class Bucket<T extends object> {
  first: Entry<T> | null = null;
  /** Dense. The n-th of them has index n + 1. */
  more: Entry<T>[] | null = null;

  get size(): number {
    return (this.first === null ? 0 : 1) + (this.more?.length ?? 0);
  }

  /** Once each. */
  add(entry: Entry<T>): void {
    if (entry.indexIn(this) >= 0) return;
    this.#put(entry, this.size);
  }

  /** true: it was the last one. */
  delete(entry: Entry<T>): boolean {
    const index = entry.indexIn(this);
    if (index < 0) return false;
    entry.place(this, -1);
    const last = this.more?.pop() ?? this.first;
    if (last === this.first) this.first = null;
    else if (last !== null && last !== entry) this.#put(last, index);
    if (this.more?.length === 0) this.more = null;
    return this.first === null;
  }

  #put(entry: Entry<T>, index: number): void {
    if (index === 0) this.first = entry;
    else if (this.more === null) this.more = [entry];
    else this.more[index - 1] = entry;
    entry.place(this, index);
  }
}
