import { describe, expect, test } from 'vitest';
import { compileContract, PayloadError, readContract } from '../../src/core/contract/index.ts';
import { jsonCodec } from '../../src/io/codec/json.ts';
import { contractOf, type Document, productOf, yamlOf } from './documents.ts';

async function derived(type: Document, expression: string): Promise<(record: string) => unknown> {
  const contract = contractOf(productOf([{ name: 'v', ...type, transformLogic: expression }]));
  const codec = await jsonCodec.prepare(contract);
  const compiled = compileContract(contract);
  return (record) => compiled.project(codec.decode(Buffer.from(`{"id":"1",${record}}`))).v;
}

const text = { logicalType: 'string' };
const int = { logicalType: 'integer' };
const long = { logicalType: 'integer', logicalTypeOptions: { format: 'i64' } };
const number = { logicalType: 'number' };

describe('a derived field', () => {
  test.each<[string, Document, string, string, unknown]>([
    [
      'a choice',
      text,
      'source.delay < 0 ? "early" : source.delay > 15 ? "delayed" : "on-time"',
      '"delay":20',
      'delayed',
    ],
    [
      'a choice that is 0',
      text,
      'source.delay < 0 ? "early" : source.delay > 15 ? "delayed" : "on-time"',
      '"delay":0',
      'on-time',
    ],
    ['arithmetic of a number of the record and an integer', int, 'source.a + 1', '"a":41', 42],
    ['arithmetic of integers', int, 'int(source.a) / 2', '"a":9', 4],
    ['a remainder', int, 'source.a % 3', '"a":8', 2],
    ['arithmetic of numbers', number, 'source.a * 1.5', '"a":3', 4.5],
    ['a boolean', { logicalType: 'boolean' }, 'source.a == 1', '"a":1', true],
    ['joined texts', text, 'source.a + "-" + source.b', '"a":"x","b":"y"', 'x-y'],
    ['a nested value', text, 'source.o.list[1].name', '"o":{"list":[{},{"name":"n"}]}', 'n'],
    ['a default for what may be absent', text, 'has(source.a) ? source.a : dyn("none")', '"b":1', 'none'],
    ['null where the field is optional', text, 'has(source.a) ? source.a : null', '"b":1', null],
    ['a pattern', { logicalType: 'boolean' }, 'source.a.matches("^[A-Z]{3}$")', '"a":"LAX"', true],
    ['a comprehension', { logicalType: 'boolean' }, 'source.l.exists(x, x > 2)', '"l":[1,2,3]', true],
    ['a list', { logicalType: 'array', items: int }, 'source.l.map(x, x * 2)', '"l":[1,2]', [2, 4]],
    ['a map', { logicalType: 'map', map: { key: text, value: int } }, '{"a": source.a}', '"a":1', { a: 1 }],
    [
      'an object',
      { logicalType: 'object', properties: [{ name: 'x', ...text }] },
      '{"x": source.a, "y": source.a}',
      '"a":"q"',
      { x: 'q' },
    ],
    [
      'a timestamp',
      { logicalType: 'timestamp' },
      'timestamp(source.at)',
      '"at":"2024-01-01T01:00:00+01:00"',
      '2024-01-01T00:00:00Z',
    ],
    ['a long beyond 2^53', long, 'source.big', '"big":9007199254740993', '9007199254740993'],
    ['arithmetic beyond 2^53', long, 'source.big + 1', '"big":9007199254740993', '9007199254740994'],
    ['the text of a long', text, 'string(source.o.big)', '"o":{"big":9007199254740993}', '9007199254740993'],
    [
      'a decimal of many digits, rounded as CEL has no decimals',
      number,
      'source.d * 2.0',
      '"d":0.123456789012345678901',
      0.12345678901234568 * 2,
    ],
    ['an unsigned integer', long, 'uint(source.a)', '"a":7', '7'],
  ])('gives %s', async (_label, type, expression, record, expected) => {
    expect((await derived(type, expression))(record)).toEqual(expected);
  });

  test.each<[string, Document, string, string]>([
    ['reads what is absent', text, 'source.nothing', '"a":1'],
    ['divides by zero', int, 'int(source.a) / 0', '"a":1'],
    ['compares what cannot be compared', { logicalType: 'boolean' }, 'source.a > "x"', '"a":1'],
    ['gives another type than it says', int, 'source.a', '"a":"secret"'],
    ['gives what no contract has', text, 'source.d', '"d":[]'],
    ['reaches for what objects inherit', text, 'source.constructor.name', '"a":1'],
    ['overflows', long, 'source.a + 9223372036854775807', '"a":9223372036854775807'],
  ])(
    'that %s makes the record break its contract, by path and without content',
    async (_label, type, expression, record) => {
      const read = await derived(type, expression);
      let error: unknown;
      try {
        read(record);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(PayloadError);
      expect((error as PayloadError).path).toBe('v');
      expect((error as PayloadError).message).not.toContain('secret');
    },
  );

  test.each([
    ['^[A-Z]{3}$', 'LAX', true],
    ['^[A-Z]{3}$', 'lax', false],
    ['a.c', 'xabcx', true],
    ['^([0-9]{2}:)+[0-9]{2}-[0-9]{4}-[A-Z]{1,3}$', '10:20:30-2024-AB', true],
    ['^(a|b)-[0-9]+$', 'b-12', true],
    ['[(*+]x', '(x', true],
    ['^\\\\w+@\\\\w+$', 'a@b', true],
  ])('matches %s on %s: %s', async (pattern, subject, expected) => {
    const read = await derived({ logicalType: 'boolean' }, `source.a.matches("${pattern}")`);
    expect(read(`"a":"${subject}"`)).toBe(expected);
  });

  test.each([
    '(a+)+$',
    '(a*)*',
    '(a|a)*$',
    '(a+b?)+$',
    '(a?)+',
    '(?:x(a{1,})){2,}',
    'a*a*a*b',
    '.*.*.*x',
    '(?=a)',
    '(?<!a)b',
    '(a)\\\\1',
    '(',
    'x'.repeat(201),
  ])('with the pattern %s is refused when it is compiled', (pattern) => {
    const document = productOf([
      { name: 'v', logicalType: 'boolean', transformLogic: `source.a.matches("${pattern}")` },
    ]);
    const { findings } = readContract(yamlOf(document), 'f');
    expect(findings.map(({ rule, message }) => `${rule}: ${message}`).join()).toMatch(
      /^derivation: .*the pattern of matches\(\)/,
    );
  });

  test('does not try a pattern on long text, nor go over long lists twice', async () => {
    const matched = await derived({ logicalType: 'boolean' }, 'source.a.matches("^x*$")');
    expect(() => matched(`"a":"${'x'.repeat(513)}"`)).toThrow('v: the derivation failed');
    const listed = await derived({ logicalType: 'boolean' }, 'source.o.l.exists(x, source.o.l.exists(y, x == y + 1))');
    expect(listed('"o":{"l":[1,2]}')).toBe(true);
    expect(() => listed(`"o":{"l":[${Array(1001).fill(1).join(',')}]}`)).toThrow('list too long');
  });

  test('that is required and null breaks the record', async () => {
    const read = await derived({ ...text, required: true }, 'has(source.a) ? source.a : null');
    expect(read('"a":"x"')).toBe('x');
    expect(() => read('"b":1')).toThrow('v: a required value is missing');
  });

  test('cannot change the record that others read', async () => {
    const contract = contractOf(
      productOf([
        { name: 'v', ...long, transformLogic: 'source.o.big' },
        { name: 'w', physicalName: 'o.big', ...long },
      ]),
    );
    const codec = await jsonCodec.prepare(contract);
    const decoded = codec.decode(Buffer.from('{"id":"1","o":{"big":9007199254740993}}'));
    const before = JSON.stringify(decoded);
    expect(compileContract(contract).project(decoded)).toEqual({
      id: '1',
      v: '9007199254740993',
      w: '9007199254740993',
    });
    expect(JSON.stringify(decoded)).toBe(before);
  });
});
