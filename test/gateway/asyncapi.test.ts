import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { expectQuiet, openBrowser, openTab } from '../demo/browser.ts';
import { at, diagnosticsOf, examplesOf, type Json, record, validatorsOf } from '../surface/asyncapi-reader.ts';
import { contractText, type GatewayProcess, Site } from './node.ts';
import { SocketStream, SseStream } from './stream-client.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** Two majors, of which the first is on its way out. */
function parcels(major: 1 | 2): string {
  const rows = [
    '{name: grams, physicalName: internal_weight, logicalType: integer, physicalType: long, required: true, description: "What it weighs.", examples: [1200]}',
    '{name: mail, logicalType: string, physicalType: string, classification: restricted, examples: ["ada@raw.example"], customProperties: [{property: privacy, value: {masking: hash, visibleTo: [insider]}}]}',
    '{name: note, logicalType: string, physicalType: string, customProperties: [{property: privacy, value: {masking: "null", visibleTo: [insider]}}]}',
    '{name: sender, logicalType: object, physicalType: object, properties: [{name: city, logicalType: string, physicalType: string}, {name: street, logicalType: string, physicalType: string}]}',
    '{name: heavy, logicalType: boolean, physicalType: boolean, required: true, transformLogic: "source.internal_weight > 1000"}',
  ];
  return contractText({
    name: 'parcels',
    version: `${major}.2.0`,
    topic: 'internal.parcels',
    type: 'ParcelEvent',
    template: 'parcels/{region}',
    fields: { id: 'string', region: 'string' },
    objectProperties: '      - {property: messageKey, value: {fields: [id]}}',
    operations:
      major === 1
        ? '[{kind: subscribe}, {kind: query}, {kind: publish, roles: [writer]}]'
        : '[{kind: subscribe}, {kind: query}]',
    rootProperties:
      major === 1 ? '  - {property: deprecation, value: {noticePeriod: P90D, successor: parcels-v2}}' : '',
  })
    .replace('status: active', major === 1 ? 'status: deprecated' : 'status: active')
    .replace(
      '\ncustomProperties:\n',
      `\n${rows.map((row) => `      - ${row}\n`).join('')}roles: [{role: insider, access: read}, {role: writer, access: write}]\nslaProperties: [{property: endOfLife, value: "2028-12-01T00:00:00Z"}]\ncustomProperties:\n`,
    );
}

const secrets = {
  name: 'secrets',
  topic: 'secrets',
  type: 'SecretEvent',
  template: 'secrets/{id}',
  fields: { id: 'string' },
};

let site: Site;
let log: EmbeddedLog;
let gateway: GatewayProcess;
/** Without roles; one who may read and write everything; one to whom fields are hidden; one with another major only. */
let plain: string;
let insider: string;
let narrow: string;
let newcomer: string;
let newcomersGrant: string;

async function partner(product: string, ...restrictions: readonly string[]): Promise<{ key: string; grant: string }> {
  const app = await site.command<{ id: string }>('app', 'create', '--name', 'partner');
  const { secret } = await site.command<{ secret: string }>('key', 'create', '--app', app.id);
  const { id } = await site.command<{ id: string }>(
    'grant',
    'create',
    '--app',
    app.id,
    '--product',
    product,
    ...restrictions,
  );
  await gateway.shows(secret, [product]);
  return { key: secret, grant: id };
}

beforeAll(async () => {
  site = new Site({ main: 'embedded' }, [secrets]);
  site.putContract('parcels', parcels(1));
  site.putContract('parcels.v2', parcels(2));
  log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
  for (const topic of ['internal.parcels', 'secrets']) await log.create(topic, { partitions: 2, cleanup: 'delete' });
  gateway = await (await site.start()).ready();
  plain = (await partner('parcels')).key;
  insider = (await partner('parcels', '--roles', 'insider', 'writer')).key;
  narrow = (await partner('parcels', '--hidden', 'grams', 'sender.street')).key;
  ({ key: newcomer, grant: newcomersGrant } = await partner('parcels-v2'));
});

afterAll(async () => {
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await gateway?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
});

function ask(path: string, key: string | null, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${gateway.url}/asyncapi${path}`, {
    headers: { ...(key === null ? {} : { 'x-api-key': key }), ...headers },
  });
}

async function documentOf(path: string, key: string): Promise<Json> {
  const response = await ask(path, key);
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(await diagnosticsOf(text)).toEqual([]);
  return path.includes('.json') ? (JSON.parse(text) as Json) : record(parse(text));
}

const fieldsOf = (document: Json, schema = 'Parcel'): Json =>
  record(at(document, 'components', 'schemas', schema, 'properties'));
const operationsOf = (document: Json): readonly string[] =>
  Object.keys(record(document['operations'])).filter((name) => !name.startsWith('onSluice'));

describe("a partner's documents", () => {
  test('show masked fields as what it receives, and no operation that it may not do', async () => {
    const document = await documentOf('/parcels.json', plain);
    const fields = fieldsOf(document);
    expect(Object.keys(fields)).toEqual(['id', 'region', 'grams', 'mail', 'note', 'sender', 'heavy']);
    expect(fields['mail']).toMatchObject({ 'x-sluice-masking': 'hash', pattern: '^[A-Za-z0-9_-]{22}$' });
    expect(fields['note']).toMatchObject({ 'x-sluice-masking': 'null', type: ['string', 'null'] });
    expect(JSON.stringify(document)).not.toContain('ada@raw.example');
    expect(operationsOf(document)).toEqual(['onParcelEvent', 'readParcelEvents']);
    expect(at(document, 'components', 'schemas')).not.toHaveProperty('ParcelInput');
  });

  test('show all to whom the grant shows all', async () => {
    const document = await documentOf('/parcels.yaml', insider);
    expect(fieldsOf(document)['mail']).toMatchObject({ examples: ['ada@raw.example'] });
    expect(fieldsOf(document)['mail']).not.toHaveProperty('x-sluice-masking');
    expect(operationsOf(document)).toEqual(['onParcelEvent', 'readParcelEvents', 'publishParcel']);
    expect(Object.keys(fieldsOf(document, 'ParcelInput'))).toEqual(['id', 'region', 'grams', 'mail', 'note', 'sender']);
  });

  test('do not hold what is hidden, at any depth', async () => {
    const document = await documentOf('/parcels.json', narrow);
    expect(Object.keys(fieldsOf(document))).toEqual(['id', 'region', 'mail', 'note', 'sender', 'heavy']);
    expect(Object.keys(fieldsOf(document, 'ParcelSender'))).toEqual(['city']);
    expect(JSON.stringify(document)).not.toMatch(/grams|street/);
  });

  test('are one for each protocol', async () => {
    expect(Object.keys(record((await documentOf('/parcels.json?protocol=ws', plain))['servers']))).toEqual(['ws']);
    expect(Object.keys(record((await documentOf('/parcels.yaml?protocol=sse', plain))['servers']))).toEqual([
      'sse',
      'https',
    ]);
    expect(Object.keys(record((await documentOf('/parcels.yaml', plain))['servers']))).toEqual(['ws', 'sse', 'https']);
    const { host, pathname, protocol } = record(
      at(await documentOf('/parcels.json?protocol=ws', plain), 'servers', 'ws'),
    );
    expect(`${protocol}://${host}${pathname}`).toBe(`${gateway.url.replace('http', 'ws')}/v1/streams/parcels`);
  });

  test('say nothing of where the events lie', async () => {
    for (const path of [
      '/parcels.json',
      '/parcels.yaml?protocol=ws',
      '/parcels.yaml?protocol=sse',
      '/parcels/html',
      '',
    ]) {
      for (const key of [plain, insider, narrow]) {
        const text = await (await ask(path, key)).text();
        expect(text.length).toBeGreaterThan(100);
        expect(text).not.toMatch(/internal|main\.db|embedded|source\.|secrets|insider|writer/);
      }
    }
  });
});

describe('who asks for documents', () => {
  test('gives a key by header or in the URL, and without one is told so', async () => {
    for (const path of ['', '/parcels.json', '/parcels.yaml', '/parcels/html']) {
      expect((await ask(path, null)).status).toBe(401);
      expect((await ask(path, `${plain}x`)).status).toBe(401);
      expect((await ask(path, null, { authorization: `Bearer ${plain}` })).status).toBe(200);
      expect((await ask(`${path}?access_token=${plain}`, null)).status).toBe(200);
    }
    const refused = await ask('/parcels.json', null);
    expect(refused.headers.get('www-authenticate')).toContain('Bearer');
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('cannot tell a product that is not granted from one that there is not', async () => {
    for (const ending of ['.json', '.yaml', '.json?protocol=ws', '/html']) {
      const answers = await Promise.all(
        ['secrets', 'nothing', 'parcels-v2'].map(async (product) => {
          const response = await ask(`/${product}${ending}`, plain);
          return [response.status, (await response.text()).replaceAll(product, '')];
        }),
      );
      expect(answers[0]?.[0]).toBe(404);
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[2]).toEqual(answers[0]);
    }
  });

  test('gets an index of what it may see, as JSON or as a page', async () => {
    expect(await (await ask('', newcomer)).json()).toEqual({
      products: [
        expect.objectContaining({
          product: 'parcels-v2',
          version: '2.2.0',
          status: 'active',
          html: '/asyncapi/parcels-v2/html',
          yaml: '/asyncapi/parcels-v2.yaml',
          protocols: {
            ws: { json: '/asyncapi/parcels-v2.json?protocol=ws', yaml: '/asyncapi/parcels-v2.yaml?protocol=ws' },
            sse: { json: '/asyncapi/parcels-v2.json?protocol=sse', yaml: '/asyncapi/parcels-v2.yaml?protocol=sse' },
          },
        }),
      ],
    });
    const page = await ask('', newcomer, { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('/asyncapi/parcels-v2/html');
    expect((await ask('', newcomer, { accept: 'image/png' })).status).toBe(406);
  });

  test.each([
    ['/parcels.json?protocol=mqtt', 400, 'protocol: ws or sse'],
    ['/parcels.json?protocol=ws&protocol=sse', 400, 'protocol: it stands here twice'],
    ['/parcels.json?language=go', 400, 'language: there is no such parameter'],
    ['/parcels/html?protocol=ws', 400, 'protocol: there is no such parameter'],
    ['?x=1', 400, 'x: there is no such parameter'],
    ['/parcels.xml', 404, 'Nothing stands at this path'],
    ['/parcels', 404, 'Nothing stands at this path'],
    ['/parcels/html/more', 404, 'Nothing stands at this path'],
    ['/..%2f..%2fetc%2fpasswd.json', 404, 'No such thing'],
    ['/__proto__.json', 404, 'No such thing'],
  ])('%s is answered %i', async (path, status, message) => {
    const response = await ask(path, plain);
    expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(message)]);
  });

  test('may only read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await fetch(`${gateway.url}/asyncapi/parcels.json`, { method, headers: { 'x-api-key': plain } });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    const head = await fetch(`${gateway.url}/asyncapi/parcels.json`, {
      method: 'HEAD',
      headers: { 'x-api-key': plain },
    });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1_000);
  });

  test('is sent a document once, and again when the grant shows something else', async () => {
    for (const path of ['/parcels-v2.json', '/parcels-v2.yaml?protocol=sse', '/parcels-v2/html', '']) {
      const first = await ask(path, newcomer);
      const etag = first.headers.get('etag') as string;
      expect(etag).toMatch(/^"[\w-]{22}"$/);
      expect(first.headers.get('cache-control')).toBe('private, no-cache');
      expect(first.headers.get('vary')).toContain('X-API-Key');
      const again = await ask(path, newcomer, { 'if-none-match': `"other", W/${etag}` });
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
      // A browser puts the headers of the answer in place of those that it has kept.
      expect(again.headers.get('content-security-policy')).toBe(first.headers.get('content-security-policy'));
      expect((await ask(path, newcomer, { 'if-none-match': '"other"' })).status).toBe(200);
    }
    const [of, and] = await Promise.all([ask('/parcels.json', plain), ask('/parcels.json', narrow)]);
    expect(of.headers.get('etag')).not.toBe(and.headers.get('etag'));
    await site.command('grant', 'revoke', '--grant', newcomersGrant);
    const ended = async (): Promise<number> => (await ask('/parcels-v2.json', newcomer)).status;
    for (let status = await ended(); status !== 404; status = await ended()) expect(status).toBe(200);
  });

  test('is told of a product that is going', async () => {
    const both = await site.partner(['parcels', 'parcels-v2']);
    const old = await ask('/parcels.json', both.key);
    expect(old.headers.get('deprecation')).toBe('@0');
    expect(old.headers.get('sunset')).toBe('Fri, 01 Dec 2028 00:00:00 GMT');
    expect(old.headers.get('link')).toBe(
      '</asyncapi/parcels/html>; rel="deprecation"; type="text/html", </asyncapi/parcels-v2.json>; rel="successor-version"',
    );
    // A successor that it may not see is not named in a link.
    expect((await ask('/parcels.yaml', plain)).headers.get('link')).not.toContain('successor');
    const next = await ask('/parcels-v2.json', both.key);
    expect([next.headers.get('deprecation'), next.headers.get('sunset')]).toEqual([null, null]);
  });
});

describe('a document and the door that it describes', () => {
  const stream = (query = ''): string => `${gateway.url}/v1/streams/parcels${query}`;
  const parametersOf = (operation: unknown): Json => record(at(operation, 'bindings', 'http', 'query', 'properties'));
  const named = async (url: string, init: RequestInit): Promise<readonly string[]> => {
    const response = await fetch(url, init);
    const [, names] = /there are (.*)\.$/.exec(String(at(await response.json(), 'error', 'message'))) ?? [];
    return (names ?? '').split(', ');
  };

  test('have the same parameters', async () => {
    const document = await documentOf('/parcels.json?protocol=sse', insider);
    const headers = { 'x-api-key': insider };
    const query = at(document, 'components', 'operationBindings', 'stream', 'http', 'query', 'properties');
    expect(await named(stream('?x=1'), { headers })).toEqual(expect.arrayContaining(Object.keys(record(query))));
    expect(Object.keys(record(query)).length).toBe((await named(stream('?x=1'), { headers })).length);
    const past = parametersOf(at(document, 'operations', 'readParcelEvents'));
    expect((await named(stream('/events?x=1'), { headers })).toSorted()).toEqual(Object.keys(past).toSorted());
    const publish = parametersOf(at(document, 'operations', 'publishParcel'));
    expect(await named(stream('/events?x=1'), { headers, method: 'POST' })).toEqual(Object.keys(publish));
  });

  test('take every example of a parameter', async () => {
    const document = await documentOf('/parcels.json?protocol=sse', plain);
    const query = record(at(document, 'components', 'operationBindings', 'stream', 'http', 'query', 'properties'));
    let tried = 0;
    for (const [name, schema] of Object.entries(query)) {
      for (const example of (record(schema)['examples'] ?? []) as readonly string[]) {
        await using open = await SseStream.open(stream(`?${name}=${encodeURIComponent(example)}`), {
          'x-api-key': plain,
        });
        await open.ready();
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(10);
  });

  test('agree on every message, over both transports and in the past, from an example that was published', async () => {
    const published = await documentOf('/parcels.json?protocol=sse', insider);
    const input = examplesOf(published).find(({ message }) => message === 'ParcelEventInput');
    const response = await fetch(stream('/events'), {
      method: 'POST',
      headers: { 'x-api-key': insider, 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(input?.payload),
    });
    expect(response.status).toBe(201);
    const receipts = await response.json();
    expect(validatorsOf(published)('SluicePublished')(receipts)).toBe(true);
    for (const [key, masked] of [
      [insider, false],
      [plain, true],
      [narrow, true],
    ] as const) {
      const validator = validatorsOf(await documentOf('/parcels.json', key));
      const headers = { 'x-api-key': key };
      const from = '?since=earliest&heartbeat=1';
      await using sse = await SseStream.open(stream(from), headers);
      await using socket = await SocketStream.open(stream(from), headers);
      const past = (await (await fetch(stream('/events?since=earliest'), { headers })).text()).trim().split('\n');
      for (const transport of [sse, socket]) {
        await transport.take(1);
        for (const type of ['sluice.ready', 'sluice.notice', 'sluice.progress']) await transport.of(type);
      }
      const messages = [...sse.messages, ...socket.messages, ...past.map((line) => JSON.parse(line))];
      for (const message of messages) {
        const control = /^sluice\.(.)(.*)$/.exec(message.type);
        const name = control === null ? 'ParcelEvent' : `Sluice${control[1]?.toUpperCase()}${control[2]}`;
        const validate = validator(name);
        expect(validate(message), `${JSON.stringify(validate.errors)} ${JSON.stringify(message)}`).toBe(true);
      }
      const event = messages.find(({ type }) => type === 'parcels.ParcelEvent.v1');
      expect(event?.data?.['mail'] === 'ada@raw.example').toBe(!masked);
    }
  });

  test('agree on the last message, of a stream that is refused', async () => {
    const validate = validatorsOf(await documentOf('/parcels.json?protocol=ws', plain))('SluiceError');
    await using socket = await SocketStream.open(stream('?topic=>/>'), { 'x-api-key': plain });
    const error = await socket.of('sluice.error');
    expect(validate(error), JSON.stringify(validate.errors)).toBe(true);
  });
});

test('workers serve the same documents, with the address of all of them', async () => {
  await using many = await site.start({ env: { SLUICE_WORKERS: '2' } });
  // Each worker says that it is ready; the parent says that all of them are.
  await many.line((line) => line.msg === 'ready' && line['workers'] === 2);
  const etags = new Set<string | null>();
  for (let asked = 0; asked < 6; asked += 1) {
    // A connection of its own each, so that they come to either.
    const response = await fetch(`${many.url}/asyncapi/parcels.json?protocol=ws`, {
      headers: { 'x-api-key': plain, connection: 'close' },
    });
    expect(at(await response.json(), 'servers', 'ws', 'host')).toBe(`127.0.0.1:${many.port}`);
    etags.add(response.headers.get('etag'));
  }
  expect(etags.size).toBe(1);
});

test('a person without a key is asked for one, and goes on with it from page to page', async () => {
  const browser = await openBrowser();
  try {
    const tab = await openTab(browser, { javaScriptEnabled: false });
    const { page } = tab;
    // The address in the bar is answered 401, which a browser complains of by itself.
    await page.goto(`${gateway.url}/asyncapi`);
    expect(await page.content()).not.toContain('parcels');
    await page.getByLabel('Your API key').fill(plain);
    await page.getByRole('button', { name: 'Show the documents' }).click();
    await page.getByRole('link', { name: 'Parcels' }).click();
    await page.getByRole('heading', { name: 'ParcelEvent', exact: true }).first().waitFor();
    await page.getByRole('link', { name: 'All products' }).click();
    await page.getByRole('heading', { name: 'Streams, described for programs' }).waitFor();
    expect(await page.content()).not.toContain('secrets');
    const complaints = tab.complaints.filter((text) => !text.includes('401'));
    expectQuiet({ ...tab, complaints }, gateway.url);
  } finally {
    await browser.close();
  }
});

test('the lines to paste on the page bring events', async () => {
  const html = await (await ask('/parcels/html', plain)).text();
  const lines = [...html.matchAll(/<code>(curl [^<]*)<\/code>/g)].map(([, line]) =>
    String(line).replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
  );
  expect(lines.length).toBe(2);
  const [live, past] = lines as [string, string];
  const run = promisify(execFile);
  const env = { ...process.env, SLUICE_API_KEY: plain };
  // A stream does not end: curl is told when to.
  const streamed = await run('bash', ['-c', `${live} -s --max-time 2 || true`], { env });
  expect(streamed.stdout).toContain('event: sluice.ready');
  const told = await run('bash', ['-c', `${past} -s`], { env });
  expect(JSON.parse(told.stdout.split('\n')[0] as string)).toMatchObject({ type: 'parcels.ParcelEvent.v1' });
});
