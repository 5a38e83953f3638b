import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CursorWriter } from '../../src/core/delivery/cursor.ts';
import { type CursorSection, cursorSection, decodeCursor, encodeCursor } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';

const offset = fc.oneof(fc.nat(300), fc.nat(), fc.maxSafeNat());
const section: fc.Arbitrary<CursorSection> = fc.record({
  product: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  incarnation: fc.stringMatching(/^[A-Za-z0-9_-]{11}$/),
  vector: fc.array(offset, { maxLength: 30 }),
});
const sections = fc.uniqueArray(section, { selector: ({ product }) => product, minLength: 1, maxLength: 4 });

function refused(text: string): boolean {
  try {
    decodeCursor(text);
    return false;
  } catch (error) {
    return error instanceof SluiceError && error.code === 'CURSOR_INVALID';
  }
}

/** A body with the right checksum: what is refused then is refused for what it says. */
function sealed(bytes: readonly number[]): string {
  const body = Buffer.from(bytes);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return Buffer.concat([body, sum]).toString('base64url');
}

describe('the cursor codec', () => {
  test('gives back what was encoded, sections in the order of their names', () => {
    fc.assert(
      fc.property(sections, (given) => {
        const sorted = [...given].sort((a, b) => (a.product < b.product ? -1 : 1));
        expect(decodeCursor(encodeCursor(given))).toEqual(sorted);
      }),
    );
  });

  test('has one text per meaning: what decodes encodes to the same text', () => {
    fc.assert(
      fc.property(sections, (given) => {
        const text = encodeCursor(given);
        expect(encodeCursor(decodeCursor(text))).toBe(text);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
      }),
    );
  });

  test('refuses every change of one character, of every cursor tried', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ é';
    fc.assert(
      fc.property(fc.array(section, { minLength: 1, maxLength: 1 }), (given) => {
        const text = encodeCursor(given);
        for (let i = 0; i < text.length; i++) {
          for (const other of alphabet) {
            if (other === text[i]) continue;
            if (!refused(text.slice(0, i) + other + text.slice(i + 1))) throw new Error(`${other} at ${i} of ${text}`);
          }
        }
      }),
      { numRuns: 10 },
    );
  });

  test('refuses every change of one byte', () => {
    fc.assert(
      fc.property(sections, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, flip) => {
        const bytes = Buffer.from(encodeCursor(given), 'base64url');
        const index = at % bytes.length;
        bytes[index] = (bytes[index] as number) ^ flip;
        expect(refused(bytes.toString('base64url'))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('refuses what is cut at any place, or continued', () => {
    fc.assert(
      fc.property(sections, fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/), (given, more) => {
        const text = encodeCursor(given);
        for (let length = 0; length < text.length; length++) {
          if (!refused(text.slice(0, length)) || !refused(text.slice(length + 1)))
            throw new Error(`cut at ${length}: ${text}`);
        }
        expect(refused(text + more)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('refuses other versions, other spellings of a number, other orders, twice the same product, and bytes left over', () => {
    const a = [1, 97, 1, 105, 1, 5];
    const b = [1, 98, 1, 105, 1, 5];
    expect(refused(sealed([1, 1, ...a]))).toBe(false);
    expect(refused(sealed([1, 2, ...a, ...b]))).toBe(false);
    expect(refused(sealed([2, 1, ...a]))).toBe(true);
    expect(refused(sealed([1, 1, 1, 97, 1, 105, 1, 0x85, 0]))).toBe(true);
    expect(refused(sealed([1, 2, ...b, ...a]))).toBe(true);
    expect(refused(sealed([1, 2, ...a, ...a]))).toBe(true);
    expect(refused(sealed([1, 1, ...a, 0]))).toBe(true);
    expect(refused(sealed([1, 1, 1, 97, 1, 105, 0xff, 0xff, 0xff, 0xff, 0x0f]))).toBe(true);
    expect(refused(sealed([1, 1, 1, 97, 1, 105, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]))).toBe(true);
    expect(refused(sealed([1, 0xff, 0xff, 0x03]))).toBe(true);
  });

  test('refuses texts of any size and sort without working long', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => refused(text)));
    const started = performance.now();
    expect(refused('A'.repeat(10_000_000))).toBe(true);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test('the writer of the live path writes the same text as the codec, whatever changes', () => {
    const move = fc.record({ partition: fc.nat(7), next: offset, peek: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(offset, { minLength: 1, maxLength: 8 }),
        fc.array(move, { maxLength: 30 }),
        (start, moves) => {
          const writer = new CursorWriter('flights', 'incarnation');
          const vector = [...start];
          for (const { partition, next, peek } of moves) {
            const at = partition % vector.length;
            const moved = vector.map((value, p) => (p === at ? next : value));
            const text = encodeCursor([{ product: 'flights', incarnation: 'incarnation', vector: moved }]);
            expect(writer.text(vector, at, next)).toBe(text);
            if (!peek) vector[at] = next;
          }
          expect(writer.text(vector)).toBe(encodeCursor([{ product: 'flights', incarnation: 'incarnation', vector }]));
        },
      ),
    );
  });

  test('a cursor of another product is CURSOR_INVALID', () => {
    const text = encodeCursor([{ product: 'flights', incarnation: 'i', vector: [1] }]);
    expect(cursorSection(text, 'flights').vector).toEqual([1]);
    expect(() => cursorSection(text, 'earthquakes')).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }));
  });
});
