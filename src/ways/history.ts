/**
 * History: authorise -> check -> position -> read and merge -> page. graphql-js executes the page, or its events are serialised.
 */
import type { Access } from '../core/access/index.ts';
import { type Contract, type PublicEvent, parsePredicate, parseTopicFilter } from '../core/contract/index.ts';
import { encodeCursor, expiredFor } from '../core/delivery/index.ts';
import { asSluiceError, SluiceError } from '../core/errors.ts';
import { type Merged, type MergedEvent, mergeByTime, type Placement, type Source } from '../core/routing/index.ts';
import type { HistoryArguments, HistoryPage } from '../core/surface/index.ts';
import {
  type Compiler,
  createFilter,
  eventNode,
  parseReplayFrom,
  type ReplayFrom,
  type View,
} from '../core/view/index.ts';
import type { ExecutionContext, StreamHistory, StreamPage } from './ports.ts';
import { namedPosition, positionOf } from './position.ts';

export const MAX_PAGE = 1_000;
/** Records that one page may examine; `pageInfo.examined` says how many it did. */
const PAGE_BUDGET = 100_000;
/** Page reads are small: an unfiltered page of 100 over 12 partitions needs a few records of each. */
const CHUNK_BYTES = 8_192;

/** Bytes of messages that one page of a stream holds, unless its first event alone is longer. */
const PAGE_BYTES = 4_194_304;

export interface HistoryWay {
  /** For graphql-js. */
  page(contract: Contract, args: HistoryArguments, context: ExecutionContext): Promise<HistoryPage>;
  readonly stream: StreamHistory;
}

export function createHistoryWay(options: {
  readonly access: Access;
  readonly source: Source;
  readonly compiler: Compiler;
  readonly wall: () => number;
}): HistoryWay {
  const { access, source, compiler, wall } = options;

  const read = async (asked: {
    readonly contract: Contract;
    readonly from: ReplayFrom;
    readonly named?: string;
    readonly limit: number;
    readonly matches: (event: PublicEvent) => boolean;
  }): Promise<Read> => {
    const { contract, limit, matches } = asked;
    const [{ placement }, extent] = await Promise.all([
      positionOf(source, { ...asked, wall: wall() }),
      source.extent(contract.product),
    ]);
    if (extent.incarnation !== placement.incarnation) throw new SluiceError('SOURCE_RESET');
    const merged = await mergeByTime(source, {
      product: contract.product,
      incarnation: placement.incarnation,
      from: placement.vector,
      end: extent.end,
      limit,
      budget: PAGE_BUDGET,
      chunkBytes: CHUNK_BYTES,
      matches,
    }).catch((thrown: unknown) => {
      // Retention has passed the position meanwhile.
      throw expiredFor(asSluiceError(thrown), placement.vector, cursorsOf(contract, placement));
    });
    return { placement, merged };
  };

  return {
    async page(contract, args, { session }) {
      access.authorise(session.principal, contract, 'query');
      const from = checkArguments(args);
      const topic = args.topic == null ? null : parseTopicFilter(args.topic);
      const where = parsePredicate(contract, args.where, 'where');
      const filter = createFilter(contract, topic, where);
      const matches = (event: PublicEvent): boolean => filter.matches(event);
      return page(contract, await read({ contract, from, limit: args.first, matches }));
    },

    async stream(session, operation, limit) {
      const { view, from } = compiler.compile(session.surface, operation);
      access.authorise(session.principal, view.contract, 'query');
      const named = namedPosition(operation, from, wall());
      const { contract, matches } = view;
      return messages(view, await read({ contract, from, limit, matches, ...named }));
    },
  };
}

interface Read {
  readonly placement: Placement;
  readonly merged: Merged;
}

/** As many as a page holds; where it ends before its time, the rest is another page. */
function messages(view: View, { placement, merged }: Read): StreamPage {
  const cursorOf = cursorsOf(view.contract, placement);
  const events: string[] = [];
  let length = 0;
  for (const { event, after } of merged.events) {
    const cursor = cursorOf(after);
    const text = view.serialise(event, cursor, placement.incarnation);
    if (events.length > 0 && length + text.length > PAGE_BYTES) {
      const last = merged.events[events.length - 1] as MergedEvent;
      return { events, cursor: cursorOf(last.after), hasMore: true };
    }
    length += text.length;
    events.push(text);
  }
  return { events, cursor: cursorOf(merged.next), hasMore: !merged.complete };
}

function page(contract: Contract, { placement, merged }: Read): HistoryPage {
  const cursorOf = cursorsOf(contract, placement);
  const edges = merged.events.map(({ event, after }) => {
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
