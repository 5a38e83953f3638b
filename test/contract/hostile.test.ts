import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileContract, type Finding, formatFindings, readContract } from '../../src/core/contract/index.ts';
import { parentOf, placesOf, product, yamlOf } from './documents.ts';

function expectSane(findings: readonly Finding[], text: string): void {
  const lines = text.split('\n').length;
  for (const finding of findings) {
    expect(finding.line).toBeGreaterThan(0);
    expect(finding.line).toBeLessThanOrEqual(lines);
    expect(finding.column).toBeGreaterThan(0);
    expect(`${finding.message} ${finding.hint}`).not.toMatch(/undefined|\[object|NaN/);
  }
  expect(formatFindings(findings, { text })).not.toContain('undefined');
}

describe('reading a contract', () => {
  test('never throws whatever stands wherever, and what it accepts compiles', () => {
    const values: readonly unknown[] = [
      'text',
      '',
      7,
      1.5,
      true,
      null,
      [],
      ['a'],
      {},
      { a: 1 },
      [[]],
      [{}],
      [null],
      '{x}',
      'source.x',
      'hash',
      '__proto__',
    ];
    let accepted = 0;
    let refused = 0;
    for (const path of placesOf(product()).filter((place) => place.length > 0)) {
      for (const value of values) {
        const document = product();
        parentOf(document, path)[path.at(-1) as string] = value;
        const text = yamlOf(document);
        const { contract, findings } = readContract(text, 'f.odcs.yaml');
        expectSane(findings, text);
        expect(contract === null).toBe(findings.some(({ severity }) => severity === 'error'));
        if (contract === null) refused += 1;
        else {
          accepted += 1;
          compileContract(contract);
        }
      }
    }
    expect(refused).toBeGreaterThan(500);
    expect(accepted).toBeGreaterThan(50);
  });

  test('never throws whatever the text is', () => {
    const good = yamlOf(product());
    const cut = fc
      .tuple(fc.nat(good.length), fc.nat(20), fc.string({ maxLength: 10 }))
      .map(([at, gone, added]) => good.slice(0, at) + added + good.slice(at + gone));
    fc.assert(
      fc.property(fc.oneof(cut, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        expectSane(readContract(text, 'f.odcs.yaml').findings, text.replaceAll('\r', '\n'));
      }),
      { numRuns: 400 },
    );
  });
});
