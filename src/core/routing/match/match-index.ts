/**
 * Who wants an event: values (subscriptions, cohorts, nodes) under their filters, found by the event's topic and fields instead of
 * asked one after the other. For the events of one product.
 */
import type { PublicEvent } from '../../contract/index.ts';
import type { Filter } from '../../view/index.ts';
import { Bucket, Entry } from './entry.ts';
import { EqualityIndex } from './equality-index.ts';
import { Finds } from './finds.ts';
import { type Lookups, lookupsOf } from './lookups.ts';
import { Mentions } from './mentions.ts';
import { TopicTrie } from './topic-trie.ts';

export class MatchIndex<T extends object> {
  readonly #byKey = new Map<string, Entry<T>>();
  readonly #topics = new TopicTrie<T>();
  readonly #equalities = new EqualityIndex<T>();
  readonly #mentions = new Mentions();
  /** Filters that nothing selects: they are asked of every event. */
  readonly #scanned = new Bucket<T>();
  readonly #finds = new Finds<T>();
  #visits = 0;
  /** What was added while values are being visited. */
  #pending: { readonly filter: Filter; readonly value: T }[] = [];
  /** Entries that values have left meanwhile. */
  readonly #left = new Set<Entry<T>>();

  /** What is in the index, in all: distinct filters, and the nodes, values and mentions by which they are found. */
  get size(): { readonly filters: number; readonly nodes: number } {
    const nodes = this.#topics.count() + this.#equalities.count() + this.#mentions.size + this.#scanned.size;
    return { filters: this.#byKey.size, nodes };
  }

  /** A value stands under a filter once; false: it does already. Costs the same however many others there are. */
  add(filter: Filter, value: T): boolean {
    const known = this.#byKey.get(filter.key);
    if (known?.has(value)) return false;
    if (this.#visits > 0) {
      if (this.#pendingAt(filter, value) >= 0) return false;
      this.#pending.push({ filter, value });
    } else (known ?? this.#enter(filter)).add(value);
    return true;
  }

  /** `filter`: any with the key of the one that it was added under. false: it is not there. Costs the same however many others there are. */
  remove(filter: Filter, value: T): boolean {
    const pending = this.#pendingAt(filter, value);
    if (pending >= 0) return this.#pending.splice(pending, 1).length > 0;
    const entry = this.#byKey.get(filter.key);
    if (entry === undefined || !entry.delete(value, this.#visits > 0)) return false;
    if (entry.isEmpty) this.#leave(entry);
    else if (this.#visits > 0) this.#left.add(entry);
    return true;
  }

  /**
   * Visits each value under each filter that matches, once, in no order. The visitor may add, remove and match: what it adds is in the index
   * when nobody is being visited any more, what it removes is not visited from then on. A filter that throws keeps nobody else from being
   * visited: `failed` is told for each of its values afterwards; without it the error is thrown then.
   */
  match(event: PublicEvent, visit: (value: T) => void, failed?: (value: T, thrown: unknown) => void): void {
    const finds = this.#finds;
    const base = finds.begin(event);
    this.#topics.find(event.topic, event.unknownLevels, finds);
    this.#equalities.find(event, finds);
    finds.take(this.#scanned);
    finds.end();
    this.#visits += 1;
    try {
      finds.visit(base, visit, failed);
    } finally {
      this.#visits -= 1;
      if (this.#visits === 0 && (this.#pending.length > 0 || this.#left.size > 0)) this.#settle();
    }
  }

  #enter(filter: Filter): Entry<T> {
    this.#mentions.add(filter);
    const lookups = lookupsOf(filter, (all) => this.#mentions.share(all));
    const entry = new Entry<T>(filter, residualOf(filter, lookups), lookups?.all ?? null);
    this.#byKey.set(filter.key, entry);
    if (entry.lookups === null) this.#scanned.add(entry);
    for (const lookup of entry.lookups ?? []) {
      if ('path' in lookup) this.#equalities.insert(lookup, entry);
      else this.#topics.insert(lookup, entry);
    }
    return entry;
  }

  #leave(entry: Entry<T>): void {
    this.#byKey.delete(entry.filter.key);
    this.#mentions.delete(entry.filter);
    if (entry.lookups === null) this.#scanned.delete(entry);
    for (const lookup of entry.lookups ?? []) {
      if ('path' in lookup) this.#equalities.remove(lookup, entry);
      else this.#topics.remove(lookup, entry);
    }
  }

  #pendingAt(filter: Filter, value: T): number {
    if (this.#pending.length === 0) return -1;
    return this.#pending.findIndex((one) => one.value === value && one.filter.key === filter.key);
  }

  #settle(): void {
    for (const entry of this.#left) entry.compact();
    this.#left.clear();
    for (const { filter, value } of this.#pending.splice(0)) this.add(filter, value);
  }
}

/** What the lookups do not say already. */
function residualOf(filter: Filter, lookups: Lookups | null): ((event: PublicEvent) => boolean) | null {
  const { topic, topics, rows, where, condition } = filter;
  const conditions = [topic, topics, rows, where].filter((one) => one !== null).length;
  if (conditions === 0 || (lookups?.exact === true && conditions === 1)) return null;
  const asked = lookups?.ofTopic === true ? topic !== null && topics !== null : topic !== null || topics !== null;
  return asked || condition === null ? (event) => filter.matches(event) : condition;
}
