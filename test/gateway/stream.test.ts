/** Streams as partners have them: a gateway, real sockets, and what is written to the log. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../bed/index.ts';
import { Metrics } from './metrics.ts';
import { contractText, type GatewayProcess } from './node.ts';
import { SocketStream, SseStream, transports } from './stream-client.ts';
import { range, StreamSite, seqs, sorted, TYPE, thing, things } from './stream-site.ts';

const olds = { ...things, name: 'olds', topic: 'olds', type: 'OldEvent', template: 'olds/{region}' };

let site: StreamSite;
let gateway: GatewayProcess;
let metrics: Metrics;
let key: string;

const url = (query = ''): string => `${gateway.url}/v1/streams/things${query}`;
/** The thirty that were there before every test. */
const FIRST = `where=${encodeURIComponent('{"seq": {"lt": 30}}')}`;
let written = 10_000;

beforeAll(async () => {
  site = await StreamSite.open('limits: {connectionInitTimeout: PT1S}', [olds]);
  const deprecated = '  - {property: deprecation, value: {noticePeriod: P90D, successor: things}}';
  const text = contractText({ ...olds, rootProperties: deprecated }).replace(
    'status: active',
    'status: deprecated\nslaProperties: [{property: endOfLife, value: "2028-12-01"}]',
  );
  site.site.putContract('olds', text);
  await site.write(range(0, 30).map((seq) => thing(seq)));
  const metricsPort = await freePort();
  metrics = new Metrics(metricsPort);
  gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(metricsPort) } });
  key = (await site.site.partner(['things', 'olds'])).key;
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

test('every answer of a deprecated product says so in its headers, over HTTP', async () => {
  const answer = async (path: string, init: RequestInit = {}) => {
    const abort = new AbortController();
    const { status, headers } = await fetch(`${gateway.url}/v1/streams/${path}`, {
      ...init,
      headers: { 'x-api-key': key, ...init.headers },
      signal: abort.signal,
    });
    abort.abort();
    return {
      status,
      deprecation: headers.get('deprecation'),
      sunset: headers.get('sunset'),
      link: headers.get('link'),
    };
  };
  await site.write([thing(1), thing(2)], olds.topic);
  const link =
    '</asyncapi/olds/html>; rel="deprecation"; type="text/html", </asyncapi/things.json>; rel="successor-version"';
  const going = { deprecation: '@0', sunset: 'Fri, 01 Dec 2028 00:00:00 GMT', link };
  expect(await answer('olds', { headers: { accept: 'text/event-stream' } })).toEqual({ status: 200, ...going });
  expect(await answer('olds/events?since=earliest&limit=500')).toEqual({ status: 200, ...going });
  const event = { specversion: '1.0', id: '1', source: '/me', type: 'olds.OldEvent.v1', data: {} };
  const published = await answer('olds/events', {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify(event),
  });
  expect(published).toEqual({ status: 422, ...going });
  const page = await answer('olds/events?since=earliest&limit=1');
  expect(page.link).toMatch(/^<\/asyncapi\/olds\/html>.*, <\/v1\/streams\/olds\/events\?.*>; rel="next"$/);
  expect(await answer('things/events?since=earliest')).toMatchObject({ deprecation: null, sunset: null });
  expect(await answer('nothing/events')).toMatchObject({ status: 404, deprecation: null, link: null });
});

describe.each(Object.entries(transports))('a stream over %s', (_name, open) => {
  test('says that it is ready first, and delivers what is written after that', async () => {
    await using stream = await open(url('?heartbeat=PT5S'), key);
    const cursor = await stream.ready();
    expect(stream.messages[0]).toMatchObject({
      specversion: '1.0',
      source: '/v1/streams/things',
      type: 'sluice.ready',
      cursor,
      data: { heartbeat: 'PT5S' },
    });
    await site.write([thing(1_000)]);
    const [event] = await stream.take(1);
    expect(event).toMatchObject({
      type: TYPE,
      source: expect.stringMatching(/^\/v1\/streams\/things\/partitions\/\d$/),
      subject: `things/${thing(1_000).region}`,
      partitionkey: thing(1_000).id,
      datacontenttype: 'application/json',
      data: { ...thing(1_000), note: null },
    });
    const { id, sequence, source } = event as never as Record<string, string>;
    expect(sequence).toMatch(/^\d{19}$/);
    expect(id).toMatch(new RegExp(`-${source?.at(-1)}-${Number(sequence)}$`));
  });

  test('begins at the earliest, at a time, a duration ago, or so many events back', async () => {
    await using all = await open(url(`?since=earliest&${FIRST}`), key);
    expect(sorted(seqs(await all.take(30)))).toEqual(range(0, 30));
    await using hour = await open(url(`?since=PT1H&${FIRST}`), key);
    expect(sorted(seqs(await hour.take(30)))).toEqual(range(0, 30));
    await using time = await open(url(`?since=${new Date(Date.now() - 3_600_000).toISOString()}&${FIRST}`), key);
    expect(sorted(seqs(await time.take(30)))).toEqual(range(0, 30));
    await using last = await open(url(`?last=2&${FIRST}`), key);
    await last.take(2);
    expect(Math.max(...seqs(last.events))).toBe(29);
  });

  test('resumes right after the event whose cursor is given', async () => {
    await using first = await open(url(`?since=earliest&${FIRST}`), key);
    const [, , third] = await first.take(30);
    const seen = new Set(seqs(first.events.slice(0, 3)));
    await using second = await open(url(`?after=${third?.cursor}&${FIRST}`), key);
    const rest = await second.take(27);
    expect(sorted(seqs(rest))).toEqual(range(0, 30).filter((seq) => !seen.has(seq)));
  });

  test('delivers what topic and where match, and shows the fields that are named', async () => {
    const where = encodeURIComponent('{"seq": {"gte": 15, "lt": 30}}');
    await using stream = await open(url(`?since=earliest&topic=things/e*&where=${where}&fields=seq,region`), key);
    const wanted = range(15, 30).filter((seq) => thing(seq).region === 'eu');
    const events = await stream.take(wanted.length);
    expect(sorted(seqs(events))).toEqual(wanted);
    for (const { data } of events) expect(Object.keys(data ?? {})).toEqual(['seq', 'region']);
  });

  test('tells where a resume would begin when nothing was sent for a heartbeat, and that cursor holds', async () => {
    await using stream = await open(url('?heartbeat=1&topic=things/nowhere'), key);
    const ready = await stream.ready();
    await site.write([thing(2_000)]);
    const [first, second] = await stream.until(() => {
      const told = stream.messages.filter(({ type }) => type === 'sluice.progress');
      return told.length >= 2 ? told : undefined;
    });
    expect(first).toMatchObject({ source: '/v1/streams/things', data: null });
    expect(second?.cursor).not.toBe(ready);
    await using resumed = await open(url(`?after=${second?.cursor}`), key);
    await resumed.ready();
    await site.write([thing(2_001)]);
    expect(seqs(await resumed.take(1))).toEqual([2_001]);
  });

  test('of a product that is deprecated tells so once, before the first event, in a message without a cursor', async () => {
    await site.write(
      range(0, 5).map((seq) => thing(seq)),
      olds.topic,
    );
    await using stream = await open(`${gateway.url}/v1/streams/olds?since=earliest`, key);
    await stream.take(5);
    const notices = stream.messages.filter(({ type }) => type === 'sluice.notice');
    expect(notices).toMatchObject([{ source: '/v1/streams/olds', data: { code: 'DEPRECATED', successor: 'things' } }]);
    expect(notices[0]).not.toHaveProperty('cursor');
    expect(stream.messages[0]?.type).toBe('sluice.ready');
    expect(stream.messages[1]).toBe(notices[0]);
  });

  test('ends with the grant, with an error that says where to resume', async () => {
    const { key: own, grants } = await site.site.partner(['things']);
    await using stream = await open(url(`?since=earliest&${FIRST}`), own);
    await stream.take(30);
    await site.site.command('grant', 'revoke', '--grant', grants[0] as string);
    const error = await stream.of('sluice.error');
    expect(error.data).toMatchObject({ code: 'GRANT_ENDED', retry: 'changed' });
    const { code } = await stream.closed;
    if (stream instanceof SocketStream) expect(code).toBe(4401);
    expect(stream.messages.at(-1)).toBe(error);
    await using resumed = await open(url(`?after=${error.cursor}`), key);
    await resumed.ready();
    await site.write([thing(2_500)]);
    await resumed.until(() => seqs(resumed.events).includes(2_500) || undefined);
  });

  test('ends with the key', async () => {
    const { key: own, keyId } = await site.site.partner(['things']);
    await using stream = await open(url(), own);
    await stream.ready();
    await site.site.command('key', 'revoke', '--key', keyId);
    expect((await stream.of('sluice.error')).data).toMatchObject({ code: 'UNAUTHENTICATED' });
    await stream.closed;
  });

  test('cut in the middle of 5,000 events, again and again, loses and doubles nothing', async () => {
    const from = written;
    written += 5_000;
    const writing = (async () => {
      for (let at = from; at < from + 5_000; at += 250) await site.write(range(at, at + 250).map((seq) => thing(seq)));
    })();
    const got: number[] = [];
    let cursor: string | null = null;
    const where = encodeURIComponent(`{"seq": {"gte": ${from}, "lt": ${from + 5_000}}}`);
    for (let cuts = 1; got.length < 5_000; cuts++) {
      const begin: string = cursor === null ? 'since=earliest' : `after=${cursor}`;
      await using stream = await open(url(`?${begin}&where=${where}`), key);
      await stream.take(Math.min(cuts * 400, 5_000 - got.length));
      stream.cut();
      await stream.closed;
      got.push(...seqs(stream.events));
      cursor = stream.events.at(-1)?.cursor as string;
    }
    await writing;
    expect(got).toHaveLength(5_000);
    expect(sorted(got)).toEqual(range(from, from + 5_000));
  });
});

describe('an SSE stream', () => {
  test('names control events by their type and gives events no name; the id is the cursor wherever there is one', async () => {
    await using stream = await SseStream.open(`${gateway.url}/v1/streams/olds?since=earliest`, {
      'x-api-key': key,
    });
    await stream.take(5);
    await stream.of('sluice.notice');
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    });
    stream.messages.forEach(({ type, cursor }, index) => {
      const event = type.startsWith('sluice.') ? type : null;
      expect(stream.blocks[index]).toEqual({ event, id: cursor ?? null });
    });
  });

  test.each(['', 'since=earliest', 'last=3', 'after=nonsense'])(
    'goes on after Last-Event-ID, whatever its URL says: %s',
    async (query) => {
      await using first = await SseStream.open(url(`?since=earliest&${FIRST}`), { 'x-api-key': key });
      const [one] = await first.take(1);
      const headers = { 'x-api-key': key, 'last-event-id': one?.cursor as string };
      await using second = await SseStream.open(url(`?${query}&${FIRST}`), headers);
      const events = await second.take(29);
      expect(seqs(events)).not.toContain(one?.data?.['seq']);
    },
  );

  test.each([
    ['text/event-stream', 200],
    ['*/*', 200],
    ['text/*;q=0.5, application/json', 200],
    ['', 200],
    ['application/json', 406],
    ['text/event-stream;q=0', 406],
  ])('is what Accept "%s" is answered with, or not: %i', async (accept, status) => {
    const aborter = new AbortController();
    const response = await fetch(url(), { headers: { 'x-api-key': key, accept }, signal: aborter.signal });
    expect(response.status).toBe(status);
    if (status === 406) expect(await response.json()).toMatchObject({ error: { code: 'BAD_REQUEST' } });
    aborter.abort();
  });
});

test('connections are counted by their door', async () => {
  await using socket = await SocketStream.open(url(), { 'x-api-key': key });
  await using events = await SseStream.open(url(), { 'x-api-key': key });
  await Promise.all([socket.ready(), events.ready()]);
  for (const door of ['stream-ws', 'stream-sse'])
    await metrics.reaches('sluice_connections', { door }, (open) => open !== null && open >= 1);
  expect(await metrics.value('sluice_subscriptions', { product: 'things' })).toBeGreaterThanOrEqual(2);
});
