/**
 * What an event must have for a filter to match, as something that can be looked up: a topic, or a value at a path. A filter
 * that is entered under lookups of which one must be met is found by every event that it matches.
 */
import type { Contract, Predicate, ScalarKind, TopicFilter, Value } from '../../contract/index.ts';
import type { Filter } from '../../view/index.ts';

export type Lookup = TopicFilter | Equality;

/** Of a field's value; null: it, or an object above it, is null. */
export interface Equality {
  readonly path: readonly string[];
  readonly value: Value;
}

/** An event that meets none of them is not matched. */
export interface Lookups {
  readonly all: readonly Lookup[];
  /** One that meets any of them meets the condition that they were taken from. */
  readonly exact: boolean;
  /** The conditions of the filter that they were taken from are its topic filters. */
  readonly ofTopic: boolean;
}

/** How many events are expected to meet one of these: the least is chosen. */
export type Weigh = (lookups: readonly Lookup[]) => number;

/** Places that one filter may take in the index. */
const MAX_LOOKUPS = 1_000;

/**
 * The lookups of a filter, or null where it must be asked of every event. Of several conditions that must all hold any one will do,
 * and the one is taken that weighs least.
 */
export function lookupsOf(filter: Filter, weigh: Weigh): Lookups | null {
  const { topic, topics, rows, where } = filter;
  const conditions: readonly (Lookups | null)[] = [
    where === null ? null : ofPredicate(where, weigh),
    rows === null ? null : ofPredicate(rows, weigh),
    topic === null ? null : ofTopics([topic], selects),
    topics === null ? null : ofTopics(topics, selects),
  ];
  // A topic filter that every topic passes is looked up faster than it is asked.
  return lightest(conditions, weigh) ?? (topic === null ? null : ofTopics([topic], () => true));
}

/** Every lookup that the filter could be entered under, whatever else it would take. */
export function* mentionedBy({ topic, topics, rows, where }: Filter): Generator<Lookup> {
  for (const predicate of [where, rows]) if (predicate !== null) yield* equalitiesIn(predicate);
  if (topic !== null) yield topic;
  if (topics !== null) yield* topics;
}

/**
 * Whether topic or equality tells a filter apart from others, so that it costs events that it does not want nothing. A level that
 * all topics of the product have, being text of the template, tells nothing apart. True where there is no `where` and no rows: the topic says it all.
 */
export function isSelective({ topic, topics, rows, where }: Filter, { template }: Pick<Contract, 'template'>): boolean {
  if (rows === null && where === null) return true;
  const none: Weigh = () => 0;
  if (where !== null && ofPredicate(where, none) !== null) return true;
  if (rows !== null && ofPredicate(rows, none) !== null) return true;
  const told = ({ levels }: TopicFilter): boolean =>
    levels.some((level, index) => {
      const at = template[index];
      if (level === '*' || at === undefined || !('literal' in at)) return level !== '*';
      return level.endsWith('*') ? !at.literal.startsWith(level.slice(0, -1)) : at.literal !== level;
    });
  return (topic !== null && told(topic)) || (topics?.every(told) ?? false);
}

/** Whether a topic filter says more than how many levels there are. */
function selects({ levels }: TopicFilter): boolean {
  return levels.some((level) => level !== '*');
}

function ofTopics(topics: readonly TopicFilter[], usable: (topic: TopicFilter) => boolean): Lookups | null {
  if (topics.length > MAX_LOOKUPS || !topics.every(usable)) return null;
  return { all: topics, exact: true, ofTopic: true };
}

function lightest(candidates: readonly (Lookups | null)[], weigh: Weigh): Lookups | null {
  let best: Lookups | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate === null) continue;
    const weight = weigh(candidate.all);
    if (weight >= least) continue;
    best = candidate;
    least = weight;
  }
  return best;
}

function ofPredicate(predicate: Predicate, weigh: Weigh): Lookups | null {
  switch (predicate.op) {
    case 'and': {
      const one = lightest(
        predicate.of.map((inner) => ofPredicate(inner, weigh)),
        weigh,
      );
      return one === null || predicate.of.length === 1 ? one : { ...one, exact: false };
    }
    case 'or':
      return ofAny(predicate.of.map((inner) => ofPredicate(inner, weigh)));
    default:
      return leafOf(predicate);
  }
}

function leafOf(predicate: Predicate): Lookups | null {
  switch (predicate.op) {
    case 'isNull':
      return predicate.value ? equalities(predicate.path, [null]) : null;
    case 'eq':
      return equals(predicate, [predicate.value]);
    case 'in':
      return equals(predicate, predicate.value);
    default:
      return null;
  }
}

function* equalitiesIn(predicate: Predicate): Generator<Equality> {
  if (predicate.op === 'and' || predicate.op === 'or') {
    for (const inner of predicate.of) yield* equalitiesIn(inner);
  } else yield* (leafOf(predicate)?.all ?? []) as Equality[];
}

function equals({ kind, path }: Extract<Predicate, { kind: ScalarKind }>, values: readonly Value[]): Lookups | null {
  // Of two values there is one that half of the events have: nothing is told apart by it.
  if (kind === 'boolean') return null;
  // In a map null and NaN equal themselves; in a comparison they do not.
  return values.some((value) => value === null || Number.isNaN(value)) ? null : equalities(path, values);
}

function equalities(path: readonly string[], values: readonly Value[]): Lookups | null {
  if (values.length > MAX_LOOKUPS) return null;
  return { all: values.map((value): Equality => ({ path, value })), exact: true, ofTopic: false };
}

function ofAny(members: readonly (Lookups | null)[]): Lookups | null {
  const all: Lookup[] = [];
  let exact = true;
  for (const member of members) {
    if (member === null || all.length + member.all.length > MAX_LOOKUPS) return null;
    all.push(...member.all);
    exact &&= member.exact;
  }
  return { all, exact, ofTopic: false };
}
