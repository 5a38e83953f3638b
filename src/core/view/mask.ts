/**
 * Masks, applied to the canonical public value. `hash` is HMAC-SHA-256 under the application's salt, cut to 128 bits, as
 * base64url: the same for equal values, so that a partner can join and count by it, and of no use to another partner. null stays null.
 * The mask of a key is that of its fields.
 */
import { createHmac } from 'node:crypto';
import type { Contract, Field, FieldType, Masking } from '../contract/index.ts';

export const REDACTED = '***';

/** From a value to what the partner sees instead. */
export type Mask = (value: unknown) => string | null;

/** 128 bits: no two values of one product meet by chance. */
const HASH_BYTES = 16;
/** Values recur (regions, customers); the bound is per mask. */
const REMEMBERED = 4_096;

/** `salt` is asked for only by a hash; without one there is no masking, so there is no view. */
export function compileMask(masking: Masking, salt: string | null): Mask {
  if (masking === 'redact') return () => REDACTED;
  if (masking === 'null') return () => null;
  if (salt === null) throw new Error('a hashed field needs the salt of an application');
  const known = new Map<string, string>();
  return (value) => {
    if (value === null || value === undefined) return null;
    const text = canonicalValue(value);
    const before = known.get(text);
    if (before !== undefined) return before;
    const hash = createHmac('sha256', salt).update(text).digest().subarray(0, HASH_BYTES).toString('base64url');
    if (known.size >= REMEMBERED) known.clear();
    known.set(text, hash);
    return hash;
  };
}

function canonicalValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** How the public key is shown; null: as it is. Key text is the one field's own, or the JSON array of several. */
export function compileKeyMask(contract: Contract): ((key: string | null) => string | null) | null {
  const masks = contract.messageKey.map((path) => maskAt(contract, path));
  if (masks.every((mask) => mask === null)) return null;
  const { salt } = contract.restriction;
  const apply = masks.map((mask) => (mask === null ? null : compileMask(mask, salt)));
  const [only] = apply;
  if (apply.length === 1) return (key) => (key === null ? null : (only as Mask)(key));
  return (key) => {
    if (key === null) return null;
    const parts: unknown = JSON.parse(key);
    if (!Array.isArray(parts)) return null;
    return JSON.stringify(apply.map((mask, index) => (mask === null ? (parts[index] ?? null) : mask(parts[index]))));
  };
}

/** The mask on the way to a field; one that is not there at all is hidden. */
function maskAt(contract: Contract, path: string): Masking | null {
  let fields: readonly Field[] = contract.fields;
  let found: Field | undefined;
  for (const name of path.split('.')) {
    found = fields.find((field) => field.name === name);
    if (found === undefined) return 'null';
    if (found.mask !== null) return found.mask;
    const type: FieldType = found.type;
    fields = type.kind === 'object' ? type.fields : [];
  }
  return null;
}

/** Whether the public key holds anything hashed. */
export function keyIsHashed(contract: Contract): boolean {
  return contract.messageKey.some((path) => maskAt(contract, path) === 'hash');
}
