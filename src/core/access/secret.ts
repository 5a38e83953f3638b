/**
 * The form of an API key: `slk_<id>_<secret>`. `slk_<id>` is its prefix, visible in lists and logs; the secret is 32 random
 * bytes, base64url, shown once.
 *
 * What is stored is one SHA-256 of the whole key. A slow hash (scrypt, argon2) makes guessing a secret that a person
 * chose expensive; nobody guesses 256 random bits whatever one try costs, so here it would only let anybody with a socket burn
 * the gateway's CPU, once per connect.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Random bytes as ids and secrets need them; node:crypto's randomBytes. */
export type Random = (bytes: number) => Buffer;

const form = /^(slk_[a-z0-9]{8,40})_[A-Za-z0-9_-]{43}$/;
/** Longer texts are no keys and are not looked at. */
const maxLength = 100;

/** Digits and lower-case letters without the ones that are mistaken for each other: 32, so that a byte maps evenly. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new id: `app-` or the like, and 60 random bits. */
export function newId(kind: string, random: Random): string {
  let text = '';
  for (const byte of random(12)) text += alphabet[byte & 31];
  return kind === '' ? text : `${kind}-${text}`;
}

export function newSecret(random: Random): string {
  return `slk_${newId('', random)}_${random(32).toString('base64url')}`;
}

/** The visible prefix of a key, or null where the text is not of a key's form. */
export function prefixOf(secret: string): string | null {
  if (secret.length > maxLength) return null;
  return form.exec(secret)?.[1] ?? null;
}

/** base64url, 43 characters. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** What a presented key is compared with when no such key is known: no text hashes to it that anybody could find. */
const nobody = Buffer.alloc(32);

/** Whether the secret's hash is the stored one. Takes the same time whichever bytes differ, and without a stored hash. */
export function matches(secret: string, hash: string | null): boolean {
  const presented = createHash('sha256').update(secret).digest();
  const stored = hash === null ? nobody : Buffer.from(hash, 'base64url');
  const equal = stored.length === presented.length && timingSafeEqual(stored, presented);
  return equal && hash !== null;
}
