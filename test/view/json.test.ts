import { expect, test } from 'vitest';
import { instant, quote } from '../../src/core/view/json.ts';
import { Random, randomText } from './random.ts';

test('every character is quoted as JSON.stringify does it, wherever it stands in short and long text', () => {
  const characters = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code));
  expect(characters.filter((character) => quote(character) !== JSON.stringify(character))).toEqual([]);
  for (const length of [0, 1, 39, 40, 41, 200]) {
    const text = 'x'.repeat(length);
    for (const odd of ['', '"', '\\', '\n', '\ud800', '😀', 'é'])
      expect(quote(text + odd)).toBe(JSON.stringify(text + odd));
  }
  const random = new Random(1);
  for (let count = 0; count < 2_000; count++) {
    const text = randomText(random);
    expect(quote(text)).toBe(JSON.stringify(text));
  }
  expect([quote(null), quote(undefined)]).toEqual(['null', 'null']);
});

test('every instant is what a Date makes of it, and what no Date holds is cut to the nearest', () => {
  const random = new Random(2);
  const edges = [
    0, -1, 1, 999, 1_000, 59_999, 60_000, 61_001, 951_782_399_999, 951_782_400_000, 253_402_300_799_999,
    253_402_300_800_000, 8.64e15, -8.64e15,
  ];
  const instants = [
    ...edges,
    ...Array.from({ length: 5_000 }, () => random.below(4e12) - 1e12),
    ...Array.from({ length: 200_000 }, (_, ms) => 1_767_225_590_000 + ms),
  ];
  expect(instants.filter((ms) => instant(ms) !== `"${new Date(ms).toISOString()}"`)).toEqual([]);
  expect(instant(9e15)).toBe('"+275760-09-13T00:00:00.000Z"');
  expect(instant(-9e15)).toBe('"-271821-04-20T00:00:00.000Z"');
});
