/** What is wrong with what a publisher gives, against the intake that takes or refuses it. */
import { describe, expect, test } from 'vitest';
import { compileContract, PayloadError, violationsOf } from '../../src/core/contract/index.ts';
import { renderSdl } from '../../src/core/surface/index.ts';
import { contract, field, flights } from '../surface/contracts.ts';
import { Random, randomEvent } from '../view/random.ts';

const valid = {
  flightId: 'f1',
  origin: 'LAX',
  destination: 'JFK',
  status: 'DEP',
  distance: '9223372036854775807',
  cancelled: false,
};

function found(input: unknown, limit = 100): readonly string[] {
  return violationsOf(flights, input, limit).map(({ path, reason }) => `${path.join('/')}: ${reason}`);
}

describe('the violations of an input', () => {
  test('are none where it is valid, however much of it is optional', () => {
    expect(found(valid)).toEqual([]);
    expect(
      found({ ...valid, fare: null, route: { carrier: 'AA', legs: [{ from: 'LAX' }] }, labels: { a: 'b' } }),
    ).toEqual([]);
  });

  test('are all told, each by its place, and none holds a value', () => {
    const input = {
      ...valid,
      origin: 7,
      distance: undefined,
      minutesLate: 3,
      extra: 'hidden',
      route: { carrier: null, legs: [{ from: 'LAX' }, { to: 'secret' }, null], grid: [[1], null, ['x']] },
      labels: { a: null, 'b/c': 4 },
    };
    expect(found(input)).toEqual([
      'origin: expected a string',
      'minutesLate: it is derived from other fields and no input',
      'distance: a required value is missing',
      'route/carrier: a required value is missing',
      'route/legs/1/from: a required value is missing',
      'route/legs/2: a required value is missing',
      'route/grid/2/0: expected an integer of 32 bits',
      'labels/a: a required value is missing',
      'labels/b/c: expected a string',
      'extra: there is no such field',
    ]);
    expect(found(input).join()).not.toMatch(/hidden|secret/);
  });

  test.each([[null], ['text'], [[valid]], [7]])('of %j, which is no object, are one', (input) => {
    expect(found(input)).toEqual([': expected an object']);
  });

  test('end at the limit', () => {
    const labels = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, index]));
    expect(found({ ...valid, labels }, 100)).toHaveLength(100);
    expect(found({ ...valid, ...labels }, 7)).toHaveLength(7);
  });

  test('have numbers among them whose digits a double has not kept', () => {
    expect(found({ ...valid, distance: 2 ** 60 })).toEqual(['distance: expected an integer of 64 bits']);
    const wide = contract({
      name: 'wide',
      typeName: 'Wide',
      fields: [field('sum', { kind: 'decimal', precision: 30, scale: 2 })],
    });
    expect(violationsOf(wide, { sum: 2 ** 57 }, 9)).toMatchObject([{ path: ['sum'] }]);
    expect(violationsOf(wide, { sum: 0.1 }, 9)).toEqual([]);
    expect(violationsOf(wide, { sum: '12345678901234567.25' }, 9)).toEqual([]);
  });

  test('do not see what an input inherits', () => {
    const named = contract({ name: 'n', typeName: 'N', fields: [field('constructor', 'string', { required: true })] });
    expect(violationsOf(named, {}, 9)).toEqual([{ path: ['constructor'], reason: 'a required value is missing' }]);
  });
});

describe('what holds derived fields alone', () => {
  const at = { path: [], derivation: 'source.seq' };
  const inner = { kind: 'object', name: 'Inner', fields: [field('twice', 'int', { ...at, required: true })] } as const;
  const derived = contract({
    name: 'derived',
    typeName: 'Derived',
    operations: { publish: { roles: [] } },
    fields: [
      field('seq', 'int', { required: true }),
      field('needed', inner, { required: true }),
      field('more', { kind: 'object', name: 'More', fields: [field('inner', inner, { required: true })] }),
      field('list', { kind: 'array', items: inner, itemsRequired: true }, { required: true }),
      field('map', { kind: 'map', name: 'Entry', values: inner, valuesRequired: true }, { required: true }),
      field('none', { kind: 'array', items: inner, itemsRequired: true }),
    ],
  });

  test('is no input: whoever publishes leaves it out, and is told so', () => {
    expect(violationsOf(derived, { seq: 7 }, 9)).toEqual([]);
    expect(violationsOf(derived, { seq: 7, needed: {} }, 9)).toEqual([
      { path: ['needed'], reason: 'it is derived from other fields and no input' },
    ]);
    const input = renderSdl([derived]).split('input DerivedInput {')[1]?.split('}')[0];
    expect(input?.match(/\w+: /g)).toEqual(['seq: ']);
  });

  test('is there with what it derives once it is published', () => {
    expect(compileContract(derived).accept({ seq: 7 })).toEqual({
      seq: 7,
      needed: { twice: 7 },
      more: { inner: { twice: 7 } },
      list: [],
      map: {},
      none: null,
    });
  });
});

test('are none exactly where the intake takes the input, but for what it would drop and for maps that are lists', () => {
  const plain = contract({ ...flights, fields: flights.fields.filter(({ derivation }) => derivation === null) });
  const { accept } = compileContract(plain);
  const random = new Random(7_041);
  const seen = { taken: 0, refused: 0 };
  for (let round = 0; round < 3_000; round++) {
    const event = randomEvent(plain, random);
    const data = structuredClone(event.data) as Record<string, unknown>;
    if (random.chance(0.6)) damage(data, random);
    let refusal: PayloadError | null = null;
    try {
      accept(data);
    } catch (thrown) {
      if (!(thrown instanceof PayloadError)) throw thrown;
      refusal = thrown;
    }
    const all = violationsOf(plain, data, 100);
    const isStricter = ({ path, reason }: (typeof all)[number]): boolean =>
      reason === 'there is no such field' || (path.join() === 'labels' && Array.isArray(data['labels']));
    const what = `round ${round}: ${refusal?.message} ${JSON.stringify(all)}`;
    if (refusal !== null) expect(all, what).not.toEqual([]);
    else
      expect(
        all.filter((violation) => !isStricter(violation)),
        what,
      ).toEqual([]);
    seen[refusal === null ? 'taken' : 'refused'] += 1;
  }
  expect(seen.taken).toBeGreaterThan(200);
  expect(seen.refused).toBeGreaterThan(500);
});

/** Puts something else somewhere. */
function damage(held: Record<string, unknown>, random: Random): void {
  const name = random.pick(Object.keys(held));
  const value = held[name];
  if (value !== null && typeof value === 'object' && Object.keys(value).length > 0 && random.chance(0.7))
    return damage(value as Record<string, unknown>, random);
  held[name] = random.pick([null, 7, 1.5, 'text', true, [], {}, [null], { key: 'k' }]);
}
