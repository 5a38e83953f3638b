/** The Python client of a product: checked, installed from its wheel, and under a real gateway. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pythonWith } from '../bed/index.ts';
import { Cable } from '../gateway/cable.ts';
import type { GatewayProcess, ProductSpec } from '../gateway/node.ts';
import { range, StreamSite, sorted, thing } from '../gateway/stream-site.ts';
import { Driven, type Python, type Told } from './driven.ts';
import { generated } from './generated.ts';

/** Its fields are words of Python and of its types. */
const words: ProductSpec = {
  name: 'words-of-python',
  topic: 'words',
  type: 'WordsEvent',
  template: 'words',
  fields: { class: 'string', from: 'integer', str: 'string', None: 'number', lambda: 'boolean' },
  required: ['class', 'from'],
};

let site: StreamSite;
let gateway: GatewayProcess;
let key: string;
let python: Python;
let folder: string;
let wordsFolder: string;

beforeAll(async () => {
  python = await pythonWith(
    'websockets==15.0.1',
    'mypy==1.18.2',
    'ruff==0.17.6',
    'setuptools==80.9.0',
    'wheel==0.45.1',
  );
  site = await StreamSite.open('', [words]);
  await site.write(range(0, 30).map((seq) => thing(seq)));
  gateway = await site.start();
  key = (await site.site.partner(['things', words.name])).key;
  const { contracts } = site.site;
  folder = await generated({ contracts, product: 'things', language: 'python', url: gateway.url });
  wordsFolder = await generated({ contracts, product: words.name, language: 'python', url: gateway.url });
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});

const drive = (options: object, count = 1_000_000): Driven =>
  new Driven(python, folder, 'things_client', options, count);
const numbers = (driven: Driven): readonly number[] => sorted(driven.events.map(({ data }) => data['seq'] as number));
const isEvent = ({ event }: Told): boolean => event !== undefined;

/** Its exit code and what it wrote. */
async function tool(at: string, ...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const child = spawn(python.program, ['-m', ...args], { cwd: at, env: { ...process.env, ...python.env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, text };
}

describe('a Python client', () => {
  test('passes mypy --strict, ruff and its formatter, also where fields are words of Python', async () => {
    for (const at of [folder, wordsFolder]) {
      expect(await tool(at, 'mypy', '--strict', 'src', 'example.py')).toMatchObject({ code: 0 });
      expect(await tool(at, 'ruff', 'check', '.')).toMatchObject({ code: 0 });
      expect(await tool(at, 'ruff', 'format', '--check', '.')).toMatchObject({ code: 0 });
    }
  });

  test('has types that fit: what reads a field that is not there, or as what it is not, fails mypy', async () => {
    const program = (line: string): string =>
      `from things_client import subscribe\nasync def main() -> None:\n    async for event in subscribe():\n        ${line}\n`;
    const check = (line: string) => tool(join(folder, 'src'), 'mypy', '--strict', '-c', program(line));
    expect((await check('print(event["data"]["seq"] + 1, event["subject"].upper())')).text).toContain('Success');
    expect((await check('print(event["data"]["nothing"])')).text).toContain('has no key "nothing"');
    expect((await check('print(event["data"]["seq"].upper())')).text).toContain('"int" has no attribute "upper"');
  });

  test('becomes a wheel that installs', async () => {
    const wheels = mkdtempSync(join(tmpdir(), 'sluice-wheel-'));
    const made = await tool(folder, 'pip', 'wheel', '--quiet', '--no-build-isolation', '--no-deps', '-w', wheels, '.');
    expect(made).toMatchObject({ code: 0 });
    const wheel = join(wheels, 'things_client-1.0.0-py3-none-any.whl');
    const installed = await tool(
      wheels,
      'pip',
      'install',
      '--quiet',
      '--no-deps',
      '--target',
      join(wheels, 'site'),
      wheel,
    );
    expect(installed).toMatchObject({ code: 0 });
    await using driven = new Driven(
      { ...python, env: { PYTHONPATH: `${join(wheels, 'site')}:${python.env['PYTHONPATH']}` } },
      wheels,
      'things_client',
      { api_key: key, since: 'earliest' },
      5,
    );
    await driven.until(({ end }) => end === 5);
  });

  test('gets events from where it asks, filtered, and only the fields that it names', async () => {
    await using all = drive({ api_key: key, since: 'earliest' }, 30);
    await all.until(({ end }) => end === 30);
    expect(numbers(all)).toEqual(range(0, 30));
    const options = { api_key: key, last: 1000, topic: 'things/eu', where: { seq: { lt: 10 } }, fields: ['seq'] };
    await using some = drive(options, 4);
    await some.until(({ end }) => end === 4);
    expect(some.events.map(({ data }) => data)).toEqual(expect.arrayContaining([0, 3, 6, 9].map((seq) => ({ seq }))));
  });

  test('loses and doubles nothing when the gateway is killed or stopped, and started anew', async () => {
    await using other = await StreamSite.open();
    await other.write(range(0, 500).map((seq) => thing(seq)));
    let node = await other.start();
    const { key: secret } = await other.site.partner(['things']);
    const url = `ws://127.0.0.1:${node.port}/v1/streams/things`;
    await using driven = drive({ url, api_key: secret, since: 'earliest', max_delay: 0.5 }, 1500);
    await driven.until(isEvent, 200);
    for (const [round, signal] of [
      [1, 'SIGKILL'],
      [2, 'SIGTERM'],
    ] as const) {
      await node.stop(signal);
      await other.write(range(round * 500, round * 500 + 500).map((seq) => thing(seq)));
      node = await other.start({ port: node.port });
      await driven.until(isEvent, round * 500 + 200);
    }
    await driven.until(({ end }) => end === 1500);
    await node[Symbol.asyncDispose]();
    expect(driven.told.filter(({ lost }) => lost !== undefined).length).toBeGreaterThanOrEqual(2);
    expect(numbers(driven)).toEqual(range(0, 1500));
  });

  test('goes on at the cursor of its file: what was dealt with does not come again, what was not does', async () => {
    const store = join(mkdtempSync(join(tmpdir(), 'sluice-cursor-')), 'things.cursor');
    const options = { api_key: key, since: 'earliest', store };
    await using first = drive(options, 10);
    await first.until(({ end }) => end === 10);
    await using second = drive(options, 21);
    await second.until(({ end }) => end === 21);
    expect(second.events[0]).toEqual(first.events[9]);
    const all = [...first.events.slice(0, 9), ...second.events].map(({ data }) => data['seq'] as number);
    expect(sorted(all)).toEqual(range(0, 30));
  });

  test('ends with the typed error of a wrong key, and where something answers that is no gateway', async () => {
    await using wrong = drive({ api_key: 'wrong' });
    const [refusal] = await wrong.until(({ error }) => error !== undefined);
    expect(refusal).toEqual({ error: 'UnauthenticatedError', code: 'UNAUTHENTICATED', retry: 'changed' });
    await using nowhere = drive({ api_key: key, url: `${gateway.url.replace('http', 'ws')}/nothing` });
    const [lost] = await nowhere.until(({ error }) => error !== undefined);
    expect(lost).toEqual({ error: 'StreamConnectionError', status: 404 });
    expect([...wrong.told, ...nowhere.told].filter((told) => told.lost !== undefined)).toEqual([]);
  });

  test('gives a connection up after three heartbeats without a word, and goes on over another', async () => {
    const cable = await Cable.to(gateway.port);
    const url = `ws://127.0.0.1:${cable.port}/v1/streams/things`;
    await using driven = drive({ url, api_key: key, heartbeat: 1, topic: 'things/ap', max_delay: 0.1 }, 1);
    await driven.until(({ ready }) => ready === 1);
    cable.freeze();
    const [lost] = await driven.until((told) => told.lost !== undefined);
    expect(lost?.lost).toBe('Nothing was heard for 3 s.');
    await driven.until(({ ready }) => ready === 1, 2);
    await site.write([thing(2, 'after silence')]);
    await driven.until(({ end }) => end === 1);
    expect(driven.events[0]?.data).toMatchObject({ note: 'after silence' });
    cable.close();
  });

  test('close ends an iteration that waits', async () => {
    await using driven = drive({ api_key: key });
    await driven.until(({ ready }) => ready !== undefined);
    driven.close();
    await driven.until(({ end }) => end === 0);
  });
});
