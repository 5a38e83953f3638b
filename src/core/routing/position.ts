/** From what a request says (ReplayFrom) to a placement: replay depth, allowed forms, look-back. */
import type { Contract, PublicEvent } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import type { ReplayFrom } from '../view/index.ts';
import { expired } from './failure.ts';
import { type Look, type LookedAt, lookBack } from './look-back.ts';
import type { Placement, Source, Vector } from './source.ts';

export interface Position {
  readonly placement: Placement;
  /** `last` found fewer than asked for within the bounded look-back; how many. */
  readonly short: number | null;
}

/** What a cursor named, decoded: its section for this product. */
export type CursorSection = { readonly incarnation: string; readonly vector: Vector };

/** Most records that one `last` may examine. */
const LOOK_BACK_BUDGET = 200_000;
export const MAX_LAST = 10_000;

/**
 * Errors: REPLAY_LIMIT (form not offered, or before the replay depth), and those of Source.place. `wall` is now in epoch
 * milliseconds; `section` decodes a cursor for this product.
 */
export async function resolvePosition(
  source: Source,
  request: {
    readonly contract: Contract;
    readonly from: ReplayFrom;
    /** What the request calls it, where that is not `from` with its forms. */
    readonly named?: string;
    readonly wall: number;
    readonly matches: (event: PublicEvent) => boolean;
    readonly section: (cursor: string) => CursorSection;
  },
): Promise<Position> {
  const { contract, from, wall } = request;
  const named = request.named ?? `from.${from.kind}`;
  const whole = request.named ?? 'from';
  const { product } = contract;
  const depth = replayDepth(contract);
  const limit = depth === null ? null : wall - depth;
  offered(contract, from, named);

  switch (from.kind) {
    case 'latest':
      return { placement: await source.place(product, { kind: 'latest' }), short: null };
    case 'earliest': {
      const origin = limit === null ? ({ kind: 'earliest' } as const) : ({ kind: 'time', time: limit } as const);
      return { placement: await source.place(product, origin), short: null };
    }
    case 'time':
    case 'ago': {
      const time = from.kind === 'time' ? from.time : wall - from.ms;
      if (limit !== null && time < limit) throw beyond(depth as number, whole);
      return { placement: await source.place(product, { kind: 'time', time }), short: null };
    }
    case 'last':
      return (await resolveLast(source, { ...request, from, of: [request] })[0]) as Position;
    case 'cursor': {
      const { incarnation, vector } = request.section(from.cursor);
      const placement = await source.place(product, { kind: 'at', incarnation, vector });
      // A resume must not wait for a look-up by time: the limit may be up to a minute behind.
      const floor = limit === null ? null : await source.place(product, { kind: 'time', time: limit, slackMs: 60_000 });
      if (
        floor?.incarnation === placement.incarnation &&
        floor.vector.some((first, p) => (placement.vector[p] ?? 0) < first)
      ) {
        // What retention took since the source last looked is gone for everybody: that is another answer.
        const held = (await source.extent(product)).first;
        const missing = held.flatMap((to, partition) => {
          const at = placement.vector[partition] ?? to;
          return at < to ? [{ partition, from: at, to }] : [];
        });
        throw missing.length > 0 ? expired(missing) : beyond(depth as number, whole);
      }
      return { placement, short: null };
    }
    default:
      return from satisfies never;
  }
}

/**
 * `last` over several products: so many events of all of them together. Each position comes or fails for itself; errors as
 * resolvePosition.
 */
export function resolveLast(
  source: Source,
  request: {
    readonly of: readonly { readonly contract: Contract; readonly matches: (event: PublicEvent) => boolean }[];
    readonly from: Extract<ReplayFrom, { readonly kind: 'last' }>;
    readonly named?: string;
    readonly wall: number;
  },
): readonly Promise<Position>[] {
  const { of, from, wall } = request;
  const named = request.named ?? 'from.last';
  const look = async (): Promise<Look> => {
    const asked = of.map(async ({ contract, matches }): Promise<LookedAt> => {
      const { product } = contract;
      const depth = replayDepth(contract);
      const floor = depth === null ? null : (await source.place(product, { kind: 'time', time: wall - depth })).vector;
      return { product, floor, matches };
    });
    return lookBack(source, { of: await Promise.all(asked), count: from.count, budget: LOOK_BACK_BUDGET });
  };
  let looked: Promise<Look> | null = null;
  return of.map(async ({ contract }, index) => {
    offered(contract, from, named);
    if (from.count > MAX_LAST) {
      throw new SluiceError('REPLAY_LIMIT', `${named}: at most ${MAX_LAST} events, not ${from.count}.`, {
        details: { path: named },
      });
    }
    looked ??= look();
    const { placements, short, found } = await looked;
    // Said once.
    return { placement: placements[index] as Placement, short: short && index === 0 ? found : null };
  });
}

/** The contract's replay depth, or the grant's where that is less; null: as long as the log holds. */
export function replayDepth(contract: Contract): number | null {
  const depths = [contract.replay.maxDepthMs, contract.restriction.replayMs].filter((ms) => ms !== null);
  return depths.length === 0 ? null : Math.min(...depths);
}

function offered(contract: Contract, from: ReplayFrom, named: string): void {
  const form = from.kind === 'ago' || from.kind === 'last' ? 'time' : from.kind;
  if (form === 'latest' || contract.replay.from.includes(form)) return;
  throw new SluiceError(
    'REPLAY_LIMIT',
    `${named}: this product offers ${['latest', ...contract.replay.from].filter((f, i, all) => all.indexOf(f) === i).join(', ')} only.`,
    {
      details: { path: named },
    },
  );
}

function beyond(depth: number, path: string): SluiceError {
  const days = depth / 86_400_000;
  const text = days >= 1 ? `${Math.round(days * 10) / 10} days` : `${Math.round(depth / 1000)} s`;
  return new SluiceError('REPLAY_LIMIT', `The position lies before the replay depth of this product, ${text}.`, {
    details: { path },
  });
}
