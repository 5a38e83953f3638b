/** Clients as partners fetch them from a gateway: what their grants show, made apart from it, one after the other. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { programOf, run } from '../bed/command.ts';
import { generatorFolder } from '../bed/index.ts';
import { contractText, type GatewayProcess, Site } from '../gateway/node.ts';
import { built } from './generated.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const parcels = contractText({
  name: 'parcels',
  topic: 'internal.parcels',
  type: 'ParcelEvent',
  template: 'parcels/{region}',
  fields: { id: 'string', region: 'string' },
  operations: '[{kind: subscribe}, {kind: query}]',
}).replace(
  '\ncustomProperties:\n',
  `
      - {name: grams, physicalName: weight, logicalType: integer, physicalType: int, required: true}
      - {name: mail, logicalType: string, physicalType: string, required: true, customProperties: [{property: privacy, value: {masking: hash, visibleTo: [insider]}}]}
roles: [{role: insider, access: read}]
customProperties:
`,
);
const simple = (name: string) => ({
  name,
  topic: name,
  template: name,
  type: `${name}Event`,
  fields: { id: 'string' },
});
const secrets = simple('secrets');
const mute = { ...simple('mute'), operations: '[{kind: query}]' };
const odd = { ...simple('odd'), fields: { id: 'string', hasOwnProperty: 'string' } };

/** Where partners reach both nodes, were they behind a load balancer. */
const env = { SLUICE_LISTEN_PUBLIC_URL: 'https://events.test' };

let site: Site;
let log: EmbeddedLog;
let gateway: GatewayProcess;
let narrow: string;
let plain: string;
let insider: string;

beforeAll(async () => {
  site = new Site({ main: 'embedded' }, [secrets, mute, odd]);
  site.putContract('parcels', parcels);
  log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
  for (const topic of ['internal.parcels', 'secrets', 'mute', 'odd'])
    await log.create(topic, { partitions: 2, cleanup: 'delete' });
  const record = { id: 'a', region: 'eu', weight: 7, mail: 'ada@example.com' };
  await log.append('internal.parcels', [
    { key: null, value: Buffer.from(JSON.stringify(record)), timestamp: Date.now() },
  ]);
  gateway = await start(await generatorFolder());
  narrow = await partner('parcels', '--hidden', 'grams');
  plain = (await site.partner(['parcels', 'mute', 'odd'])).key;
  insider = await partner('parcels', '--roles', 'insider');
});

afterAll(async () => {
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await gateway?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
});

async function start(generator: string): Promise<GatewayProcess> {
  return (await site.start({ env: { ...env, SLUICE_ASYNCAPI_GENERATOR: generator } })).ready();
}

async function partner(product: string, ...restrictions: readonly string[]): Promise<string> {
  const { key, app } = await site.partner([]);
  await site.command('grant', 'create', '--app', app, '--product', product, ...restrictions);
  await gateway.shows(key, [product]);
  return key;
}

function ask(
  path: string,
  key: string | null,
  node = gateway,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${node.url}/asyncapi${path}`, {
    headers: { ...(key === null ? {} : { 'x-api-key': key }), ...headers },
  });
}

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

/** As people unpack it; the one folder that was in it. */
async function unpacked(archive: Buffer, form: 'zip' | 'tgz'): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-unpacked-'));
  const file = join(folder, `client.${form}`);
  writeFileSync(file, archive);
  const out = join(folder, 'out');
  mkdirSync(out);
  if (form === 'tgz') await run('tar', ['-xzf', file, '-C', out]);
  else await run(await programOf('python3', 'python3'), ['-m', 'zipfile', '-e', file, out]);
  expect(readdirSync(out)).toEqual(['parcels-client']);
  return join(out, 'parcels-client');
}

interface Client {
  subscribe(options: object): AsyncIterableIterator<{ readonly data: object }, undefined>;
}

describe('a client out of a gateway', () => {
  test('has what the grant shows: a hidden field is not there, a masked one is what will come; it compiles and receives', async () => {
    const response = await ask('/parcels/client.zip?language=typescript', narrow);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/zip',
      'content-disposition': 'attachment; filename="parcels-client.zip"',
      'cache-control': 'private, no-cache',
      etag: expect.stringMatching(/^".+"$/),
    });
    const folder = await unpacked(await bytesOf(response), 'zip');
    const models = readFileSync(join(folder, 'src/models.ts'), 'utf8');
    expect(models).toContain('readonly mail: string;');
    expect(models).not.toMatch(/grams|weight/);
    await built(folder);
    const path = pathToFileURL(join(folder, 'dist/index.js')).href;
    const { subscribe } = (await import(/* @vite-ignore */ path)) as Client;
    const url = `ws://127.0.0.1:${gateway.port}/v1/streams/parcels`;
    for await (const { data } of subscribe({ url, apiKey: narrow, since: 'earliest' })) {
      expect(data).toEqual({ id: 'a', region: 'eu', mail: expect.stringMatching(/^[\w-]{22}$/) });
      break;
    }
    const whole = await unpacked(await bytesOf(await ask('/parcels/client.tgz?language=typescript', insider)), 'tgz');
    const all = readFileSync(join(whole, 'src/models.ts'), 'utf8');
    expect(all).toContain('readonly grams: number;');
    expect(readFileSync(join(whole, 'src/client.ts'), 'utf8')).toContain('wss://events.test/v1/streams/parcels');
  });

  test('is the same bytes each time, on every node, and is not sent again to whoever has it', async () => {
    await using other = await start(await generatorFolder());
    await other.shows(narrow, ['parcels']);
    for (const form of ['zip', 'tgz'] as const) {
      const path = `/parcels/client.${form}?language=python`;
      const first = await ask(path, narrow);
      const bytes = await bytesOf(first);
      expect(await bytesOf(await ask(path, narrow))).toEqual(bytes);
      expect((await bytesOf(await ask(path, narrow, other))).equals(bytes)).toBe(true);
      const again = await ask(path, narrow, gateway, { 'if-none-match': first.headers.get('etag') ?? '' });
      expect([again.status, (await bytesOf(again)).length]).toEqual([304, 0]);
      const folder = await unpacked(bytes, form);
      expect(readFileSync(join(folder, 'src/parcels_client/models.py'), 'utf8')).not.toMatch(/grams|weight/);
    }
  });

  test('stands in the index, for products whose clients there can be', async () => {
    const { products } = (await (await ask('', plain)).json()) as {
      products: readonly { readonly product: string; readonly clients: Readonly<Record<string, string>> }[];
    };
    const clients = Object.fromEntries(products.map(({ product, clients: found }) => [product, found]));
    expect(Object.keys(clients['parcels'] ?? {})).toEqual(['typescript', 'python', 'java', 'dart']);
    expect(clients['mute']).toEqual({});
    const path = clients['parcels']?.['python'] ?? '';
    expect((await fetch(`${gateway.url}${path}`, { headers: { 'x-api-key': narrow } })).status).toBe(200);
    const page = await (
      await fetch(`${gateway.url}/asyncapi?access_token=${plain}`, { headers: { accept: 'text/html' } })
    ).text();
    expect(page).toContain(`href="${path}&#38;access_token=${plain}"`);
  });

  test.each(['java', 'dart'])('may be one in %s', async (language) => {
    const response = await ask(`/parcels/client.tgz?language=${language}`, plain);
    expect(response.status).toBe(200);
    expect(readdirSync(await unpacked(await bytesOf(response), 'tgz')).length).toBeGreaterThanOrEqual(3);
  });

  test('is refused by its place where it is asked for wrongly', async () => {
    const cases: readonly (readonly [string, string])[] = [
      ['/parcels/client.zip', 'language: one of typescript, python, java, dart.'],
      ['/parcels/client.zip?language=cobol', 'language: one of typescript, python, java, dart.'],
      ['/parcels/client.zip?language=constructor', 'language: one of'],
      ['/secrets/client.zip?language=cobol', 'language: one of'],
      ['/parcels/client.zip?language=dart&language=java', 'language: it stands here twice.'],
      ['/parcels/client.zip?language=dart&protocol=ws', 'protocol: there is no such parameter'],
      ['/odd/client.zip?language=dart', 'hasOwnProperty: generators of clients cannot read a field of this name.'],
    ];
    for (const [path, words] of cases) {
      const response = await ask(path, plain);
      expect([path, response.status]).toEqual([path, 400]);
      expect(await response.text()).toContain(words);
    }
    expect((await ask('/parcels/client.rar?language=dart', plain)).status).toBe(404);
    const posted = await fetch(`${gateway.url}/asyncapi/parcels/client.zip?language=dart`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('is not had without a key, and a product that is not granted, or not to be subscribed to, is one that there is not', async () => {
    const path = (product: string) => `/${product}/client.zip?language=typescript`;
    expect((await ask(path('parcels'), null)).status).toBe(401);
    const answers = await Promise.all(
      ['secrets', 'nothing', 'mute'].map(async (product) => {
        const response = await ask(path(product), plain);
        return [response.status, (await response.text()).replaceAll(product, '')];
      }),
    );
    expect(answers[0]?.[0]).toBe(404);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });
});

describe('a gateway', () => {
  test('without the generator says so, and where the document is, but not where it looked', async () => {
    const nowhere = mkdtempSync(join(tmpdir(), 'sluice-nowhere-'));
    await using node = await start(nowhere);
    await node.shows(plain, ['parcels']);
    const response = await ask('/parcels/client.zip?language=python', plain, node);
    expect(response.status).toBe(501);
    const text = await response.text();
    expect(text).toContain('/asyncapi/parcels.json?protocol=ws');
    expect(text).not.toContain(nowhere);
    expect((await ask('/secrets/client.zip?language=python', plain, node)).status).toBe(404);
    const { products } = (await (await ask('', plain, node)).json()) as { products: readonly { clients: object }[] };
    expect(products.map(({ clients }) => clients)).toEqual([{}, {}, {}]);
  });

  test('makes one client at a time, lets four wait, and tells others when to come again; those that fail are told nothing of why', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-generator-'));
    const at = join(folder, 'node_modules/@asyncapi/generator');
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'package.json'), '{"name": "@asyncapi/generator", "main": "index.js"}');
    // One that waits for a file, so that the others wait for it; of Python it makes nothing.
    writeFileSync(
      join(at, 'index.js'),
      `const fs = require('node:fs');
module.exports = class {
  constructor(template, out) { this.template = template; this.out = out; }
  async generateFromString(text) {
    fs.appendFileSync(__dirname + '/runs', 'began\\n');
    while (!fs.existsSync(__dirname + '/go')) await new Promise((resolve) => setTimeout(resolve, 10));
    fs.appendFileSync(__dirname + '/runs', 'ended\\n');
    if (this.template.endsWith('python')) throw new Error('secret path ' + __dirname);
    fs.writeFileSync(this.out + '/client.txt', text);
  }
};`,
    );
    await using node = await start(folder);
    for (const key of [plain, narrow, insider]) await node.shows(key, ['parcels']);
    const asked = [plain, narrow, insider].flatMap((key) =>
      ['typescript', 'python'].map((language) => ({ key, language })),
    );
    const begun = asked
      .slice(0, 5)
      .map(({ key, language }) => ask(`/parcels/client.zip?language=${language}`, key, node));
    const same = ask('/parcels/client.tgz?language=typescript', plain, node);
    const runs = join(at, 'runs');
    while (!existsSync(runs)) await new Promise((resolve) => setTimeout(resolve, 20));
    // All have arrived once one more is refused.
    let refused = await ask('/parcels/client.zip?language=python', insider, node);
    while (refused.status !== 503) refused = await ask('/parcels/client.zip?language=python', insider, node);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE', retry: 'later' } }] });
    expect(readFileSync(runs, 'utf8')).toBe('began\n');
    appendFileSync(join(at, 'go'), '');
    const answers = await Promise.all(begun);
    expect(answers.map(({ status }) => status)).toEqual([200, 500, 200, 500, 200]);
    for (const answer of answers.filter(({ status }) => status === 500)) {
      const text = await answer.text();
      expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code: 'INTERNAL' } }] });
      expect(text).not.toContain('secret');
    }
    expect((await same).status).toBe(200);
    expect(readFileSync(runs, 'utf8')).toBe('began\nended\n'.repeat(5));
    const failures = node.lines.filter(({ level }) => level === 'error');
    expect(failures).toHaveLength(2);
    expect(JSON.stringify(failures)).toContain('secret path');
    expect(JSON.stringify(failures)).toContain('parcels: the python client');
    // What was made is kept.
    expect((await ask('/parcels/client.zip?language=typescript', narrow, node)).status).toBe(200);
    expect(readFileSync(runs, 'utf8')).toBe('began\nended\n'.repeat(5));
  });

  test('that drains answers those who wait', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-generator-'));
    const at = join(folder, 'node_modules/@asyncapi/generator');
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'package.json'), '{"name": "@asyncapi/generator", "main": "index.js"}');
    writeFileSync(
      join(at, 'index.js'),
      `module.exports = class {
  generateFromString() {
    require('node:fs').writeFileSync(__dirname + '/pid', String(process.pid));
    return new Promise((resolve) => setTimeout(resolve, 1e6));
  }
};`,
    );
    const node = await start(folder);
    await node.shows(plain, ['parcels']);
    const waiting = ask('/parcels/client.zip?language=typescript', plain, node);
    while (!existsSync(join(at, 'pid'))) await new Promise((resolve) => setTimeout(resolve, 20));
    const ended = node.stop();
    const answer = await waiting;
    // Its connection holds nothing up.
    expect([answer.status, answer.headers.get('connection')]).toEqual([503, 'close']);
    expect(await ended).toEqual({ code: 0, signal: null });
    const pid = Number(readFileSync(join(at, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow();
  });
});
