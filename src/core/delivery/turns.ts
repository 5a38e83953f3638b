/** A queue in which partners take turns: whoever has a thousand entries waits no less than who has one, and delays nobody more. */
export class Turns<T> {
  readonly #partners = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Behind the partner's other entries; one that is in the queue keeps its place. */
  add(partner: string, entry: T): void {
    let entries = this.#partners.get(partner);
    if (entries === undefined) {
      entries = new Set();
      this.#partners.set(partner, entries);
    }
    this.#size += entries.has(entry) ? 0 : 1;
    entries.add(entry);
  }

  /** The first entry of the partner whose turn it is; the partner goes to the end. */
  take(): T | undefined {
    const [first] = this.#partners;
    if (first === undefined) return undefined;
    const [partner, entries] = first;
    const [entry] = entries as Set<T>;
    this.#partners.delete(partner);
    entries.delete(entry as T);
    this.#size -= 1;
    if (entries.size > 0) this.#partners.set(partner, entries);
    return entry;
  }

  delete(partner: string, entry: T): void {
    const entries = this.#partners.get(partner);
    if (entries === undefined || !entries.delete(entry)) return;
    this.#size -= 1;
    if (entries.size === 0) this.#partners.delete(partner);
  }

  /** Every entry, partner by partner. */
  *[Symbol.iterator](): Generator<readonly [partner: string, entry: T]> {
    for (const [partner, entries] of [...this.#partners]) {
      for (const entry of [...entries]) yield [partner, entry];
    }
  }
}
