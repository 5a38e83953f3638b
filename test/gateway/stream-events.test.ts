/** A product's past and its publishing, as `curl` would have them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from './node.ts';
import { type Message, SocketStream } from './stream-client.ts';
import { range, StreamSite, seqs, sorted, TYPE, thing, things } from './stream-site.ts';

const MAX_BODY = 131_072;
const NDJSON = 'application/x-ndjson';
const BATCH = 'application/cloudevents-batch+json';
const STRUCTURED = 'application/cloudevents+json';
const readOnly = { ...things, name: 'reads', topic: 'reads', type: 'ReadEvent', template: 'reads/{region}' };

let site: StreamSite;
let gateway: GatewayProcess;
let key: string;

const url = (query = '', product = 'things'): string => `${gateway.url}/v1/streams/${product}/events${query}`;

beforeAll(async () => {
  site = await StreamSite.open(`limits: {maxFrameBytes: ${MAX_BODY}}`, [
    { ...readOnly, operations: '[{kind: subscribe}, {kind: query}]' },
  ]);
  await site.write(range(0, 250).map((seq) => thing(seq)));
  gateway = await site.start();
  key = (await site.site.partner(['things', 'reads'])).key;
});

afterAll(async () => {
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await gateway[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

interface Page {
  readonly events: readonly Message[];
  readonly cursor: string;
  readonly more: string | null;
  readonly next: string | null;
  readonly type: string | null;
}

async function page(at: string, accept = NDJSON): Promise<Page> {
  const response = await fetch(at, { headers: { 'x-api-key': key, accept } });
  const text = await response.text();
  expect([response.status, text.slice(0, 200)]).toEqual([200, expect.anything()]);
  const lines = text.split('\n').filter((line) => line !== '');
  return {
    events: accept === BATCH ? JSON.parse(text) : lines.map((line) => JSON.parse(line)),
    cursor: response.headers.get('sluice-cursor') as string,
    more: response.headers.get('sluice-more'),
    next: /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1] ?? null,
    type: response.headers.get('content-type'),
  };
}

describe('the past of a product', () => {
  test('is told oldest first, page by page, by the link or by the cursor, each event once', async () => {
    const seen: number[] = [];
    let times: string[] = [];
    for (let at: string | null = url('?since=earliest&limit=40&where={"seq":{"lt":250}}'); at !== null; ) {
      const { events, more, next, cursor } = await page(at);
      seen.push(...seqs(events));
      times = [...times, ...events.map((event) => (event as never as { time: string }).time)];
      expect(more).toBe(String(next !== null));
      if (next !== null) expect(new URL(next, gateway.url).searchParams.get('after')).toBe(cursor);
      at = next === null ? null : `${gateway.url}${next}`;
    }
    expect(seen).toEqual(range(0, 250));
    expect(times).toEqual([...times].sort());
  });

  test('has the very events that the stream has', async () => {
    await using stream = await SocketStream.open(`${gateway.url}/v1/streams/things?since=earliest`, {
      'x-api-key': key,
    });
    const live = await stream.take(250);
    const { events } = await page(url('?since=earliest&limit=250'));
    const less = ({ cursor: _cursor, ...event }: Message): unknown => event;
    const byId = (one: Message, other: Message): number => (one.id < other.id ? -1 : 1);
    expect([...events].sort(byId).map(less)).toEqual([...live].sort(byId).map(less));
  });

  test('is lines of JSON, or a batch of CloudEvents where that is asked for', async () => {
    const lines = await page(url('?last=3'));
    const batch = await page(url('?last=3'), BATCH);
    expect([lines.type, batch.type]).toEqual([NDJSON, BATCH]);
    expect(batch.events).toEqual(lines.events);
    expect((await page(url('?last=3'), `${NDJSON};q=0.1, ${BATCH}`.replace(NDJSON, 'text/plain'))).type).toBe(BATCH);
  });

  test('is filtered and cut down like a stream, by 100 events where nothing is said', async () => {
    expect((await page(url('?since=earliest'))).events).toHaveLength(100);
    const { events } = await page(url('?since=PT1H&topic=things/eu&fields=seq&limit=5'));
    expect(events.map(({ data }) => data)).toEqual([0, 3, 6, 9, 12].map((seq) => ({ seq })));
  });

  test('ends a page that grows too large before its limit, and nothing is lost', async () => {
    const note = 'x'.repeat(900_000);
    await site.write(
      range(0, 10).map((seq) => thing(seq, note)),
      readOnly.topic,
    );
    const seen: number[] = [];
    let pages = 0;
    for (let at: string | null = url('?since=earliest', 'reads'); at !== null; pages++) {
      const { events, next } = await page(at);
      expect(events.length).toBeLessThanOrEqual(4);
      seen.push(...seqs(events));
      at = next === null ? null : `${gateway.url}${next}`;
    }
    expect(seen).toEqual(range(0, 10));
    expect(pages).toBe(3);
  });

  test('ends, and its cursor opens a stream exactly after it, also from a page without events', async () => {
    const end = await page(url('?since=earliest&limit=1000&where={"seq":{"lt":0}}'));
    expect(end).toMatchObject({ events: [], more: 'false', next: null });
    const at = `${gateway.url}/v1/streams/things?after=${end.cursor}`;
    await using stream = await SocketStream.open(at, { 'x-api-key': key });
    expect(await stream.ready()).toBe(end.cursor);
    await site.write([thing(5_000)]);
    expect(seqs(await stream.take(1))).toEqual([5_000]);
  });
});

const event = (data: unknown, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  specversion: '1.0',
  id: `mine-${JSON.stringify(data).length}`,
  source: '/tests',
  type: TYPE,
  data,
  ...more,
});

interface Answer {
  readonly status: number;
  readonly body: {
    readonly events?: readonly Record<string, unknown>[];
    readonly error?: { readonly code: string; readonly message: string; readonly violations?: readonly unknown[] };
  };
}

async function publish(
  body: unknown,
  type = BATCH,
  more: { readonly query?: string; readonly headers?: Record<string, string>; readonly product?: string } = {},
): Promise<Answer> {
  const response = await fetch(url(more.query, more.product), {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': type, ...more.headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as never) : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** Where the log ends: a receipt of nothing. */
const count = async (): Promise<number> => (await page(url('?since=earliest&limit=1000'))).events.length;

describe('publishing', () => {
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  test.each([
    ['structured', () => publish(event(thing(6_000)), STRUCTURED)],
    ['structured, with a charset', () => publish(event(thing(6_000)), `${STRUCTURED}; charset=UTF-8`)],
    ['a batch', () => publish([event(thing(6_000))])],
    [
      'binary',
      () => {
        const headers = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/t%C3%A9sts', 'ce-type': TYPE };
        return publish(thing(6_000), 'application/json', { headers });
      },
    ],
  ])('takes an event that is %s', async (_, send) => {
    await using stream = await SocketStream.open(`${gateway.url}/v1/streams/things`, { 'x-api-key': key });
    await stream.ready();
    const { status, body } = await send();
    expect([status, body]).toEqual([
      201,
      { events: [{ cursor: expect.any(String), time: expect.stringMatching(/Z$/) }] },
    ]);
    const [received] = await stream.take(1);
    expect(received).toMatchObject({
      type: TYPE,
      partitionkey: thing(6_000).id,
      data: { ...thing(6_000), note: null },
    });
  });

  test('keeps the trace of the event, or of the request', async () => {
    await using stream = await SocketStream.open(`${gateway.url}/v1/streams/things`, { 'x-api-key': key });
    await stream.ready();
    await publish(event(thing(6_100), { traceparent: trace }), STRUCTURED);
    await publish(event(thing(6_101)), STRUCTURED, { headers: { traceparent: trace } });
    await publish(event(thing(6_102), { traceparent: 'nonsense' }), STRUCTURED);
    const traces = (await stream.take(3)).map((one) => (one as never as { traceparent?: string }).traceparent);
    expect(traces).toEqual([trace, trace, undefined]);
  });

  test('answers a batch with a receipt for each, whose cursor goes on right after it', async () => {
    const { status, body } = await publish(range(7_000, 7_020).map((seq) => event(thing(seq))));
    expect(status).toBe(201);
    expect(body.events).toHaveLength(20);
    const rest = await page(url(`?after=${body.events?.[14]?.['cursor']}`));
    expect(sorted(seqs(rest.events))).toEqual(range(7_015, 7_020));
    expect((await page(url(`?after=${body.events?.at(-1)?.['cursor']}`))).events).toEqual([]);
    expect(await publish([])).toEqual({ status: 201, body: { events: [] } });
  });

  const broken = [
    event(thing(8_000)),
    event({ id: 7, seq: 'x', extra: 1, region: 'eu' }, { type: 'other' }),
    event(thing(8_001), { specversion: '0.3', id: '' }),
    null,
    event(null),
  ];
  const pointers = ['/type', '/data/id', '/data/seq', '/data/extra'];

  test('of a batch is all or nothing, and tells every violation by its pointer', async () => {
    const before = await count();
    const { status, body } = await publish(broken);
    expect([status, body.error?.code]).toEqual([422, 'PAYLOAD_INVALID']);
    expect(body.error?.message).toBe(`events[1].type: expected "${TYPE}"`);
    expect(body.error?.violations).toEqual([
      ...pointers.map((pointer) => expect.objectContaining({ event: 1, pointer, message: expect.any(String) })),
      expect.objectContaining({ event: 2, pointer: '/specversion' }),
      expect.objectContaining({ event: 2, pointer: '/id' }),
      expect.objectContaining({ event: 3, pointer: '', path: 'events[3]' }),
      expect.objectContaining({ event: 4, pointer: '/data', path: 'events[4].data' }),
    ]);
    expect(await count()).toBe(before);
  });

  test('gives each event a result of its own where that is asked for', async () => {
    const before = await count();
    const { status, body } = await publish(broken, BATCH, { query: '?partial=true' });
    expect(status).toBe(207);
    expect(body.events?.map((result) => result['status'])).toEqual([201, 422, 422, 422, 422]);
    expect(body.events?.[0]).toEqual({ status: 201, cursor: expect.any(String), time: expect.any(String) });
    expect(body.events?.[1]).toMatchObject({
      error: { code: 'PAYLOAD_INVALID', violations: pointers.map((pointer) => ({ event: 1, pointer })) },
    });
    expect(await count()).toBe(before + 1);
  });

  test('tells a hundred violations at most', async () => {
    const many = range(0, 300).map((seq) => event({ ...thing(seq), region: 7 }));
    expect((await publish(many)).body.error?.violations).toHaveLength(100);
    const wide = Object.fromEntries(range(0, 300).map((index) => [`field${index}`, 1]));
    expect((await publish([event({ ...thing(1), ...wide })])).body.error?.violations).toHaveLength(100);
  });

  test.each([
    ['is no JSON', '{', STRUCTURED, 400],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), STRUCTURED, 400],
    ['is a batch that is no list', {}, BATCH, 400],
    ['is longer than a body may be', `"${'x'.repeat(MAX_BODY)}"`, STRUCTURED, 413],
    ['has more events than a batch may have', range(0, 501).map((seq) => ({ seq })), BATCH, 413],
    ['is plain JSON without attributes', thing(1), 'application/json', 415],
    ['is a form', 'id=1', 'application/x-www-form-urlencoded', 415],
    ['is in another charset', event(thing(1)), `${STRUCTURED}; charset=latin1`, 415],
    ['is of another format', event(thing(1)), 'application/cloudevents+avro', 415],
  ])('refuses a body that %s', async (_, body, type, status) => {
    const before = await count();
    expect(await publish(body, type)).toMatchObject({ status, body: { error: { code: 'BAD_REQUEST' } } });
    expect(await count()).toBe(before);
  });

  test('refuses data that are no JSON, and a parameter that it does not know', async () => {
    for (const more of [{ datacontenttype: 'text/plain' }, { data_base64: 'AAAA' }])
      expect(await publish(event(thing(1), more), STRUCTURED)).toMatchObject({ status: 422 });
    for (const query of ['?partial=yes', '?limit=1', '?partial=true&partial=true'])
      expect(await publish([], BATCH, { query })).toMatchObject({
        status: 400,
        body: { error: { code: 'BAD_REQUEST' } },
      });
    const compressed = await publish('x', STRUCTURED, { headers: { 'content-encoding': 'gzip' } });
    expect(compressed.status).toBe(400);
  });

  test('is FORBIDDEN where the product is read only', async () => {
    const answer = await publish([event(thing(1))], BATCH, { product: 'reads' });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
  });
});
