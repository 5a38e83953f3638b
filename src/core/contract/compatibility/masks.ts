/** How the masking of a field changes, for whoever has which role. */
import type { Field, Masking } from '../model.ts';
import type { Changes } from './change.ts';

/** What a reader is shown: the value itself (null), or a mask. */
type Seen = Masking | null;

export function compareMasks(changes: Changes, old: Field, now: Field, path: string): void {
  const told = new Set<string>();
  for (const role of [null, ...rolesOf(old, now)]) {
    const [before, after] = [seenBy(old, role), seenBy(now, role)];
    if (before === after) continue;
    const whom = role === null ? 'whoever has none of its roles' : `the role "${role}"`;
    const what = `${whom} is shown ${seenText(after)} instead of ${seenText(before)}`;
    const breaks = why(before, now.required);
    // Roles that nobody needs any more are said once, with those who have none.
    if (role !== null && told.has(`${before} ${after}`)) continue;
    told.add(`${before} ${after}`);
    if (breaks === null) changes.compatible('mask', path, what, 'more is shown, in the same form');
    else changes.readers('mask', path, what, breaks);
  }
}

function rolesOf(old: Field, now: Field): readonly string[] {
  return [...new Set([...(old.privacy?.visibleTo ?? []), ...(now.privacy?.visibleTo ?? [])])].sort();
}

function seenBy({ privacy }: Field, role: string | null): Seen {
  if (privacy === null) return null;
  return role !== null && privacy.visibleTo.includes(role) ? null : privacy.masking;
}

/** null where nobody who was shown the one can fail at the other. */
function why(before: Seen, required: boolean): string | null {
  if (before === null) return 'what readers were shown is hidden from them, and can no longer be filtered by';
  if (before === 'hash') return 'readers who know values by their hash meet something else in its place';
  // "***" is never null, so that the presence of a value does not show.
  if (before === 'redact' && !required) return 'readers were shown a text that is never null, and it may be null now';
  return null;
}

function seenText(seen: Seen): string {
  switch (seen) {
    case null:
      return 'the value';
    case 'hash':
      return 'a hash';
    case 'redact':
      return '"***"';
    case 'null':
      return 'null';
  }
}
