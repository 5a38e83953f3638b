/** Whether topics of a product can match filters at all: a product whose topics cannot is not read. */
import type { TopicFilter } from './filter.ts';
import type { Contract } from './model.ts';
import { encodeLevel } from './topic.ts';

type Pattern = Pick<TopicFilter, 'levels' | 'rest'>;

/** `contract` may be narrowed: the topics that its restriction leaves count too. `filter` null: every topic. */
export function canMatch(
  contract: Contract,
  filter: TopicFilter | null,
  allowed: readonly TopicFilter[] | null,
): boolean {
  const topics = templatePattern(contract);
  const wanted = filter === null ? topics : common(topics, filter);
  if (wanted === null) return false;
  return allowed === null || allowed.some((one) => common(wanted, one) !== null);
}

/** A product without a template has one topic, the empty text. */
function templatePattern({ template }: Contract): Pattern {
  const levels = template.map((level) => ('field' in level ? '*' : encodeLevel(level.literal)));
  return { levels: levels.length === 0 ? [''] : levels, rest: false };
}

/** What both match; null: no topic. */
function common(a: Pattern, b: Pattern): Pattern | null {
  const [short, long] = a.levels.length <= b.levels.length ? [a, b] : [b, a];
  const isLonger = long.levels.length > short.levels.length;
  if (isLonger && !short.rest) return null;
  // Equal in length: one that wants more levels, and one that has no more.
  if (!isLonger && short.rest !== long.rest) return null;
  const levels: string[] = [];
  for (const [index, level] of long.levels.entries()) {
    const other = short.levels[index];
    const both = other === undefined ? level : commonLevel(level, other);
    if (both === null) return null;
    levels.push(both);
  }
  return { levels, rest: long.rest };
}

function commonLevel(a: string, b: string): string | null {
  if (a === b || b === '*') return a;
  if (a === '*') return b;
  const [narrow, wide] = a.length >= b.length ? [a, b] : [b, a];
  // `LA*` matches `LA`, which is shorter than it is written.
  if (narrow.endsWith('*') && !wide.endsWith('*')) return wide.startsWith(narrow.slice(0, -1)) ? wide : null;
  return wide.endsWith('*') && narrow.startsWith(wide.slice(0, -1)) ? narrow : null;
}
