import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { conformanceRows, rowFaults } from './conformance.ts';

const root = join(import.meta.dirname, '..', '..');

describe('docs/CONFORMANCE.md', () => {
  const rows = conformanceRows(readFileSync(join(root, 'docs', 'CONFORMANCE.md'), 'utf8'));

  test('names only tests and benches that exist', () => {
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.flatMap((row) => rowFaults(row, root))).toEqual([]);
  });
});

describe('a row', () => {
  const faults = (heldBy: string): string[] =>
    conformanceRows(`| promise | held by |\n|---|---|\n| it holds | ${heldBy} |\n`).flatMap((row) =>
      rowFaults(row, root),
    );
  const here = 'test/check/conformance.test.ts';

  test('may name a test, a bench, several, or the reason why there is none', () => {
    expect(faults(`\`${here} › a row\``)).toEqual([]);
    expect(faults('`bench/bed.bench.ts`')).toEqual([]);
    expect(faults(`\`${here} › a row\`<br>not held yet: it is new`)).toEqual([]);
  });

  test('may name a test of a suite that test files share, and a title as it is put together', () => {
    expect(faults('`test/log/conformance/tailing.ts › tailing`')).toEqual([]);
    expect(faults('`test/log/conformance.ts › ${' + 'title} is a log`')).toEqual([]);
  });

  test.each([
    ['a file of tests that no test file runs', '`test/soak/main.ts › a soak`', 'no *.test.ts runs test/soak/main.ts'],
    [
      'a file that does not exist',
      '`test/check/nowhere.test.ts › a row`',
      'there is no file test/check/nowhere.test.ts',
    ],
    ['a title that does not exist', `\`${here} › of ${'another'} kind\``, `has no test "of ${'another'} kind"`],
    ['a file without a title', `\`${here}\``, 'names no test of the file'],
    ['no reason', 'not held yet', 'names no test, no bench and no reason'],
    ['nothing', '', 'names no test, no bench and no reason'],
    ['a third column', 'one | two', 'a row is | promise | held by |'],
  ])('is at fault with %s', (_, heldBy, fault) => {
    expect(faults(heldBy).join()).toContain(fault);
  });
});
