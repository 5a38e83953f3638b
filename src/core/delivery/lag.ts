/** What `onLag` makes of a subscription that was live and has fallen behind by more than is allowed. */
import type { PublicEvent } from '../contract/index.ts';
import type { Vector } from '../routing/index.ts';
import type { Member } from './member.ts';
import { gapNotice, type Range } from './notices.ts';
import type { Notice } from './ports.ts';
import type { Ring } from './window.ts';

const MAX_RANGES = 256;

/** About how many bytes of events lie between the position and the head of the window; infinite where it has left the window. */
export function lagBytes(vector: Vector, rings: readonly Ring[]): number {
  let bytes = 0;
  for (const [partition, ring] of rings.entries()) {
    const position = vector[partition];
    if (position !== undefined) bytes += ring.bytesSince(position);
  }
  return bytes;
}

/** DROP: the member goes on at the live edge and is told which ranges it passed over. */
export function drop(member: Member, edge: Vector): void {
  const missing: Range[] = [];
  for (const [partition, to] of edge.entries()) {
    const from = member.vector[partition] ?? to;
    if (from < to) missing.push({ partition, from, to });
  }
  const untold = member.notices.filter((notice) => notice.code === 'GAP');
  const ranges = mergeRanges([...untold.flatMap((notice) => notice['missing'] as Range[]), ...missing]);
  const others: Notice[] = member.notices.filter((notice) => notice.code !== 'GAP');
  member.notices = [...others, gapNotice(ranges)];
  member.vector = [...edge];
  member.page = null;
}

/** Joins what touches; where there are too many, the one range around all of a partition's. */
function mergeRanges(ranges: readonly Range[]): Range[] {
  const around = ranges.length > MAX_RANGES;
  const merged: Range[] = [];
  for (const range of ranges) {
    const at = merged.findIndex((other) => other.partition === range.partition && (around || other.to === range.from));
    const other = merged[at];
    if (other === undefined) merged.push(range);
    else
      merged[at] = {
        partition: range.partition,
        from: Math.min(other.from, range.from),
        to: Math.max(other.to, range.to),
      };
  }
  return merged;
}

/** CONFLATE: of events in order of offset, those that no later one of the same key replaces. Events without a key stay. */
export function newestPerKey(events: readonly PublicEvent[]): readonly PublicEvent[] {
  const seen = new Set<string>();
  const kept: PublicEvent[] = [];
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i] as PublicEvent;
    if (event.conflationKey !== null) {
      if (seen.has(event.conflationKey)) continue;
      seen.add(event.conflationKey);
    }
    kept.push(event);
  }
  return kept.reverse();
}
