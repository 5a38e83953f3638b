/** Where a request begins, for subscriptions and history alike: its cursor is read, and one that has expired comes back with where to go on. */
import { cursorSection, expiredAt } from '../core/delivery/index.ts';
import { asSluiceError, SluiceError } from '../core/errors.ts';
import { type Position, resolvePosition, type Source } from '../core/routing/index.ts';
import type { Operation, ReplayFrom, StreamOperation } from '../core/view/index.ts';

type Asked = Omit<Parameters<typeof resolvePosition>[1], 'section'>;

/** How far a client's clock may be ahead of ours. */
const CLOCK_SLACK_MS = 10_000;

/** Errors: CURSOR_INVALID, CURSOR_EXPIRED with `missing` and `resume`, and the others of resolvePosition. */
export async function positionOf(source: Source, asked: Asked): Promise<Position> {
  const { name } = asked.contract;
  try {
    return await resolvePosition(source, { ...asked, section: (cursor) => cursorSection(cursor, name) });
  } catch (thrown) {
    throw asked.from.kind === 'cursor' ? expiredAt(asSluiceError(thrown), name, asked.from.cursor) : thrown;
  }
}

/**
 * The parameter that a stream's position was asked by; of GraphQL, which has `from`, nothing. Errors: BAD_REQUEST for a time that is
 * still to come, which GraphQL takes for the end.
 */
export function namedPosition(
  operation: Operation | StreamOperation,
  from: ReplayFrom,
  wall: number,
): { readonly named?: string } {
  if (!('stream' in operation)) return {};
  if (from.kind === 'time' && from.time > wall + CLOCK_SLACK_MS)
    throw new SluiceError('BAD_REQUEST', 'since: this time is still to come.', { details: { path: 'since' } });
  return { named: operation.after !== null ? 'after' : operation.last !== null ? 'last' : 'since' };
}
