import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PublicEvent } from '../../src/core/contract/index.ts';
import { lookBack, mergeByTime } from '../../src/core/routing/index.ts';
import { MemorySource } from '../delivery/memory-source.ts';

/** One partition's records: times that grow, null where there is no visible event. */
const partition = fc.array(fc.option(fc.tuple(fc.nat(5), fc.nat(9)), { freq: 5 }), { maxLength: 40 }).map((steps) => {
  let time = 0;
  return steps.map((step) => {
    if (step === null) return null;
    time += step[0];
    return { time, value: step[1] };
  });
});
const partitions = fc.array(partition, { minLength: 1, maxLength: 5 });
type Entries = ReturnType<typeof partition.generate>['value'];

const numberOf = (event: PublicEvent): number => Number(event.data?.['value']);
const name = (event: PublicEvent): string => `${event.partition}/${event.offset}`;

function filled(all: readonly Entries[]): MemorySource {
  const source = new MemorySource();
  source.scanEvents = 7;
  source.create('p', all.length);
  for (const [i, entries] of all.entries()) source.put('p', i, ...entries);
  return source;
}

/** Every matching event, by (time, partition), within a partition by offset. */
function naive(
  all: readonly Entries[],
  least: number,
): { readonly at: string; readonly time: number; readonly partition: number; readonly offset: number }[] {
  return all
    .flatMap((entries, p) =>
      entries.flatMap((entry, offset) =>
        entry === null || entry.value < least ? [] : [{ at: `${p}/${offset}`, time: entry.time, partition: p, offset }],
      ),
    )
    .sort((a, b) => a.time - b.time || a.partition - b.partition || a.offset - b.offset);
}

describe('merging by time', () => {
  test('pages of any size show every match once, in order, and leave off where the next page begins', async () => {
    await fc.assert(
      fc.asyncProperty(partitions, fc.nat(9), fc.integer({ min: 1, max: 12 }), async (all, least, limit) => {
        const source = filled(all);
        const { incarnation, first, end } = await source.extent('p');
        const seen: string[] = [];
        let from = first;
        for (;;) {
          const page = await mergeByTime(source, {
            product: 'p',
            incarnation,
            from,
            end,
            limit,
            budget: 1_000,
            chunkBytes: 1,
            matches: (event) => numberOf(event) >= least,
          });
          expect(page.events.length).toBeLessThanOrEqual(limit);
          seen.push(...page.events.map(({ event }) => name(event)));
          from = page.next;
          if (page.complete) break;
        }
        expect(seen).toEqual(naive(all, least).map(({ at }) => at));
        expect(from).toEqual(end);
        expect(source.openRanges).toBe(0);
      }),
    );
  });

  test('the position after an event continues right behind it', async () => {
    await fc.assert(
      fc.asyncProperty(partitions, fc.nat(9), fc.nat(30), async (all, least, stop) => {
        const source = filled(all);
        const { incarnation, first, end } = await source.extent('p');
        const request = {
          product: 'p',
          incarnation,
          end,
          budget: 1_000,
          chunkBytes: 1,
          limit: 1_000,
          matches: (event: PublicEvent) => numberOf(event) >= least,
        };
        const whole = await mergeByTime(source, { ...request, from: first });
        fc.pre(whole.events.length > 0);
        const at = stop % whole.events.length;
        const rest = await mergeByTime(source, { ...request, from: whole.events[at]?.after ?? [] });
        expect(rest.events.map(({ event }) => name(event))).toEqual(
          whole.events.slice(at + 1).map(({ event }) => name(event)),
        );
      }),
    );
  });

  test('a budget ends a page that finds nothing, and the next page goes on', async () => {
    const source = filled([Array.from({ length: 100 }, (_, i) => ({ time: i, value: 0 }))]);
    const { incarnation, first, end } = await source.extent('p');
    const request = { product: 'p', incarnation, end, limit: 5, budget: 20, chunkBytes: 1, matches: () => false };
    const page = await mergeByTime(source, { ...request, from: first });
    expect(page).toMatchObject({ events: [], complete: false });
    expect(page.examined).toBeGreaterThanOrEqual(20);
    expect(page.examined).toBeLessThan(40);
    expect(page.next[0]).toBe(page.examined);
    expect(page.until).toBe(page.examined - 1);
  });
});

describe('looking back', () => {
  test('passes exactly the last n matches, or all that there are', async () => {
    await fc.assert(
      fc.asyncProperty(partitions, fc.nat(9), fc.integer({ min: 1, max: 20 }), async (all, least, count) => {
        const source = filled(all);
        const matches = (event: PublicEvent): boolean => numberOf(event) >= least;
        const look = await lookBack(source, { of: [{ product: 'p', floor: null, matches }], count, budget: 10_000 });
        const wanted = naive(all, least).slice(-count);
        const reached = naive(all, least).filter(
          (event) => event.offset >= (look.placements[0]?.vector[event.partition] ?? 0),
        );
        expect(reached.map(({ at }) => at)).toEqual(wanted.map(({ at }) => at));
        expect(look).toMatchObject({ found: wanted.length, short: false });
      }),
    );
  });

  test('ends at its budget and says that it is short', async () => {
    const source = filled([Array.from({ length: 1_000 }, (_, i) => ({ time: i, value: 0 }))]);
    const look = await lookBack(source, {
      of: [{ product: 'p', floor: null, matches: () => false }],
      count: 1,
      budget: 100,
    });
    expect(look).toMatchObject({ found: 0, short: true, placements: [{ vector: [1_000] }] });
  });

  test('goes no further back than the floor', async () => {
    const source = filled([Array.from({ length: 100 }, (_, i) => ({ time: i, value: 1 }))]);
    const look = await lookBack(source, {
      of: [{ product: 'p', floor: [90], matches: () => true }],
      count: 50,
      budget: 10_000,
    });
    expect(look).toMatchObject({ found: 10, short: false, placements: [{ vector: [90] }] });
  });
});
