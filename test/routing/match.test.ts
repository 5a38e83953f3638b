/** The match index against the plain answer: what each filter says of each event by itself. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Predicate, PublicEvent } from '../../src/core/contract/index.ts';
import { MatchIndex } from '../../src/core/routing/index.ts';
import type { Filter } from '../../src/core/view/index.ts';
import { eventOf, events, filterOf, filters } from './filters.ts';

interface Value {
  readonly name: string;
}

const named = Array.from({ length: 12 }, (_, n): Value => ({ name: `v${n}` }));

/** The plain answer. */
class Naive {
  readonly held = new Map<string, { readonly filter: Filter; readonly values: Set<Value> }>();

  add(filter: Filter, value: Value): boolean {
    const { values: set } = this.held.get(filter.key) ?? { values: new Set() };
    const isNew = !set.has(value);
    this.held.set(filter.key, { filter, values: set.add(value) });
    return isNew;
  }

  remove(filter: Filter, value: Value): boolean {
    const held = this.held.get(filter.key);
    const was = held?.values.delete(value) ?? false;
    if (held?.values.size === 0) this.held.delete(filter.key);
    return was;
  }

  match(event: PublicEvent): string[] {
    return [...this.held.values()]
      .filter(({ filter }) => filter.matches(event))
      .flatMap(({ values: set }) => [...set].map(({ name }) => name))
      .sort();
  }
}

function found(index: MatchIndex<Value>, event: PublicEvent): string[] {
  const names: string[] = [];
  index.match(event, ({ name }) => void names.push(name));
  return names.sort();
}

type Step =
  | { readonly kind: 'add' | 'remove'; readonly filter: number; readonly value: number }
  | { readonly kind: 'match'; readonly event: PublicEvent };

const step: fc.Arbitrary<Step> = fc.oneof(
  ...(['add', 'add', 'remove'] as const).map((kind) =>
    fc.record({ kind: fc.constant(kind), filter: fc.nat({ max: 11 }), value: fc.nat({ max: 11 }) }),
  ),
  fc.record({ kind: fc.constant('match' as const), event: events }),
);
const pool = fc.array(filters, { minLength: 12, maxLength: 12 });
describe('the match index', () => {
  test('finds what asking every filter finds, whatever was added and removed, and keeps nothing of what left', () => {
    let matches = 0;
    const narrowed = { topic: 0, topics: 0, rows: 0, where: 0 };
    fc.assert(
      fc.property(
        pool,
        fc.array(step, { maxLength: 80, size: 'max' }),
        fc.array(events, { maxLength: 6, size: 'max' }),
        (all, steps, more) => {
          const index = new MatchIndex<Value>();
          const naive = new Naive();
          const check = (event: PublicEvent): void => {
            const expected = naive.match(event);
            matches += expected.length;
            for (const { filter } of naive.held.values()) {
              if (!filter.matches(event)) continue;
              for (const part of ['topic', 'topics', 'rows', 'where'] as const)
                narrowed[part] += filter[part] === null ? 0 : 1;
            }
            expect(found(index, event)).toEqual(expected);
          };
          for (const one of steps) {
            if (one.kind === 'match') check(one.event);
            else {
              const [filter, value] = [all[one.filter] as Filter, named[one.value] as Value];
              expect(index[one.kind](filter, value)).toBe(naive[one.kind](filter, value));
            }
          }
          for (const event of more) check(event);
          expect(index.size.filters).toBe(naive.held.size);
          for (const { filter, values: set } of [...naive.held.values()])
            for (const value of set) expect(index.remove(filter, value)).toBe(true);
          expect(index.size).toEqual({ filters: 0, nodes: 0 });
        },
      ),
      { numRuns: 1_500 },
    );
    expect(matches).toBeGreaterThan(20_000);
    for (const count of Object.values(narrowed)) expect(count).toBeGreaterThan(500);
  });

  test('may be changed by those it visits: what leaves is not visited any more, what comes is there for the next event', () => {
    const change = fc.record({
      kind: fc.constantFrom('add' as const, 'remove' as const),
      filter: fc.nat({ max: 3 }),
      value: fc.nat({ max: 11 }),
    });
    const all = ['>', '*', 'a/>', '*/>'].map((topic) => filterOf({ topic }));
    let changed = 0;
    fc.assert(
      fc.property(
        fc.array(change, { size: 'max', maxLength: 60 }),
        fc.array(fc.array(change), { size: 'max', maxLength: 12 }),
        (before, during) => {
          const index = new MatchIndex<Value>();
          const naive = new Naive();
          const apply = ({ kind, filter, value }: (typeof before)[number]): void => {
            const [of, it] = [all[filter] as Filter, named[value] as Value];
            expect(index[kind](of, it)).toBe(naive[kind](of, it));
          };
          before.forEach(apply);
          const event = eventOf('a');
          const expected = naive.match(event);
          const visited: string[] = [];
          let turn = 0;
          // What is under a filter when it leaves before its turn must not come; all else that was there must, once under each filter.
          const atMost = [...expected];
          index.match(event, ({ name }) => {
            visited.push(name);
            for (const one of during[turn++] ?? []) {
              apply(one);
              changed += 1;
            }
          });
          for (const name of visited) {
            expect(atMost).toContain(name);
            atMost.splice(atMost.indexOf(name), 1);
          }
          const gone = during
            .slice(0, turn)
            .flat()
            .filter(({ kind }) => kind === 'remove');
          for (const name of atMost) expect(gone.map(({ value }) => `v${value}`)).toContain(name);
          for (const topic of ['a', 'a/b', 'b'])
            expect(found(index, eventOf(topic))).toEqual(naive.match(eventOf(topic)));
        },
      ),
      { numRuns: 1_000 },
    );
    expect(changed).toBeGreaterThan(5_000);
  });

  test('visits nobody who has been removed by the one before', () => {
    const index = new MatchIndex<Value>();
    const filter = filterOf({ topic: 'a' });
    for (const value of named) index.add(filter, value);
    const visited: Value[] = [];
    index.match(eventOf('a'), (value) => {
      visited.push(value);
      for (const other of named) if (other !== value) index.remove(filter, other);
    });
    expect(visited).toHaveLength(1);
    expect(found(index, eventOf('a'))).toEqual(visited.map(({ name }) => name));
  });

  test('matches another event while it visits', () => {
    const index = new MatchIndex<Value>();
    const [one, other] = [named[0] as Value, named[1] as Value];
    index.add(filterOf({ topic: 'a' }), one);
    index.add(filterOf({ topic: '*' }), other);
    const visited: string[] = [];
    index.match(eventOf('a'), ({ name }) => void visited.push(name, ...found(index, eventOf('b'))));
    expect(visited.sort()).toEqual(['v0', 'v1', 'v1', 'v1']);
  });

  test('goes on past a filter that throws, and tells who had it; past a visitor that throws it can be used again', () => {
    const index = new MatchIndex<Value>();
    const broken = new Error('broken');
    const throws = (): never => {
      throw broken;
    };
    const where: Predicate = { op: 'isNull', path: ['string'], value: false };
    index.add(
      {
        ...filterOf({ where }),
        key: 'throws',
        topic: null,
        topics: null,
        rows: null,
        where,
        condition: throws,
        matches: throws,
      },
      named[0] as Value,
    );
    index.add(filterOf({ topic: 'a' }), named[1] as Value);
    const told: unknown[] = [];
    const visited: string[] = [];
    index.match(
      eventOf('a'),
      ({ name }) => void visited.push(name),
      ({ name }, thrown) => void told.push(name, thrown),
    );
    expect(visited).toEqual(['v1']);
    expect(told).toEqual(['v0', broken]);
    expect(() => index.match(eventOf('a'), () => {})).toThrow(broken);
    expect(() => index.match(eventOf('a'), throws)).toThrow(broken);
    index.match(
      eventOf('a'),
      ({ name }) => void visited.push(name),
      () => {},
    );
    expect(visited).toEqual(['v1', 'v1']);
  });
});

/** The same filter, counting how often it is asked. */
function counted(filter: Filter, asked: { count: number }): Filter {
  const { key, topic, topics, rows, where, condition } = filter;
  const asking = (ask: (event: PublicEvent) => boolean) => (event: PublicEvent) => {
    asked.count += 1;
    return ask(event);
  };
  return {
    key,
    topic,
    topics,
    rows,
    where,
    condition: condition === null ? null : asking(condition),
    matches: asking((event) => filter.matches(event)),
  };
}

const eq = (name: string, value: string): Predicate => ({ op: 'eq', path: [name], kind: 'string', value });
const and = (...of: readonly Predicate[]): Predicate => ({ op: 'and', of });
const over = (n: number): Predicate => ({ op: 'gt', path: ['price'], kind: 'int', value: n });

describe('an event asks', () => {
  const many = 10_000;

  test.each<[string, (n: number) => Parameters<typeof filterOf>[0], number]>([
    [
      'an equality that all share and one of their own',
      (n) => ({ where: and(eq('region', 'EU'), eq('customer', `c${n}`), over(0)) }),
      2,
    ],
    ['the same, the other way round', (n) => ({ where: and(eq('customer', `c${n}`), eq('region', 'EU'), over(0)) }), 1],
    [
      'an equality of ten values and one of their own',
      (n) => ({ where: and(eq('region', n % 10 === 1 ? 'EU' : `r${n % 10}`), eq('customer', `c${n}`), over(0)) }),
      3,
    ],
    [
      'a topic that all share and an equality',
      (n) => ({ topic: 'orders/>', where: and(eq('customer', `c${n}`), over(0)) }),
      2,
    ],
    [
      'an equality that all share and a topic',
      (n) => ({ topic: `orders/c${n}/*`, where: and(eq('region', 'EU'), over(0)) }),
      2,
    ],
    ['the rows of a grant', (n) => ({ rows: and(eq('customer', `c${n}`), over(0)), where: eq('region', 'EU') }), 2],
    [
      'the topics of a grant',
      (n) => ({ topics: [`orders/c${n}/>`, `returns/c${n}/>`], where: and(eq('region', 'EU'), over(0)) }),
      2,
    ],
  ])('next to none of the filters that do not want it: %s', (_what, draw, most) => {
    const index = new MatchIndex<Value>();
    const asked = { count: 0 };
    for (let n = 0; n < many; n++) index.add(counted(filterOf({ ...draw(n) }), asked), named[0] as Value);
    expect(index.size.filters).toBe(many);
    const customer = (name: string): PublicEvent =>
      eventOf(`orders/${name}/new`, { data: { region: 'EU', customer: name, price: 1 } });
    expect(found(index, customer('nobody'))).toEqual([]);
    expect(asked.count).toBeLessThanOrEqual(most);
    asked.count = 0;
    expect(found(index, customer('c4321'))).toEqual(['v0']);
    expect(asked.count).toBeLessThanOrEqual(most + 1);
  });

  test('each filter that nothing tells apart, once', () => {
    const index = new MatchIndex<Value>();
    const asked = { count: 0 };
    for (let n = 0; n < 100; n++) index.add(counted(filterOf({ where: over(n) }), asked), named[0] as Value);
    expect(found(index, eventOf('a', { data: { price: 50 } }))).toHaveLength(50);
    expect(asked.count).toBe(100);
  });

  test('nothing of filters whose topic or equality says it all', () => {
    const index = new MatchIndex<Value>();
    const asked = { count: 0 };
    const parts = [{}, { topic: 'a/*' }, { topic: 'a/b' }, { where: eq('customer', 'c') }, { topics: ['a/>', 'a/b'] }];
    parts.forEach((part, n) => void index.add(counted(filterOf(part), asked), named[n] as Value));
    expect(found(index, eventOf('a/b', { data: { customer: 'c' } }))).toEqual(['v0', 'v1', 'v2', 'v3', 'v4']);
    expect(asked.count).toBe(0);
  });
});

describe('values of one filter', () => {
  test('come and go by the thousand, and nothing is left', () => {
    const index = new MatchIndex<Value>();
    const filter = filterOf({ topic: 'a' });
    const values = Array.from({ length: 5_000 }, (_, n): Value => ({ name: `v${n}` }));
    for (const value of values) expect(index.add(filter, value)).toBe(true);
    expect(index.add(filter, values[0] as Value)).toBe(false);
    for (const value of values.slice(0, 2_500)) expect(index.remove(filter, value)).toBe(true);
    expect(found(index, eventOf('a'))).toEqual(
      values
        .slice(2_500)
        .map(({ name }) => name)
        .sort(),
    );
    for (const value of values.slice(2_500)) expect(index.remove(filter, value)).toBe(true);
    expect(index.remove(filter, values[0] as Value)).toBe(false);
    expect(index.size).toEqual({ filters: 0, nodes: 0 });
  });
});
