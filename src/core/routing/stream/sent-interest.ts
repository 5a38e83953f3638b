/** A covering set as it travels. */
import { parseTopicFilter } from '../../contract/index.ts';
import type { Covering } from '../interest/index.ts';
import type { SentInterest } from './messages.ts';

export function sentInterest({ version, lookups }: Covering): SentInterest {
  if (lookups === null) return { version, lookups };
  return {
    version,
    lookups: lookups.map((lookup) => ('path' in lookup ? [[...lookup.path], lookup.value] : lookup.text)),
  };
}

/** Errors: BAD_FILTER. */
export function receivedInterest({ version, lookups }: SentInterest): Covering {
  if (lookups === null) return { version, lookups };
  return {
    version,
    lookups: lookups.map((lookup) =>
      typeof lookup === 'string' ? parseTopicFilter(lookup) : { path: lookup[0], value: lookup[1] },
    ),
  };
}
