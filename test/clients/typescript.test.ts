/** The TypeScript client of a product, under a real gateway that is killed, cut off, drained and asked for the wrong. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cable } from '../gateway/cable.ts';
import type { GatewayProcess } from '../gateway/node.ts';
import { range, StreamSite, sorted, thing } from '../gateway/stream-site.ts';
import { built, generated } from './generated.ts';

interface Event {
  readonly subject: string;
  readonly cursor: string;
  readonly data: { readonly id: string; readonly seq: number; readonly region: string; readonly note?: string | null };
}

interface EventStream extends AsyncIterableIterator<Event> {
  readonly cursor: string | null;
  commit(): Promise<void>;
  close(): Promise<void>;
}

interface Failure extends Error {
  readonly code: string;
  readonly retry: string;
  readonly details: Readonly<Record<string, unknown>>;
}

interface CursorStore {
  load(): Promise<string | null> | string | null;
  save(cursor: string): Promise<void> | void;
}

interface Client {
  subscribe(options: Readonly<Record<string, unknown>>): EventStream;
  readonly defaultUrl: string;
  fileCursorStore(path: string): CursorStore;
  readonly SluiceError: new () => Failure;
  readonly UnauthenticatedError: new () => Failure;
  readonly BadFilterError: new () => Failure;
  readonly ConnectionError: new () => Error;
}

let site: StreamSite;
let gateway: GatewayProcess;
let key: string;
let client: Client;

beforeAll(async () => {
  site = await StreamSite.open();
  await site.write(range(0, 30).map((seq) => thing(seq)));
  gateway = await site.start();
  key = (await site.site.partner(['things'])).key;
  const folder = await generated({
    contracts: site.site.contracts,
    product: 'things',
    language: 'typescript',
    url: gateway.url,
  });
  await built(folder);
  client = (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'dist/index.js')).href)) as Client;
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});

async function take(stream: EventStream, count: number): Promise<Event[]> {
  const events: Event[] = [];
  while (events.length < count) {
    const { done, value } = await stream.next();
    if (done) throw new Error(`the stream ended after ${events.length} events`);
    events.push(value);
  }
  return events;
}

const numbers = (events: readonly Event[]): readonly number[] => sorted(events.map(({ data }) => data.seq));

describe('a TypeScript client', () => {
  test('gets typed events from where it asks, filtered, and only the fields that it names', async () => {
    const all = client.subscribe({ apiKey: key, since: 'earliest' });
    const events = await take(all, 30);
    expect(numbers(events)).toEqual(range(0, 30));
    expect(events[0]).toMatchObject({ type: 'things.ThingEvent.v1', data: { id: expect.any(String) } });
    await all.close();
    const some = client.subscribe({
      apiKey: () => Promise.resolve(key),
      last: 1000,
      topic: 'things/eu',
      where: { seq: { lt: 10 } },
      fields: ['seq'],
    });
    const found = await take(some, 4);
    expect(found.map(({ data }) => data)).toEqual(expect.arrayContaining([0, 3, 6, 9].map((seq) => ({ seq }))));
    await some.close();
  });

  test('says when it is placed, and what was recorded after that arrives', async () => {
    let ready: () => void = () => {};
    const placed = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const stream = client.subscribe({ apiKey: key, onReady: ready, topic: 'things/us' });
    await placed;
    await site.write([thing(1, 'live')]);
    expect((await take(stream, 1))[0]?.data).toMatchObject({ seq: 1, note: 'live' });
    await stream.close();
  });

  test('loses and doubles nothing when the gateway is killed or stopped, and started anew', async () => {
    await using other = await StreamSite.open();
    await other.write(range(0, 500).map((seq) => thing(seq)));
    let node = await other.start();
    const { key: secret } = await other.site.partner(['things']);
    const losses: number[] = [];
    const stream = client.subscribe({
      url: `ws://127.0.0.1:${node.port}/v1/streams/things`,
      apiKey: secret,
      since: 'earliest',
      maxDelayMs: 500,
      onLost: ({ attempt }: { attempt: number }) => losses.push(attempt),
    });
    const events = await take(stream, 200);
    for (const [round, signal] of [
      [1, 'SIGKILL'],
      [2, 'SIGTERM'],
    ] as const) {
      await node.stop(signal);
      await other.write(range(round * 500, round * 500 + 500).map((seq) => thing(seq)));
      node = await other.start({ port: node.port });
      events.push(...(await take(stream, 400)));
    }
    events.push(...(await take(stream, 500)));
    await stream.close();
    await node[Symbol.asyncDispose]();
    expect(losses.length).toBeGreaterThanOrEqual(2);
    expect(numbers(events)).toEqual(range(0, 1500));
  });

  test('goes on at the cursor of its file: what was dealt with does not come again, what was not does', async () => {
    const store = client.fileCursorStore(join(mkdtempSync(join(tmpdir(), 'sluice-cursor-')), 'things.cursor'));
    const options = { apiKey: key, since: 'earliest', store, where: { note: { isNull: true } } };
    const first = client.subscribe(options);
    const begun = await take(first, 10);
    await first.close();
    const second = client.subscribe(options);
    // The tenth was given but never dealt with.
    const rest = await take(second, 21);
    expect(numbers([...begun.slice(0, 9), ...rest])).toEqual(range(0, 30));
    expect(rest[0]).toEqual(begun[9]);
    await second.commit();
    expect(await store.load()).toBe(second.cursor);
    await second.close();
  });

  test('ends with the typed error of a wrong key or filter, and does not try again', async () => {
    const losses: unknown[] = [];
    const onLost = (lost: unknown): void => void losses.push(lost);
    const refused = await client
      .subscribe({ apiKey: 'wrong', onLost })
      .next()
      .catch((error) => error);
    expect(refused).toBeInstanceOf(client.UnauthenticatedError);
    expect(refused).toBeInstanceOf(client.SluiceError);
    expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', retry: 'changed', name: 'UnauthenticatedError' });
    const stream = client.subscribe({ apiKey: key, where: { nothing: { eq: 1 } }, onLost });
    await expect(stream.next()).rejects.toBeInstanceOf(client.BadFilterError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(losses).toEqual([]);
  });

  test('ends where something answers that is no gateway, or after the attempts that it was allowed', async () => {
    const nowhere = client.subscribe({ apiKey: key, url: `${gateway.url.replace('http', 'ws')}/nothing` });
    await expect(nowhere.next()).rejects.toMatchObject({ name: 'ConnectionError', status: 404 });
    const dead = client.subscribe({ apiKey: key, url: 'ws://127.0.0.1:1/', maxAttempts: 3, minDelayMs: 1 });
    await expect(dead.next()).rejects.toBeInstanceOf(client.ConnectionError);
  });

  test('gives a connection up after three heartbeats without a word, and goes on over another', async () => {
    const cable = await Cable.to(gateway.port);
    const losses: { error: Error; at: number }[] = [];
    let readies = 0;
    const stream = client.subscribe({
      url: `ws://127.0.0.1:${cable.port}/v1/streams/things`,
      apiKey: key,
      heartbeat: 1,
      topic: 'things/ap',
      onReady: () => {
        readies += 1;
        if (readies === 1) cable.freeze();
      },
      onLost: ({ error }: { error: Error }) => losses.push({ error, at: performance.now() }),
      maxDelayMs: 100,
    });
    const began = performance.now();
    const next = stream.next();
    while (losses.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await site.write([thing(2, 'after silence')]);
    expect((await next).value?.data).toMatchObject({ note: 'after silence' });
    expect(losses.map(({ error }) => error.message)).toEqual(['Nothing was heard for 3 s.']);
    expect((losses[0]?.at ?? 0) - began).toBeGreaterThan(2900);
    await stream.close();
    cable.close();
  });

  test('pauses its socket while the application is slow, and loses nothing by it', async () => {
    await using other = await StreamSite.open();
    const [count, note] = [6000, 'x'.repeat(10_000)];
    for (let from = 0; from < count; from += 500)
      await other.write(range(from, from + 500).map((seq) => thing(seq, note)));
    await using node = await other.start();
    const cable = await Cable.to(node.port);
    const { key: secret } = await other.site.partner(['things']);
    const stream = client.subscribe({
      url: `ws://127.0.0.1:${cable.port}/v1/streams/things`,
      apiKey: secret,
      since: 'earliest',
      maxBuffered: 10,
    });
    const events = await take(stream, 1);
    for (let before = -1; before < cable.received; ) {
      before = cable.received;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    // What the sockets of both sides hold; there are 60 MB.
    expect(cable.received).toBeLessThan(30_000_000);
    events.push(...(await take(stream, count - 1)));
    expect(numbers(events)).toEqual(range(0, count));
    await stream.close();
    cable.close();
  });

  test('close ends the iteration, also one that waits, and one that was not begun', async () => {
    const stream = client.subscribe({ apiKey: key });
    const waiting = stream.next();
    await stream.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const controller = new AbortController();
    const aborted = client.subscribe({ apiKey: key, signal: controller.signal });
    const next = aborted.next();
    controller.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    let seen = 0;
    const left = client.subscribe({ apiKey: key, since: 'earliest' });
    for await (const _event of left) {
      seen += 1;
      if (seen === 3) break;
    }
    expect(await left.next()).toEqual({ done: true, value: undefined });
  });
});
