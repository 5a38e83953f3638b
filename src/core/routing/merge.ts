/**
 * Reads a vector of partitions forward as one stream, merged by (timestamp, partition): what a page of history is made of.
 * Bounded: it stops after a budget of examined records and says how far it came.
 */
import type { PublicEvent } from '../contract/index.ts';
import type { Scan, Source, Vector } from './source.ts';

export interface MergedEvent {
  readonly event: PublicEvent;
  /** Per partition the next position not yet examined once this event has been taken. */
  readonly after: Vector;
}

export interface Merged {
  readonly events: readonly MergedEvent[];
  /** Where the next page begins. Advances without events too. */
  readonly next: Vector;
  /** Offsets that were examined. */
  readonly examined: number;
  /** Every event up to this time (ms) has been examined in every partition; null where the end was reached. */
  readonly until: number | null;
  /** Nothing is left before `end`. */
  readonly complete: boolean;
}

interface Head {
  readonly partition: number;
  readonly end: number;
  scans: AsyncIterator<Scan>;
  /** Matching events read and not yet taken. */
  queue: PublicEvent[];
  taken: number;
  /** Next offset not yet read. */
  read: number;
  /** Next position not yet given out. */
  position: number;
  done: boolean;
  lastTime: number | null;
}

/**
 * `limit` events at most out of [from, end), at most about `budget` records examined. Reads of the partitions run
 * side by side in small chunks, since one of them may hold nothing that matches.
 */
export async function mergeByTime(
  source: Source,
  request: {
    readonly product: string;
    readonly incarnation: string;
    readonly from: Vector;
    readonly end: Vector;
    readonly limit: number;
    readonly budget: number;
    readonly chunkBytes: number;
    readonly matches: (event: PublicEvent) => boolean;
  },
): Promise<Merged> {
  const { product, incarnation, matches } = request;
  const heads = request.end.map((end, partition): Head => {
    const from = request.from[partition] ?? 0;
    const scans = source.range(product, incarnation, partition, from, end, { maxBytes: request.chunkBytes });
    return {
      partition,
      end,
      scans: scans[Symbol.asyncIterator](),
      queue: [],
      taken: 0,
      read: from,
      position: from,
      done: from >= end,
      lastTime: null,
    };
  });
  let examined = 0;

  const advance = async (head: Head): Promise<void> => {
    const next = await head.scans.next();
    if (next.done === true) {
      head.done = true;
      return;
    }
    const scan = next.value;
    examined += scan.to - head.read;
    head.read = scan.to;
    head.queue = scan.events.filter(matches);
    head.taken = 0;
    head.lastTime = scan.events.at(-1)?.time ?? head.lastTime;
    if (head.queue.length === 0) head.position = head.read;
    if (head.read >= head.end) head.done = true;
  };
  const ready = (head: Head): boolean => head.taken < head.queue.length;

  const events: MergedEvent[] = [];
  const positions = heads.map((head) => head.position);
  try {
    while (events.length < request.limit) {
      const hungry = heads.filter((head) => !ready(head) && !head.done);
      if (hungry.length > 0) {
        if (examined >= request.budget) break;
        await Promise.all(hungry.map(advance));
        for (const head of hungry) positions[head.partition] = head.position;
        continue;
      }
      const head = earliest(heads.filter(ready));
      if (head === null) break;
      const event = head.queue[head.taken] as PublicEvent;
      head.taken += 1;
      head.position = ready(head) ? event.offset + 1 : head.read;
      positions[head.partition] = event.offset + 1;
      const after = [...positions];
      positions[head.partition] = head.position;
      events.push({ event, after });
    }
  } finally {
    await Promise.all(heads.map((head) => head.scans.return?.()));
  }
  const unfinished = heads.filter((head) => head.position < head.end);
  const times = unfinished.map((head) =>
    ready(head) ? (head.queue[head.taken] as PublicEvent).time : (head.lastTime ?? 0),
  );
  return {
    events,
    next: positions,
    examined,
    until: times.length === 0 ? null : Math.min(...times),
    complete: unfinished.length === 0,
  };
}

function earliest(heads: readonly Head[]): Head | null {
  let best: Head | null = null;
  let bestTime = 0;
  for (const head of heads) {
    const { time } = head.queue[head.taken] as PublicEvent;
    if (best === null || time < bestTime) {
      best = head;
      bestTime = time;
    }
  }
  return best;
}
