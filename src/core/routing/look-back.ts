/**
 * `last: n`: walks the tails of all partitions, of one product or of several, backwards, merged by (timestamp, partition), until n matches
 * have been passed or the bounded look-back ends. Gives the positions reached.
 */
import type { PublicEvent } from '../contract/index.ts';
import type { Placement, Source, Vector } from './source.ts';

export interface Look {
  /** In the order in which the products were asked for. */
  readonly placements: readonly Placement[];
  /** Matches between the vector and the end. */
  readonly found: number;
  /** The look-back ended before n matches were found although older events are held. */
  readonly short: boolean;
}

/** A product, and which of its events count. */
export interface LookedAt {
  readonly product: string;
  /** No position before this one (replay depth), where there is such a limit. */
  readonly floor: Vector | null;
  readonly matches: (event: PublicEvent) => boolean;
}

interface Stem {
  readonly of: LookedAt;
  readonly incarnation: string;
  readonly partition: number;
  readonly end: number;
  readonly floor: number;
  /** Lowest offset examined. */
  low: number;
  /** Time of the earliest record examined; what lies below is taken to be older. */
  frontier: number;
  step: number;
  /** Matches found and not passed yet, oldest first. */
  matches: PublicEvent[];
  position: number;
}

const FIRST_STEP = 64;

export async function lookBack(
  source: Source,
  request: {
    readonly of: readonly LookedAt[];
    readonly count: number;
    /** Offsets examined at most, over all partitions. */
    readonly budget: number;
  },
): Promise<Look> {
  const { count } = request;
  const trees = await Promise.all(request.of.map((of) => stemsOf(source, of)));
  const stems = trees.flatMap((tree) => tree.stems);
  let examined = 0;

  const extend = async (stem: Stem, most: number): Promise<void> => {
    const to = stem.low;
    const from = Math.max(stem.floor, to - Math.min(stem.step, most));
    stem.step *= 4;
    const older: PublicEvent[] = [];
    let first: number | null = null;
    for await (const scan of source.range(stem.of.product, stem.incarnation, stem.partition, from, to)) {
      for (const event of scan.events) {
        first ??= event.time;
        if (stem.of.matches(event)) older.push(event);
      }
    }
    examined += to - from;
    stem.low = from;
    stem.frontier = first ?? stem.frontier;
    stem.matches = [...older, ...stem.matches];
  };

  let found = 0;
  while (found < count) {
    const open = stems.filter((stem) => stem.matches.length === 0 && stem.low > stem.floor);
    const best = latest(stems);
    // A partition without a match at hand may still hold a later one, unless all it has left is older than the best.
    const needed = open.filter((stem) => best === null || stem.frontier > (best.matches.at(-1) as PublicEvent).time);
    if (needed.length > 0) {
      const share = Math.floor((request.budget - examined) / needed.length);
      if (share < 1) break;
      await Promise.all(needed.map((stem) => extend(stem, share)));
      continue;
    }
    if (best === null) break;
    best.position = (best.matches.pop() as PublicEvent).offset;
    found += 1;
  }
  return {
    placements: trees.map(({ incarnation, stems: own }) => ({
      incarnation,
      vector: own.map((stem) => stem.position),
    })),
    found,
    short: found < count && stems.some((stem) => stem.low > stem.floor),
  };
}

async function stemsOf(
  source: Source,
  of: LookedAt,
): Promise<{ readonly incarnation: string; readonly stems: readonly Stem[] }> {
  const { incarnation, first, end: ends } = await source.extent(of.product);
  const stems = ends.map((end, partition): Stem => {
    const floor = Math.min(end, Math.max(first[partition] ?? 0, of.floor?.[partition] ?? 0));
    return {
      of,
      incarnation,
      partition,
      end,
      floor,
      low: end,
      frontier: Number.POSITIVE_INFINITY,
      step: FIRST_STEP,
      matches: [],
      position: end,
    };
  });
  return { incarnation, stems };
}

function latest(stems: readonly Stem[]): Stem | null {
  let best: Stem | null = null;
  let bestTime = 0;
  for (const stem of stems) {
    const event = stem.matches.at(-1);
    if (event !== undefined && (best === null || event.time >= bestTime)) {
      best = stem;
      bestTime = event.time;
    }
  }
  return best;
}
