import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compileContract,
  decodeLevel,
  encodeLevel,
  parseTopicFilter,
  type TopicFilter,
  topicMatches,
} from '../../src/core/contract/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { contractOf, productOf } from './documents.ts';

const record = (offset: number, key: string | null) => ({
  offset,
  timestamp: 1000 + offset,
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from('x'),
  headers: [],
});

/** What the grammar means, written as plainly as it can be. */
function naive(filter: TopicFilter, topic: string, unknown: number): boolean {
  const levels = topic.split('/');
  if (filter.rest ? levels.length <= filter.levels.length : levels.length !== filter.levels.length) return false;
  return filter.levels.every((wanted, index) => {
    if (wanted === '*') return true;
    if ((unknown & (1 << index)) !== 0) return false;
    return wanted.endsWith('*') ? (levels[index] as string).startsWith(wanted.slice(0, -1)) : wanted === levels[index];
  });
}

function refusal(text: string, options = {}): { readonly code: string; readonly message: string } {
  try {
    parseTopicFilter(text, options);
  } catch (error) {
    if (error instanceof SluiceError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'accepted', message: '' };
}

describe('levels of a topic', () => {
  test.each([
    ['LAX', 'LAX'],
    ['', '%'],
    ['%', '%25'],
    ['a/b', 'a%2Fb'],
    ['*', '%2A'],
    ['>', '%3E'],
    ['a\u0000\n\u007f', 'a%00%0A%7F'],
    ['\u0085', '%C2%85'],
    ['Zürich 東京 😀', 'Zürich 東京 😀'],
    ['A b', 'A b'],
  ])('%j is encoded as %j, and back', (text, level) => {
    expect(encodeLevel(text)).toBe(level);
    expect(decodeLevel(level)).toBe(text);
  });

  test('any text is one level, and no two texts are the same one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const level = encodeLevel(text);
        expect(level).not.toMatch(/[/*>\p{Cc}]/u);
        expect(level).not.toBe('');
        expect(decodeLevel(level)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a topic filter', () => {
  test.each<[string, string, boolean]>([
    ['aviation/LAX', 'aviation/LAX', true],
    ['aviation/LAX', 'aviation/LAX/ORD', false],
    ['aviation/LAX', 'aviation/lax', false],
    ['aviation/*/ORD', 'aviation/LAX/ORD', true],
    ['aviation/*', 'aviation', false],
    ['aviation/*', 'aviation/%', true],
    ['aviation/LA*', 'aviation/LAX', true],
    ['aviation/LA*', 'aviation/LA', true],
    ['aviation/LA*', 'aviation/L', false],
    ['aviation/LA*', 'aviation/LAX/ORD', false],
    ['aviation/>', 'aviation', false],
    ['aviation/>', 'aviation/LAX', true],
    ['aviation/>', 'aviation/LAX/ORD/early', true],
    ['aviation/>', 'aviationx/LAX', false],
    ['>', 'aviation', true],
    ['*/>', 'aviation', false],
    ['%', '%', true],
    ['%', '%25', false],
    ['a%2fb', 'a%2Fb', true],
    ['%41', 'A', true],
    ['a%2F*', 'a%2Fb', true],
  ])('%s on %s: %s', (text, topic, expected) => {
    expect(topicMatches(parseTopicFilter(text), topic)).toBe(expected);
  });

  test.each([
    ['', 'it is empty'],
    ['a//b', 'level 2: it is empty'],
    ['/a', 'level 1: it is empty'],
    ['a/', 'level 2: it is empty'],
    ['a/>/b', 'level 2: ">" stands only at the end'],
    ['a/b>', 'level 2: ">" stands alone'],
    ['a/*b', 'level 2: "*" stands alone or at the end'],
    ['a/b**', 'level 2: "*" stands alone or at the end'],
    ['a/b%2', 'level 2: "%" begins an escape'],
    ['a/%*', 'level 2: "%" begins an escape'],
    ['a/%FF', 'level 2: "%" begins an escape'],
    ['a/b\u0007', 'level 2: control characters'],
    ['a'.repeat(1025), 'longer than 1024'],
    [Array(32).fill('a').join('/'), 'level 32: it has 32 levels; at most 31'],
  ])('%j is refused, and the message names the place', (text, message) => {
    const refused = refusal(text);
    expect(refused.code).toBe('BAD_FILTER');
    expect(refused.message).toContain(message);
  });

  test('may have no more levels than it is told', () => {
    expect(refusal('a/b/c', { maxLevels: 2 }).message).toContain('at most 2');
    expect(refusal('a/>', { maxLevels: 2 }).code).toBe('accepted');
  });

  test('has one canonical text for everything that is equal', () => {
    expect(parseTopicFilter('%41/b%2f/>')).toEqual({ text: 'A/b%2F/>', levels: ['A', 'b%2F'], rest: true });
    expect(parseTopicFilter('A/b%2F/>').text).toBe(parseTopicFilter('%41/b%2f/>').text);
  });

  test('matches exactly what the grammar says, level by level', () => {
    const level = fc.constantFrom('a', 'ab', 'abc', 'b', '%', '%2F', 'A');
    const wanted = fc.constantFrom('a', 'ab', 'b', '*', 'a*', 'ab*', '%', '%2F', '%2F*', 'A');
    const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'));
    const filter = fc
      .tuple(fc.array(wanted, { maxLength: 5 }), fc.boolean())
      .filter(([levels, rest]) => rest || levels.length > 0)
      .map(([levels, rest]) => [...levels, ...(rest ? ['>'] : [])].join('/'));
    let matched = 0;
    fc.assert(
      fc.property(filter, topic, fc.integer({ min: 0, max: 31 }), (text, subject, unknown) => {
        const parsed = parseTopicFilter(text);
        for (const mask of [0, unknown]) {
          const expected = naive(parsed, subject, mask);
          if (expected) matched += 1;
          expect(topicMatches(parsed, subject, mask)).toBe(expected);
        }
      }),
      { numRuns: 5000 },
    );
    expect(matched).toBeGreaterThan(100);
  });
});

describe('the address of an event', () => {
  const contract = contractOf(
    productOf(
      [
        { name: 'seq', logicalType: 'integer', logicalTypeOptions: { format: 'i64' }, required: true },
        { name: 'open', logicalType: 'boolean', required: true },
        { name: 'at', logicalType: 'timestamp', required: true },
        { name: 'price', logicalType: 'number', physicalType: 'decimal(10,2)', required: true },
        {
          name: 'o',
          logicalType: 'object',
          required: true,
          properties: [{ name: 'code', logicalType: 'string', required: true }],
        },
      ],
      (d) => {
        d.schema[0].customProperties[0].value = 'things/{o.code}/{seq}/{open}/{at}/{price}';
        d.schema[0].customProperties[1].value = { fields: ['o.code', 'seq'] };
        d.customProperties.push({ property: 'deletes', value: true });
      },
    ),
  );
  const compiled = compileContract(contract);
  const data = compiled.project({
    id: '1',
    seq: 7,
    open: true,
    at: '2024-01-01T00:00:00Z',
    price: 5,
    o: { code: 'a/b' },
  });

  test('is the template filled with the canonical, encoded texts of its fields', () => {
    expect(compiled.address(3, record(5, 'raw'), data)).toMatchObject({
      partition: 3,
      offset: 5,
      time: 1005,
      op: 'UPSERT',
      unknownLevels: 0,
      data,
      keyData: null,
      topic: 'things/a%2Fb/7/true/2024-01-01T00:00:00Z/5.00',
      key: '["a/b","7"]',
    });
    expect(topicMatches(parseTopicFilter('things/a%2Fb/>'), compiled.address(0, record(0, null), data).topic)).toBe(
      true,
    );
  });

  test('has a key of the public fields alone, and never the raw one', () => {
    const one = compileContract(contractOf(productOf([])));
    const event = one.address(0, record(0, 'raw secret'), one.project({ id: 'x "y"' }));
    expect(event.key).toBe('x "y"');
    expect(JSON.stringify(event)).not.toContain('raw secret');
    const none = compileContract(contractOf(productOf([], (d) => d.schema[0].customProperties.pop())));
    expect(none.address(0, record(0, 'raw'), none.project({ id: '1' })).key).toBeNull();
  });

  test('has a conflation key that is the same for the same raw key only, and none without one', () => {
    const conflation = (key: string | null) => compiled.address(0, record(0, key), data).conflationKey;
    expect(conflation('a')).toBe(conflation('a'));
    expect(conflation('a')).not.toBe(conflation('b'));
    expect(conflation(null)).toBeNull();
  });

  test('carries the trace of the producer where it is one', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const traced = (value: string | null) =>
      compiled.address(
        0,
        { ...record(0, null), headers: [{ name: 'traceparent', value: value === null ? null : Buffer.from(value) }] },
        data,
      ).traceparent;
    expect(traced(traceparent)).toBe(traceparent);
    expect(traced('<script>')).toBeNull();
    expect(traced(null)).toBeNull();
  });

  test('of a tombstone is known as far as the key tells', () => {
    const event = compiled.tombstone(1, { ...record(9, '["a/b","7"]'), value: null });
    expect(event).toMatchObject({
      op: 'DELETE',
      topic: 'things/a%2Fb/7/*/*/*',
      unknownLevels: 0b111000,
      key: '["a/b","7"]',
      data: null,
      keyData: { o: { code: 'a/b' }, seq: '7' },
    });
    const matches = (filter: string) => topicMatches(parseTopicFilter(filter), event.topic, event.unknownLevels);
    expect(
      ['things/>', 'things/a%2Fb/7/*/*/*', 'things/*/7/>', 'things/a%2Fb/7/true/*/*', 'things/a%2Fb/8/>', '>'].map(
        matches,
      ),
    ).toEqual([true, true, true, false, false, true]);
  });

  test('of a tombstone keeps the digits of a number in a key of several', () => {
    expect(compiled.tombstone(0, { ...record(0, '["x",9007199254740993]'), value: null }).keyData).toEqual({
      o: { code: 'x' },
      seq: '9007199254740993',
    });
  });

  test.each([
    ['no key', null],
    ['a key of one part', '["a"]'],
    ['a key of three parts', '["a","1","2"]'],
    ['a key that is no list', 'a'],
    ['a key whose part is no integer', '["a","b"]'],
    ['a key whose part is beyond 64 bits', '["a","9223372036854775808"]'],
  ])('of a tombstone with %s breaks the contract', (_label, key) => {
    expect(() => compiled.tombstone(0, { ...record(0, key), value: null })).toThrow(/tombstone/);
  });

  test('of a tombstone breaks a contract without deletes', () => {
    expect(() => compileContract(contractOf(productOf([]))).tombstone(0, { ...record(0, 'a'), value: null })).toThrow(
      'a tombstone, and the contract has no deletes',
    );
  });
});
