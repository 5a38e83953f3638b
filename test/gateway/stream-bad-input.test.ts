/** What partners and others send to the stream door that is wrong: catalogue errors by their place, and everybody else goes on. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frame, opcodes, RawSocket, text } from '../doors/raw.ts';
import type { GatewayProcess } from './node.ts';
import { SocketStream, SseStream } from './stream-client.ts';
import { range, StreamSite, thing, things } from './stream-site.ts';

const MAX_FRAME = 65_536;
const secrets = { ...things, name: 'secrets', topic: 'secrets', type: 'SecretEvent', template: 'secrets/{region}' };

let site: StreamSite;
let gateway: GatewayProcess;
let key: string;
/** Somebody whose stream nothing of this may disturb. */
let neighbour: SseStream;

const url = (query = '', product = 'things'): string => `${gateway.url}/v1/streams/${product}${query}`;

beforeAll(async () => {
  site = await StreamSite.open(`limits: {connectionInitTimeout: PT1S, maxFrameBytes: ${MAX_FRAME}}`, [secrets]);
  await site.write(range(0, 10).map((seq) => thing(seq)));
  gateway = await site.start();
  key = (await site.site.partner(['things'])).key;
  neighbour = await SseStream.open(url('?since=earliest'), { 'x-api-key': key });
  await neighbour.take(10);
});

afterAll(async () => {
  await site.write([thing(99)]);
  await neighbour.until(() => neighbour.events.find(({ data }) => data?.['seq'] === 99));
  await neighbour[Symbol.asyncDispose]();
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await gateway[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

interface Refusal {
  readonly status: number;
  readonly error: { readonly code: string; readonly message: string; readonly path?: string };
}

async function ask(at: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Refusal> {
  const response = await fetch(at, { method, headers: { 'x-api-key': key, ...headers } });
  return { status: response.status, ...((await response.json()) as Omit<Refusal, 'status'>) };
}

/** The error with which a WebSocket is refused, which is upgraded all the same. */
async function refusedSocket(
  at: string,
  headers: Readonly<Record<string, string>> = { 'x-api-key': key },
): Promise<{ code: number; data: unknown }> {
  const stream = await SocketStream.open(at, headers);
  const { code } = await stream.closed;
  expect(stream.messages.map(({ type }) => type)).toEqual(['sluice.error']);
  return { code, data: stream.messages[0]?.data };
}

describe('a parameter that is wrong', () => {
  test.each([
    ['nonsense=1', 'BAD_REQUEST', 'nonsense'],
    ['limit=5', 'BAD_REQUEST', 'limit'],
    ['topic=a&topic=b', 'BAD_REQUEST', 'topic'],
    ['topic=', 'BAD_FILTER', 'topic'],
    ['topic=a/>/b', 'BAD_FILTER', 'topic'],
    ['where=seq>3', 'BAD_FILTER', 'where'],
    ['where={"nothing":{"eq":1}}', 'BAD_FILTER', 'where.nothing'],
    ['where={"seq":{"like":1}}', 'BAD_FILTER', 'where.seq.like'],
    ['fields=seq,nothing', 'BAD_REQUEST', 'fields'],
    ['fields=', 'BAD_REQUEST', 'fields'],
    ['after=garbage', 'CURSOR_INVALID', undefined],
    ['after=', 'BAD_REQUEST', 'after'],
    ['since=tomorrow', 'BAD_REQUEST', 'since'],
    ['since=2199-01-01T00:00:00Z', 'BAD_REQUEST', 'since'],
    ['since=P30D', 'REPLAY_LIMIT', 'since'],
    ['since=2001-01-01T00:00:00Z', 'REPLAY_LIMIT', 'since'],
    ['last=0', 'BAD_REQUEST', 'last'],
    ['last=10001', 'BAD_REQUEST', 'last'],
    ['after=x&since=PT1S', 'BAD_REQUEST', 'since'],
    ['since=PT1S&last=2', 'BAD_REQUEST', 'last'],
    ['onLag=panic', 'BAD_REQUEST', 'onLag'],
    ['heartbeat=PT0.5S', 'BAD_REQUEST', 'heartbeat'],
    ['heartbeat=61', 'BAD_REQUEST', 'heartbeat'],
    ['heartbeat=often', 'BAD_REQUEST', 'heartbeat'],
  ])('%s is told alike over both transports, and by its place', async (query, code, path) => {
    const refused = await ask(url(`?${query}`));
    expect(refused).toMatchObject({ status: 400, error: { code, retry: 'changed' } });
    expect(refused.error.path).toBe(path);
    expect(await refusedSocket(url(`?${query}`))).toEqual({ code: 4400, data: refused.error });
  });

  test('of history is told too', async () => {
    for (const [query, path] of [
      ['', 'after'],
      ['?since=PT1H&after=x', 'since'],
      ['?since=PT1H&limit=0', 'limit'],
      ['?since=PT1H&limit=1001', 'limit'],
      ['?since=PT1H&limit=ten', 'limit'],
      ['?since=PT1H&heartbeat=5', 'heartbeat'],
      [`?since=PT1H&access_token=${key}`, 'access_token'],
      ['?since=2199-01-01T00:00:00Z', 'since'],
    ])
      expect(await ask(url(`/events${query}`))).toMatchObject({ status: 400, error: { code: 'BAD_REQUEST', path } });
    expect(await ask(url('/events?last=1'), { accept: 'text/html' })).toMatchObject({ status: 406 });
  });
});

describe('a product that is not granted', () => {
  test.each(['', '/events?last=1'])('is answered at %s exactly as one that does not exist', async (below) => {
    const ungranted = await ask(url(below, 'secrets'));
    const unknown = await ask(url(below, 'nothing'));
    expect(ungranted).toMatchObject({ status: 404, error: { code: 'NOT_FOUND' } });
    expect(JSON.stringify(ungranted)).toBe(JSON.stringify(unknown).replaceAll('nothing', 'secrets'));
  });

  test('over a WebSocket too, and to publish to', async () => {
    const ungranted = await refusedSocket(url('', 'secrets'));
    const unknown = await refusedSocket(url('', 'nothing'));
    expect(ungranted.code).toBe(4404);
    expect(JSON.stringify(ungranted)).toBe(JSON.stringify(unknown).replaceAll('nothing', 'secrets'));
    const event = JSON.stringify({ specversion: '1.0', id: '1', source: '/x', type: 'x', data: {} });
    const publish = async (product: string): Promise<string> => {
      const headers = { 'x-api-key': key, 'content-type': 'application/cloudevents+json' };
      const response = await fetch(url('/events', product), { method: 'POST', headers, body: event });
      return `${response.status} ${await response.text()}`;
    };
    expect(await publish('secrets')).toBe((await publish('nothing')).replaceAll('nothing', 'secrets'));
    expect(await publish('secrets')).toContain('404');
  });
});

describe('a secret', () => {
  const token = (): string => Buffer.from(key).toString('base64url');

  test.each([
    ['the Authorization header', () => SocketStream.open(url(), { authorization: `Bearer ${key}` })],
    ['the X-API-Key header', () => SocketStream.open(url(), { 'x-api-key': key })],
    ['a subprotocol', () => SocketStream.open(url(), {}, ['sluice.v1', `sluice.token.${token()}`])],
    ['the URL', () => SocketStream.open(url(`?access_token=${key}`))],
    ['the first message', () => first({ apiKey: key })],
    ['the first message, as a header has it', () => first({ authorization: `Bearer ${key}` })],
    ['the URL of SSE', () => SseStream.open(url(`?access_token=${key}`))],
    ['a header of SSE', () => SseStream.open(url(), { authorization: `Bearer ${key}` })],
  ])('may stand in %s', async (_, open) => {
    await using stream = await open();
    await stream.ready();
    if (stream instanceof SocketStream && stream.ws.protocol !== '') expect(stream.ws.protocol).toBe('sluice.v1');
  });

  async function first(message: unknown): Promise<SocketStream> {
    const stream = await SocketStream.open(url());
    stream.ws.send(JSON.stringify(message));
    return stream;
  }

  test('that is not known is refused, wherever it stands', async () => {
    expect(await ask(url(), { 'x-api-key': 'slk_nobody' })).toMatchObject({ status: 401 });
    expect(await ask(url('?access_token=slk_nobody'), { 'x-api-key': '' })).toMatchObject({
      status: 401,
      error: { code: 'UNAUTHENTICATED' },
    });
    expect(await ask(url(), { 'x-api-key': '' })).toMatchObject({ status: 401 });
    const told = { code: 4401, data: expect.objectContaining({ code: 'UNAUTHENTICATED' }) };
    expect(await refusedSocket(url(), { 'x-api-key': 'slk_nobody' })).toEqual(told);
    const stream = await first({ apiKey: 'slk_nobody' });
    expect((await stream.closed).code).toBe(4401);
    expect((await stream.of('sluice.error')).data).toMatchObject({ code: 'UNAUTHENTICATED', retry: 'changed' });
  });

  test('that does not come in time closes with 4408', async () => {
    const stream = await SocketStream.open(url());
    expect((await stream.closed).code).toBe(4408);
    expect(stream.messages).toEqual([]);
  });

  test('that comes again later is passed over: that is reserved', async () => {
    await using stream = await SocketStream.open(url(), { 'x-api-key': key });
    await stream.ready();
    stream.ws.send(JSON.stringify({ authorization: 'Bearer something' }));
    await site.write([thing(50)]);
    expect((await stream.take(1))[0]?.data).toMatchObject({ seq: 50 });
  });
});

describe('a message', () => {
  test.each(['hello', '{', '[]', 'null', '7', '{}', '{"type":"connection_init"}', '{"apiKey":"x","more":1}'])(
    'that presents no secret, %s, ends the stream before and after it is ready',
    async (message) => {
      const told = { code: 'BAD_REQUEST', retry: 'changed' };
      const early = await SocketStream.open(url());
      early.ws.send(message);
      expect((await early.closed).code).toBe(4400);
      expect((await early.of('sluice.error')).data).toMatchObject(told);
      const late = await SocketStream.open(url(), { 'x-api-key': key });
      const cursor = await late.ready();
      late.ws.send(message);
      expect((await late.closed).code).toBe(4400);
      expect(await late.of('sluice.error')).toMatchObject({ cursor, data: told });
    },
  );

  test('of bytes closes with 1003, and says why and where', async () => {
    const stream = await SocketStream.open(url(), { 'x-api-key': key });
    const cursor = await stream.ready();
    stream.ws.send(Buffer.from([1, 2, 3]));
    expect((await stream.closed).code).toBe(1003);
    expect(await stream.of('sluice.error')).toMatchObject({ cursor, data: { code: 'BAD_REQUEST' } });
  });

  test('that is too large closes with 1009, and what is no frame with 1002', async () => {
    const stream = await SocketStream.open(url(), { 'x-api-key': key });
    await stream.ready();
    stream.ws.send('x'.repeat(MAX_FRAME + 1));
    expect((await stream.closed).code).toBe(1009);
    const at = { port: gateway.port, isTls: false };
    const path = `/v1/streams/things?access_token=${key}`;
    const unmasked = await RawSocket.open(at, { protocol: null, path });
    unmasked.socket.write(frame(opcodes.text, '{}', { isMasked: false }));
    expect(await unmasked.closed()).toBe(1002);
    const silent = await RawSocket.open(at, { protocol: null, path });
    await silent.message((message) => message['type'] === 'sluice.ready');
    silent.socket.write(text({ apiKey: 'again' }));
    silent.socket.write(frame(opcodes.ping, 'still there?'));
    await silent.until(() => silent.frames.some(({ opcode }) => opcode === opcodes.pong));
    silent.socket.destroy();
  });
});

describe('a request', () => {
  test.each([
    ['POST', '', 'GET'],
    ['PUT', '', 'GET'],
    ['DELETE', '/events', 'GET, POST'],
    ['PATCH', '/events', 'GET, POST'],
    ['OPTIONS', '/events', 'GET, POST'],
  ])('%s %s is 405 and names what is allowed: %s', async (method, below, allowed) => {
    const response = await fetch(url(below), { method, headers: { 'x-api-key': key } });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
    expect(await response.json()).toMatchObject({ error: { code: 'BAD_REQUEST' } });
  });

  test.each([
    '/v1/streams/',
    '/v1/streams/things/',
    '/v1/streams/things/nothing',
    '/v1/streams/things/events/1',
    '/v1/streams//events',
  ])('for %s, where nothing stands, is 404', async (path) => {
    expect(await ask(`${gateway.url}${path}`)).toMatchObject({ status: 404, error: { code: 'NOT_FOUND' } });
  });

  test('for a WebSocket where there is only history is refused in its words', async () => {
    expect(await refusedSocket(url('/events'))).toMatchObject({ code: 4404, data: { code: 'NOT_FOUND' } });
  });

  test('of HTTP/1.0 is refused: its answers have no chunks', async () => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write(`GET /v1/streams/things?access_token=${key} HTTP/1.0\r\n\r\n`);
    let answer = '';
    for await (const part of socket) answer += part;
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });
});

test('more connections than there may be are refused, streams like all others', async () => {
  const full = await StreamSite.open('limits: {maxConnections: 2}');
  const node = await full.start();
  const { key: own } = await full.site.partner(['things']);
  const at = `${node.url}/v1/streams/things`;
  {
    await using one = await SseStream.open(at, { 'x-api-key': own });
    await using two = await SocketStream.open(at, { 'x-api-key': own });
    await Promise.all([one.ready(), two.ready()]);
    const refused = await fetch(at, { headers: { 'x-api-key': own } });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(await refused.json()).toMatchObject({ error: { code: 'CONNECTION_LIMIT', retry: 'later' } });
    const told = await SocketStream.open(at, { 'x-api-key': own });
    expect((await told.closed).code).toBe(4429);
    expect((await told.of('sluice.error')).data).toMatchObject({ code: 'CONNECTION_LIMIT', retryAfterMs: 5_000 });
  }
  await node[Symbol.asyncDispose]();
  await full[Symbol.asyncDispose]();
});
