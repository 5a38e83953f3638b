/** The TypeScript client as browsers have it: a module without dependencies, loaded as it was compiled. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromiumPath, freePort } from '../bed/index.ts';
import { Cable } from '../gateway/cable.ts';
import type { GatewayProcess } from '../gateway/node.ts';
import { range, StreamSite, sorted, thing } from '../gateway/stream-site.ts';
import { built, generated } from './generated.ts';

interface Event {
  readonly data: { readonly seq: number };
}

const COUNT = 600;
/** As somebody would write it who has no bundler. */
const page = `<!doctype html><title>0</title><link rel="icon" href="data:,">
<script type="module">
import { subscribe } from '/browser.js';
globalThis.subscribe = subscribe;
</script>`;
let site: StreamSite;
let gateway: GatewayProcess;
let cable: Cable;
let browser: Browser;
let pages: Server;
let origin: string;
let key: string;

beforeAll(async () => {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  site = await StreamSite.open();
  await site.write(range(0, COUNT).map((seq) => thing(seq)));
  gateway = await site.start();
  cable = await Cable.to(gateway.port);
  key = (await site.site.partner(['things'])).key;
  const { contracts } = site.site;
  const folder = await built(await generated({ contracts, product: 'things', language: 'typescript' }));
  pages = createServer(({ url = '/' }, response) => {
    if (url === '/') return void response.setHeader('content-type', 'text/html').end(page);
    response.setHeader('content-type', 'text/javascript').end(readFileSync(join(folder, 'dist', url)));
  }).listen(port, '127.0.0.1');
  browser = await chromium.launch({ executablePath: await chromiumPath(), args: ['--no-sandbox'] });
});

afterAll(async () => {
  await browser?.close();
  pages?.close();
  cable?.close();
  await gateway?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});

test('gets every event once in Chromium, though it is cut off, and though it reads slowly over sockets that cannot be paused', async () => {
  const tab = await (await browser.newContext()).newPage();
  await tab.goto(origin);
  const run = tab.evaluate(
    async ({ url, secret, count }) => {
      const { subscribe } = globalThis as unknown as { subscribe(options: object): AsyncIterableIterator<Event> };
      const seen: number[] = [];
      let readies = 0;
      const stream = subscribe({
        url,
        apiKey: secret,
        since: 'earliest',
        maxBuffered: 50,
        maxDelayMs: 200,
        onReady: () => {
          readies += 1;
        },
      });
      for await (const event of stream) {
        seen.push(event.data.seq);
        document.title = `${seen.length}`;
        if (seen.length % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        if (seen.length === count) break;
      }
      const refused = await subscribe({ url, apiKey: 'schlüssel' })
        .next()
        .catch((error: Error) => error.name);
      return { seen, readies, refused };
    },
    { url: `ws://127.0.0.1:${cable.port}/v1/streams/things`, secret: key, count: COUNT + 50 },
  );
  await tab.waitForFunction((count) => Number(document.title) >= count, COUNT, { polling: 20 });
  cable.cut();
  await site.write(range(COUNT, COUNT + 50).map((seq) => thing(seq)));
  const { seen, readies, refused } = await run;
  expect(sorted(seen)).toEqual(range(0, COUNT + 50));
  // It left its socket when 50 waited, and was cut off once.
  expect(readies).toBeGreaterThan(2);
  expect(refused).toBe('UnauthenticatedError');
});
