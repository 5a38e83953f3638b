/** What a node wants: always at least what its subscriptions match, in few entries, under versions that never promise too much. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PublicEvent } from '../../src/core/contract/index.ts';
import { Interest, Wanted } from '../../src/core/routing/index.ts';
import type { Filter } from '../../src/core/view/index.ts';
import { eventOf, events, filterOf, filters } from './filters.ts';

type Step =
  | { readonly do: 'add'; readonly which: number }
  | { readonly do: 'remove'; readonly which: number }
  | { readonly do: 'event'; readonly event: PublicEvent }
  | { readonly do: 'send' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), which: fc.nat(19) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat(19) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('event' as const), event: events }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
);

function wants(wanted: Wanted, event: PublicEvent): boolean {
  return wanted.of([event]).length === 1;
}

describe('interest', () => {
  test('a filter gets everything that it matches from whoever has the version that it was given, or a later one', () => {
    let asked = 0;
    fc.assert(
      fc.property(
        fc.array(filters, { minLength: 20, maxLength: 20 }),
        fc.array(step, { minLength: 20, maxLength: 120 }),
        (some, steps) => {
          const interest = new Interest();
          const held: { readonly filter: Filter; readonly version: number }[] = [];
          /** What the owner knows: it lags behind. */
          let wanted = new Wanted(interest.covering);
          for (const each of steps) {
            if (each.do === 'add') {
              const filter = some[each.which] as Filter;
              held.push({ filter, version: interest.add(filter) });
            } else if (each.do === 'remove') {
              const [gone] = held.splice(each.which % Math.max(1, held.length), 1);
              if (gone !== undefined) interest.remove(gone.filter);
            } else if (each.do === 'send') {
              wanted = new Wanted(interest.covering);
            } else {
              for (const { filter, version } of held) {
                if (version > wanted.version || !filter.matches(each.event)) continue;
                asked += 1;
                expect(wants(wanted, each.event)).toBe(true);
              }
            }
          }
          for (const { filter } of held) interest.remove(filter);
          expect(interest.covering.lookups).toEqual([]);
          expect(wants(new Wanted(interest.covering), eventOf('a'))).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
    expect(asked).toBeGreaterThan(500);
  });

  test('has a new version only when what it contains is another', () => {
    const interest = new Interest();
    let told = 0;
    interest.watch(() => {
      told += 1;
    });
    const [all, one] = [filterOf({ topic: 'aviation/>' }), filterOf({ topic: 'aviation/LAX' })];
    const first = interest.add(all);
    expect(interest.add(one)).toBe(first);
    expect(interest.add(one)).toBe(first);
    expect(told).toBe(1);
    interest.remove(one);
    interest.remove(one);
    expect(told).toBe(1);
    interest.remove(all);
    expect(told).toBe(2);
    expect(interest.covering.lookups).toEqual([]);
  });

  test('one that nothing selects makes it everything, until it leaves', () => {
    const interest = new Interest();
    const before = interest.add(filterOf({ topic: 'a/b' }));
    const scanned = filterOf({ where: { op: 'gt', path: ['int'], kind: 'int', value: 1 } });
    const version = interest.add(scanned);
    expect(version).toBeGreaterThan(before);
    expect(interest.covering.lookups).toBeNull();
    interest.remove(scanned);
    expect(interest.covering).toMatchObject({ version: version + 1, lookups: [{ text: 'a/b' }] });
  });

  test('100,000 topic filters are covered by at most 1,000 entries, and most that come then change nothing', () => {
    const interest = new Interest();
    const topics = Array.from({ length: 100_000 }, (_, n) => `aviation/${n % 300}/${n % 97}/${n}`);
    const some = topics.map((topic) => filterOf({ topic }));
    let versions = 0;
    interest.watch(() => {
      versions += 1;
    });
    for (const filter of some) interest.add(filter);
    const { lookups } = interest.covering;
    expect(lookups?.length).toBeLessThanOrEqual(1_000);
    expect(lookups?.length).toBeGreaterThan(1);
    const wanted = new Wanted(interest.covering);
    expect(topics.every((topic) => wants(wanted, eventOf(topic)))).toBe(true);
    // Not everything: what none of them has in its first levels is not wanted.
    expect(wants(wanted, eventOf('aviation/300/1/1'))).toBe(false);
    expect(wants(wanted, eventOf('seismic/1/1/1'))).toBe(false);
    const before = versions;
    interest.add(filterOf({ topic: 'aviation/7/7/new' }));
    expect(versions).toBe(before);
    // When most have left it is narrow again.
    for (const filter of some.slice(10)) interest.remove(filter);
    interest.remove(filterOf({ topic: 'aviation/7/7/new' }));
    const left = new Wanted(interest.covering);
    expect(interest.covering.lookups?.length).toBeLessThanOrEqual(1_000);
    for (const topic of topics.slice(0, 10)) expect(wants(left, eventOf(topic))).toBe(true);
    expect(wants(left, eventOf('aviation/299/1/1'))).toBe(false);
  });

  test('filters that have no level in common, and values without end, are everything in the end', () => {
    const interest = new Interest();
    const some = Array.from({ length: 5_000 }, (_, n) =>
      n % 2 === 0
        ? filterOf({ topic: `${n}/x` })
        : filterOf({ where: { op: 'eq', path: ['string'], kind: 'string', value: `v${n}` } }),
    );
    for (const filter of some) interest.add(filter);
    expect(interest.covering.lookups).toBeNull();
    for (const filter of some) interest.remove(filter);
    expect(interest.covering.lookups).toEqual([]);
  });
});
