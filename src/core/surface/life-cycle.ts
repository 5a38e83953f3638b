/** When a deprecated product goes, as its contract says. */
import type { Contract } from '../contract/index.ts';
import { parseDateTime } from './temporal.ts';

/**
 * Milliseconds since the epoch at which it is no longer served, the service level `endOfLife` of ODCS (a date, or a date and time); null where
 * the contract does not say.
 */
export function sunsetOf({ sla }: Contract): number | null {
  const text = sla.find(({ property }) => property === 'endOfLife')?.value ?? null;
  return text === null ? null : (parseDateTime(text) ?? parseDateTime(`${text}T00:00:00Z`));
}
