/** Streams of those who do not read, and of those who must be moved on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../bed/index.ts';
import { Metrics } from './metrics.ts';
import type { GatewayProcess } from './node.ts';
import { transports } from './stream-client.ts';
import { range, StreamSite, seqs, sorted, thing } from './stream-site.ts';

/** More than sockets and their kernel hold. */
const COUNT = 24_000;
const NOTE = 'x'.repeat(1_000);

let site: StreamSite;
let gateway: GatewayProcess;
let metrics: Metrics;
let key: string;
let next = 0;

const url = (query = ''): string => `${gateway.url}/v1/streams/things${query}`;

/** Writes so many large things, and gives the first of them and the one after the last. */
async function flood(): Promise<readonly [number, number]> {
  const from = next;
  next += COUNT;
  for (let at = from; at < next; at += 1_000) await site.write(range(at, at + 1_000).map((seq) => thing(seq, NOTE)));
  return [from, next];
}

beforeAll(async () => {
  site = await StreamSite.open('delivery: {ringBytes: 4194304, maxLagBytes: 65536}');
  const metricsPort = await freePort();
  metrics = new Metrics(metricsPort);
  gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(metricsPort) } });
  key = (await site.site.partner(['things'])).key;
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

describe.each(Object.entries(transports))('a reader of %s that stops reading', (_name, open) => {
  test('loses nothing, holds nobody up, and is served from where it stands once it reads again', async () => {
    await using slow = await open(url('?fields=seq,note'), key);
    await using quick = await open(url('?fields=seq'), key);
    await Promise.all([slow.ready(), quick.ready()]);
    slow.pause();
    const [from, to] = await flood();
    expect(sorted(seqs(await quick.take(COUNT)))).toEqual(range(from, to));
    await metrics.reaches('sluice_subscriptions_behind', { product: 'things' }, (behind) => (behind ?? 0) > 0);
    expect(slow.events.length).toBeLessThan(COUNT);
    slow.resume();
    expect(sorted(seqs(await slow.take(COUNT)))).toEqual(range(from, to));
    expect(slow.events).toHaveLength(COUNT);
  });

  test('with onLag=drop is told exactly what was passed over', async () => {
    await using slow = await open(url('?onLag=drop'), key);
    await slow.ready();
    slow.pause();
    await flood();
    slow.resume();
    await slow.of('sluice.gap');
    await site.write([thing(next++)]);
    const passedOver = (): number => {
      const gaps = slow.messages.filter(({ type }) => type === 'sluice.gap');
      const missing = gaps.flatMap(({ data }) => data?.['missing'] as { from: number; to: number }[]);
      return missing.reduce((sum, { from, to }) => sum + to - from, 0);
    };
    expect(passedOver()).toBeGreaterThan(0);
    await slow.until(() => slow.events.length + passedOver() === COUNT + 1 || undefined);
    expect(new Set(seqs(slow.events)).size).toBe(slow.events.length);
  });

  test('with onLag=end is ended with the cursor that goes on', async () => {
    await using slow = await open(url('?onLag=end'), key);
    await slow.ready();
    slow.pause();
    await flood();
    slow.resume();
    const { cursor, data } = await slow.of('sluice.error');
    expect(data).toMatchObject({ code: 'LAGGED', retry: 'now' });
    await slow.closed;
    await using resumed = await open(url(`?after=${cursor}&fields=seq`), key);
    await resumed.take(COUNT - slow.events.length);
    expect(new Set([...seqs(slow.events), ...seqs(resumed.events)]).size).toBe(COUNT);
  });
});

test('a node that drains ends every stream with the cursor, and another goes on from there', async () => {
  const other = await site.start();
  const at = `${other.url}/v1/streams/things`;
  const from = next;
  await using socket = await transports['a WebSocket'](at, key);
  await using events = await transports.SSE(at, key);
  await Promise.all([socket.ready(), events.ready()]);
  await site.write([thing(next++)]);
  await Promise.all([socket.take(1), events.take(1)]);
  const stopped = other.stop();
  for (const stream of [socket, events]) {
    const { cursor, data } = await stream.of('sluice.error');
    expect(data).toEqual({ code: 'DRAINING', message: expect.any(String), retry: 'now' });
    const { code } = await stream.closed;
    if (stream === socket) expect(code).toBe(1012);
    await using resumed = await transports['a WebSocket'](url(`?after=${cursor}`), key);
    await resumed.ready();
    await site.write([thing(next++)]);
    expect(seqs(await resumed.take(1))[0]).toBeGreaterThan(from);
  }
  expect(await stopped).toEqual({ code: 0, signal: null });
});
