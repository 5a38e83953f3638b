/** The filters that one lookup finds, in no order. Most lookups find one, which therefore takes no array. */
import type { Entry } from './entry.ts';

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
