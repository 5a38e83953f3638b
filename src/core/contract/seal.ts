/** The last step of making a contract, as read or as narrowed: digest and freeze. */
import { createHash } from 'node:crypto';
import type { Contract } from './model.ts';

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

function freeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}

/** A contract before it is sealed: as read, without digest and projection; narrowed, with those of what it was narrowed from. */
export type Unsealed = Omit<Contract, 'digest' | 'projection'> & {
  readonly digest?: string;
  readonly projection?: string;
};

/**
 * Adds the digest (SHA-256, base64url, over all but `file` and `projection`; keys in order) and freezes, deeply. Whoever
 * narrows a contract seals it anew: its projection stays that of the contract as read.
 */
export function sealContract(parts: Unsealed): Contract {
  const { file, digest: _stale, projection, ...meaning } = parts;
  const digest = createHash('sha256').update(canonical(meaning)).digest('base64url');
  return freeze({ ...meaning, file, digest, projection: projection ?? digest });
}
