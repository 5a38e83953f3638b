/** Where a request begins, for subscriptions and history alike: its cursor is read, and one that has expired comes back with where to go on. */
import { cursorSection, expiredAt } from '../core/delivery/index.ts';
import { asSluiceError } from '../core/errors.ts';
import { type Position, resolvePosition, type Source } from '../core/routing/index.ts';

type Asked = Omit<Parameters<typeof resolvePosition>[1], 'section'>;

/** Errors: CURSOR_INVALID, CURSOR_EXPIRED with `missing` and `resume`, and the others of resolvePosition. */
export async function positionOf(source: Source, asked: Asked): Promise<Position> {
  const { name } = asked.contract;
  try {
    return await resolvePosition(source, { ...asked, section: (cursor) => cursorSection(cursor, name) });
  } catch (thrown) {
    throw asked.from.kind === 'cursor' ? expiredAt(asSluiceError(thrown), name, asked.from.cursor) : thrown;
  }
}
