/**
 * A covering set: what an event must meet to be wanted by anybody whose filters it covers. It is bounded: many topic filters are covered
 * by fewer and wider ones, and where that does not help everything is wanted.
 */
import type { TopicFilter } from '../../contract/index.ts';
import type { Lookup } from '../match/lookups.ts';

export interface Covering {
  /** Grows with each change. A scan made under it covers every filter that it contains. */
  readonly version: number;
  /** An event that meets any of them is wanted; null: every event is. */
  readonly lookups: readonly Lookup[] | null;
}

/** Characters of one entry; a filter that takes longer ones wants everything. */
export const MAX_TEXT = 4_096;
/** Entries of a covering set. */
export const MAX_COVERING = 1_000;
/** What is left after widening, so that the next few need none. */
const WIDENED = MAX_COVERING / 2;

/** Equal lookups have equal texts. */
export function textOf(lookup: Lookup): string {
  return 'path' in lookup ? `=${JSON.stringify([lookup.path, lookup.value])}` : lookup.text;
}

/** Every text under which a set would cover the lookup: its own, and those of the wider topic filters that `widened` makes. */
export function coverTexts(lookup: Lookup): string[] {
  const texts = [textOf(lookup)];
  if (!('path' in lookup))
    for (let depth = literalDepth(lookup); depth > 0; depth -= 1)
      if (reaches(lookup, depth)) texts.push(wide(lookup, depth).text);
  return texts;
}

/** At most `WIDENED` lookups that cover all of these, or null: everything. */
export function widened(lookups: Iterable<Lookup>): Lookup[] | null {
  let set = new Map<string, Lookup>();
  let deepest = 0;
  for (const lookup of lookups) {
    set.set(textOf(lookup), lookup);
    if (!('path' in lookup)) deepest = Math.max(deepest, literalDepth(lookup));
  }
  for (let depth = deepest; depth > 0 && set.size > WIDENED; depth -= 1) set = widenedAt(set.values(), depth);
  return set.size <= WIDENED ? [...set.values()] : null;
}

/** Filters that agree in their first `depth` levels become one, where there are several. */
function widenedAt(lookups: Iterable<Lookup>, depth: number): Map<string, Lookup> {
  const groups = new Map<string, Lookup[]>();
  for (const lookup of lookups) {
    const fits = !('path' in lookup) && literalDepth(lookup) >= depth && reaches(lookup, depth);
    const key = fits ? wide(lookup, depth).text : textOf(lookup);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [lookup]);
    else group.push(lookup);
  }
  const set = new Map<string, Lookup>();
  for (const group of groups.values()) {
    const [first] = group as [Lookup];
    const lookup = group.length === 1 || 'path' in first ? first : wide(first, depth);
    set.set(textOf(lookup), lookup);
  }
  return set;
}

/** How many levels a filter begins with that are neither `*` nor a prefix. */
function literalDepth({ levels }: TopicFilter): number {
  const first = levels.findIndex((level) => level.endsWith('*'));
  return first < 0 ? levels.length : first;
}

/** `>` is one or more levels: every topic that the filter matches has one after `depth`. */
function reaches({ levels, rest }: TopicFilter, depth: number): boolean {
  return levels.length > depth || rest;
}

function wide({ levels }: TopicFilter, depth: number): TopicFilter {
  const prefix = levels.slice(0, depth);
  return { text: [...prefix, '>'].join('/'), levels: prefix, rest: true };
}
