/** Where nearly every record takes a fast way, it comes out as the slow and plain one has it, for every record. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Contract,
  compileContract,
  encodeLevel,
  Numeral,
  type PublicEvent,
} from '../../src/core/contract/index.ts';
import { jsonCodec } from '../../src/io/codec/json.ts';
import { contractOf, type Document, productOf } from './documents.ts';
import { failure } from './reader.ts';

const long = { logicalType: 'integer', logicalTypeOptions: { format: 'i64' } };
const exact = contractOf(productOf([{ name: 'v', ...long }]));

describe('numbers of a record that a double changes', () => {
  const asText = 'the text of a number';

  /** Every number as its text, found token by token in what is known to be JSON. */
  function plainly(text: string): unknown {
    JSON.parse(text);
    const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;
    return JSON.parse(text.replace(token, (found) => (found[0] === '"' ? found : `{"${asText}":"${found}"}`)));
  }

  /** With the exact value of each number as text: what a double holds exactly may stay one. */
  function exactly(value: unknown): unknown {
    if (typeof value === 'number') return exactValue(String(value));
    if (value instanceof Numeral) return exactValue(value.text);
    if (Array.isArray(value)) return value.map(exactly);
    if (value === null || typeof value !== 'object') return value;
    if (Object.hasOwn(value, asText)) return exactValue((value as Document)[asText]);
    return { members: Object.entries(value).map(([key, member]) => [key, exactly(member)]) };
  }

  function exactValue(text: string): string {
    const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
    if (match === null || !Number.isFinite(Number(text))) return `${Number(text)}`;
    const [, sign, whole = '', fraction = '', exponent = '0'] = match;
    const significant = (whole + fraction).replace(/^0+/, '').replace(/0+$/, '');
    const trailing = (whole + fraction).length - (whole + fraction).replace(/0+$/, '').length;
    return significant === '' ? '0' : `${sign}${significant}e${Number(exponent) - fraction.length + trailing}`;
  }

  const digits = fc.stringMatching(/^(0|[1-9]\d{0,24})$/);
  const number = fc
    .tuple(
      fc.constantFrom('', '-'),
      digits,
      fc.stringMatching(/^(\.\d{1,20})?$/),
      fc.stringMatching(/^([eE][+-]?\d{1,3})?$/),
    )
    .map((parts) => parts.join(''));
  const safe = fc.maxSafeInteger().map(String);
  const nearSafe = fc.bigInt({ min: 2n ** 53n - 40n, max: 2n ** 53n + 40n }).map(String);
  const word = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    digits,
    fc.constantFrom(
      '\u0001',
      '\u0001\u0001\u0001',
      '\u0001123',
      '\\',
      '"',
      '\\"',
      'a: 12345678901234567890',
      '-1e-400',
      '__proto__',
      '\\u0001',
    ),
  );
  const text = fc.letrec<{ value: string; space: string }>((tie) => ({
    space: fc.constantFrom('', '', '', ' ', '\n', '\t\r '),
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(number, safe, nearSafe),
      fc.constantFrom('true', 'false', 'null'),
      word.map((value) => JSON.stringify(value)),
      fc
        .tuple(tie('space'), fc.array(fc.tuple(tie('value'), tie('space')), { maxLength: 5 }))
        .map(([space, items]) => `[${items.map(([item, after]) => space + item + after).join(',')}]`),
      fc
        .tuple(tie('space'), fc.array(fc.tuple(word, tie('value'), tie('space')), { maxLength: 5 }))
        .map(
          ([space, members]) =>
            `{${members.map(([key, value, after]) => `${space}${JSON.stringify(key)}${after}:${space}${value}${after}`).join(',')}}`,
        ),
    ),
  })).value;

  async function agreeOn(texts: fc.Arbitrary<string>, numRuns: number): Promise<{ numerals: number; refused: number }> {
    const codec = await jsonCodec.prepare(exact);
    const seen = { numerals: 0, refused: 0 };
    fc.assert(
      fc.property(texts, (given) => {
        const bytes = Buffer.from(given);
        let expected: unknown;
        try {
          expected = plainly(bytes.toString());
        } catch {
          seen.refused += 1;
          expect(failure(() => codec.decode(bytes)).reason).toBe('not JSON');
          return;
        }
        const decoded = codec.decode(bytes);
        if (JSON.stringify(decoded).includes('{"text":')) seen.numerals += 1;
        expect(exactly(decoded)).toStrictEqual(exactly(expected));
      }),
      { numRuns },
    );
    return seen;
  }

  test('are those whose text has another value, in any text that is JSON', async () => {
    const { numerals } = await agreeOn(text, 4_000);
    expect(numerals).toBeGreaterThan(400);
  });

  test('make no text JSON that is none', async () => {
    const broken = fc
      .tuple(
        text,
        fc.nat(),
        fc.constantFrom('', ',', ':', '"', '0', '12345678901234567890', '-', '.', 'e', '}', ']', '\\'),
        fc.nat(2),
      )
      .map(([whole, place, put, cut]) => {
        const at = place % (whole.length + 1);
        return whole.slice(0, at) + put + whole.slice(at + cut);
      });
    const { refused } = await agreeOn(broken, 6_000);
    expect(refused).toBeGreaterThan(1_000);
  });

  test.each([
    ['as a key', '{12345678901234567890:1}'],
    ['as a key after another member', '{"a":1,12345678901234567890 : 1}'],
    ['with a leading zero', '{"v":012345678901234567890}'],
    ['with a plus', '{"v":+12345678901234567890}'],
    ['with nothing behind the point', '{"v":12345678901234567890.}'],
    ['after a word', '{"v":true12345678901234567890}'],
    ['after a string', '{"v":"x"12345678901234567890}'],
    ['twice', '{"v":12345678901234567890 12345678901234567890}'],
  ])('are not JSON %s', async (_label, given) => {
    const codec = await jsonCodec.prepare(exact);
    expect(failure(() => codec.decode(Buffer.from(given))).reason).toBe('not JSON');
  });

  test('are looked for once, however long the runs of digits in strings are', async () => {
    const codec = await jsonCodec.prepare(exact);
    const decoded = codec.decode(Buffer.from(`{"a":"${'7'.repeat(1_000_000)}","v":12345678901234567890}`));
    expect((decoded as { v: unknown }).v).toEqual(new Numeral('12345678901234567890'));
  });

  test('are many beside many control characters', async () => {
    const codec = await jsonCodec.prepare(exact);
    const numbers = Array.from({ length: 20_000 }, () => '12345678901234567890').join(',');
    const controls = '\u0001'.repeat(60_000);
    const decoded = codec.decode(Buffer.from(`{"a":${JSON.stringify(controls)},"v":[${numbers}]}`)) as Document;
    expect(decoded.a).toBe(controls);
    expect(decoded.v).toEqual(new Array(20_000).fill(new Numeral('12345678901234567890')));
  });
});

describe('values of a record', () => {
  const project = (type: Document) => {
    const compiled = compileContract(contractOf(productOf([{ name: 'v', ...type }])));
    return (value: unknown): unknown => {
      try {
        return compiled.project({ id: '1', v: value })['v'];
      } catch {
        return 'refused';
      }
    };
  };

  const numbers = fc.oneof(
    fc.double(),
    fc.maxSafeInteger(),
    fc.integer({ min: -10_000_000, max: 10_000_000 }).map((cents) => cents / 100),
    fc.constantFrom(0, -0, 1e21, 1e-7, 0.5, -0.5, 99999.99, 2 ** 53, -(2 ** 53)),
  );

  test.each([
    [12, 2],
    [38, 18],
    [4, 4],
    [10, 0],
  ])('decimal(%i,%i) of a double is that of its text', (precision, scale) => {
    const read = project({ logicalType: 'number', physicalType: `decimal(${precision},${scale})` });
    fc.assert(
      fc.property(numbers, (value) => {
        expect(read(value)).toBe(read(Number.isFinite(value) ? new Numeral(String(value)) : Number.NaN));
      }),
      { numRuns: 2_000 },
    );
    expect(read(0.5)).toBe(scale === 0 ? 'refused' : `0.${'5'.padEnd(scale, '0')}`);
  });

  test('a 64-bit integer of a double is that of its text', () => {
    const read = project(long);
    fc.assert(
      fc.property(numbers, (value) => {
        const lost = !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
        expect(read(value)).toBe(lost ? 'refused' : read(new Numeral(String(value))));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(['seconds', 'millis', 'micros', 'nanos'])('a timestamp in %s is that of its text', (unit) => {
    const read = project({ logicalType: 'timestamp', physicalType: `timestamp-${unit}` });
    const per = { seconds: 1, millis: 1e3, micros: 1e6, nanos: 1e9 }[unit] as number;
    const counts = fc.oneof(
      fc.maxSafeInteger(),
      fc.integer({ min: -70_000_000_000, max: 260_000_000_000 }).map((seconds) => seconds * per),
      fc.integer({ min: -70_000_000_000, max: 260_000_000_000 }).map((seconds) => seconds * per - 1),
      fc.constantFrom(0, -1, 253402300799 * per, 253402300800 * per, -62167219200 * per, -62167219200 * per - 1),
    );
    fc.assert(
      fc.property(counts.filter(Number.isSafeInteger), (count) => {
        expect(read(count)).toBe(read(new Numeral(String(count))));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(['millis', 'micros'])('a time in %s is that of its text', (unit) => {
    const read = project({ logicalType: 'time', physicalType: `time-${unit}` });
    fc.assert(
      fc.property(fc.integer({ min: -10, max: unit === 'millis' ? 86_400_010 : 86_400_000_010 }), (count) => {
        expect(read(count)).toBe(read(new Numeral(String(count))));
      }),
      { numRuns: 2_000 },
    );
    expect(read(86_399_999)).not.toBe('refused');
    expect(read(-1)).toBe('refused');
  });

  test('a timestamp and a date of text are what a pattern makes of them', () => {
    const stamp = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?(Z|z)?$/;
    const plainly = (text: string): string => {
      const match = stamp.exec(text);
      if (match === null) return 'refused';
      const [, year, month, day, hours, minutes, seconds, fraction = ''] = match as unknown as string[];
      const date = new Date(0);
      date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
      const is = date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day);
      if (!is || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return 'refused';
      const rest = fraction.replace(/0+$/, '');
      return `${year}-${month}-${day}T${hours}:${minutes}:${seconds}${rest === '' ? '' : `.${rest}`}Z`;
    };
    const part = (least: number, most: number, width = 2) =>
      fc.integer({ min: least, max: most }).map((value) => String(value).padStart(width, '0'));
    const text = fc
      .tuple(
        part(1890, 2110, 4),
        part(0, 13),
        part(0, 32),
        fc.constantFrom('T', 'T', 'T', 't', ' ', 'x'),
        part(0, 25),
        part(0, 61),
        part(0, 61),
        fc.oneof(fc.constant(''), fc.stringMatching(/^\.\d{0,19}$/), fc.constantFrom('.000', '.120', '.5', '.', ',5')),
        fc.constantFrom('Z', 'Z', 'z', '', 'ZZ'),
      )
      .map(([y, m, d, t, h, min, s, f, z]) => `${y}-${m}-${d}${t}${h}:${min}:${s}${f}${z}`);
    const damaged = fc
      .tuple(text, fc.nat(30), fc.constantFrom('', '٣', 'a', ' ', '0'))
      .map(([whole, at, put]) => whole.slice(0, at) + put + whole.slice(at + 1));
    const readStamp = project({ logicalType: 'timestamp' });
    const readDate = project({ logicalType: 'date' });
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(text, damaged), (given) => {
        const expected = plainly(given);
        if (expected !== 'refused') accepted += 1;
        expect(readStamp(given)).toBe(expected);
        const day = given.slice(0, 10);
        expect(readDate(day)).toBe(plainly(`${day}T00:00:00Z`) === 'refused' ? 'refused' : day);
      }),
      { numRuns: 6_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  test('a level is encoded as a pattern finds it', () => {
    const plainly = (text: string): string =>
      text === ''
        ? '%'
        : text.replace(/[%/*>\p{Cc}]/gu, (character) =>
            [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
          );
    const character = fc.oneof(
      fc.constantFrom(...'%/*>a\u0000\u001f\u007f\u0080\u009f\u00a0 '),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 8 }), (text) => {
        expect(encodeLevel(text)).toBe(plainly(text));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the event of a record', () => {
  const several = contractOf(
    productOf(
      [
        { name: 'seq', ...long, required: true },
        { name: 'n', logicalType: 'integer', required: true },
        { name: 'open', logicalType: 'boolean', required: true },
      ],
      (d) => {
        d.schema[0].customProperties[0].value = 'things/{id}/{seq}/{n}/{open}';
        d.schema[0].customProperties[1].value = { fields: ['id', 'n', 'open'] };
      },
    ),
  );
  const record = (key: Buffer | null) => ({ offset: 7, timestamp: 1007, key, value: Buffer.from('x'), headers: [] });
  const eventOf = (contract: Contract, key: Buffer | null, given: Document): PublicEvent => {
    const compiled = compileContract(contract);
    return compiled.address(0, record(key), compiled.project(given));
  };

  test('has the texts of its fields as levels and key', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 6 }),
        fc.maxSafeInteger(),
        fc.integer({ min: -5, max: 5 }),
        fc.boolean(),
        (id, seq, n, open) => {
          const event = eventOf(several, null, { id, seq, n, open });
          expect(event.topic).toBe(['things', encodeLevel(id), `${seq}`, `${n}`, `${open}`].join('/'));
          expect(event.key).toBe(JSON.stringify([id, `${n}`, `${open}`]));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('has the hash of the raw bytes as conflation key, whenever it is asked for and however often', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const key = Buffer.from(bytes);
        const event = eventOf(exact, key, { id: '1' });
        // The record's bytes are a view of a buffer that may be used again.
        key.fill(0);
        const expected = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
        expect([event.conflationKey, event.conflationKey]).toEqual([expected, expected]);
      }),
      { numRuns: 300 },
    );
  });

  test('is as JSON the plain object that it stands for, without the raw key', () => {
    const event = eventOf(exact, Buffer.from('raw secret'), { id: '1', v: 5 });
    const plain: PublicEvent = {
      partition: 0,
      offset: 7,
      time: 1007,
      op: 'UPSERT',
      topic: 'things/1',
      unknownLevels: 0,
      key: '1',
      conflationKey: createHash('sha256').update('raw secret').digest('base64url').slice(0, 22),
      traceparent: null,
      data: { id: '1', v: '5' },
      keyData: null,
    };
    expect(JSON.parse(JSON.stringify(event))).toStrictEqual(plain);
    expect(Object.keys(event)).not.toContain('conflationKey');
    expect(Object.values(event)).not.toContain('raw secret');
  });
});
