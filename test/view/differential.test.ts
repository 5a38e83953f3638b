import { execute, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { createSurface } from '../../src/core/surface/index.ts';
import { CURSOR_SLOT, createCompiler, eventNode } from '../../src/core/view/index.ts';
import { flights, orders, readings } from './contracts.ts';
import { Random, randomEvent, randomOperation, randomWildcard } from './random.ts';

const OPERATIONS = 3_000;
const EVENTS_EACH = 3;

const surface = createSurface([flights, orders, readings], {
  history: () => Promise.reject(new Error('no history here')),
  publish: () => Promise.reject(new Error('no publishing here')),
});
const limits = { maxDepth: 100, maxAliases: 10_000, maxTokens: 100_000, maxCost: 1e12, maxDirectives: 10_000 };

/** What graphql-js makes of the same operation over the same events. */
function reference(query: string, variables: Record<string, unknown>, rootValue: unknown): string {
  const result = execute({ schema: surface.schema, document: parse(query), rootValue, variableValues: variables });
  if (result instanceof Promise) throw new Error('nothing here is asynchronous');
  expect(result.errors).toBeUndefined();
  return JSON.stringify(result);
}

test(`serialisers write what graphql-js writes, byte for byte, over ${OPERATIONS} random operations`, () => {
  // A failure is had again by SLUICE_SEED.
  const first = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const compiler = createCompiler({ limits, cacheSize: 10 });
  const seen = { stream: 0, batch: 0, deleted: 0, bytes: 0 };
  for (let index = 0; index < OPERATIONS; index++) {
    const seed = first + index;
    const random = new Random(seed);
    const { query, variables, root } = randomOperation(surface, random);
    const { view } = compiler.compile(surface, { query, variables });
    const events = Array.from({ length: EVENTS_EACH }, () => randomEvent(view.contract, random));
    const cursors = events.map((_event, at) => `cursor-${seed}-${at}_`);
    const nodes = events.map((event, at) => eventNode(view.contract, event, cursors[at] as string));
    const hint = `SLUICE_SEED=${seed}\n${query}\n${JSON.stringify(variables)}`;
    seen[view.kind]++;
    seen.deleted += events.filter(({ op }) => op === 'DELETE').length;
    if (view.kind === 'batch') {
      const expected = reference(query, variables, { [root]: { events: nodes, cursor: cursors.at(-1) } });
      expect(view.serialiseBatch(events, cursors), hint).toBe(expected);
      seen.bytes += expected.length;
      continue;
    }
    for (const [at, event] of events.entries()) {
      const expected = reference(query, variables, { [root]: nodes[at] });
      expect(view.serialise(event, cursors[at] as string, 'i'), hint).toBe(expected);
      seen.bytes += expected.length;
    }
    expect(view.usesCursor, hint).toBe(
      view.serialise(events[0] as never, 'one', 'i').length !== view.serialise(events[0] as never, 'three', 'i').length,
    );
  }
  // The cases are there: both kinds, deletes, and more than empty objects.
  expect(seen.stream).toBeGreaterThan(OPERATIONS / 4);
  expect(seen.batch).toBeGreaterThan(OPERATIONS / 4);
  expect(seen.deleted).toBeGreaterThan(OPERATIONS / 20);
  expect(seen.bytes / OPERATIONS).toBeGreaterThan(100);
});

test('of several products each view writes what graphql-js writes of its events, and refuses what it refuses', () => {
  const first = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const compiler = createCompiler({ limits, cacheSize: 10 });
  const seen = { views: 0, refused: 0, cursors: 0, bytes: 0 };
  for (let index = 0; index < OPERATIONS / 3; index++) {
    const seed = first + index;
    const random = new Random(seed);
    const { query, variables } = randomWildcard(surface, random);
    const hint = `SLUICE_SEED=${seed}\n${query}\n${JSON.stringify(variables)}`;
    if (validate(surface.schema, parse(query)).length > 0) {
      expect(() => compiler.wildcard(surface, { query, variables }), hint).toThrow();
      seen.refused++;
      continue;
    }
    const views = compiler.wildcard(surface, { query, variables })?.views ?? [];
    expect(views.map(({ contract }) => contract.product)).toEqual(['flights', 'orders', 'readings']);
    for (const view of views) {
      const event = randomEvent(view.contract, random);
      const cursor = `cursor-${seed}`;
      const node = eventNode(view.contract, event, cursor);
      const expected = reference(query, variables, {
        events: { ...node, __typename: `${view.contract.typeName}Event` },
      });
      const text = view.serialise(event, 'of one product', 'i');
      expect(text.replaceAll(CURSOR_SLOT, cursor), hint).toBe(expected);
      expect(text.includes(CURSOR_SLOT), hint).toBe(view.usesCursor);
      seen.views++;
      seen.cursors += view.usesCursor ? 1 : 0;
      seen.bytes += expected.length;
    }
  }
  expect(seen.views).toBeGreaterThan(OPERATIONS / 2);
  expect(seen.cursors).toBeGreaterThan(OPERATIONS / 20);
  expect(seen.refused).toBeGreaterThan(0);
  expect(seen.bytes / seen.views).toBeGreaterThan(60);
});
