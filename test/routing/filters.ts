/** Filters and events of every kind, few enough of each that what is drawn meets. */
import fc from 'fast-check';
import {
  type Contract,
  encodeLevel,
  type Predicate,
  type PublicData,
  type PublicEvent,
  parseTopicFilter,
  type ScalarKind,
} from '../../src/core/contract/index.ts';
import { createFilter, type Filter } from '../../src/core/view/index.ts';

/** Few values of each kind, so that what is drawn meets; canonical, as predicates and public data have them. */
const values: Readonly<Record<ScalarKind, readonly (string | number | boolean)[]>> = {
  string: ['a', 'ab', 'b', '', '東京', '1'],
  int: [0, 1, -1],
  long: ['0', '9007199254740993', '-9223372036854775808'],
  number: [0, 0.5, 1],
  decimal: ['0.00', '12.50', '-1.00'],
  boolean: [true, false],
  date: ['2024-01-01', '2024-01-02'],
  timestamp: ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.5Z'],
  time: ['00:00:00', '12:00:00'],
};
const kinds = Object.keys(values) as ScalarKind[];
/** Every kind at the top, within an object, and within an object of that. */
const paths = [[], ['o'], ['o', 'in']].flatMap((above) => kinds.map((kind) => ({ path: [...above, kind], kind })));

const leaf: fc.Arbitrary<Predicate> = fc.constantFrom(...paths).chain(({ path, kind }) => {
  const value = fc.constantFrom(...values[kind]);
  const compare = fc.constantFrom('gt' as const, 'lte' as const, 'ne' as const);
  return fc.oneof(
    { weight: 5, arbitrary: value.map((one): Predicate => ({ op: 'eq', path, kind, value: one })) },
    {
      weight: 2,
      arbitrary: fc
        .uniqueArray(value, { maxLength: 3 })
        .map((several): Predicate => ({ op: 'in', path, kind, value: several })),
    },
    { weight: 1, arbitrary: fc.boolean().map((isNull): Predicate => ({ op: 'isNull', path, value: isNull })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(compare, value)
        .map(
          ([op, one]): Predicate =>
            kind === 'boolean' ? { op: 'ne', path, kind, value: one } : { op, path, kind, value: one },
        ),
    },
  );
});
const predicate = fc.letrec<{ node: Predicate }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    { weight: 5, arbitrary: leaf },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('node'), { maxLength: 3 }))
        .map(([op, of]): Predicate => ({ op, of })),
    },
    { weight: 1, arbitrary: tie('node').map((of): Predicate => ({ op: 'not', of })) },
  ),
})).node;

const texts = ['LAX', 'LAS', 'LA', 'L', '', 'a/b', '100%', '*', '>', 'Zürich', '東京', '😀', 'e\u0301'];
const level = fc.constantFrom(...texts).map(encodeLevel);
const filterLevel = fc.oneof(
  { weight: 4, arbitrary: level },
  { weight: 3, arbitrary: fc.constant('*') },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('L', 'LA', 'LAX', 'a/', '1', '東', '\ud83d', 'e')
      .map((start) => `${encodeLevel(start)}*`),
  },
);
const topicFilter = fc
  .tuple(fc.array(filterLevel, { maxLength: 4 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest || levels.length === 0 ? ['>'] : [])].join('/'));

export const filters = fc
  .record({
    topic: fc.option(topicFilter, { nil: null, freq: 2 }),
    topics: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, fc.array(topicFilter, { maxLength: 3 })),
    rows: fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, predicate),
    where: fc.option(predicate, { nil: null, freq: 3 }),
  })
  .map(filterOf);

export function filterOf(parts: {
  readonly topic?: string | null;
  readonly topics?: readonly string[] | null;
  readonly rows?: Predicate | null;
  readonly where?: Predicate | null;
}): Filter {
  const { topic = null, topics = null, rows = null, where = null } = parts;
  const restriction = { topics, rows, replayMs: null, salt: null };
  return createFilter({ restriction } as Contract, topic === null ? null : parseTopicFilter(topic), where);
}

const scalars = fc.record(
  Object.fromEntries(
    kinds.map((kind) => [kind, fc.option(fc.constantFrom(...values[kind]), { nil: null, freq: 5 })]),
  ) as Record<ScalarKind, fc.Arbitrary<unknown>>,
);
const object = fc
  .tuple(scalars, fc.option(scalars, { nil: null, freq: 3 }))
  .map(([own, inner]): PublicData => ({ ...own, in: inner }));
const data = fc
  .tuple(scalars, fc.option(object, { nil: null, freq: 3 }))
  .map(([own, inner]): PublicData => ({ ...own, o: inner }));
/** Any part of the data, as a key may tell it. */
const known = fc
  .tuple(data, fc.subarray([...kinds, 'o']), fc.subarray([...kinds, 'in']))
  .map(([all, names, inner]): PublicData => {
    const part = only(all, names);
    const o = part['o'] as PublicData | null | undefined;
    return o === null || o === undefined ? part : { ...part, o: only(o, inner) };
  });

function only(all: PublicData, names: readonly string[]): PublicData {
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

export function eventOf(topic: string, more: Partial<PublicEvent> = {}): PublicEvent {
  return {
    partition: 0,
    offset: 0,
    time: 0,
    op: 'UPSERT',
    topic,
    unknownLevels: 0,
    key: null,
    conflationKey: null,
    traceparent: null,
    data: {},
    keyData: null,
    ...more,
  };
}

const levels = fc.array(level, { minLength: 1, maxLength: 4 });
export const events = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(levels, data).map(([of, all]) => eventOf(of.join('/'), { data: all })) },
  {
    weight: 2,
    arbitrary: fc.tuple(levels, fc.nat({ max: 15 }), known).map(([of, mask, keyData]) => {
      const topic = of.map((text, index) => ((mask & (1 << index)) === 0 ? text : '*')).join('/');
      return eventOf(topic, { op: 'DELETE', unknownLevels: mask, data: null, keyData });
    }),
  },
);
