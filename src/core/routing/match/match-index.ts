/**
 * Who wants an event: values (subscriptions, cohorts, nodes) under their filters, found by the event's topic and fields instead of
 * asked one after the other. For the events of one product.
 */
import type { PublicEvent } from '../../contract/index.ts';
import type { Filter } from '../../view/index.ts';
import { type Bucket, Entry, Place, type Residual } from './entry.ts';
import { EqualityIndex } from './equality-index.ts';
import { Finds } from './finds.ts';
import { type Lookup, type Lookups, lookupsOf } from './lookups.ts';
import { TopicTrie } from './topic-trie.ts';

export class MatchIndex<T extends object> {
  readonly #byKey = new Map<string, Entry<T>>();
  readonly #topics = new TopicTrie<T>();
  readonly #equalities = new EqualityIndex<T>();
  /** Filters that nothing selects: they are asked of every event. */
  readonly #scanned: Bucket<T> = [];
  readonly #finds = new Finds<T>();
  /** Entries with holes, to be closed when nobody is being visited. */
  readonly #holed = new Set<Entry<T>>();
  #visits = 0;

  /** What is in the index, in all: distinct filters, and the nodes, fields and values that they are looked up by. */
  get size(): { readonly filters: number; readonly nodes: number } {
    return { filters: this.#byKey.size, nodes: this.#topics.count() + this.#equalities.count() + this.#scanned.length };
  }

  /** A value stands under a filter once; false: it does already. Costs the same however many others there are. */
  add(filter: Filter, value: T): boolean {
    let entry = this.#byKey.get(filter.key);
    if (entry === undefined) {
      entry = this.#enter(filter);
      this.#byKey.set(filter.key, entry);
    }
    return entry.add(value);
  }

  /** `filter`: any with the key of the one that it was added under. false: it is not there. Costs the same however many others there are. */
  remove(filter: Filter, value: T): boolean {
    const entry = this.#byKey.get(filter.key);
    if (entry === undefined || !entry.delete(value, this.#visits > 0)) return false;
    if (this.#visits > 0) this.#holed.add(entry);
    if (entry.size > 0) return true;
    this.#byKey.delete(filter.key);
    for (const place of entry.places) if (place.leave() && place.lookup !== null) this.#close(place.lookup);
    return true;
  }

  /**
   * Visits each value under each filter that matches, once, in no order. The visitor may add, remove and match: what is added is visited
   * from the next event on, what is removed is not visited any more. A filter that throws keeps nobody else from being visited: `failed` is
   * told for each of its values afterwards; without it the error is thrown then.
   */
  match(event: PublicEvent, visit: (value: T) => void, failed?: (value: T, thrown: unknown) => void): void {
    const finds = this.#finds;
    const base = finds.begin(event);
    this.#topics.find(event.topic, event.unknownLevels, finds);
    this.#equalities.find(event, finds);
    if (this.#scanned.length > 0) finds.take(this.#scanned);
    finds.end();
    this.#visits += 1;
    try {
      finds.visit(base, visit, failed);
    } finally {
      this.#visits -= 1;
      if (this.#visits === 0 && this.#holed.size > 0) this.#compact();
    }
  }

  #enter(filter: Filter): Entry<T> {
    const lookups = lookupsOf(filter, (all) => this.#weigh(all));
    const entry = new Entry<T>(filter, residualOf(filter, lookups));
    if (lookups === null) entry.places.push(new Place(entry, null, this.#scanned));
    else for (const lookup of lookups.all) entry.places.push(new Place(entry, lookup, this.#open(lookup)));
    entry.several = entry.places.length > 1;
    return entry;
  }

  /** By the filters that are there already, and by the places it takes: the emptiest bucket tells best. */
  #weigh(lookups: readonly Lookup[]): number {
    return lookups.reduce((sum, lookup) => sum + 1 + (this.#get(lookup)?.length ?? 0), 0);
  }

  #get(lookup: Lookup): Bucket<T> | null {
    return 'path' in lookup ? this.#equalities.get(lookup) : this.#topics.get(lookup);
  }

  #open(lookup: Lookup): Bucket<T> {
    return 'path' in lookup ? this.#equalities.open(lookup) : this.#topics.open(lookup);
  }

  #close(lookup: Lookup): void {
    if ('path' in lookup) this.#equalities.close(lookup);
    else this.#topics.close(lookup);
  }

  #compact(): void {
    for (const entry of this.#holed) entry.compact();
    this.#holed.clear();
  }
}

/** What the lookups do not say already. */
function residualOf(filter: Filter, lookups: Lookups | null): Residual {
  const { topic, topics, rows, where } = filter;
  const conditions = [topic, topics, rows, where].filter((condition) => condition !== null).length;
  if (conditions === 0 || (lookups?.exact === true && conditions === 1)) return 'nothing';
  return lookups?.ofTopic === true && (topic === null || topics === null) ? 'holds' : 'matches';
}
