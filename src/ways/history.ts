/**
 * History: authorise -> check -> position -> read and merge -> page. graphql-js executes the page.
 */
import type { Access } from '../core/access/index.ts';
import { type Contract, type PublicEvent, parsePredicate, parseTopicFilter } from '../core/contract/index.ts';
import { encodeCursor, expiredFor } from '../core/delivery/index.ts';
import { asSluiceError, SluiceError } from '../core/errors.ts';
import { mergeByTime, type Placement, type Source } from '../core/routing/index.ts';
import type { HistoryArguments, HistoryPage } from '../core/surface/index.ts';
import { createFilter, eventNode, parseReplayFrom, type ReplayFrom } from '../core/view/index.ts';
import type { ExecutionContext } from './ports.ts';
import { positionOf } from './position.ts';

export const MAX_PAGE = 1_000;
/** Records that one page may examine; `pageInfo.examined` says how many it did. */
const PAGE_BUDGET = 100_000;
/** Page reads are small: an unfiltered page of 100 over 12 partitions needs a few records of each. */
const CHUNK_BYTES = 8_192;

export function createHistoryWay(options: {
  readonly access: Access;
  readonly source: Source;
  readonly wall: () => number;
}): (contract: Contract, args: HistoryArguments, context: ExecutionContext) => Promise<HistoryPage> {
  const { access, source, wall } = options;

  return async (contract, args, { session }) => {
    access.authorise(session.principal, contract, 'query');
    const from = checkArguments(args);
    const topic = args.topic == null ? null : parseTopicFilter(args.topic);
    const where = parsePredicate(contract, args.where, 'where');
    const filter = createFilter(contract, topic, where);
    const matches = (event: PublicEvent): boolean => filter.matches(event);
    const [{ placement }, extent] = await Promise.all([
      positionOf(source, { contract, from, wall: wall(), matches }),
      source.extent(contract.product),
    ]);
    if (extent.incarnation !== placement.incarnation) throw new SluiceError('SOURCE_RESET');
    const merged = await mergeByTime(source, {
      product: contract.product,
      incarnation: placement.incarnation,
      from: placement.vector,
      end: extent.end,
      limit: args.first,
      budget: PAGE_BUDGET,
      chunkBytes: CHUNK_BYTES,
      matches,
    }).catch((thrown: unknown) => {
      // Retention has passed the position meanwhile.
      throw expiredFor(asSluiceError(thrown), placement.vector, cursorsOf(contract, placement));
    });
    return page(contract, placement, merged);
  };
}

function page(contract: Contract, placement: Placement, merged: Awaited<ReturnType<typeof mergeByTime>>): HistoryPage {
  const cursorOf = cursorsOf(contract, placement);
  const edges = merged.events.map(({ event, after }: { event: PublicEvent; after: readonly number[] }) => {
    const cursor = cursorOf(after);
    return { cursor, node: eventNode(contract, event, cursor) };
  });
  return {
    edges,
    pageInfo: {
      hasNextPage: !merged.complete,
      hasPreviousPage: false,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: cursorOf(merged.next),
      examined: merged.examined,
      examinedUntil: merged.until,
    },
  };
}

function cursorsOf({ name }: Contract, { incarnation }: Placement): (vector: readonly number[]) => string {
  return (vector) => encodeCursor([{ product: name, incarnation, vector }]);
}

function checkArguments(args: HistoryArguments): ReplayFrom {
  if (!Number.isInteger(args.first) || args.first < 1 || args.first > MAX_PAGE) {
    throw new SluiceError('BAD_REQUEST', `first: from 1 to ${MAX_PAGE}, not ${args.first}.`, {
      details: { path: 'first' },
    });
  }
  const after = args.after ?? null;
  const from = args.from ?? null;
  if ((after === null) === (from === null)) {
    throw new SluiceError('BAD_REQUEST', 'Give exactly one of "from" and "after".', { details: { path: 'from' } });
  }
  return after === null ? parseReplayFrom(from, 'from') : { kind: 'cursor', cursor: after };
}
