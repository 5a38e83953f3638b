import { expect, test } from 'vitest';
import { Documents } from '../../src/io/doors/graphql/documents.ts';
import { operations } from './door.ts';

test('an operation is parsed once, until others have pushed it out', () => {
  const documents = new Documents(operations);
  const first = documents.parse('{ a }');
  expect(documents.parse('{ a }')).toBe(first);
  for (let index = 0; index < 499; index++) documents.parse(`{ b${index} }`);
  // Used a moment ago: others are older.
  expect(documents.parse('{ a }')).toBe(first);
  documents.parse('{ c }');
  expect(documents.parse('{ a }')).toBe(first);
  for (let index = 0; index < 500; index++) documents.parse(`{ d${index} }`);
  expect(documents.parse('{ a }')).not.toBe(first);
});

test('a long operation is not kept', () => {
  const documents = new Documents(operations);
  const long = `{ a } #${'x'.repeat(20_000)}`;
  expect(documents.parse(long)).not.toBe(documents.parse(long));
});

test('the kind of an operation is told where it can be', () => {
  const documents = new Documents(operations);
  expect(documents.kindOf('subscription { a }', null)).toBe('subscription');
  expect(documents.kindOf('query A { a } mutation B { b }', 'B')).toBe('mutation');
  expect(documents.kindOf('query A { a } mutation B { b }', null)).toBeNull();
  expect(documents.kindOf('{', null)).toBeNull();
  expect(documents.kindOf(`{ ${'a '.repeat(2_000)} }`, null)).toBeNull();
});
