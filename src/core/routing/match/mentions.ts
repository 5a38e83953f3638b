/**
 * How often filters mention a value or a level of a topic, as far as they are in the index. What few ask for few events are expected to
 * have: so a filter with several lookups is entered under the one that is mentioned least.
 */
import type { TopicFilter } from '../../contract/index.ts';
import type { Filter } from '../../view/index.ts';
import { type Lookup, mentionedBy } from './lookups.ts';

class Tally {
  readonly #counts = new Map<unknown, number>();
  #total = 0;

  get size(): number {
    return this.#counts.size;
  }

  add(what: unknown, by: 1 | -1): void {
    const count = (this.#counts.get(what) ?? 0) + by;
    if (count === 0) this.#counts.delete(what);
    else this.#counts.set(what, count);
    this.#total += by;
  }

  /** Of all mentions; of what is not mentioned, none. */
  share(what: unknown): number {
    return (this.#counts.get(what) ?? 0) / this.#total;
  }
}

export class Mentions {
  /** Of values, by the path of their field. */
  readonly #values = new Map<string, Tally>();
  /** Of levels that are not `*`, by their depth. */
  readonly #levels = new Map<number, Tally>();

  get size(): number {
    return [...this.#values.values(), ...this.#levels.values()].reduce((sum, { size }) => sum + size, 0);
  }

  add(filter: Filter): void {
    for (const lookup of mentionedBy(filter)) this.#count(lookup, 1);
  }

  delete(filter: Filter): void {
    for (const lookup of mentionedBy(filter)) this.#count(lookup, -1);
  }

  /** The part of all events that is expected to meet one of the lookups, which have been added. */
  share(lookups: readonly Lookup[]): number {
    let sum = 0;
    for (const lookup of lookups) sum += 'path' in lookup ? this.#shareOfValue(lookup) : this.#shareOfTopic(lookup);
    return sum;
  }

  #shareOfValue({ path, value }: Exclude<Lookup, TopicFilter>): number {
    return this.#values.get(path.join('.'))?.share(value) ?? 1;
  }

  /** As if levels had nothing to do with each other. */
  #shareOfTopic({ levels }: TopicFilter): number {
    return levels.reduce((product, level, depth) => {
      return level === '*' ? product : product * (this.#levels.get(depth)?.share(level) ?? 1);
    }, 1);
  }

  #count(lookup: Lookup, by: 1 | -1): void {
    if ('path' in lookup) count(this.#values, lookup.path.join('.'), lookup.value, by);
    else
      lookup.levels.forEach((level, depth) => {
        if (level !== '*') count(this.#levels, depth, level, by);
      });
  }
}

function count<Key>(tallies: Map<Key, Tally>, key: Key, what: unknown, by: 1 | -1): void {
  let tally = tallies.get(key);
  if (tally === undefined) {
    tally = new Tally();
    tallies.set(key, tally);
  }
  tally.add(what, by);
  if (tally.size === 0) tallies.delete(key);
}
