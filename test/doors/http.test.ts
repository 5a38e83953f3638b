import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { serverAudits } from 'graphql-http';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/core/errors.ts';
import { KEY, LIVE, TestDoor } from './door.ts';

const PAGE = '{ flights(first: 1, from: {earliest: true}) { edges { cursor node { data { origin } } } } }';
const ANSWER = { data: { flights: { edges: [{ cursor: 'c1', node: { data: { origin: 'LAX' } } }] } } };

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

describe('a request with a key', () => {
  test.each([
    ['X-API-Key', { 'x-api-key': KEY }],
    ['Authorization', { authorization: `Bearer ${KEY}` }],
    ['Authorization in another case', { authorization: `bearer ${KEY}` }],
  ])('in %s is answered by POST and by GET', async (_where, headers: Record<string, string>) => {
    await using door = await TestDoor.open();
    const sent = { 'x-api-key': '', ...headers };
    expect(await (await door.post({ query: PAGE }, sent)).json()).toEqual(ANSWER);
    const get = await fetch(`${door.url}?query=${encodeURIComponent(PAGE)}`, { headers: sent });
    expect(await get.json()).toEqual(ANSWER);
    expect(door.way.sessions.size).toBe(0);
  });

  test.each([
    ['an unknown field', { query: '{ nonsense }' }, 'NOT_FOUND', /nonsense/],
    ['a wrong type', { query: '{ products { name { x } } }' }, 'BAD_REQUEST', /name/],
    ['no GraphQL', { query: '{' }, 'BAD_REQUEST', /Syntax Error/],
    [
      'a variable of the wrong type',
      {
        query: 'query($n: Int!) { flights(first: $n, from: {earliest: true}) { edges { cursor } } }',
        variables: { n: 'x' },
      },
      'BAD_REQUEST',
      /\$n/,
    ],
    [
      'variables nested beyond reason',
      { query: '{ products { name } }', variables: JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`) },
      'OPERATION_TOO_COSTLY',
      /nested/,
    ],
    [
      'an invalid filter',
      { query: '{ flights(from: {earliest: true}, topic: "a//b") { edges { cursor } } }' },
      'BAD_FILTER',
      /a\/\/b/,
    ],
    [
      'a depth bomb',
      { query: `{ ${'products { '.repeat(40)}name${' }'.repeat(40)} }` },
      'OPERATION_TOO_COSTLY',
      /depth/,
    ],
  ])('for %s is refused with a catalogue error that names the place', async (_what, body, code, place) => {
    await using door = await TestDoor.open();
    const { errors } = (await (await door.post(body)).json()) as { errors: { message: string; extensions: object }[] };
    expect(errors[0]?.extensions).toMatchObject({ code, retry: 'changed' });
    expect(errors[0]?.message).toMatch(place);
    expect(errors[0]?.extensions).not.toHaveProperty('http');
  });

  test('is 400 where it is invalid and the client takes graphql-response+json', async () => {
    await using door = await TestDoor.open();
    const accept = { accept: 'application/graphql-response+json' };
    expect((await door.post({ query: '{ nonsense }' }, accept)).status).toBe(400);
    expect((await door.post({ query: '{' }, accept)).status).toBe(400);
    const query = 'query($n: Int!) { flights(first: $n, from: {earliest: true}) { edges { cursor } } }';
    expect((await door.post({ query, variables: { n: 'x' } }, accept)).status).toBe(400);
  });

  test('that fails on our side shows nothing of the inside, and the log has it', async () => {
    await using door = await TestDoor.open();
    const response = await door.post({
      query: '{ flights(from: {earliest: true}, topic: "boom") { edges { cursor } } }',
    });
    const body = await response.text();
    expect(JSON.parse(body)).toMatchObject({
      data: null,
      errors: [{ path: ['flights'], extensions: { code: 'INTERNAL' } }],
    });
    expect(body).not.toMatch(/kafka-1|node_modules|\.ts:/);
    expect(door.observe.errors).toEqual([expect.stringContaining('kafka-1:9092 said no')]);
  });

  test('for a subscription without an event stream is refused with the way to ask for it', async () => {
    await using door = await TestDoor.open();
    const response = await door.post({ query: LIVE });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.stringContaining('text/event-stream'), extensions: { code: 'BAD_REQUEST' } }],
    });
    expect(door.way.opened).toBe(0);
  });

  test('runs no mutation by GET', async () => {
    await using door = await TestDoor.open();
    const query = encodeURIComponent('mutation { publishFlight(input: {origin: "LAX"}) { cursor } }');
    const response = await fetch(`${door.url}?query=${query}`, { headers: { 'x-api-key': KEY } });
    expect(response.status).toBe(405);
  });

  test('is refused with 413 when its body is too long, whether it says so or not', async () => {
    await using door = await TestDoor.open({ limits: { maxFrameBytes: 10_000 } });
    const response = await door.post({ query: `{ products { name } } #${'x'.repeat(20_000)}` });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.stringContaining('10000'), extensions: { code: 'BAD_REQUEST' } }],
    });
    const endless = httpRequest(door.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': KEY },
    });
    endless.on('error', () => {});
    const filling = setInterval(() => endless.write('x'.repeat(1_000)), 1);
    const [answer] = await once(endless, 'response');
    clearInterval(filling);
    endless.destroy();
    expect(answer.statusCode).toBe(413);
    await door.way.until((way) => way.sessions.size === 0);
  });

  test('is refused when its body is compressed', async () => {
    await using door = await TestDoor.open();
    expect((await door.post('{}', { 'content-encoding': 'gzip' })).status).toBe(400);
  });

  test('by another method is 405', async () => {
    await using door = await TestDoor.open();
    const response = await fetch(door.url, { method: 'DELETE', headers: { 'x-api-key': KEY } });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST']);
  });
});

describe('without a valid key', () => {
  test.each([
    ['data', PAGE],
    ['introspection', '{ __schema { queryType { name } } }'],
    ['an invalid operation', '{ nonsense }'],
  ])('%s is 401 with a catalogue error', async (_what, query) => {
    await using door = await TestDoor.open();
    for (const key of ['', 'nonsense']) {
      const response = await door.post({ query }, { 'x-api-key': key });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      const body = await response.json();
      expect(body).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED', retry: 'changed' } }] });
      expect(body).not.toHaveProperty('data');
    }
  });

  test('the answer has the media type that was asked for', async () => {
    await using door = await TestDoor.open();
    const typeOf = async (accept: string) =>
      (await door.post({ query: PAGE }, { 'x-api-key': '', accept })).headers.get('content-type');
    expect(await typeOf('application/graphql-response+json')).toMatch(/^application\/graphql-response\+json/);
    expect(await typeOf('application/json')).toMatch(/^application\/json/);
  });

  test('a key in the URL counts for nothing but event streams', async () => {
    await using door = await TestDoor.open();
    expect((await fetch(`${door.url}?access_token=${KEY}&query=${encodeURIComponent(PAGE)}`)).status).toBe(401);
  });

  test('a later attempt is asked for where the catalogue says so', async () => {
    await using door = await TestDoor.open();
    door.way.refusal = new SluiceError('RATE_LIMITED', undefined, { details: { retryAfterMs: 2_500 } });
    const response = await door.post({ query: PAGE });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
  });
});

describe('GraphiQL', () => {
  const html = { accept: 'text/html,*/*' };

  test('is shown to people without a key, asks nothing of other hosts, and may not be framed', async () => {
    await using door = await TestDoor.open({ graphiql: { defaultQuery: LIVE } });
    const response = await fetch(door.url, { headers: html });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    const page = await response.text();
    expect(page).toContain(LIVE);
    expect(page).not.toMatch(/<(script|link|img)[^>]*(src|href)="https?:/);
    expect(page).not.toContain(KEY);
    expect(door.way.sessions.size).toBe(0);
  });

  test('holds the key of the demo for this machine alone, asked by a name of this machine', async () => {
    await using door = await TestDoor.open({ graphiql: { key: KEY } });
    expect(await (await fetch(door.url, { headers: html })).text()).toContain(KEY);
    const foreign = httpRequest(door.url, { headers: { ...html, host: 'attacker.example' } });
    foreign.end();
    const [answer] = await once(foreign, 'response');
    let page = '';
    for await (const part of answer) page += part;
    expect(page).toContain('YogaGraphiQL');
    expect(page).not.toContain(KEY);
  });
});

describe('the HTTP server', () => {
  test('says whether it lives and whether it is ready', async () => {
    let isReady = false;
    await using door = await TestDoor.open({ isReady: () => isReady });
    const at = (path: string, method = 'GET') => fetch(new URL(path, door.url), { method });
    expect([(await at('/healthz')).status, await (await at('/healthz')).json()]).toEqual([200, { status: 'alive' }]);
    expect([(await at('/readyz')).status, await (await at('/readyz')).json()]).toEqual([503, { status: 'starting' }]);
    isReady = true;
    expect([(await at('/readyz')).status, await (await at('/readyz')).json()]).toEqual([200, { status: 'ready' }]);
    expect([(await at('/readyz', 'HEAD')).status, await (await at('/readyz', 'HEAD')).text()]).toEqual([200, '']);
    expect((await at('/readyz', 'POST')).status).toBe(405);
  });

  test('answers an unknown path with 404 and the headers that keep browsers careful, and allows no other origin', async () => {
    await using door = await TestDoor.open();
    const response = await fetch(new URL('/nowhere', door.url), { headers: { origin: 'https://elsewhere.example' } });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(
      (await door.post({ query: PAGE }, { origin: 'https://elsewhere.example' })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBeNull();
  });

  test('passes over the offer of another protocol', async () => {
    await using door = await TestDoor.open();
    const request = httpRequest(new URL('/healthz', door.url), {
      headers: { connection: 'upgrade, http2-settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' },
    });
    request.end();
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  test.each([
    ['no HTTP', 'nonsense\r\n\r\n', 400],
    ['headers too large', `GET / HTTP/1.1\r\nHost: x\r\nX-Filler: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s and closes', async (_what, bytes, status) => {
    await using door = await TestDoor.open();
    const socket = connect(door.port, '127.0.0.1');
    socket.write(bytes);
    let answer = '';
    for await (const part of socket) answer += part;
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('drains: health says so, what is new is 503 with Retry-After, what runs is answered', async () => {
    await using door = await TestDoor.open();
    const stream = await fetch(door.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', 'x-api-key': KEY },
      body: JSON.stringify({ query: LIVE }),
    });
    const placed = await door.way.next();
    const kept = httpRequest(door.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': KEY },
    });
    kept.write('{"query":');
    await door.way.until((way) => way.sessions.size === 2);
    const stop = Promise.withResolvers<void>();
    placed.subscription.end = () => stop.resolve();
    const drained = door.server.drain();
    await stop.promise;
    expect((await fetch(new URL('/readyz', door.url))).status).toBe(503);
    expect((await fetch(new URL('/healthz', door.url))).status).toBe(200);
    const refused = await door.post({ query: PAGE });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'DRAINING', retry: 'now' } }] });
    kept.end(`${JSON.stringify(PAGE)}}`);
    const [answer] = await once(kept, 'response');
    expect(answer.statusCode).toBe(200);
    answer.resume();
    placed.outlet.ended(new SluiceError('DRAINING', undefined, { details: { cursor: 'c7' } }));
    expect(await stream.text()).toContain('"cursor":"c7"');
    await drained;
    await expect(fetch(door.url)).rejects.toThrow();
  });
});
