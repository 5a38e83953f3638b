/** Topics: the hierarchical addresses of events. Levels are canonical texts, percent-encoded where they would be grammar. */

/** By character code; none beyond the table is reserved. A loop over it costs less than the pattern. */
const reserved = new Uint8Array(160);
for (let code = 0; code < 160; code++) {
  if (code < 32 || code >= 127 || '%/*>'.includes(String.fromCharCode(code))) reserved[code] = 1;
}
const everyReserved = /[%/*>\p{Cc}]/gu;

/** One level from the canonical text of a field: `%`, `/`, `*`, `>` and control characters percent-encoded, the empty text as `%`. */
export function encodeLevel(text: string): string {
  if (text === '') return '%';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 160 && reserved[code] === 1) return encoded(text);
  }
  return text;
}

function encoded(text: string): string {
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
