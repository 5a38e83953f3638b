/** The grammar of `physicalName` on a property: where the value is in the record. `properties.mag`, `coordinates[0]`, `['odd.name']`. */

const maxSegments = 16;

/** Keys from the enclosing object on; empty for `.`, the enclosing object itself. null: not a path. */
export function parsePath(text: string): readonly string[] | null {
  if (text === '.') return [];
  const segments: string[] = [];
  const part = /(?:(^|\.)([^.[\]'"\p{Cc}]+))|\[(\d{1,6})\]|\['([^'\p{Cc}]+)'\]/uy;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) return null;
    // A dot at the very beginning would make an empty first key.
    if (match[1] === '.' && segments.length === 0) return null;
    segments.push(match[2] ?? match[3] ?? match[4] ?? '');
  }
  return segments.length === 0 || segments.length > maxSegments ? null : segments;
}
