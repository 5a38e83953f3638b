import { serverAudits } from 'graphql-http';
import { describe, expect, test } from 'vitest';
import { KEY, TestDoor } from './door.ts';

const PAGE = '{ flights(first: 1, from: {earliest: true}) { edges { cursor node { data { origin } } } } }';

test('the audits of the GraphQL over HTTP working group find no errors and at most two warnings', async () => {
  await using door = await TestDoor.open();
  const audits = serverAudits({
    url: door.url,
    fetchFn: (url: string, init?: RequestInit) =>
      fetch(url, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), 'x-api-key': KEY } }),
  });
  const results = [];
  for (const audit of audits) results.push(await audit.fn());
  const found = results.filter((result) => result.status !== 'ok').map((result) => `${result.status} ${result.name}`);
  expect(results.length).toBeGreaterThan(50);
  expect(found.filter((text) => text.startsWith('error'))).toEqual([]);
  expect(found.length, found.join('\n')).toBeLessThanOrEqual(2);
  expect(door.way.sessions.size).toBe(0);
});

describe('a request', () => {
  test('with a key in either header is answered', async () => {
    await using door = await TestDoor.open();
    const answer = { data: { flights: { edges: [{ cursor: 'c1', node: { data: { origin: 'LAX' } } }] } } };
    expect(await (await door.post({ query: PAGE })).json()).toEqual(answer);
    const bearer = await door.post({ query: PAGE }, { 'x-api-key': '', authorization: `Bearer ${KEY}` });
    expect(await bearer.json()).toEqual(answer);
    expect(door.way.sessions.size).toBe(0);
  });
});
