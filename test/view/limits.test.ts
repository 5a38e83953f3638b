import { getIntrospectionQuery, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { createSurface } from '../../src/core/surface/index.ts';
import { createCompiler, limitErrors, OperationError } from '../../src/core/view/index.ts';
import { flights } from './contracts.ts';

const limits = { maxDepth: 10, maxAliases: 15, maxTokens: 1_000, maxCost: 5_000, maxDirectives: 50 };
const surface = createSurface([flights], {
  history: () => Promise.reject(new Error('no history here')),
  publish: () => Promise.reject(new Error('no publishing here')),
});
const compiler = createCompiler({ limits, cacheSize: 10 });

function refused(query: unknown, variables: unknown = {}): readonly string[] {
  try {
    compiler.compile(surface, { query: query as string, variables: variables as Record<string, unknown> });
  } catch (thrown) {
    if (!(thrown instanceof OperationError)) throw thrown;
    return thrown.errors.map(({ message, extensions }) => `${extensions['code']}: ${message}`);
  }
  throw new Error('it was not refused');
}

/** `count` times what `make` makes. */
const repeat = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(' ');

describe('an operation beyond the limits is refused before it costs', () => {
  test('by its depth, through fragments too', () => {
    const nested = (depth: number): string => `${'a { '.repeat(depth - 1)}b${' }'.repeat(depth - 1)}`;
    expect(limitErrors(parse(`{ ${nested(10)} }`), limits)).toEqual([]);
    expect(refused(`subscription { ${nested(11)} }`)).toEqual([
      "OPERATION_TOO_COSTLY: The operation's depth is 11; at most 10 is allowed.",
    ]);
    const fragments = repeat(12, (index) => `fragment F${index} on Flight { route { ...F${index + 1} } }`);
    expect(refused(`subscription { flights { data { ...F0 } } } ${fragments}`)[0]).toMatch(
      /^OPERATION_TOO_COSTLY: The operation's depth is 14/,
    );
  });

  test('by its aliases, counted wherever a fragment is spread', () => {
    const aliases = repeat(16, (index) => `a${index}: cursor`);
    expect(refused(`subscription { flights { ${aliases} } }`)).toEqual([
      "OPERATION_TOO_COSTLY: The operation's number of aliases is 16; at most 15 is allowed.",
    ]);
    const twice = `subscription { flights { ...F ...G } } fragment F on FlightEvent { ${repeat(8, (index) => `a${index}: cursor`)} } fragment G on FlightEvent { ...F }`;
    expect(refused(twice)).toEqual([
      "OPERATION_TOO_COSTLY: The operation's number of aliases is 16; at most 15 is allowed.",
    ]);
  });

  test('by its directives', () => {
    const directives = repeat(51, () => '@skip(if: false)');
    expect(refused(`subscription { flights { cursor ${directives} } }`)).toEqual([
      "OPERATION_TOO_COSTLY: The operation's number of directives is 51; at most 50 is allowed.",
    ]);
    expect(refused(`subscription ${directives} { flights { cursor } }`)[0]).toMatch(/number of directives is 51/);
  });

  test('by its cost, where every level weighs more', () => {
    const errors = limitErrors(parse('{ a { b c { d } } }'), { ...limits, maxCost: 7 });
    // a: 2 + 1.5 * (b: 1 + c: (2 + 1.5 * (d: 1))) = 8.75
    expect(errors.map(({ message }) => message)).toEqual(["The operation's cost is 9; at most 7 is allowed."]);
    expect(limitErrors(parse('{ a { b c { d } } }'), { ...limits, maxCost: 9 })).toEqual([]);
  });

  test('by fragments that double at every step, which nothing could ever expand', () => {
    const bomb = repeat(60, (index) => `fragment F${index} on Flight { ...F${index + 1} ...F${index + 1} }`);
    expect(refused(`subscription { flights { data { ...F0 } } } ${bomb} fragment F60 on Flight { origin }`)).toEqual([
      expect.stringMatching(
        /^OPERATION_TOO_COSTLY: The operation's cost is beyond counting; at most 5000 is allowed\.$/,
      ),
    ]);
  });

  test('and fragments that spread each other are no endless loop', () => {
    expect(
      refused(
        'subscription { flights { ...A } } fragment A on FlightEvent { cursor ...B } fragment B on FlightEvent { ...A }',
      ),
    ).toEqual(['BAD_REQUEST: Cannot spread fragment "A" within itself via "B".']);
  });

  test('by its tokens and by its length, unread', () => {
    expect(refused(`subscription { flights { ${repeat(1_000, () => 'cursor')} } }`)[0]).toMatch(
      /^OPERATION_TOO_COSTLY: Syntax Error: Document contains more/,
    );
    expect(refused(`subscription { flights { cursor } } #${'x'.repeat(64_000)}`)).toEqual([
      'OPERATION_TOO_COSTLY: The operation has 64037 characters; at most 64000 are allowed.',
    ]);
  });

  test('by brackets and braces that only nest', () => {
    expect(refused(`subscription { flights(where: ${'['.repeat(60_000)}`)[0]).toMatch(/^OPERATION_TOO_COSTLY: /);
    expect(refused('{'.repeat(60_000))[0]).toMatch(/^(BAD_REQUEST|OPERATION_TOO_COSTLY): /);
    const roomy = createCompiler({ limits: { ...limits, maxTokens: 1_000_000 }, cacheSize: 1 });
    const deep = `subscription { flights(where: ${'{not: '.repeat(200_000)}{}${'}'.repeat(200_000)}) { cursor } }`;
    expect(() => roomy.compile(surface, { query: deep })).toThrow('The operation is nested too deeply.');
  });

  test('by variables that nest or number beyond reason', () => {
    const query = 'subscription ($w: FlightFilter) { flights(where: $w) { cursor } }';
    let where: Record<string, unknown> = { delay: { gt: 1 } };
    for (let depth = 0; depth < 100_000; depth++) where = { not: where };
    expect(refused(query, { w: where })).toEqual(['OPERATION_TOO_COSTLY: variables: nested deeper than 32 levels.']);
    const list = Array.from({ length: 10_001 }, () => 1);
    expect(refused(query, { w: { delay: { in: list } } })).toEqual([
      'OPERATION_TOO_COSTLY: variables: more than 10000 values.',
    ]);
    let within: Record<string, unknown> = { delay: { gt: 1 } };
    for (let depth = 0; depth < 20; depth++) within = { not: within };
    expect(refused(query, { w: within })[0]).toMatch(/^BAD_FILTER: where\.not.*nested more than 16 deep/);
  });

  test('with at most twenty faults told', () => {
    expect(refused(`subscription { flights { ${repeat(100, (index) => `unknown${index}`)} } }`)).toHaveLength(21);
  });
});

test('introspection is left to the bound that GraphQL itself has', () => {
  expect(limitErrors(parse(getIntrospectionQuery()), limits)).toEqual([]);
  expect(validate(surface.schema, parse(getIntrospectionQuery()))).toEqual([]);
});
