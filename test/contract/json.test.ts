import { describe, expect, test } from 'vitest';
import { compileContract } from '../../src/core/contract/index.ts';
import { jsonCodec } from '../../src/io/codec/json.ts';
import { contractOf, type Document, product, productOf } from './documents.ts';
import { failure, reader } from './reader.ts';

const long = { logicalType: 'integer', logicalTypeOptions: { format: 'i64' } };

describe('JSON', () => {
  const plain = contractOf(productOf([{ name: 'v', logicalType: 'number' }]));
  const exact = contractOf(productOf([{ name: 'v', ...long }]));

  test.each([
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['half a character', Buffer.from([0x22, 0xf0, 0x9f, 0x98])],
    ['no JSON', Buffer.from('{"secretvalue"')],
    ['nothing', Buffer.alloc(0)],
    ['a trailing comma', Buffer.from('{"a":1,}')],
    ['NaN', Buffer.from('{"v":NaN}')],
    ['two values', Buffer.from('{} {}')],
    ['a nesting bomb', Buffer.from(`{"id":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
    [
      'a nesting bomb of objects with long numbers',
      Buffer.from(`${'{"a":'.repeat(5_000)}12345678901234567890${'}'.repeat(5_000)}`),
    ],
    [
      'a nesting bomb that hides behind strings',
      Buffer.from(`{"a":"${'}'.repeat(2_000)}","b":${'['.repeat(1_000)}${']'.repeat(1_000)}}`),
    ],
  ])('%s is a payload error that quotes nothing', async (_label, bytes) => {
    for (const contract of [plain, exact]) {
      const codec = await jsonCodec.prepare(contract);
      const { path, reason } = failure(() => codec.decode(bytes));
      expect(path).toBe('');
      expect(reason).toMatch(/^(not JSON|not UTF-8|nested more than 512 deep)$/);
    }
  });

  test('brackets within strings are no nesting', async () => {
    const codec = await jsonCodec.prepare(plain);
    expect(codec.decode(Buffer.from(`{"a":"\\"${'['.repeat(5_000)}"}`))).toEqual({ a: `"${'['.repeat(5_000)}` });
  });

  test('of a key that stands twice the last counts, with and without exact numbers', async () => {
    for (const contract of [plain, exact]) {
      const read = await reader(contract);
      expect(String(read('{"id":"1","v":12345678901234567,"v":5}').v)).toBe('5');
    }
  });

  test('text outside ASCII is kept', async () => {
    const read = await reader(plain);
    expect(read('{"id":"Zürich 東京 😀"}').id).toBe('Zürich 東京 😀');
  });

  test("a publisher's data come back from the record as they were", async () => {
    const document = product();
    document.schema[0].properties.push(
      { name: 'at', physicalName: 'meta.times[1]', logicalType: 'timestamp', physicalType: 'timestamp-micros' },
      { name: 'clock', physicalName: 'meta.clock', logicalType: 'time', physicalType: 'time-millis' },
      { name: 'day', logicalType: 'date', physicalType: 'int' },
      { name: 'near', physicalName: '.', logicalType: 'object', properties: [{ name: 'big', ...long }] },
      { name: 'tags', logicalType: 'map', map: { key: { logicalType: 'string' }, value: { logicalType: 'string' } } },
    );
    document.schema[0].properties.find((item: Document) => item.name === 'status').transformLogic =
      'source.total > 10 ? "large" : "small"';
    const contract = contractOf(document);
    const compiled = compileContract(contract);
    const codec = await jsonCodec.prepare(contract);
    const input = {
      id: '1',
      region: 'eu',
      total: '12.5',
      at: '2024-02-29T13:00:00.000001+01:00',
      clock: '10:00:00.5',
      day: '2024-02-29',
      near: { big: '9007199254740993' },
      tags: [{ key: '__proto__', value: 'x' }],
    };
    const data = compiled.accept(input);
    expect(JSON.stringify(data)).toBe(
      '{"id":"1","region":"eu","status":"large","total":"12.50","weight":null,"email":null,"at":"2024-02-29T12:00:00.000001Z","clock":"10:00:00.5","day":"2024-02-29","near":{"big":"9007199254740993"},"tags":{"__proto__":"x"}}',
    );
    expect(codec.encode(data).toString()).toBe(
      '{"id":"1","region":"eu","total":12.50,"meta":{"times":[null,1709208000000001],"clock":36000500},"day":19782,"big":9007199254740993,"tags":{"__proto__":"x"}}',
    );
    expect(compiled.project(codec.decode(codec.encode(data)))).toEqual(data);
    expect(failure(() => compiled.accept({ ...input, total: '1.234' }))).toEqual({
      path: 'total',
      reason: 'expected a decimal(12,2)',
    });
    expect(failure(() => compiled.accept({ ...input, at: '2024-02-29T12:00:00.0000001Z' })).path).toBe('at');
    expect(
      failure(() =>
        compiled.accept({
          ...input,
          tags: [
            { key: 'a', value: '1' },
            { key: 'a', value: '2' },
          ],
        }),
      ).path,
    ).toBe('tags');
  });
});
