/** The restrictions of a grant, read against the contract that they narrow. */
import {
  type Contract,
  durationMs,
  type Predicate,
  parsePredicate,
  parseTopicFilter,
  type Restriction,
} from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import type { Grant } from './principal.ts';

export interface ReadRestriction {
  /** Public paths, dotted. */
  readonly hidden: readonly string[];
  readonly kept: Omit<Restriction, 'salt'>;
}

export function badRestriction(what: string): SluiceError {
  return new SluiceError('BAD_REQUEST', `The restriction cannot be kept: ${what}.`);
}

/**
 * Throws SluiceError (BAD_FILTER, BAD_REQUEST) naming what does not fit. `contract` is unmasked: row filters see every value.
 * Without a contract only the forms are checked, and `rows` is left out.
 */
export function readRestriction(contract: Contract | null, restrictions: Grant['restrictions']): ReadRestriction {
  const { topics, hidden, rows, replay } = restrictions;
  const where = rows === undefined ? null : readJson(rows);
  return {
    hidden: hidden ?? [],
    kept: {
      topics: topics === undefined ? null : topics.map((topic) => parseTopicFilter(topic).text),
      rows: contract === null || rows === undefined ? null : readRows(contract, where),
      replayMs: replay === undefined ? null : readReplay(replay),
    },
  };
}

/** A row filter without a condition would keep nothing back, which nobody who writes one means. */
function readRows(contract: Contract, where: unknown): Predicate {
  const rows = parsePredicate(contract, where, 'rows');
  if (rows === null) throw badRestriction('the row filter holds no condition');
  return rows;
}

function readJson(rows: string): unknown {
  try {
    return JSON.parse(rows);
  } catch {
    throw badRestriction('the row filter is not JSON');
  }
}

function readReplay(replay: string): number {
  const ms = durationMs(replay);
  if (ms === null) throw badRestriction(`"${replay}" is not a duration such as P7D or PT1H`);
  return ms;
}
