import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Reader, Writer } from '../../../src/io/log/kafka/bytes.ts';

test('a request of any length is written whole, wherever it outgrows its buffer', () => {
  for (let shift = 0; shift < 8; shift += 1) {
    const writer = new Writer();
    for (let i = 0; i < shift; i += 1) writer.int8(i);
    for (let i = 0; i < 400; i += 1)
      writer
        .int64(i * 4_294_967_296)
        .int32(i)
        .int16(i)
        .uvarint(i)
        .compactString(`t${i}`)
        .raw(Buffer.from([i % 256]));
    const reader = new Reader(writer.done());
    reader.skip(shift);
    for (let i = 0; i < 400; i += 1) {
      expect([reader.int64(), reader.int32(), reader.int16(), reader.uvarint()]).toEqual([i * 4_294_967_296, i, i, i]);
      expect(reader.raw(reader.uvarint() - 1).toString()).toBe(`t${i}`);
      expect(reader.raw(1)[0]).toBe(i % 256);
    }
  }
});

test('any safe integer is written as 64 bits in two’s complement', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, -2, 2 ** 32, -(2 ** 32), 2 ** 32 - 1)),
      (value) => {
        const expected = Buffer.alloc(8);
        expected.writeBigInt64BE(BigInt(value));
        expect(new Writer().int64(value).done()).toEqual(expected);
      },
    ),
    { numRuns: 2_000 },
  );
});
