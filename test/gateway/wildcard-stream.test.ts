/** `/v1/streams`: several products as CloudEvents over WebSocket and SSE, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { subscribe } from './follower.ts';
import type { GatewayProcess } from './node.ts';
import { type Message, SocketStream, SseStream, transports } from './stream-client.ts';
import { busses, trains, WildcardSite } from './wildcard-site.ts';

let site: WildcardSite;
let gateway: GatewayProcess;
let key: string;

beforeAll(async () => {
  site = await WildcardSite.open(undefined, 'limits: {maxSubscriptions: 3}');
  gateway = await (await site.site.start()).ready();
  ({ key } = await site.site.partner(['trains', 'busses', 'quakes']));
  await site.write(trains, 0, 30);
  await site.write(busses, 0, 30);
});

afterAll(async () => {
  await gateway.stop();
  await site[Symbol.asyncDispose]();
});

const bySource = (messages: readonly Message[]): Record<string, number[]> => {
  const seqs: Record<string, number[]> = {};
  for (const { source, data } of messages) {
    const product = source.split('/')[3] as string;
    seqs[product] = [...(seqs[product] ?? []), data?.['seq'] as number];
  }
  return Object.fromEntries(Object.entries(seqs).map(([name, all]) => [name, all.toSorted((a, b) => a - b)]));
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe.each(Object.entries(transports))('several products over %s', (_name, open) => {
  test('come as CloudEvents of their own types, and go on after any of them', async () => {
    const url = `${gateway.url}/v1/streams?topic=travel/>`;
    const messages: Message[] = [];
    let after = 'since=earliest';
    for (const count of [7, 23, 30]) {
      await using stream = await open(`${url}&${after}`, key);
      await stream.ready();
      const taken = await stream.take(count);
      messages.push(...taken);
      after = `after=${taken.at(-1)?.cursor}`;
    }
    expect(bySource(messages)).toEqual({ trains: upTo(30), busses: upTo(30) });
    expect([...new Set(messages.map(({ type }) => type))].sort()).toEqual([
      'busses.BusEvent.v1',
      'trains.TrainEvent.v1',
    ]);
    expect(new Set(messages.map(({ cursor }) => cursor)).size).toBe(60);
  });

  test('are those that are named', async () => {
    await using stream = await open(`${gateway.url}/v1/streams?products=busses,quakes&since=earliest`, key);
    expect(bySource(await stream.take(30))).toEqual({ busses: upTo(30) });
  });

  test('tell where they stand while nothing comes', async () => {
    await using stream = await open(`${gateway.url}/v1/streams?heartbeat=1`, key);
    await stream.ready();
    const { source, cursor } = await stream.of('sluice.progress');
    expect(source).toBe('/v1/streams');
    await using next = await open(`${gateway.url}/v1/streams?after=${cursor}`, key);
    await next.ready();
  });
});

test('an EventSource goes on by the id of its last event', async () => {
  const url = `${gateway.url}/v1/streams?products=trains,busses&since=earliest`;
  await using first = await SseStream.open(url, { 'x-api-key': key });
  await first.take(41);
  const blocks = first.blocks.filter(({ event }) => event === null);
  await using second = await SseStream.open(url, { 'x-api-key': key, 'last-event-id': blocks[40]?.id as string });
  const all = [...(await first.take(41)), ...(await second.take(19))];
  expect(bySource(all)).toEqual({ trains: upTo(30), busses: upTo(30) });
});

test.each([
  ['topic=a/>/b', 400, 'BAD_FILTER', 'topic'],
  ['topic=nowhere/>', 400, 'BAD_FILTER', 'topic'],
  ['products=', 404, 'NOT_FOUND', 'products'],
  ['products=trams', 404, 'NOT_FOUND', 'products'],
  [`products=${'a,'.repeat(64)}b`, 400, 'BAD_REQUEST', 'products'],
  ['where={"seq":{"gt":3}}', 400, 'BAD_REQUEST', 'where'],
  ['fields=seq', 400, 'BAD_REQUEST', 'fields'],
  ['after=nonsense', 400, 'CURSOR_INVALID', undefined],
  ['last=0', 400, 'BAD_REQUEST', 'last'],
  ['since=2999-01-01T00:00:00Z', 400, 'BAD_REQUEST', 'since'],
] as const)('/v1/streams?%s is refused by its place', async (query, status, code, path) => {
  const headers = { accept: 'text/event-stream', 'x-api-key': key };
  const response = await fetch(`${gateway.url}/v1/streams?${query}`, { headers });
  const { error } = (await response.json()) as { error: { code: string; path?: string; message: string } };
  expect({ status: response.status, code: error.code, path: error.path }).toEqual({ status, code, path });
  expect(error.message.length).toBeLessThan(400);
});

test('a cursor of other products is refused; one of one of them goes on there', async () => {
  await using one = await SocketStream.open(`${gateway.url}/v1/streams/trains?since=earliest`, { 'x-api-key': key });
  const [, second] = await one.take(2);
  const headers = { accept: 'text/event-stream', 'x-api-key': key };
  const refused = await fetch(`${gateway.url}/v1/streams?products=busses&after=${second?.cursor}`, { headers });
  expect(await refused.json()).toMatchObject({ error: { code: 'CURSOR_INVALID', path: 'after' } });
  await using both = await SseStream.open(`${gateway.url}/v1/streams?topic=travel/>&after=${second?.cursor}`, headers);
  expect(Object.keys(bySource(await both.take(28)))).toEqual(['trains']);
  await using back = await SseStream.open(`${gateway.url}/v1/streams/trains?after=${both.events[9]?.cursor}`, headers);
  await back.take(18);
  expect(bySource([...both.events.slice(0, 10), ...back.events])['trains']).toHaveLength(28);
});

test('it is one subscription, however many products it has', async () => {
  const url = `${gateway.url}/v1/streams?topic=>`;
  const open = await Promise.all([1, 2, 3].map(() => SseStream.open(url, { 'x-api-key': key })));
  await Promise.all(open.map((stream) => stream.ready()));
  const headers = { accept: 'text/event-stream', 'x-api-key': key };
  const refused = await fetch(url, { headers });
  expect(await refused.json()).toMatchObject({ error: { code: 'SUBSCRIPTION_LIMIT' } });
  await open[0]?.[Symbol.asyncDispose]();
  const again = await (async () => {
    for (;;) {
      const stream = await SseStream.open(url, { 'x-api-key': key }).catch(() => null);
      if (stream !== null) return stream;
    }
  })();
  await again.ready();
  await Promise.all([again, ...open].map((stream) => stream[Symbol.asyncDispose]()));
});

test.each([
  ['events(topic: "a/>/b") { topic }', 'BAD_FILTER', 'Topic filter, level 2'],
  ['events(products: []) { topic }', 'BAD_REQUEST', 'products'],
  ['events(products: ["trams"]) { topic }', 'NOT_FOUND', 'trams'],
  ['events(where: {seq: {eq: 1}}) { topic }', 'BAD_FILTER', 'where'],
  ['events(from: {cursor: "nonsense"}) { topic }', 'CURSOR_INVALID', 'cursor'],
  ['events { data { seq } }', 'BAD_REQUEST', 'data'],
  ['events { ... on TrainEvent { data { seq } } ... on BusEvent { data { seq: driver } } }', 'BAD_REQUEST', 'conflict'],
  ['events { topic } more: events { topic }', 'BAD_REQUEST', 'exactly one root field'],
] as const)('%s is refused', async (selection, code, word) => {
  const client = gateway.client(key);
  const { errors } = await subscribe(client, `subscription { ${selection} }`, {}, () => true);
  expect(errors[0]?.extensions?.code).toBe(code);
  expect(errors[0]?.message).toContain(word);
  await client.dispose();
});

test('a stop tells one cursor, with which another gateway goes on', async () => {
  await using other = await site.site.start();
  await other.ready();
  const url = (node: GatewayProcess, more: string): string => `${node.url}/v1/streams?topic=travel/>&${more}`;
  const stream = await SocketStream.open(url(other, 'since=earliest'), { 'x-api-key': key });
  await stream.take(60);
  await other.stop();
  const { data, cursor } = await stream.of('sluice.error');
  expect(data).toMatchObject({ code: 'DRAINING' });
  await site.write(busses, 30, 35);
  await using next = await SocketStream.open(url(gateway, `after=${cursor}`), { 'x-api-key': key });
  expect(bySource(await next.take(5))).toEqual({ busses: [30, 31, 32, 33, 34] });
});

test('worker processes serve it like one process', async () => {
  await using workers = await WildcardSite.open(undefined, 'workers: 2');
  await using node = await workers.site.start();
  await node.ready();
  const { key: own } = await workers.site.partner(['trains', 'busses']);
  await workers.write(trains, 0, 20);
  await workers.write(busses, 0, 20);
  const url = `${node.url}/v1/streams?topic=travel/>`;
  await using first = await SseStream.open(`${url}&since=earliest`, { 'x-api-key': own });
  const taken = await first.take(17);
  await using next = await SocketStream.open(`${url}&after=${taken.at(-1)?.cursor}`, { 'x-api-key': own });
  await next.ready();
  await workers.write(trains, 20, 40);
  expect(bySource([...taken, ...(await next.take(43))])).toEqual({ trains: upTo(40), busses: upTo(20) });
});
