/** The stream door under clients that know nothing of Sluice: browsers, curl, the SDKs of CloudEvents. */
import { type ChildProcess, spawn } from 'node:child_process';
import { CloudEvent, HTTP } from 'cloudevents';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programOf } from '../bed/command.ts';
import { adopt } from '../bed/guard.ts';
import { chromiumPath, pythonWith } from '../bed/index.ts';
import { Cable } from './cable.ts';
import type { GatewayProcess } from './node.ts';
import { type Message, SseStream, transports } from './stream-client.ts';
import { range, StreamSite, seqs, sorted, TYPE, thing } from './stream-site.ts';

let site: StreamSite;
let gateway: GatewayProcess;
let cable: Cable;
let key: string;
let browser: Browser;

const url = (query = ''): string => `${gateway.url}/v1/streams/things${query}`;

beforeAll(async () => {
  site = await StreamSite.open();
  await site.write(range(0, 20).map((seq) => thing(seq)));
  gateway = await site.start();
  cable = await Cable.to(gateway.port);
  key = (await site.site.partner(['things'])).key;
  browser = await chromium.launch({ executablePath: await chromiumPath(), args: ['--no-sandbox'] });
});

afterAll(async () => {
  await browser?.close();
  cable?.close();
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await gateway[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

/** A page of the gateway's own origin, as seen through the cable. */
async function open(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://127.0.0.1:${cable.port}/graphql`);
  return page;
}

/** What the page has put into its title: how many events it has, and which. */
async function titled(page: Page, count: number): Promise<readonly number[]> {
  await page.waitForFunction((wanted) => document.title.split(' ').length >= wanted, count, { polling: 50 });
  return (await page.title()).split(' ').map(Number);
}

describe('in Chromium', () => {
  test('an EventSource gets events as messages, and goes on by itself where it was cut, without a loss', async () => {
    const page = await open();
    await page.evaluate((at) => {
      const seen: number[] = [];
      const source = new EventSource(at);
      source.addEventListener('sluice.ready', () => {
        document.documentElement.dataset['ready'] = `${Number(document.documentElement.dataset['ready'] ?? 0) + 1}`;
      });
      source.onmessage = (event) => {
        seen.push(JSON.parse(event.data).data.seq);
        document.title = seen.join(' ');
      };
    }, `/v1/streams/things?since=earliest&access_token=${key}`);
    expect(sorted(await titled(page, 20))).toEqual(range(0, 20));
    for (const round of [1, 2]) {
      cable.cut();
      await site.write(range(round * 20, round * 20 + 20).map((seq) => thing(seq)));
      await page.waitForFunction((ready) => Number(document.documentElement.dataset['ready']) > ready, round, {
        polling: 50,
      });
      expect(sorted(await titled(page, round * 20 + 20))).toEqual(range(0, round * 20 + 20));
    }
    await page.context().close();
  });

  test('an EventSource gives up where another attempt would not help', async () => {
    const page = await open();
    const state = await page.evaluate(
      (at) =>
        new Promise<number>((resolve) => {
          const source = new EventSource(at);
          source.onerror = () => resolve(source.readyState);
        }),
      '/v1/streams/things?access_token=wrong',
    );
    expect(state).toBe(2);
    await page.context().close();
  });

  test('a WebSocket brings its key as a subprotocol, and hears why it is refused', async () => {
    const page = await open();
    const ask = (token: string): Promise<{ protocol: string; types: string[]; code: number }> =>
      page.evaluate(
        ([at, secret]) =>
          new Promise((resolve) => {
            const types: string[] = [];
            const socket = new WebSocket(at as string, ['sluice.v1', `sluice.token.${secret}`]);
            socket.onmessage = (event) => {
              types.push(JSON.parse(event.data).type);
              if (types.length > 20) socket.close(1000);
            };
            socket.onclose = ({ code }) => resolve({ protocol: socket.protocol, types, code });
          }),
        ['/v1/streams/things?since=earliest', token],
      );
    const served = await ask(Buffer.from(key).toString('base64url'));
    expect(served).toMatchObject({ protocol: 'sluice.v1', code: 1000 });
    expect(served.types.slice(0, 21)).toEqual(['sluice.ready', ...Array.from({ length: 20 }, () => TYPE)]);
    expect(await ask('d3Jvbmc')).toEqual({ protocol: 'sluice.v1', types: ['sluice.error'], code: 4401 });
    await page.context().close();
  });
});

describe('curl', () => {
  async function run(
    ...args: readonly string[]
  ): Promise<{ child: ChildProcess; until(text: string): Promise<string> }> {
    const child = spawn(
      await programOf('curl', 'curl'),
      ['--silent', '--no-buffer', '-H', `X-API-Key: ${key}`, ...args],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const release = adopt(child.pid);
    child.on('close', release);
    let out = '';
    const until = async (text: string): Promise<string> => {
      for await (const part of child.stdout ?? []) {
        out += part;
        if (text !== '' && out.includes(text)) break;
      }
      return out;
    };
    return { child, until };
  }

  test('shows a stream without asking for one, reads the past and publishes', async () => {
    const { child, until } = await run(url('?since=earliest&fields=seq'));
    const out = await until('"data":{"seq":19}');
    expect(out).toMatch(/^event: sluice\.ready\nid: \S+\ndata: \{/);
    child.kill();
    const past = await (await run(url('/events?since=earliest&limit=5'))).until('');
    expect(past.trim().split('\n')).toHaveLength(5);
    const body = JSON.stringify({ specversion: '1.0', id: '1', source: '/curl', type: TYPE, data: thing(8_000) });
    const headers = ['-H', 'Content-Type: application/cloudevents+json', '-d', body, '-w', ' %{http_code}'];
    expect(await (await run(...headers, url('/events'))).until('')).toMatch(/^\{"events":\[\{"cursor":".*\}\]\} 201$/);
  });
});

/** Each message of a stream that has all kinds but an error, and an error. */
async function everyMessage(): Promise<readonly Message[]> {
  await using stream = await SseStream.open(url('?since=earliest&heartbeat=1&where={"seq":{"lt":20}}'), {
    'x-api-key': key,
  });
  await stream.take(20);
  await stream.of('sluice.progress');
  const refused = await transports['a WebSocket'](url('?since=tomorrow'), key);
  const error = await refused.of('sluice.error');
  await refused.closed;
  return [...stream.messages, error];
}

describe('the SDK of CloudEvents', () => {
  test('of JavaScript reads every message, and what it writes is published', async () => {
    const messages = await everyMessage();
    expect(new Set(messages.map(({ type }) => type))).toEqual(
      new Set(['sluice.ready', 'sluice.progress', 'sluice.error', TYPE]),
    );
    for (const message of messages) {
      const body = JSON.stringify(message);
      const event = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' }, body }) as CloudEvent;
      expect(event.validate()).toBe(true);
      expect(event.toJSON()).toMatchObject(message.data === null ? { id: message.id } : { ...message });
    }
    const batch = await fetch(url('/events?last=5'), {
      headers: { 'x-api-key': key, accept: 'application/cloudevents-batch+json' },
    });
    const headers = { 'content-type': batch.headers.get('content-type') as string };
    const events = HTTP.toEvent({ headers, body: await batch.text() }) as CloudEvent[];
    expect(events).toHaveLength(5);
    for (const event of events) expect(event.validate()).toBe(true);
    for (const write of [HTTP.structured, HTTP.binary]) {
      const data = { ...thing(8_100) };
      const { headers: own, body } = write(
        new CloudEvent({ source: '/js', type: TYPE, datacontenttype: 'application/json', data }),
      );
      const response = await fetch(url('/events'), {
        method: 'POST',
        headers: { ...(own as Record<string, string>), 'x-api-key': key },
        body: body as string,
      });
      expect([response.status, await response.json()]).toEqual([201, { events: [expect.anything()] }]);
    }
  });

  test('of Python reads every message, and what it writes is published', async () => {
    const messages = await everyMessage();
    const python = await pythonWith('cloudevents==2.2.0');
    const script = new URL('stream-python.py', import.meta.url).pathname;
    const child = spawn(python.program, [script, url('/events'), key, TYPE], {
      env: { ...process.env, ...python.env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const release = adopt(child.pid);
    child.stdin.end(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
    let out = '';
    for await (const part of child.stdout) out += part;
    release();
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.splice(0, 2)).toEqual([{ status: 201 }, { status: 201 }]);
    expect(lines).toEqual(
      messages.map((message) => ({
        id: message.id,
        source: message.source,
        type: message.type,
        time: (message as never as { time: string }).time.replace('Z', '+00:00'),
        cursor: message.cursor ?? null,
        data: message.data,
      })),
    );
    await using stream = await SseStream.open(url('?last=50&where={"id":{"prefix":"py-"}}'), { 'x-api-key': key });
    expect(sorted(seqs(await stream.take(2)))).toEqual([9_000, 9_001]);
  });
});
