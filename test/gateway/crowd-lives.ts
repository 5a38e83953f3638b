/** Lives of subscriptions: what each has received over all its connections, held against what Kafka holds. */
import { cursorSection } from '../../src/core/delivery/index.ts';
import type { Held, Place } from './crowd-feed.ts';
import type { CrowdView, Policy } from './crowd-views.ts';

export interface Gap {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface Notice {
  readonly code: string;
  readonly missing?: readonly Gap[];
  readonly superseded?: number;
}

export type Origin = { readonly latest: true } | { readonly earliest: true } | { readonly cursor: string };

export const vectorOf = (cursor: string, product = 'crowd'): readonly number[] => cursorSection(cursor, product).vector;

/** A subscription from its first position on, over all its connections. */
export class Life {
  readonly view: CrowdView;
  readonly policy: Policy;
  readonly origin: Origin;
  /** Where it began, by its first ready message. */
  start: readonly number[] | null = null;
  /** That message's cursor. */
  first: string | null = null;
  /** Where a resume goes on; null where no cursor says it. */
  cursor: string | null = null;
  /** In order of arrival. */
  readonly seqs: number[] = [];
  readonly gaps: Gap[] = [];
  conflated = 0;
  resumes = 0;
  /** It is followed no further. */
  isOver = false;

  constructor(view: CrowdView, policy: Policy, origin: Origin) {
    this.view = view;
    this.policy = policy;
    this.origin = origin;
  }

  note({ code, missing = [], superseded = 0 }: Notice): void {
    if (code === 'GAP') this.gaps.push(...missing);
    else if (code === 'CONFLATED') this.conflated += superseded;
    else throw new Error(`a notice ${code}`);
  }
}

/** What a Kafka topic holds in the end. */
export class Truth {
  readonly #held: readonly (readonly Held[])[];
  readonly #places = new Map<number, Place>();
  readonly #matching = new Map<CrowdView, readonly (readonly Held[])[]>();

  constructor(held: readonly (readonly Held[])[]) {
    this.#held = held;
    for (const [partition, list] of held.entries()) {
      for (const { offset, reading } of list) {
        if (this.#places.has(reading.seq)) throw new Error(`the reading ${reading.seq} was written twice`);
        this.#places.set(reading.seq, { partition, offset });
      }
    }
  }

  get size(): number {
    return this.#places.size;
  }

  matching(view: CrowdView): readonly (readonly Held[])[] {
    let found = this.#matching.get(view);
    if (found === undefined) {
      found = this.#held.map((list) => list.filter(({ reading }) => view.matches(reading)));
      this.#matching.set(view, found);
    }
    return found;
  }

  /** How much of each partition has come, for whoever waits for the rest. */
  standing({ view, start, seqs }: Life): string {
    const counts = this.matching(view).map((list, partition) => {
      const due = list.filter(({ offset }) => offset >= (start?.[partition] ?? 0)).length;
      return `${seqs.filter((seq) => this.#places.get(seq)?.partition === partition).length} of ${due}`;
    });
    return `by partition ${counts.join(', ')} had come`;
  }

  /** Null where the life received exactly what its policy promises; else its first difference, in words. */
  difference(life: Life): string | null {
    const { start, seqs } = life;
    if (start === null) return seqs.length === 0 ? null : 'events came to it that was never told that it is ready';
    const got: number[][] = this.#held.map(() => []);
    for (const [index, seq] of seqs.entries()) {
      const place = this.#places.get(seq);
      if (place === undefined) return `event ${index} (seq ${seq}) is not in Kafka`;
      (got[place.partition] as number[]).push(place.offset);
    }
    // One that ended knows by its cursor how far it has come, and else by its last event: nothing up to there may be missing.
    const ended = life.isOver && life.cursor !== null ? vectorOf(life.cursor) : null;
    for (const [partition, list] of this.matching(life.view).entries()) {
      const offsets = got[partition] as number[];
      const from = start[partition] ?? 0;
      const to = ended?.[partition] ?? Math.max(from, ...offsets.slice(-1).map((last) => last + 1));
      const found = compare(life, partition, list, offsets, from, to);
      if (found !== null) return `partition ${partition}, from ${from} to ${to}: ${found}`;
    }
    return null;
  }
}

function compare(
  life: Life,
  partition: number,
  matching: readonly Held[],
  got: readonly number[],
  from: number,
  to: number,
): string | null {
  const sent = new Set(got);
  const excused = excuses(life, partition, matching, sent, to);
  const wanted = matching.filter(
    (held) => from <= held.offset && held.offset < to && (sent.has(held.offset) || !excused.has(held.offset)),
  );
  for (let i = 0; i < Math.max(wanted.length, got.length); i++) {
    if (wanted[i]?.offset === got[i]) continue;
    const near = got.slice(Math.max(0, i - 3), i + 4).join(', ');
    return `event ${i} of ${got.length} is offset ${got[i]} where ${wanted[i]?.offset} was due (of ${wanted.length}); around it came ${near}`;
  }
  const inGap = got.find((offset) => isIn(life.gaps, partition, offset));
  return inGap === undefined ? null : `offset ${inGap} came although a notice said that it was left out`;
}

/** Offsets that may be missing: those in a GAP that was told, those that a newer one of their key replaced. */
function excuses(
  life: Life,
  partition: number,
  matching: readonly Held[],
  sent: ReadonlySet<number>,
  to: number,
): ReadonlySet<number> {
  const excused = new Set<number>();
  if (life.policy === 'DROP') {
    const gaps = life.gaps.filter((gap) => gap.partition === partition);
    for (const { offset } of matching) if (isIn(gaps, partition, offset)) excused.add(offset);
  } else if (life.policy === 'CONFLATE' && life.conflated > 0) {
    const newer = new Set<string>();
    for (const { offset, reading } of matching.toReversed()) {
      if (sent.has(offset) || offset >= to) newer.add(reading.id);
      else if (newer.has(reading.id)) excused.add(offset);
    }
  }
  return excused;
}

function isIn(gaps: readonly Gap[], partition: number, offset: number): boolean {
  return gaps.some((gap) => gap.partition === partition && gap.from <= offset && offset < gap.to);
}
