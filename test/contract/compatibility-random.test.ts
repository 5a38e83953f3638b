import { diff } from '@asyncapi/diff';
import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { type Contract, compareContracts, type PublicData, violationsOf } from '../../src/core/contract/index.ts';
import { compareDocumentsOf, compareSchemas, createSurface, type DiffItem } from '../../src/core/surface/index.ts';
import { randomContract } from '../surface/random-contract.ts';
import { Random, randomEvent, randomOperation } from '../view/random.ts';
import { asRead, masked, randomChange } from './random-change.ts';

const SEED = Number(process.env['COMPATIBILITY_SEED'] ?? 20_261_126);
const CASES = Number(process.env['COMPATIBILITY_CASES'] ?? 400);

const nothing = { history: () => Promise.reject(new Error()), publish: () => Promise.reject(new Error()) };
const surfaceOf = (contract: Contract) => createSurface([contract], nothing);
const documentDiff = (old: unknown, now: unknown) =>
  (diff(old, now).getOutput() as { readonly changes: readonly DiffItem[] }).changes;

interface Case {
  readonly seed: number;
  readonly random: Random;
  readonly old: Contract;
  readonly now: Contract;
  readonly kinds: ReadonlySet<string>;
}

function* cases(): Generator<Case> {
  for (let seed = SEED; seed < SEED + CASES; seed++) {
    const random = new Random(seed);
    const old = asRead(randomContract(random));
    const now = randomChange(random, old);
    yield { seed, random, old, now, kinds: new Set(compareContracts(old, now).map(({ kind }) => kind)) };
  }
}

/** What a publisher would give: the public data without what is derived. */
function inputOf(contract: Contract, data: PublicData): unknown {
  const given = contract.fields.filter(({ derivation }) => derivation === null).map(({ name }) => name);
  return Object.fromEntries(Object.entries(data).filter(([name]) => given.includes(name)));
}

describe('whatever a contract is and however it changes', () => {
  test('with itself it has no difference: not in contract, schema or document', () => {
    for (const { old, seed } of cases()) {
      const again = asRead(old);
      expect(compareContracts(old, again), `seed ${seed}`).toEqual([]);
      expect(compareSchemas([old], [again]), `seed ${seed}`).toEqual([]);
      expect(compareDocumentsOf(documentDiff, old, again), `seed ${seed}`).toEqual([]);
    }
  });

  test('no difference of meaning goes unsaid', () => {
    let changed = 0;
    for (const { old, now, kinds, seed } of cases()) {
      expect(kinds.size > 0, `seed ${seed}`).toBe(old.digest !== now.digest);
      if (kinds.size > 0) changed += 1;
    }
    expect(changed).toBeGreaterThan(CASES / 2);
  });

  test('operations that were valid stay so unless it breaks readers', () => {
    let tried = 0;
    for (const { old, now, kinds, random, seed } of cases()) {
      if (kinds.has('breaking-readers')) continue;
      for (const shown of [(one: Contract) => one, masked]) {
        const [before, after] = [surfaceOf(shown(old)), surfaceOf(shown(now))];
        for (let i = 0; i < 5; i++) {
          const { query } = randomOperation(before, random);
          expect(validate(before.schema, parse(query)), `seed ${seed}`).toEqual([]);
          expect(validate(after.schema, parse(query)), `seed ${seed}: ${query}`).toEqual([]);
          tried += 1;
        }
      }
    }
    expect(tried).toBeGreaterThan(CASES);
  });

  test('graphql-js finds nothing that breaks whom it does not break', () => {
    for (const { old, now, kinds, seed } of cases()) {
      for (const shown of [(one: Contract) => one, masked]) {
        const said = compareSchemas([shown(old)], [shown(now)]);
        for (const { kind, what } of said) expect([...kinds, 'compatible'], `seed ${seed}: ${what}`).toContain(kind);
      }
    }
  });

  test('nor do the documents', () => {
    for (const { old, now, kinds, seed } of cases()) {
      const said = compareDocumentsOf(documentDiff, old, now).filter(({ kind }) => kind.startsWith('breaking'));
      for (const { kind, path, what } of said) expect([...kinds], `seed ${seed}: ${path}: ${what}`).toContain(kind);
    }
  });

  test('what publishers may give stays right unless it breaks publishers', () => {
    let tried = 0;
    for (const { old, now, kinds, random, seed } of cases()) {
      if (kinds.has('breaking-publishers')) continue;
      for (let i = 0; i < 5; i++) {
        const { data } = randomEvent(old, random);
        if (data === null) continue;
        const input = inputOf(old, data);
        if (violationsOf(old, input, 1).length > 0) continue;
        expect(violationsOf(now, input, 9), `seed ${seed}`).toEqual([]);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(CASES / 2);
  });
});
