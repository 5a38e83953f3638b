import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Contract,
  compileContract,
  compilePredicate,
  decidePredicate,
  type PublicData,
  type PublicEvent,
  parsePredicate,
  sealContract,
} from '../../src/core/contract/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { contractOf, type Document, productOf } from './documents.ts';

const scalars: Readonly<Record<string, Document>> = {
  s: { logicalType: 'string' },
  i: { logicalType: 'integer' },
  l: { logicalType: 'integer', logicalTypeOptions: { format: 'i64' } },
  n: { logicalType: 'number' },
  d: { logicalType: 'number', physicalType: 'decimal(20,2)' },
  b: { logicalType: 'boolean' },
  day: { logicalType: 'date' },
  at: { logicalType: 'timestamp' },
  clock: { logicalType: 'time' },
};
const properties = Object.entries(scalars).map(([name, type]) => ({ name, ...type }));
const contract = contractOf(
  productOf([
    ...properties,
    {
      name: 'o',
      logicalType: 'object',
      properties: [...properties, { name: 'in', logicalType: 'object', properties }],
    },
    { name: 'list', logicalType: 'array', items: { logicalType: 'string' } },
    { name: 'dict', logicalType: 'map', map: { key: { logicalType: 'string' }, value: { logicalType: 'string' } } },
  ]),
);
const compiled = compileContract(contract);

function eventOf(data: PublicData): PublicEvent {
  return compiled.address(0, { offset: 0, timestamp: 0, key: null, value: Buffer.from(''), headers: [] }, data);
}

function passes(where: unknown, record: object): boolean {
  const predicate = parsePredicate(contract, where, 'where');
  return predicate === null || compilePredicate(predicate)(eventOf(compiled.project({ id: '1', ...record })));
}

function refusal(where: unknown, of: Contract = contract): string {
  try {
    parsePredicate(of, where, 'where');
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'BAD_FILTER') {
      expect(error.message.startsWith(`${error.details.path}: `)).toBe(true);
      return error.message;
    }
    throw error;
  }
  return 'accepted';
}

describe('where', () => {
  test.each<[string, unknown, object, boolean]>([
    ['eq', { s: { eq: 'a' } }, { s: 'a' }, true],
    ['eq of another', { s: { eq: 'a' } }, { s: 'b' }, false],
    ['eq of null', { s: { eq: 'a' } }, {}, false],
    ['ne', { s: { ne: 'a' } }, { s: 'b' }, true],
    ['ne of null, which is not eq', { s: { ne: 'a' } }, {}, true],
    ['in', { i: { in: [1, 2] } }, { i: 2 }, true],
    ['in nothing', { i: { in: [] } }, { i: 2 }, false],
    ['in with null', { i: { in: [1, null] } }, {}, true],
    ['gt', { i: { gt: 1 } }, { i: 2 }, true],
    ['gt of itself', { i: { gt: 2 } }, { i: 2 }, false],
    ['gte of itself', { i: { gte: 2 } }, { i: 2 }, true],
    ['lt of null', { i: { lt: 2 } }, {}, false],
    ['not lt of null', { not: { i: { lt: 2 } } }, {}, true],
    ['prefix', { s: { prefix: 'LA' } }, { s: 'LAX' }, true],
    ['prefix of null', { s: { prefix: '' } }, {}, false],
    ['isNull', { s: { isNull: true } }, {}, true],
    ['isNull: false', { s: { isNull: false } }, {}, false],
    ['eq: null', { s: { eq: null } }, {}, true],
    ['ne: null', { s: { ne: null } }, { s: '' }, true],
    ['several operators', { i: { gte: 1, lt: 3 } }, { i: 3 }, false],
    ['several fields', { i: { eq: 1 }, s: { eq: 'a' } }, { i: 1, s: 'a' }, true],
    ['or', { or: [{ i: { eq: 1 } }, { s: { eq: 'a' } }] }, { i: 2, s: 'a' }, true],
    ['and', { and: [{ i: { eq: 1 } }, { s: { eq: 'a' } }] }, { i: 2, s: 'a' }, false],
    ['not', { not: { i: { eq: 1 } } }, { i: 2 }, true],
    ['nested', { o: { in: { s: { eq: 'a' } } } }, { o: { in: { s: 'a' } } }, true],
    ['nested in what is null', { o: { in: { s: { eq: 'a' } } } }, {}, false],
    ['isNull within what is null', { o: { in: { s: { isNull: true } } } }, {}, true],
    ['or within an object', { o: { or: [{ i: { eq: 1 } }, { i: { eq: 2 } }] } }, { o: { i: 2 } }, true],
    ['isNull of an object', { o: { isNull: true } }, {}, true],
    ['isNull of a list', { list: { isNull: false } }, { list: [] }, true],
    ['isNull of a map', { dict: { isNull: true } }, { dict: {} }, false],
    ['a long beyond 2^53', { l: { gt: '9007199254740992' } }, { l: '9007199254740993' }, true],
    ['a long of fewer digits', { l: { gt: '9' } }, { l: '10' }, true],
    ['longs below zero', { l: { lt: -9 } }, { l: '-10' }, true],
    ['a decimal in another form', { d: { eq: '1.5' } }, { d: '1.50' }, true],
    ['a decimal of many digits', { d: { lt: '123456789012345678.02' } }, { d: '123456789012345678.01' }, true],
    ['a decimal finer than the field', { d: { lt: '1.005' } }, { d: '1.00' }, true],
    ['a decimal that the field cannot be', { d: { eq: '1.005' } }, { d: '1.00' }, false],
    ['decimals below zero', { d: { gt: '-1.5' } }, { d: '-1.25' }, true],
    [
      'a timestamp in another offset',
      { at: { eq: '2024-01-01T01:00:00+01:00' } },
      { at: '2024-01-01T00:00:00Z' },
      true,
    ],
    [
      'a timestamp a fraction later',
      { at: { gt: '2024-01-01T00:00:00Z' } },
      { at: '2024-01-01T00:00:00.000001Z' },
      true,
    ],
    [
      'a timestamp a fraction earlier',
      { at: { gt: '2024-01-01T00:00:00.5Z' } },
      { at: '2024-01-01T00:00:00.45Z' },
      false,
    ],
    ['a date', { day: { gte: '2024-01-01' } }, { day: '2023-12-31' }, false],
    ['a time', { clock: { lt: '10:00:00' } }, { clock: '09:59:59.9' }, true],
    ['a time in another offset', { clock: { lt: '10:00:00Z' } }, { clock: '10:30:00+01:00' }, true],
    ['a boolean', { b: { in: [false] } }, { b: false }, true],
    ['zero without a sign', { n: { eq: -0 } }, { n: 0 }, true],
  ])('%s', (_label, where, record, expected) => {
    expect(passes(where, record)).toBe(expected);
  });

  test('of nothing is no condition', () => {
    expect([
      parsePredicate(contract, null, 'where'),
      parsePredicate(contract, undefined, 'where'),
      parsePredicate(contract, {}, 'where'),
    ]).toEqual([null, null, null]);
    expect(passes({ not: {} }, {})).toBe(false);
  });

  test.each<[string, unknown, string]>([
    ['that is a list', [], 'where: expected an object'],
    ['that is text', 'x', 'where: expected an object'],
    ['of an unknown field', { dleay: { eq: 1 } }, 'where.dleay: there is no field "dleay"'],
    ['of an unknown nested field', { o: { x: { eq: 1 } } }, 'where.o.x: there is no field "x"'],
    ['of an unknown operator', { i: { equals: 1 } }, 'where.i.equals: no operator of int fields'],
    ['with prefix on a number', { i: { prefix: '1' } }, 'where.i.prefix: no operator'],
    ['with gt on a boolean', { b: { gt: true } }, 'where.b.gt: no operator'],
    ['with eq on a list', { list: { eq: ['a'] } }, 'where.list.eq: no operator of array fields'],
    ['with eq on an object', { o: { eq: 1 } }, 'where.o.eq: there is no field "eq"'],
    ['of a field that is null', { s: null }, 'where.s: expected an object of operators'],
    ['of an object that is null', { o: null }, 'where.o: expected conditions'],
    ['of a field that is text', { s: 'a' }, 'where.s: expected an object of operators'],
    ['that compares with null', { i: { gt: null } }, 'where.i.gt: nothing compares with null'],
    ['that is null neither way', { s: { isNull: 'yes' } }, 'where.s.isNull: expected true or false'],
    ['with a number for a string', { s: { eq: 1 } }, 'where.s.eq: expected a string'],
    ['with a fraction for an int', { i: { eq: 1.5 } }, 'where.i.eq: expected an integer'],
    ['with an int beyond 32 bits', { i: { eq: 2 ** 31 } }, 'where.i.eq: expected an integer'],
    ['with a long beyond 64 bits', { l: { eq: '9223372036854775808' } }, 'where.l.eq: expected an integer of 64 bits'],
    ['with a word for a decimal', { d: { eq: 'much' } }, 'where.d.eq: expected a decimal'],
    ['with NaN', { n: { eq: Number.NaN } }, 'where.n.eq: expected a finite number'],
    ['with a date that is none', { day: { eq: '2024-02-30' } }, 'where.day.eq: expected a date'],
    ['with a word for a timestamp', { at: { eq: 'now' } }, 'where.at.eq: expected a timestamp'],
    ['with an object for a value', { s: { eq: {} } }, 'where.s.eq: expected a string'],
    ['with in of no list', { s: { in: 'a' } }, 'where.s.in: expected a list'],
    ['with in of a wrong value', { i: { in: [1, 'x'] } }, 'where.i.in[1]: expected an integer'],
    ['with an empty or', { or: [] }, 'where.or: expected a list of at least one'],
    ['with or of no list', { or: { s: { eq: 'a' } } }, 'where.or: expected a list'],
    ['with and of null', { and: null }, 'where.and: expected a list'],
    ['with not of null', { not: null }, 'where.not: expected an object'],
    [
      'with a wrong place within or',
      { or: [{ s: { eq: 'a' } }, { s: { like: 'a' } }] },
      'where.or[1].s.like: no operator',
    ],
    ['with a list that is too long', { i: { in: Array(1001).fill(1) } }, 'where.i.in: more than 1000'],
    ['with text that is too long', { s: { eq: 'a'.repeat(4097) } }, 'where.s.eq: longer than 4096'],
    ['with too many conditions', { or: Array(300).fill({ s: { eq: 'a' } }) }, 'more than 256 conditions'],
    [
      'nested without end',
      Array(50)
        .fill(0)
        .reduce((inner) => ({ not: inner }), {}),
      'nested more than 16 deep',
    ],
    ['with __proto__', JSON.parse('{"__proto__": {"eq": 1}}'), 'there is no field "__proto__"'],
    ['with what objects inherit', { constructor: { eq: 1 } }, 'there is no field "constructor"'],
  ])('%s is refused by its place', (_label, where, message) => {
    expect(refusal(where)).toContain(message);
  });

  test('suggests the field or operator that was meant', () => {
    expect(refusal({ lisst: { isNull: true } })).toContain('did you mean "list"');
    expect(refusal({ i: { gtee: 1 } })).toContain('did you mean "gte"');
  });

  test('of a masked field is refused, and no suggestion names one', () => {
    const { digest: _digest, ...parts } = contract;
    const narrowed = sealContract({
      ...parts,
      fields: contract.fields.map((field) =>
        ['s', 'o'].includes(field.name) ? { ...field, mask: 'null' as const } : field,
      ),
    });
    for (const where of [
      { s: { eq: 'a' } },
      { s: { isNull: true } },
      { o: { i: { eq: 1 } } },
      { o: { isNull: true } },
    ]) {
      expect(refusal(where, narrowed)).toContain('is masked for this application');
    }
    expect(refusal({ z: { eq: 1 } }, narrowed)).not.toMatch(/\b(s|o)\b[,;.?]/);
  });

  test('takes objects that GraphQL makes, which inherit nothing', () => {
    const operand = Object.assign(Object.create(null), { eq: 'a' });
    expect(passes(Object.assign(Object.create(null), { s: operand }), { s: 'a' })).toBe(true);
  });
});

/** Values, in order, that each kind may have; the texts are canonical. */
const samples: Readonly<Record<string, readonly (string | number | boolean)[]>> = {
  s: ['', 'A', 'LA', 'LAX', 'a'],
  i: [-2147483648, -1, 0, 1, 2147483647],
  l: ['-9223372036854775808', '-10', '-9', '0', '9', '10', '9007199254740992', '9007199254740993'],
  n: [-1.5, 0, 0.1, 2, 1e300],
  d: ['-123456789012345678.01', '-1.50', '-1.25', '0.00', '0.10', '9.99', '10.00', '123456789012345678.01'],
  b: [false, true],
  day: ['0001-01-01', '2023-12-31', '2024-02-29'],
  at: [
    '1969-12-31T23:59:59.999Z',
    '2024-01-01T00:00:00Z',
    '2024-01-01T00:00:00.000001Z',
    '2024-01-01T00:00:00.45Z',
    '2024-01-01T00:00:00.5Z',
    '2024-01-01T00:00:01Z',
  ],
  clock: ['00:00:00', '09:59:59.9', '10:00:00', '23:59:59'],
};

type Known = Readonly<Record<string, unknown>> | null | undefined;

/** What `where` means over the part of an event that is known, from the input itself and the order of the samples. */
function naive(where: Document, data: Known): boolean | null {
  const results = Object.entries(where).flatMap(([name, value]): (boolean | null)[] => {
    if (name === 'and') return [all((value as Document[]).map((inner) => naive(inner, data)))];
    if (name === 'or') return [negate(all((value as Document[]).map((inner) => negate(naive(inner, data)))))];
    if (name === 'not') return [negate(naive(value as Document, data))];
    const member = data === undefined ? undefined : data === null ? null : data[name];
    if (name === 'o' || name === 'in') return [naive(value as Document, member as Known)];
    return Object.entries(value as Document).map(([operator, operand]) => leaf(name, operator, operand, member));
  });
  return all(results);
}

function all(results: readonly (boolean | null)[]): boolean | null {
  if (results.includes(false)) return false;
  return results.includes(null) ? null : true;
}

function negate(result: boolean | null): boolean | null {
  return result === null ? null : !result;
}

function leaf(name: string, operator: string, operand: Document, value: unknown): boolean | null {
  if (value === undefined) return null;
  const rank = (item: unknown) => (samples[name] as readonly unknown[]).indexOf(item);
  if (operator === 'isNull') return (value === null) === operand;
  if (operator === 'eq') return value === operand;
  if (operator === 'ne') return value !== operand;
  if (operator === 'in') return (operand as unknown[]).includes(value);
  if (value === null) return false;
  if (operator === 'prefix') return (value as string).startsWith(operand);
  const order = rank(value) - rank(operand);
  return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[operator] as boolean;
}

const leafWhere = fc.constantFrom(...Object.keys(samples)).chain((name) => {
  const value = fc.constantFrom(...(samples[name] as readonly (string | number | boolean)[]));
  const nullable = fc.option(value, { nil: null });
  const operators =
    name === 'b'
      ? ['eq', 'ne', 'in', 'isNull']
      : ['eq', 'ne', 'in', 'isNull', 'gt', 'gte', 'lt', 'lte', ...(name === 's' ? ['prefix'] : [])];
  const condition = fc.constantFrom(...operators).chain((operator): fc.Arbitrary<Document> => {
    if (operator === 'in') return fc.array(nullable, { maxLength: 3 }).map((list) => ({ [operator]: list }));
    if (operator === 'isNull') return fc.boolean().map((flag) => ({ [operator]: flag }));
    return (operator === 'eq' || operator === 'ne' ? nullable : value).map((operand) => ({ [operator]: operand }));
  });
  return fc
    .array(condition, { minLength: 1, maxLength: 2 })
    .map((list) => ({ [name]: Object.assign({}, ...list) as Document }));
});
const where = fc.letrec<{ node: Document }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leafWhere,
    tie('node').map((inner) => ({ not: inner })),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((list) => ({ or: list })),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((list) => ({ and: list })),
    leafWhere.map((inner) => ({ o: inner })),
    leafWhere.map((inner) => ({ o: { in: inner } })),
  ),
})).node;
const scalarRecord = fc.record(
  Object.fromEntries(
    Object.entries(samples).map(([name, values]) => [
      name,
      fc.option(fc.constantFrom(...values), { nil: null, freq: 4 }),
    ]),
  ),
);
const dataOf = fc
  .tuple(scalarRecord, fc.option(fc.tuple(scalarRecord, fc.option(scalarRecord, { nil: null })), { nil: null }))
  .map(([top, o]) => ({
    id: '1',
    ...top,
    o: o === null ? null : { ...o[0], in: o[1] },
    list: null,
    dict: null,
  }));

describe('a predicate', () => {
  test('decides like a plain reading of where, for any where and any event', () => {
    let passed = 0;
    fc.assert(
      fc.property(where, dataOf, (condition, data) => {
        const predicate = parsePredicate(contract, condition, 'where');
        const expected = naive(condition, data as Known);
        if (expected === true) passed += 1;
        expect(predicate === null || compilePredicate(predicate)(eventOf(data as PublicData))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
    expect(passed).toBeGreaterThan(300);
  });

  test('decides over what is known of a deleted event, and lets it pass only where that is enough', () => {
    const outcomes = new Set<boolean | null>();
    fc.assert(
      fc.property(where, dataOf, fc.subarray(Object.keys(samples)), (condition, data, names) => {
        const predicate = parsePredicate(contract, condition, 'where');
        if (predicate === null) return;
        const known = Object.fromEntries(names.map((name) => [name, (data as Document)[name]])) as PublicData;
        const expected = naive(condition, known);
        outcomes.add(expected);
        expect(decidePredicate(predicate, known)).toBe(expected);
        const deleted: PublicEvent = { ...eventOf(data as PublicData), op: 'DELETE', data: null, keyData: known };
        expect(compilePredicate(predicate)(deleted)).toBe(expected === true);
      }),
      { numRuns: 2000 },
    );
    expect(outcomes).toEqual(new Set([true, false, null]));
  });
});
