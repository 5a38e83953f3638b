/** The products of one subscription: which they are, where each begins, and what is told of them. */
import { decodeCursor, encodeCursor, type Notice, splitCursor } from '../core/delivery/index.ts';
import { asSluiceError, SluiceError } from '../core/errors.ts';
import { type Position, resolveLast, type Source } from '../core/routing/index.ts';
import {
  type CompiledOperation,
  type CompiledWildcard,
  MAX_PRODUCTS,
  type Operation,
  type ReplayFrom,
  type StreamOperation,
  type View,
} from '../core/view/index.ts';
import type { Place } from './placing.ts';
import { namedPosition } from './position.ts';

/** Longest cursor that a client may give back. */
const MAX_CURSOR = 16_384;

export interface Parts {
  readonly parts: readonly CompiledOperation[];
  /** Cursors of products that the cursor names and that are no part. */
  readonly left: ReadonlyMap<string, string>;
  readonly notices: readonly Notice[];
}

/** Each product with where it begins. Errors: OPERATION_TOO_COSTLY, CURSOR_INVALID. */
export function partsOf({ views, from, onLag }: CompiledWildcard, operation: Operation | StreamOperation): Parts {
  const chosen = newest(views, new Set());
  if (chosen.length > MAX_PRODUCTS)
    throw new SluiceError(
      'OPERATION_TOO_COSTLY',
      `products: ${chosen.length} products match; at most ${MAX_PRODUCTS} are allowed: name them, or narrow "topic".`,
      { details: { path: 'products' } },
    );
  const part = (view: View, at: ReplayFrom): CompiledOperation => ({ view, from: at, onLag, batch: null });
  if (from.kind !== 'cursor') return { parts: chosen.map((view) => part(view, from)), left: new Map(), notices: [] };
  const sections = splitCursor(from.cursor);
  const known = chosen.filter(({ contract }) => sections.has(contract.name));
  if (known.length === 0) {
    const path = 'stream' in operation ? 'after' : 'from.cursor';
    const message = `${path}: the cursor is of none of these products: ${chosen.map(({ contract }) => contract.product).join(', ')}.`;
    throw new SluiceError('CURSOR_INVALID', message, { details: { path } });
  }
  const left = new Map([...sections].filter(([name]) => !chosen.some(({ contract }) => contract.name === name)));
  return {
    parts: chosen.map((view) => {
      const cursor = sections.get(view.contract.name);
      return part(view, cursor === undefined ? { kind: 'latest' } : { kind: 'cursor', cursor });
    }),
    left,
    notices: [
      ...chosen.filter((view) => !known.includes(view)).map(({ contract }) => joined(contract.product, false, null)),
      ...[...left].map(([name, cursor]) => notPart(name, cursor)),
    ],
  };
}

/** Of each name the highest major, unless another is `taken` by its name: that one goes on. */
export function newest(views: readonly View[], taken: ReadonlySet<string>): readonly View[] {
  return views.filter(
    ({ contract: { name, major } }) =>
      !taken.has(name) && !views.some(({ contract: other }) => other.name === name && other.major > major),
  );
}

/** Where each begins so that they have so many events together; nothing where something else was asked. */
export function lastOf(
  source: Source,
  { parts }: Parts,
  operation: Operation | StreamOperation,
  wall: number,
): readonly Promise<Position>[] {
  const from = parts[0]?.from;
  if (from?.kind !== 'last') return [];
  const of = parts.map(({ view: { contract, matches } }) => ({ contract, matches }));
  const found = resolveLast(source, { of, from, wall, ...namedPosition(operation, from, wall) });
  // What is refused for another reason does not wait for them.
  for (const one of found) one.catch(() => {});
  return found;
}

/** All, or none and why: of positions that have expired the ranges of all products, and one cursor that moves them. */
export async function placeAll(
  { parts, left }: Parts,
  place: (part: CompiledOperation, index: number) => Promise<Place>,
): Promise<readonly Place[]> {
  const settled = await Promise.allSettled(parts.map(place));
  const places = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (places.length === parts.length) return places;
  for (const { share } of places) share.release();
  const failures = settled.flatMap((one, index) =>
    one.status === 'rejected' ? [{ part: parts[index] as CompiledOperation, error: asSluiceError(one.reason) }] : [],
  );
  const [first] = failures as [(typeof failures)[number]];
  const worst = failures.find(({ error }) => error.code !== 'CURSOR_EXPIRED') ?? first;
  const { product } = worst.part.view.contract;
  if (worst.error.code !== 'CURSOR_EXPIRED')
    throw new SluiceError(worst.error.code, `"${product}": ${worst.error.message}`, {
      details: { ...worst.error.details, product },
      cause: worst.error.cause,
    });
  throw expiredTogether(parts, left, failures);
}

function expiredTogether(
  parts: readonly CompiledOperation[],
  left: ReadonlyMap<string, string>,
  failures: readonly { readonly part: CompiledOperation; readonly error: SluiceError }[],
): SluiceError {
  const missing = failures.flatMap(({ part, error }) =>
    (error.details.missing ?? []).map((range) => ({ product: part.view.contract.product, ...range })),
  );
  const resumes = parts.map((part) => {
    const failed = failures.find((failure) => failure.part === part)?.error.details.resume;
    return failed ?? (part.from.kind === 'cursor' ? part.from.cursor : null);
  });
  const sections = [...resumes.filter((cursor) => cursor !== null), ...left.values()].flatMap(decodeCursor);
  const resume = encodeCursor(sections);
  return (failures[0] as (typeof failures)[number]).error.with({ missing, resume });
}

/** Throws OPERATION_TOO_COSTLY where its cursors would be too long to be given back. */
export function checkCursor(places: readonly Place[], left: ReadonlyMap<string, string>): void {
  const sections = places.map(({ compiled, position: { placement } }) => ({
    product: compiled.view.contract.name,
    ...placement,
  }));
  const { length } = encodeCursor([...sections, ...[...left.values()].flatMap(decodeCursor)]);
  // Positions grow: a varint of nine bytes where there was one of one.
  if (length * 2 <= MAX_CURSOR) return;
  throw new SluiceError(
    'OPERATION_TOO_COSTLY',
    'products: their cursors together would be too long: name fewer, or narrow "topic".',
    { details: { path: 'products' } },
  );
}

/** `lost`: why it could not go on where it had left. */
export function joined(product: string, again: boolean, lost: SluiceError | null): Notice {
  const how = lost !== null ? `anew: ${lost.message}` : again ? 'where it had left.' : 'at the end of its stream.';
  return {
    code: 'JOINED',
    message: `"${product}" has become part of this subscription. It begins ${how}`,
    product,
    ...(lost === null ? {} : { reason: lost.code, ...(lost.details.missing ? { missing: lost.details.missing } : {}) }),
  };
}

function notPart(name: string, cursor: string): Notice {
  const message = `"${name}" is no longer part of this subscription: it is not granted, not asked for, or its topics cannot match.`;
  return { code: 'LEFT', message, product: name, cursor };
}
