/** What the match index is made of, each against a plain map. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Edges } from '../../src/core/routing/match/edges.ts';
import { PrefixTree } from '../../src/core/routing/match/prefix-tree.ts';
import { SievedMap } from '../../src/core/routing/match/sieved-map.ts';

const value = fc.nat().map((n) => ({ n }));

describe('a tree of prefixes', () => {
  const prefix = fc.string({ unit: fc.constantFrom('a', 'b', '東', '\ud83d'), minLength: 1, maxLength: 6 });

  test('holds what a map holds, and is the same whatever has been in it before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(prefix, fc.option(value, { nil: null })), { size: 'max', maxLength: 40 }),
        (steps) => {
          const tree = new PrefixTree<{ n: number }>();
          const map = new Map<string, { n: number }>();
          for (const [text, set] of steps) {
            if (set === null) {
              tree.delete(text);
              map.delete(text);
            } else {
              tree.set(text, set);
              map.set(text, set);
            }
          }
          for (const [text] of steps) expect(tree.get(text)).toBe(map.get(text));
          const fresh = new PrefixTree<{ n: number }>();
          for (const [text, set] of map) fresh.set(text, set);
          expect(tree).toEqual(fresh);
          expect(tree.isEmpty).toBe(map.size === 0);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('a table of edges', () => {
  const node = fc.integer({ min: -1, max: 12 });
  const level = fc.nat({ max: 12 });

  test('holds what a map holds, through growing and shrinking', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(node, level, fc.boolean()), { size: 'max', maxLength: 300 }), (steps) => {
        const edges = new Edges<{ readonly at: string }>();
        const map = new Map<string, { readonly at: string }>();
        for (const [from, by, isAdded] of steps) {
          const at = `${from} ${by}`;
          if (!isAdded) {
            edges.delete(from, by);
            map.delete(at);
          } else if (!map.has(at)) {
            const child = { at };
            edges.add(from, by, child);
            map.set(at, child);
          }
          expect(edges.size).toBe(map.size);
        }
        for (let from = -1; from <= 12; from++)
          for (let by = 0; by <= 12; by++) expect(edges.get(from, by)).toBe(map.get(`${from} ${by}`));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a sieved map', () => {
  const keys = Array.from(
    { length: 400 },
    (_, n) => [n, n + 0.5, `key-${n}`, `${'x'.repeat(100)}${n}${'y'.repeat(100)}`, null, true][n % 6],
  );

  test('holds what a map holds, through growing and shrinking', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 399 }), fc.integer({ min: 0, max: 3 })), { size: 'max', maxLength: 1_200 }),
        (steps) => {
          const sieved = new SievedMap<number>();
          const map = new Map<unknown, number>();
          // First mostly in, then mostly out.
          for (const [i, [n, roll]] of steps.entries()) {
            const isSet = i < steps.length / 2 ? roll > 0 : roll === 0;
            if (isSet) {
              sieved.set(keys[n], i);
              map.set(keys[n], i);
            } else {
              sieved.delete(keys[n]);
              map.delete(keys[n]);
            }
          }
          expect(sieved.size).toBe(map.size);
          expect(keys.filter((key) => sieved.get(key) !== map.get(key))).toEqual([]);
        },
      ),
      { numRuns: 200, endOnFailure: true },
    );
  });
});
