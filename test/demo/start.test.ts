import { once } from 'node:events';
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { subscribe } from '../gateway/follower.ts';
import { Checkout, type Greeting } from './checkout.ts';

interface Shown {
  readonly cursor: string;
  readonly time: string;
  readonly data: { readonly id: string };
}

/** The first `count` events of a subscription. */
async function take(
  { url, key }: Greeting,
  product: string,
  count: number,
  from: Record<string, unknown> = { latest: true },
): Promise<Shown[]> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: key },
    retryAttempts: 0,
  });
  const shown: Shown[] = [];
  const ending = await subscribe<Shown>(
    client,
    `subscription ($from: ReplayFrom) { ${product}(from: $from) { cursor time data { id } } }`,
    { from },
    (event) => shown.push(event) === count,
  );
  await client.dispose();
  expect(ending.kind).toBe('stopped');
  return shown;
}

describe('npm start', () => {
  test('prints a URL, a key, and a line for curl and one for a WebSocket that deliver events when pasted', async () => {
    const checkout = new Checkout();
    const began = performance.now();
    await using demo = await checkout.start();
    const { url, key, exportLine, curlLine, socketLine } = await demo.greeting();
    console.log(`npm start to ready: ${((performance.now() - began) / 1000).toFixed(2)} s`);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(key).toMatch(/^slk_/);

    await using curl = checkout.paste(exportLine, curlLine);
    await curl.prints(/^event: next\nid: .+\ndata: .*"flights":\{"cursor":"[^"]+","topic":"aviation\//m);

    await using socket = checkout.paste(exportLine, socketLine);
    await socket.prints(/flights:[^}]*topic: 'aviation\//);
    expect(socket.stderr).toBe('');
  });

  test('has history, and a live stream that goes on', async () => {
    const checkout = new Checkout();
    await using demo = await checkout.start();
    const greeting = await demo.greeting();
    const [flights, quakes, history] = await Promise.all([
      take(greeting, 'flights', 10),
      take(greeting, 'earthquakes', 2),
      take(greeting, 'flights', 3_000, { earliest: true }),
    ]);
    for (const live of [...flights, ...quakes]) expect(Date.now() - Date.parse(live.time)).toBeLessThan(60_000);
    expect(new Set(history.map(({ data }) => data.id)).size).toBe(3_000);
  });

  test('keeps its key over restarts, even when the data are thrown away, for its owner alone', async () => {
    const checkout = new Checkout();
    const start = async (): Promise<Greeting> => {
      await using demo = await checkout.start();
      const greeting = await demo.greeting();
      expect(await take(greeting, 'flights', 1, { last: 1 })).toHaveLength(1);
      demo.signalAll('SIGINT');
      await demo.ended;
      return greeting;
    };
    const first = await start();
    const file = join(checkout.data, 'demo-key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').trim()).toBe(first.key);
    expect((await start()).key).toBe(first.key);
    for (const log of ['aviation', 'seismic'])
      for (const tail of ['db', 'db-wal', 'db-shm']) rmSync(join(checkout.data, `${log}.${tail}`), { force: true });
    expect((await start()).key).toBe(first.key);
    // What is no key is replaced by one.
    writeFileSync(file, 'scribble\n');
    const fresh = await start();
    expect(fresh.key).toMatch(/^slk_/);
    expect(fresh.key).not.toBe(first.key);
  });

  test('says that its port is in use, and how to take another, and exits with 1', async () => {
    const checkout = new Checkout();
    await using first = await checkout.start();
    const { url } = await first.greeting();
    await using second = await new Checkout().start({ port: Number(new URL(url).port) });
    expect((await second.ended).code).toBe(1);
    expect(second.stderr).toMatch(/127\.0\.0\.1:\d+ is in use: set .*SLUICE_LISTEN_PORT/);
    expect(second.stderr).not.toMatch(/^\s+at /m);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('ends with 0 within 10 s on %s, with a subscriber', async (signal) => {
    const checkout = new Checkout();
    await using demo = await checkout.start();
    const { exportLine, curlLine } = await demo.greeting();
    await using curl = checkout.paste(exportLine, curlLine);
    await curl.prints(/^event: next/m);
    const told = performance.now();
    demo.signalAll(signal);
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - told).toBeLessThan(10_000);
    await curl.ended;
    expect(curl.stdout).toMatch(/DRAINING.*"cursor"/);
  });

  test('ends when npm alone is told to', async () => {
    const checkout = new Checkout();
    await using demo = await checkout.start();
    const { url } = await demo.greeting();
    demo.child.kill('SIGTERM');
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});

describe('npm start -- --workers 2', () => {
  test('shows the same, feeds once, and ends with Ctrl-C', async () => {
    const checkout = new Checkout();
    await using demo = await checkout.start({ args: ['--workers', '2'] });
    const greeting = await demo.greeting();
    await using curl = checkout.paste(greeting.exportLine, greeting.curlLine);
    await curl.prints(/^event: next\nid: .+\ndata: .*"flights":\{"cursor":"[^"]+","topic":"aviation\//m);
    const [[start]] = [await take(greeting, 'flights', 1, { last: 1 })];
    // On connections of their own, so in both workers.
    const seen = await Promise.all(
      Array.from({ length: 4 }, () => take(greeting, 'flights', 12, { cursor: start?.cursor })),
    );
    const ids = seen.map((events) => events.map(({ data }) => data.id).sort());
    for (const each of ids) expect(each).toEqual(ids[0]);
    expect(new Set(ids[0]).size).toBe(12);
    // The key of the demo opens GraphiQL in each of them.
    for (let i = 0; i < 4; i += 1) {
      const [page] = (await once(
        get(`${greeting.url}/graphql`, { agent: false, headers: { accept: 'text/html' } }),
        'response',
      )) as [IncomingMessage];
      expect(await text(page)).toContain(greeting.key);
    }
    demo.signalAll('SIGINT');
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    await curl.ended;
    expect(curl.stdout).toMatch(/DRAINING.*"cursor"/);
  });
});

describe('npm run dev', () => {
  test('starts, restarts when a source changes, and ends', async () => {
    const checkout = new Checkout();
    await using demo = await checkout.start({ script: 'dev' });
    const { key } = await demo.greeting();
    const before = demo.stdout.length;
    const source = join(checkout.folder, 'src', 'main.ts');
    writeFileSync(source, `${readFileSync(source, 'utf8')}\n`);
    await demo.until(() => (demo.stdout.slice(before).includes(`SLUICE_API_KEY=${key}`) ? true : null));
    demo.signalAll('SIGINT');
    await demo.ended;
  });
});

describe('a folder that cannot be used', () => {
  const noStack = /^\s+at |node:internal/m;

  test('says so where a file is in the way, and goes on once it is gone', async () => {
    const checkout = new Checkout();
    writeFileSync(checkout.data, '');
    await using demo = await checkout.start();
    await demo.says(/aviation\.db\) cannot be opened.*see that its directory exists, is a directory/);
    rmSync(checkout.data);
    expect(await take(await demo.greeting(), 'flights', 1, { last: 1 })).toHaveLength(1);
    expect(demo.stderr).not.toMatch(noStack);
  });

  test('says so where nothing can be written, and goes on once it can', async () => {
    const checkout = new Checkout();
    // A folder of the kernel's, that nobody can write to.
    symlinkSync('/sys/kernel', checkout.data);
    await using demo = await checkout.start();
    await demo.says(/aviation\.db\) cannot be written: make the file and its directory writable/);
    rmSync(checkout.data);
    expect(await take(await demo.greeting(), 'flights', 1, { last: 1 })).toHaveLength(1);
    expect(demo.stderr).not.toMatch(noStack);
  });

  test('says so when it is full, and can be stopped', async () => {
    const checkout = new Checkout();
    await using demo = await checkout.start({ env: { SLUICE_CLUSTERS_AVIATION_MAX_BYTES: '1048576' } });
    await demo.says(/aviation\.db\) is full: free space on its disk/);
    expect(demo.stderr).not.toMatch(noStack);
    demo.signalAll('SIGINT');
    expect(await demo.ended).toEqual({ code: 0, signal: null });
  });
});

describe('two processes that share the data', () => {
  test('feed once, show the same events, and the other goes on when the feeder is killed', async () => {
    const checkout = new Checkout();
    await using first = await checkout.start();
    const one = await first.greeting();
    await using second = await checkout.start();
    const other = await second.greeting();
    expect(other.key).toBe(one.key);
    const [[start]] = [await take(one, 'flights', 1, { last: 1 })];
    const from = { cursor: start?.cursor };
    const [seenByOne, seenByOther] = await Promise.all([
      take(one, 'flights', 12, from),
      take(other, 'flights', 12, from),
    ]);
    const ids = (events: readonly Shown[]): string[] => events.map(({ data }) => data.id).sort();
    expect(ids(seenByOne)).toEqual(ids(seenByOther));
    first.signalAll('SIGKILL');
    const after = await take(other, 'flights', 20, from);
    // The samples come round only after thousands: twice the same means fed twice.
    expect(new Set(ids(after)).size).toBe(20);
    expect(ids(after)).toEqual(expect.arrayContaining(ids(seenByOne)));
  });
});
