/**
 * What a node wants of a product: the filters of its subscriptions, as a covering set with a version. A filter is given the version from
 * which on it is contained; whatever was read under an earlier one says nothing about it.
 */
import type { Filter } from '../../view/index.ts';
import { type Lookup, lookupsOf } from '../match/lookups.ts';
import { type Covering, coverTexts, MAX_COVERING, MAX_TEXT, textOf, widened } from './covering.ts';

interface Held {
  /** null: it takes every event to know. */
  readonly lookups: readonly Lookup[] | null;
  readonly version: number;
  count: number;
}

interface Counted {
  readonly lookup: Lookup;
  count: number;
}

/** Fewer places in the set, and values before topics. */
const weigh = (lookups: readonly unknown[]): number => lookups.length;

export class Interest {
  readonly #held = new Map<string, Held>();
  /** Lookups of the filters that are held, by text. */
  readonly #lookups = new Map<string, Counted>();
  /** Filters that want everything. */
  #everything = 0;
  /** The set that is in force, by text; null: everything. */
  #set: Map<string, Lookup> | null = new Map();
  #version = 1;
  /** How many lookups there were when the set was last widened; 0: it holds them as they are. */
  #widenedFrom = 0;
  readonly #watching = new Set<() => void>();

  get covering(): Covering {
    const set = this.#everything > 0 ? null : this.#set;
    return { version: this.#version, lookups: set === null ? null : [...set.values()] };
  }

  /** The version from which on the filter is contained, as long as it is held. */
  add(filter: Filter): number {
    const known = this.#held.get(filter.key);
    if (known !== undefined) {
      known.count += 1;
      return known.version;
    }
    const all = lookupsOf(filter, weigh)?.all ?? null;
    const lookups = all?.every((lookup) => textOf(lookup).length <= MAX_TEXT) === true ? all : null;
    if (lookups === null) {
      this.#everything += 1;
      if (this.#everything === 1) this.#changed();
    } else this.#widen(lookups);
    this.#held.set(filter.key, { lookups, version: this.#version, count: 1 });
    return this.#version;
  }

  remove(filter: Filter): void {
    const held = this.#held.get(filter.key);
    if (held === undefined) return;
    held.count -= 1;
    if (held.count > 0) return;
    this.#held.delete(filter.key);
    if (held.lookups === null) {
      this.#everything -= 1;
      if (this.#everything === 0) this.#changed();
    } else this.#narrow(held.lookups);
  }

  /** Has `changed` called at each new version. */
  watch(changed: () => void): () => void {
    this.#watching.add(changed);
    return () => this.#watching.delete(changed);
  }

  #widen(lookups: readonly Lookup[]): void {
    let isNew = false;
    for (const lookup of lookups) {
      const text = textOf(lookup);
      const counted = this.#lookups.get(text);
      if (counted !== undefined) {
        counted.count += 1;
        continue;
      }
      this.#lookups.set(text, { lookup, count: 1 });
      if (this.#set === null || coverTexts(lookup).some((cover) => this.#set?.has(cover))) continue;
      this.#set.set(text, lookup);
      isNew = true;
    }
    if (this.#set !== null && this.#set.size > MAX_COVERING) this.#rebuild();
    if (isNew && this.#everything === 0) this.#changed();
  }

  #narrow(lookups: readonly Lookup[]): void {
    let isLess = false;
    for (const lookup of lookups) {
      const text = textOf(lookup);
      const counted = this.#lookups.get(text);
      if (counted === undefined) continue;
      counted.count -= 1;
      if (counted.count > 0) continue;
      this.#lookups.delete(text);
      // A wider one of the same text covers others, too.
      if (this.#widenedFrom === 0 && this.#set?.delete(text) === true) isLess = true;
    }
    // So seldom that each of those who left pays for a part of it.
    if (this.#widenedFrom > 0 && this.#lookups.size <= this.#widenedFrom / 2) {
      this.#rebuild();
      isLess = true;
    }
    if (isLess && this.#everything === 0) this.#changed();
  }

  #rebuild(): void {
    const all = [...this.#lookups.values()].map(({ lookup }) => lookup);
    const fits = all.length <= MAX_COVERING;
    this.#widenedFrom = fits ? 0 : all.length;
    const lookups = fits ? all : widened(all);
    this.#set = lookups === null ? null : new Map(lookups.map((lookup) => [textOf(lookup), lookup]));
  }

  #changed(): void {
    this.#version += 1;
    for (const changed of [...this.#watching]) changed();
  }
}
