/** Topics: the hierarchical addresses of events. Levels are canonical texts, percent-encoded where they would be grammar. */

const reserved = /[%/*>\p{Cc}]/u;
const everyReserved = /[%/*>\p{Cc}]/gu;

/** One level from the canonical text of a field: `%`, `/`, `*`, `>` and control characters percent-encoded, the empty text as `%`. */
export function encodeLevel(text: string): string {
  if (text === '') return '%';
  if (!reserved.test(text)) return text;
  return text.replace(everyReserved, (character) =>
    [...new TextEncoder().encode(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

/** The text that a level stands for; null where it is not well encoded. */
export function decodeLevel(level: string): string | null {
  if (level === '%') return '';
  if (!level.includes('%')) return level;
  try {
    return decodeURIComponent(level);
  } catch {
    return null;
  }
}
