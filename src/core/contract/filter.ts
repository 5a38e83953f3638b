/** The grammar of topic filters: `*` is one level, also as a suffix (`LA*`), `>` is one or more trailing levels. */
import { SluiceError } from '../errors.ts';
import { decodeLevel, encodeLevel } from './topic.ts';

export interface TopicFilter {
  /** Canonical text: equal filters have equal texts. */
  readonly text: string;
  /** Literal levels, encoded; `*`; or a prefix with `*`. Without a closing `>`. */
  readonly levels: readonly string[];
  /** It closes with `>`: at least one more level. */
  readonly rest: boolean;
}

const maxLength = 1024;
/** `unknownLevels` is a 32-bit mask. */
export const maxTopicLevels = 31;

function bad(level: number, what: string): SluiceError {
  const place = level < 0 ? 'Topic filter' : `Topic filter, level ${level + 1}`;
  return new SluiceError('BAD_FILTER', `${place}: ${what}`, {
    details: { path: 'topic', ...(level < 0 ? {} : { level: level + 1 }) },
  });
}

/** Parses and canonicalises. Throws BAD_FILTER naming the level at fault. `maxLevels` counts a closing `>`. */
export function parseTopicFilter(text: string, options: { readonly maxLevels?: number } = {}): TopicFilter {
  const limit = options.maxLevels ?? maxTopicLevels;
  if (text === '') throw bad(-1, 'it is empty; ">" matches every topic.');
  if (text.length > maxLength) throw bad(-1, `it is longer than ${maxLength} characters.`);
  const parts = text.split('/');
  if (parts.length > limit) throw bad(limit, `it has ${parts.length} levels; at most ${limit} are allowed.`);
  const levels: string[] = [];
  let rest = false;
  parts.forEach((part, index) => {
    if (part === '>') {
      if (index !== parts.length - 1) throw bad(index, '">" stands only at the end.');
      rest = true;
    } else levels.push(parseLevel(part, index));
  });
  return Object.freeze({ text: [...levels, ...(rest ? ['>'] : [])].join('/'), levels: Object.freeze(levels), rest });
}

function parseLevel(part: string, index: number): string {
  if (part === '') throw bad(index, 'it is empty; "*" matches any one level, "%" the empty text.');
  if (part === '*') return part;
  const prefix = part.endsWith('*');
  const literal = prefix ? part.slice(0, -1) : part;
  if (literal.includes('*'))
    throw bad(index, '"*" stands alone or at the end of the level; a literal one is written %2A.');
  if (literal.includes('>')) throw bad(index, '">" stands alone as the last level; a literal one is written %3E.');
  if (/\p{Cc}/u.test(literal)) throw bad(index, 'control characters are written percent-encoded.');
  const decoded = prefix && literal === '%' ? null : decodeLevel(literal);
  if (decoded === null)
    throw bad(index, '"%" begins an escape of two hexadecimal digits; a literal one is written %25.');
  return prefix ? `${encodeLevel(decoded)}*` : encodeLevel(decoded);
}

/**
 * Whether an encoded topic matches. Bit i of `unknownLevels` says that level i is not known: only `*` and `>` match it.
 * Walks the topic in place: no allocation.
 */
export function topicMatches(filter: TopicFilter, topic: string, unknownLevels = 0): boolean {
  const { levels } = filter;
  let start = 0;
  for (let index = 0; index < levels.length; index++) {
    if (start > topic.length) return false;
    const level = levels[index] as string;
    let end = topic.indexOf('/', start);
    if (end < 0) end = topic.length;
    if (level !== '*') {
      if ((unknownLevels & (1 << index)) !== 0) return false;
      const size = level.length;
      if (level.charCodeAt(size - 1) === 42) {
        if (end - start < size - 1) return false;
        for (let i = 0; i < size - 1; i++) if (topic.charCodeAt(start + i) !== level.charCodeAt(i)) return false;
      } else if (end - start !== size || !topic.startsWith(level, start)) return false;
    }
    start = end + 1;
  }
  return filter.rest ? start <= topic.length : start === topic.length + 1;
}
