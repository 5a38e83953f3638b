/** What one event has found: gathered first and visited then, so that whoever is visited may change the index. */
import type { PublicEvent } from '../../contract/index.ts';
import type { Bucket, Entry } from './entry.ts';

/** Slots that are kept between events. */
const KEPT = 4_096;

export class Finds<T extends object> {
  /** A stack: a visitor may match another event. Slots are used again, so that an event allocates none. */
  #entries: (Entry<T> | null)[] = [];
  #top = 0;
  /** Entries that more than one lookup may find. */
  readonly #several: Entry<T>[] = [];
  readonly #failed: { readonly entry: Entry<T>; readonly thrown: unknown }[] = [];
  #event: PublicEvent | null = null;

  /** Entries from the returned number on are those of this event. */
  begin(event: PublicEvent): number {
    this.#event = event;
    return this.#top;
  }

  /** The event meets the lookup of this bucket. */
  take(bucket: Bucket<T>): void {
    const event = this.#event as PublicEvent;
    for (let i = 0; i < bucket.length; i++) {
      const { entry } = bucket[i] as Bucket<T>[number];
      if (entry.several) {
        if (entry.found) continue;
        entry.found = true;
        this.#several.push(entry);
      }
      if (entry.residual === 'nothing' || this.#asked(entry, event)) this.#entries[this.#top++] = entry;
    }
  }

  /** All that the event meets has been taken. */
  end(): void {
    this.#event = null;
    for (let entry = this.#several.pop(); entry !== undefined; entry = this.#several.pop()) entry.found = false;
  }

  /** Visits what was taken since `begin` returned `base`, and forgets it. */
  visit(base: number, visit: (value: T) => void, failed: ((value: T, thrown: unknown) => void) | undefined): void {
    const failures = this.#failed.length === 0 ? null : this.#failed.splice(0);
    const top = this.#top;
    try {
      for (let i = base; i < top; i++) (this.#entries[i] as Entry<T>).visit(visit);
      for (const { entry, thrown } of failures ?? []) {
        if (failed === undefined) throw thrown;
        entry.visit((value) => failed(value, thrown));
      }
    } finally {
      this.#entries.fill(null, base, top);
      this.#top = base;
      if (base === 0 && this.#entries.length > KEPT) this.#entries.length = KEPT;
    }
  }

  #asked(entry: Entry<T>, event: PublicEvent): boolean {
    const { filter, residual } = entry;
    try {
      return residual === 'holds' ? filter.holds(event) : filter.matches(event);
    } catch (thrown) {
      this.#failed.push({ entry, thrown });
      return false;
    }
  }
}
