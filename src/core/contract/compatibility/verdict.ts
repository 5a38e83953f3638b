/** Whether a contract may take the place of another. */
import type { Contract } from '../model.ts';
import { type Change, isBreaking } from './change.ts';
import { isPromised } from './terms.ts';

/**
 * - `same`: nothing changes.
 * - `compatible`: it takes the place of the old one.
 * - `new-major`: it stands beside the old one, whatever changes.
 * - `not-promised`: it breaks what was proposed, a draft or retired, which promises nothing.
 * - `breaking`: it would break a promise, and is refused.
 */
export type Verdict = 'same' | 'compatible' | 'new-major' | 'not-promised' | 'breaking';

export function verdictOf(old: Contract, now: Contract, changes: readonly Change[]): Verdict {
  if (changes.length === 0) return 'same';
  if (now.name === old.name && now.major > old.major) return 'new-major';
  if (!changes.some(isBreaking)) return 'compatible';
  return isPromised(old) ? 'breaking' : 'not-promised';
}
