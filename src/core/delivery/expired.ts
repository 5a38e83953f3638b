/** CURSOR_EXPIRED as one subscription needs it: what is missing for it, and a cursor that moves only those partitions. */
import type { SluiceError } from '../errors.ts';
import { expired, type Vector } from '../routing/index.ts';
import { cursorSection, encodeCursor } from './cursor.ts';
import type { Range } from './notices.ts';

/**
 * The source tells the first positions held as `missing` (the `to` of each range) or as a whole `vector`. `cursorAt` encodes the cursor.
 * Any other error comes back as it is.
 */
export function expiredFor(error: SluiceError, position: Vector, cursorAt: (vector: Vector) => string): SluiceError {
  if (error.code !== 'CURSOR_EXPIRED') return error;
  const { vector, missing: told, ...details } = error.details;
  const first = new Map<number, number>();
  if (Array.isArray(vector)) {
    for (const [partition, offset] of (vector as Vector).entries()) first.set(partition, offset);
  }
  for (const { partition, to } of told ?? []) first.set(partition, to);
  const missing: Range[] = [];
  const resume = position.map((from, partition) => {
    const to = first.get(partition) ?? from;
    if (from >= to) return from;
    missing.push({ partition, from, to });
    return to;
  });
  if (missing.length === 0) return error;
  return expired(missing, error.cause).with({ ...details, resume: cursorAt(resume) });
}

/** The same before there is a subscription: `cursor` is where it was to begin, `product` the name without major. */
export function expiredAt(error: SluiceError, product: string, cursor: string): SluiceError {
  if (error.code !== 'CURSOR_EXPIRED') return error;
  const { incarnation, vector } = cursorSection(cursor, product);
  return expiredFor(error, vector, (moved) => encodeCursor([{ product, incarnation, vector: moved }]));
}
