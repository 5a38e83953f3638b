import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canMatch, parseTopicFilter, type TemplateLevel, topicMatches } from '../../src/core/contract/index.ts';
import { flights } from '../surface/contracts.ts';

/** Levels so few that every topic can be tried. */
const words = ['a', 'ab', 'b'];
const level = fc.constantFrom('*', 'a*', 'ab*', 'b*', ...words);
const filter = fc
  .tuple(fc.array(level, { maxLength: 3 }), fc.boolean())
  .filter(([levels, rest]) => levels.length > 0 || rest)
  .map(([levels, rest]) => parseTopicFilter([...levels, ...(rest ? ['>'] : [])].join('/')));
const template = fc.array(
  fc.oneof(
    fc.constantFrom(...words).map((literal): TemplateLevel => ({ literal })),
    fc.constant<TemplateLevel>({ field: ['x'] }),
  ),
  { minLength: 1, maxLength: 3 },
);

function topicsOf([first, ...others]: readonly TemplateLevel[]): readonly string[] {
  if (first === undefined) return [];
  const own = 'field' in first ? [...words, 'c', 'abc'] : [first.literal];
  const rest = topicsOf(others);
  return others.length === 0 ? own : own.flatMap((head) => rest.map((tail) => `${head}/${tail}`));
}

test('a product is read exactly where one of its topics can match the filter and what its grant leaves', () => {
  let both = 0;
  fc.assert(
    fc.property(
      template,
      fc.option(filter, { nil: null }),
      fc.option(fc.array(filter, { minLength: 1, maxLength: 2 }), { nil: null }),
      (levels, wanted, allowed) => {
        const can = topicsOf(levels).some(
          (topic) =>
            (wanted === null || topicMatches(wanted, topic)) &&
            (allowed === null || allowed.some((one) => topicMatches(one, topic))),
        );
        both |= can ? 1 : 2;
        expect(canMatch({ ...flights, template: levels }, wanted, allowed)).toBe(can);
      },
    ),
    { numRuns: 3_000 },
  );
  expect(both).toBe(3);
});

test('a product without a template has the empty topic', () => {
  const bare = { ...flights, template: [] };
  for (const [text, can] of [
    ['>', true],
    ['*', true],
    ['a', false],
    ['*/*', false],
    ['a/>', false],
  ] as const)
    expect([text, canMatch(bare, parseTopicFilter(text), null)]).toEqual([text, can]);
});
