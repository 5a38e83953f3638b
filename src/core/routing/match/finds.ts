/** What one event has found: gathered first and visited then, so that whoever is visited may change the index. */
import type { PublicEvent } from '../../contract/index.ts';
import type { Bucket, Entry } from './entry.ts';

/** Slots that are kept between events. */
const KEPT = 4_096;

export class Finds<T extends object> {
  /** A stack: a visitor may match another event. Slots are used again, so that an event allocates none. */
  readonly #entries: (Entry<T> | null)[] = [];
  #top = 0;
  /** Entries that more than one lookup may find. */
  readonly #several: Entry<T>[] = [];
  readonly #failed: { readonly entry: Entry<T>; readonly thrown: unknown }[] = [];
  #event: PublicEvent | null = null;

  /** What is taken from now on is of this event, and stands from the returned number on. */
  begin(event: PublicEvent): number {
    this.#event = event;
    return this.#top;
  }

  /** The event meets the lookup of this bucket. */
  take({ first, more }: Bucket<T>): void {
    const event = this.#event as PublicEvent;
    if (first !== null) this.#take(first, event);
    if (more === null) return;
    for (let i = 0; i < more.length; i++) this.#take(more[i] as Entry<T>, event);
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
      for (let i = base; i < top; i++) this.#entries[i] = null;
      this.#top = base;
      if (base === 0 && this.#entries.length > KEPT) this.#entries.length = KEPT;
    }
  }

  #take(entry: Entry<T>, event: PublicEvent): void {
    if (entry.several) {
      if (entry.found) return;
      entry.found = true;
      this.#several.push(entry);
    }
    const { residual } = entry;
    if (residual !== null) {
      try {
        if (!residual(event)) return;
      } catch (thrown) {
        this.#failed.push({ entry, thrown });
        return;
      }
    }
    this.#entries[this.#top++] = entry;
  }
}
