import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Operation } from '../../src/core/view/index.ts';
import { resumeAt } from '../../src/io/doors/graphql/resume.ts';

function resumed(query: string, more: Partial<Operation> = {}): { query: string; variables: unknown } {
  const { query: text, variables } = resumeAt({ query, ...more }, parse(query), 'the-cursor');
  return { query: text.replace(/\s+/g, ' '), variables };
}

describe('an operation that resumes by Last-Event-ID', () => {
  test.each([
    [
      'without a from',
      'subscription { flights { cursor } }',
      'subscription ($sluiceLastEventId: Cursor!) { flights(from: {cursor: $sluiceLastEventId}) { cursor } }',
    ],
    [
      'keeps its other arguments and its alias',
      'subscription S($t: TopicFilter) { f: flights(topic: $t, from: {earliest: true}, onLag: END) { cursor } }',
      'subscription S($t: TopicFilter, $sluiceLastEventId: Cursor!) { f: flights(topic: $t, onLag: END, from: {cursor: $sluiceLastEventId}) { cursor } }',
    ],
    [
      'loses variables that only its from used',
      'subscription S($from: ReplayFrom, $n: Int) { flights(from: $from) { data { x(n: $n) } } }',
      'subscription S($n: Int, $sluiceLastEventId: Cursor!) { flights(from: {cursor: $sluiceLastEventId}) { data { x(n: $n) } } }',
    ],
    [
      'keeps a variable that nobody used, to be refused as it would have been',
      'subscription S($unused: Int) { flights { cursor } }',
      'subscription S($unused: Int, $sluiceLastEventId: Cursor!) { flights(from: {cursor: $sluiceLastEventId}) { cursor } }',
    ],
    [
      'is found through inline fragments',
      'subscription { ... on Subscription { ... { flights { from(from: 1) } } } }',
      'subscription ($sluiceLastEventId: Cursor!) { ... on Subscription { ... { flights(from: {cursor: $sluiceLastEventId}) { from(from: 1) } } } }',
    ],
    [
      'is found through named fragments, others staying as they are',
      'subscription { ...A } fragment A on Subscription { ...B } fragment B on Subscription { flights(from: {last: 3}) { ...C } } fragment C on FlightEvent { cursor }',
      'subscription ($sluiceLastEventId: Cursor!) { ...A } fragment A on Subscription { ...B } fragment B on Subscription { flights(from: {cursor: $sluiceLastEventId}) { ...C } } fragment C on FlightEvent { cursor }',
    ],
    [
      'is not lost in fragments that go round',
      'subscription { ...A } fragment A on Subscription { ...B } fragment B on Subscription { ...A flights { cursor } }',
      'subscription ($sluiceLastEventId: Cursor!) { ...A } fragment A on Subscription { ...B } fragment B on Subscription { ...A flights(from: {cursor: $sluiceLastEventId}) { cursor } }',
    ],
  ])('%s', (_what, query, expected) => {
    expect(resumed(query).query).toBe(expected);
  });

  test('keeps its variables beside the cursor', () => {
    expect(
      resumed('subscription S($t: TopicFilter) { flights(topic: $t) { cursor } }', { variables: { t: 'a/>' } })
        .variables,
    ).toEqual({
      t: 'a/>',
      sluiceLastEventId: 'the-cursor',
    });
  });

  test('is the one that is named, of several', () => {
    const query = 'subscription A { flights { cursor } } subscription B { flights { topic } }';
    expect(resumed(query, { operationName: 'B' }).query).toBe(
      'subscription A { flights { cursor } } subscription B($sluiceLastEventId: Cursor!) { flights(from: {cursor: $sluiceLastEventId}) { topic } }',
    );
    expect(resumed(query).query).toBe(query);
  });
});
