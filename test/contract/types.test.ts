import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonCodec } from '../../src/io/codec/json.ts';
import { contractOf, type Document, productOf } from './documents.ts';
import { failure, reader } from './reader.ts';

const long = { logicalType: 'integer', logicalTypeOptions: { format: 'i64' } };
const decimal = (precision: number, scale: number) => ({
  logicalType: 'number',
  physicalType: `decimal(${precision},${scale})`,
});

async function readerOf(type: Document): Promise<(text: string) => unknown> {
  const read = await reader(contractOf(productOf([{ name: 'v', ...type }])));
  return (text) => read(`{"id":"1","v":${text}}`).v;
}

describe('scalars', () => {
  // biome-ignore format: a table
  test.each<[string, Document, string, unknown]>([
    ['a string', { logicalType: 'string' }, '"a\\u0000\\ud83d\\ude00"', 'a\u0000😀'],
    ['an empty string', { logicalType: 'string' }, '""', ''],
    ['the least int', { logicalType: 'integer' }, '-2147483648', -2147483648],
    ['the greatest int', { logicalType: 'integer' }, '2147483647', 2147483647],
    ['an int with a point', { logicalType: 'integer' }, '5.0', 5],
    ['zero without a sign', { logicalType: 'integer' }, '-0', 0],
    ['the least long', long, '-9223372036854775808', '-9223372036854775808'],
    ['the greatest long', long, '9223372036854775807', '9223372036854775807'],
    ['a long beyond 2^53', long, '9007199254740993', '9007199254740993'],
    ['a long as text', long, '"9007199254740993"', '9007199254740993'],
    ['a long with an exponent', long, '12e2', '1200'],
    ['a negative zero long', long, '-0', '0'],
    ['an unsigned 32-bit integer', { logicalType: 'integer', logicalTypeOptions: { format: 'u32' } }, '4294967295', '4294967295'],
    ['a number', { logicalType: 'number' }, '-1.5e-7', -1.5e-7],
    ['a number of many digits', { logicalType: 'number' }, '0.1000000000000000055511151231257827', 0.1],
    ['a negative zero', { logicalType: 'number' }, '-0.0', 0],
    ['a decimal, padded to its scale', decimal(10, 2), '5', '5.00'],
    ['a decimal with needless zeros', decimal(10, 2), '5.5000', '5.50'],
    ['a decimal of 38 digits', decimal(38, 9), '12345678901234567890123456789.123456789', '12345678901234567890123456789.123456789'],
    ['a decimal as text', decimal(38, 18), '"0.000000000000000001"', '0.000000000000000001'],
    ['a decimal with an exponent', decimal(10, 4), '1.25e-2', '0.0125'],
    ['a decimal of no value', decimal(10, 2), '-0.00', '0.00'],
    ['a whole decimal', decimal(20, 0), '18446744073709551615', '18446744073709551615'],
    ['true', { logicalType: 'boolean' }, 'true', true],
    ['a date', { logicalType: 'date' }, '"2024-02-29"', '2024-02-29'],
    ['a date in days', { logicalType: 'date', physicalType: 'int' }, '19782', '2024-02-29'],
    ['a time', { logicalType: 'time' }, '"23:59:59.500"', '23:59:59.5'],
    ['a time with an offset', { logicalType: 'time' }, '"08:00:00+02:00"', '08:00:00+02:00'],
    ['a time in microseconds', { logicalType: 'time', physicalType: 'time-micros' }, '86399999999', '23:59:59.999999'],
    ['a timestamp', { logicalType: 'timestamp' }, '"2024-02-29T12:00:00Z"', '2024-02-29T12:00:00Z'],
    ['a timestamp with an offset', { logicalType: 'timestamp' }, '"2024-02-29T00:30:00.120+05:30"', '2024-02-28T19:00:00.12Z'],
    ['a timestamp finer than a millisecond', { logicalType: 'timestamp' }, '"2024-02-29T12:00:00.123456789Z"', '2024-02-29T12:00:00.123456789Z'],
    ['a timestamp in lower case', { logicalType: 'timestamp' }, '"2024-02-29t12:00:00z"', '2024-02-29T12:00:00Z'],
    ['a timestamp without offset, which is UTC', { logicalType: 'timestamp' }, '"2024-02-29T12:00:00"', '2024-02-29T12:00:00Z'],
    ['a timestamp in seconds', { logicalType: 'timestamp', physicalType: 'timestamp-seconds' }, '1709208000', '2024-02-29T12:00:00Z'],
    ['a timestamp in milliseconds', { logicalType: 'timestamp', physicalType: 'timestamp-millis' }, '1709208000120', '2024-02-29T12:00:00.12Z'],
    ['a timestamp in microseconds', { logicalType: 'timestamp', physicalType: 'timestamp-micros' }, '1709208000123456', '2024-02-29T12:00:00.123456Z'],
    ['a timestamp in nanoseconds', { logicalType: 'timestamp', physicalType: 'timestamp-nanos' }, '1709208000123456789', '2024-02-29T12:00:00.123456789Z'],
    ['a timestamp before the epoch', { logicalType: 'timestamp', physicalType: 'timestamp-micros' }, '-1', '1969-12-31T23:59:59.999999Z'],
    ['a null', { logicalType: 'string' }, 'null', null],
  ])('%s is read exactly', async (_label, type, text, expected) => {
    expect((await readerOf(type))(text)).toEqual(expected);
  });

  // biome-ignore format: a table
  test.each<[string, Document, string]>([
    ['a number where a string is due', { logicalType: 'string' }, '1'],
    ['an int beyond 32 bits', { logicalType: 'integer' }, '2147483648'],
    ['a fraction where an int is due', { logicalType: 'integer' }, '1.5'],
    ['a fraction that a double hides', long, '1.00000000000000000001'],
    ['an int as text', { logicalType: 'integer' }, '"1"'],
    ['an int beyond its format', { logicalType: 'integer', logicalTypeOptions: { format: 'i8' } }, '128'],
    ['a long beyond 64 bits', long, '9223372036854775808'],
    ['a long below 64 bits', long, '-9223372036854775809'],
    ['a long with leading zeros', long, '"007"'],
    ['a long that is empty', long, '""'],
    ['a number beyond a double', { logicalType: 'number' }, '1e400'],
    ['a number as text', { logicalType: 'number' }, '"NaN"'],
    ['a decimal with a digit too many after the point', decimal(10, 2), '1.005'],
    ['a decimal whose last digit a double loses', decimal(20, 2), '1.0000000000000000001'],
    ['a decimal so small that a double makes it 0', decimal(20, 2), '1e-400'],
    ['a decimal with a digit too many before the point', decimal(4, 2), '100'],
    ['a decimal in hexadecimal', decimal(10, 2), '"0x10"'],
    ['1 where a boolean is due', { logicalType: 'boolean' }, '1'],
    ['30 February', { logicalType: 'date' }, '"2024-02-30"'],
    ['29 February of another year', { logicalType: 'date' }, '"1900-02-29"'],
    ['a date in days where text is due', { logicalType: 'date' }, '19782'],
    ['hour 24', { logicalType: 'time' }, '"24:00:00"'],
    ['a leap second', { logicalType: 'timestamp' }, '"2016-12-31T23:59:60Z"'],
    ['an offset beyond a day', { logicalType: 'timestamp' }, '"2024-01-01T00:00:00+25:00"'],
    ['a timestamp without the offset that it must have', { logicalType: 'timestamp', logicalTypeOptions: { timezone: true } }, '"2024-02-29T12:00:00"'],
    ['a number where a timestamp of text is due', { logicalType: 'timestamp' }, '1709208000'],
    ['half a millisecond', { logicalType: 'timestamp', physicalType: 'timestamp-millis' }, '1709208000120.5'],
    ['a timestamp after the year 9999', { logicalType: 'timestamp', physicalType: 'timestamp-millis' }, '253402300800000'],
    ['a timestamp that an offset takes before the year 0', { logicalType: 'timestamp' }, '"0000-01-01T00:00:00+01:00"'],
    ['a word where a timestamp is due', { logicalType: 'timestamp' }, '"yesterday"'],
  ])('%s is refused by path and kind, without its content', async (_label, type, text) => {
    const read = await readerOf(type);
    const { path, reason } = failure(() => read(text));
    expect(path).toBe('v');
    expect(reason).toMatch(/^expected /);
    const content = text.replaceAll('"', '');
    if (content.length > 2) expect(reason).not.toContain(content);
  });

  test('longs keep every digit on their way from the record', async () => {
    const read = await readerOf(long);
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(read(value.toString())).toBe(value.toString());
        expect(read(`"${value}"`)).toBe(value.toString());
      }),
      { numRuns: 500 },
    );
  });

  test('decimals keep every digit on their way from the record, and there and back through publishing', async () => {
    const contract = contractOf(productOf([{ name: 'v', ...decimal(38, 12) }]));
    const read = await reader(contract);
    const codec = await jsonCodec.prepare(contract);
    const digits = (least: number, most: number) =>
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: least, maxLength: most }).map((list) => list.join(''));
    fc.assert(
      fc.property(fc.boolean(), digits(1, 26), digits(12, 12), (negative, before, fraction) => {
        const whole = before.replace(/^0+(?=.)/, '');
        const zero = /^0*$/.test(whole + fraction);
        const text = `${negative && !zero ? '-' : ''}${whole}.${fraction}`;
        expect(read(`{"id":"1","v":${text}}`).v).toBe(text);
        expect(read(codec.encode({ id: '1', v: text })).v).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test('timestamps are the same instant in every unit and offset', async () => {
    const text = await readerOf({ logicalType: 'timestamp' });
    const millis = await readerOf({ logicalType: 'timestamp', physicalType: 'timestamp-millis' });
    const nanos = await readerOf({ logicalType: 'timestamp', physicalType: 'timestamp-nanos' });
    const instant = fc.date({
      min: new Date('1700-01-01T00:00:00Z'),
      max: new Date('2250-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instant, fc.integer({ min: -1439, max: 1439 }), (date, offset) => {
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const sign = offset < 0 ? '-' : '+';
        const two = (value: number) => String(value).padStart(2, '0');
        const zone = `${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
        const same = text(`"${local}${zone}"`);
        expect(Date.parse(same as string)).toBe(date.getTime());
        expect(same).toBe(text(`"${date.toISOString()}"`));
        expect(millis(String(date.getTime()))).toBe(same);
        expect(nanos(String(BigInt(date.getTime()) * 1_000_000n))).toBe(same);
        expect(same).not.toMatch(/\.\d*0Z$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe('composed types', () => {
  const leaf = { name: 'n', ...long, required: true };

  test('long digits survive at any depth of objects, lists and maps', async () => {
    const shape = fc.array(fc.constantFrom('object', 'array', 'map'), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(shape, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (levels, value) => {
        let type: Document = { ...long };
        let text = value.toString();
        let expected: unknown = value.toString();
        for (const level of levels) {
          if (level === 'object')
            [type, text, expected] = [
              { logicalType: 'object', properties: [{ name: 'x', ...type }] },
              `{"x":${text}}`,
              { x: expected },
            ];
          else if (level === 'array')
            [type, text, expected] = [{ logicalType: 'array', items: type }, `[${text},null]`, [expected, null]];
          else
            [type, text, expected] = [
              { logicalType: 'map', map: { key: { logicalType: 'string' }, value: type } },
              `{"a b":${text}}`,
              { 'a b': expected },
            ];
        }
        const contract = contractOf(productOf([{ name: 'v', ...type }]));
        const read = await reader(contract);
        const data = read(`{"id":"1","v":${text}}`);
        expect(data.v).toEqual(expected);
        const codec = await jsonCodec.prepare(contract);
        expect(read(codec.encode(data))).toEqual(data);
      }),
      { numRuns: 60 },
    );
  });

  test('only what the contract names is there, in its order, absent optional fields as null', async () => {
    const read = await reader(
      contractOf(
        productOf([
          { name: 'b', logicalType: 'string' },
          { name: 'a', logicalType: 'object', properties: [leaf, { name: 'm', logicalType: 'string' }] },
          { name: 'c', logicalType: 'array', items: { logicalType: 'string' } },
        ]),
      ),
    );
    expect(JSON.stringify(read('{"secret":1,"a":{"n":1,"secret":2},"id":"x","extra":[]}'))).toBe(
      '{"id":"x","b":null,"a":{"n":"1","m":null},"c":null}',
    );
  });

  test('paths reach into objects and arrays, and a missing step is an absent value', async () => {
    const read = await reader(
      contractOf(
        productOf([
          { name: 'mag', physicalName: 'properties.mag', logicalType: 'number' },
          { name: 'lon', physicalName: 'geometry.coordinates[0]', logicalType: 'number' },
          { name: 'odd', physicalName: "['odd.name'].x", logicalType: 'string' },
          {
            name: 'group',
            physicalName: '.',
            logicalType: 'object',
            required: true,
            properties: [
              { name: 'lat', physicalName: 'geometry.coordinates[1]', logicalType: 'number', required: true },
            ],
          },
        ]),
      ),
    );
    const record = '{"id":"1","properties":{"mag":2},"geometry":{"coordinates":[-118.5,34.5]},"odd.name":{"x":"y"}}';
    expect(read(record)).toEqual({ id: '1', mag: 2, lon: -118.5, odd: 'y', group: { lat: 34.5 } });
    expect(read('{"id":"1","properties":null,"geometry":{"coordinates":[1,2]}}')).toMatchObject({
      mag: null,
      odd: null,
    });
    expect(failure(() => read('{"id":"1","geometry":{"coordinates":[1]}}'))).toEqual({
      path: 'group.lat',
      reason: 'a required value is missing',
    });
  });

  test('faults are named by the public path', async () => {
    const read = await reader(
      contractOf(
        productOf([
          {
            name: 'o',
            logicalType: 'object',
            properties: [
              {
                name: 'list',
                physicalName: 'l',
                logicalType: 'array',
                items: { logicalType: 'object', required: true, properties: [leaf] },
              },
            ],
          },
          {
            name: 'm',
            logicalType: 'map',
            map: { key: { logicalType: 'string' }, value: { logicalType: 'integer', required: true } },
          },
        ]),
      ),
    );
    const at = (text: string) => failure(() => read(text)).path;
    expect(at('{"id":"1","o":{"l":[{"n":1},{"n":"x"}]}}')).toBe('o.list[1].n');
    expect(at('{"id":"1","o":{"l":[{"n":1},null]}}')).toBe('o.list[1]');
    expect(at('{"id":"1","o":[]}')).toBe('o');
    expect(at('{"id":"1","o":{"l":{}}}')).toBe('o.list');
    expect(at('{"id":"1","m":{"secret key":"x"}}')).toBe('m[*]');
    expect(at('{"id":"1","m":[1]}')).toBe('m');
    expect(at('{}')).toBe('id');
    expect(at('[]')).toBe('');
    expect(at('null')).toBe('');
  });

  test('names that every object inherits are fields like any other', async () => {
    const read = await reader(
      contractOf(
        productOf([
          { name: 'constructor', logicalType: 'string' },
          { name: 'proto', physicalName: '__proto__.a', logicalType: 'string' },
          { name: 'm', logicalType: 'map', map: { key: { logicalType: 'string' }, value: { logicalType: 'string' } } },
        ]),
      ),
    );
    expect(read('{"id":"1"}')).toMatchObject({ proto: null, m: null });
    expect(Object.hasOwn(read('{"id":"1"}'), 'constructor') && read('{"id":"1"}').constructor).toBeNull();
    const data = read('{"id":"1","constructor":"c","__proto__":{"a":"p"},"m":{"__proto__":"q","toString":"r"}}');
    expect([data.constructor, data.proto]).toEqual(['c', 'p']);
    expect(JSON.stringify(data.m)).toBe('{"__proto__":"q","toString":"r"}');
    expect(({} as Document).a).toBeUndefined();
  });
});
