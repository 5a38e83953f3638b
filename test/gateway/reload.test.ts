import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { freePort } from '../bed/index.ts';
import { Metrics } from './metrics.ts';
import { contractText, type GatewayProcess, type ProductSpec, Site } from './node.ts';
import { readings } from './producer.ts';
import { Socket } from './socket.ts';

interface ReadingEvent {
  readonly cursor: string;
  readonly data: { readonly seq: number; readonly note?: string | null; readonly size?: string };
}
interface Problem {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly cursor?: string };
}

const PARTITIONS = 3;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const product = readings();
const doomed = readings({ name: 'doomed', type: 'DoomedEvent', template: 'doomed/{region}' });
const absent = readings({ name: 'absent', type: 'AbsentEvent', template: 'absent/{region}' });
const live = (name: string, more = ''): string =>
  `subscription ($from: ReplayFrom) { ${name}(from: $from) { cursor data { seq ${more} } } }`;

let site: Site;
let gateway: GatewayProcess;
let metrics: Metrics;
let log: EmbeddedLog;
let key: string;
let socket: Socket;
let appended = 0;
let appending = true;
let load: Promise<void>;

/** The readings' contract with a further property, in YAML, and its version. */
function withProperties(version: string, ...properties: readonly string[]): string {
  const text = contractText({ ...product, version });
  return text.replace(
    '\ncustomProperties:\n',
    `\n${properties.map((one) => `      - ${one}\n`).join('')}customProperties:\n`,
  );
}
const note = '{name: note, logicalType: string, physicalType: string}';
const size = (threshold: number): string =>
  `{name: size, logicalType: string, physicalType: string, required: true, transformLogic: 'source.seq >= ${threshold} ? "big" : "small"'}`;

beforeAll(async () => {
  site = new Site({ main: 'embedded' }, [product, doomed, absent]);
  log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
  for (const { topic } of [product, doomed]) await log.create(topic, { partitions: PARTITIONS, cleanup: 'delete' });
  const port = await freePort();
  metrics = new Metrics(port);
  gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(port) } });
  await gateway.ready();
  key = (await site.partner(['readings', 'doomed', 'absent'])).key;
  socket = await Socket.open(gateway.socketUrl, key);
  socket.subscribe('whole', live('readings'));
  await socket.ready('whole');
  load = (async () => {
    for (; appending; appended += 5) {
      await log.append(
        product.topic,
        Array.from({ length: 5 }, (_, i) => ({
          partition: (appended + i) % PARTITIONS,
          key: Buffer.from('k'),
          value: Buffer.from(
            JSON.stringify({ id: 'a', seq: appended + i, region: 'eu', note: `note ${appended + i}` }),
          ),
        })),
      );
      await pause(2);
    }
  })();
});
afterAll(async () => {
  appending = false;
  await load?.catch(() => {});
  await socket?.[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
});

const inForce = (version: string, from = 0): Promise<unknown> =>
  gateway.until(() =>
    gateway.lines.slice(from).find((line) => line.msg === 'contract in force' && line['version'] === version),
  );
const fieldsOf = async (type: string): Promise<readonly { name: string; isDeprecated: boolean }[]> => {
  const { data } = await gateway.ask<{ __type: { fields: { name: string; isDeprecated: boolean }[] } | null }>(
    key,
    `{ __type(name: "${type}") { fields(includeDeprecated: true) { name isDeprecated } } }`,
  );
  return data?.__type?.fields ?? [];
};
const readiness = async (): Promise<{
  status: number;
  body: { status: string; contracts: { broken: Record<string, unknown>[] } };
}> => {
  const response = await fetch(`${gateway.url}/readyz`);
  return { status: response.status, body: (await response.json()) as never };
};
const until = <T>(id: string, found: (events: readonly ReadingEvent[]) => T | undefined): Promise<T> =>
  socket.until(() => found(socket.events<ReadingEvent>(id)));

test('a field that is added is seen by new operations; live ones go on with their selection', async () => {
  expect((await fieldsOf('Reading')).map(({ name }) => name)).not.toContain('note');
  site.putContract('readings', withProperties('1.1.0', note));
  await inForce('1.1.0');
  expect((await fieldsOf('Reading')).map(({ name }) => name)).toContain('note');
  socket.subscribe('noted', live('readings', 'note'), { from: { earliest: true } });
  const [first] = await until('noted', (events) => (events.length > 0 ? events : undefined));
  expect(first?.data.note).toBe(`note ${first?.data.seq}`);
});

test('a product that is deprecated says so in the schema and in a notice, to live subscriptions too', async () => {
  const text = withProperties('1.2.0', note).replace('status: active', 'status: deprecated');
  site.putContract('readings', text);
  await inForce('1.2.0');
  const told = await socket.until(() =>
    socket.texts.find((line) => line.includes('"id":"whole"') && line.includes('"DEPRECATED"')),
  );
  expect(JSON.parse(told).payload.extensions.sluice.notices).toMatchObject([{ code: 'DEPRECATED' }]);
  const { data } = await gateway.ask<{ __type: { fields: { name: string; isDeprecated: boolean }[] } }>(
    key,
    '{ __type(name: "Subscription") { fields(includeDeprecated: true) { name isDeprecated } } }',
  );
  expect(data?.__type.fields.find(({ name }) => name === 'readings')?.isDeprecated).toBe(true);
});

test('a derived field that changes reaches live subscriptions, under load, with no event lost or doubled', async () => {
  site.putContract('readings', withProperties('1.3.0', note, size(1_000_000)));
  await inForce('1.3.0');
  socket.subscribe('sized', live('readings', 'size'), { from: { earliest: true } });
  await until('sized', (events) => events.find((event) => event.data.size === 'small'));
  site.putContract('readings', withProperties('1.3.1', note, size(0)));
  // It breaks a promise: somebody has to say that it may.
  await gateway.line(({ msg }) => msg.includes('is refused; what was accepted stays in force'));
  await site.command('contracts', 'accept', site.contracts, '--breaking');
  await until('sized', (events) => events.find((event) => event.data.size === 'big'));
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const sizes = socket
      .events<ReadingEvent>('sized')
      .filter(({ data }) => data.seq % PARTITIONS === partition)
      .map(({ data }) => data.size);
    expect(sizes.lastIndexOf('small')).toBeLessThan(sizes.includes('big') ? sizes.indexOf('big') : sizes.length);
  }
});

test('a file that breaks never replaces the good one, and health, log and metric say what is wrong and where', async () => {
  const from = gateway.lines.length;
  site.putContract(
    'readings',
    withProperties('1.3.2', note, size(0)).replace('readings/{region}/{id}', 'readings/{regoin}'),
  );
  await metrics.reaches('sluice_contracts_broken', {}, (count) => count === 1);
  const line = await gateway.until(() => gateway.lines.slice(from).find(({ msg }) => msg.includes('is broken')));
  expect(line.level).toBe('error');
  expect(String(line['findings'])).toMatch(/readings\.odcs\.yaml:\d+:\d+/);
  expect(String(line['findings'])).toContain('regoin');
  const { status, body } = await readiness();
  expect(status).toBe(200);
  expect(body.status).toBe('degraded');
  expect(body.contracts.broken).toEqual([
    {
      file: 'readings.odcs.yaml',
      serving: true,
      findings: expect.arrayContaining([
        { line: expect.any(Number), column: expect.any(Number), message: expect.stringContaining('regoin') },
      ]),
    },
  ]);
  const before = socket.events('whole').length;
  await until('whole', (events) => (events.length > before + 20 ? true : undefined));
  expect((await fieldsOf('Reading')).map(({ name }) => name)).toContain('size');
});

test('mended, it is in force again', async () => {
  const from = gateway.lines.length;
  site.putContract('readings', withProperties('1.4.0', note, size(0)));
  await inForce('1.4.0', from);
  await metrics.reaches('sluice_contracts_broken', {}, (count) => count === 0);
  expect((await readiness()).body).toMatchObject({ status: 'ready', contracts: { broken: [] } });
});

test('SIGHUP reads what no watch tells of: a file behind a link', async () => {
  const elsewhere = join(site.folder, 'elsewhere.yaml');
  const from = gateway.lines.length;
  writeFileSync(elsewhere, withProperties('1.5.0', note, size(0)));
  rmSync(join(site.contracts, 'readings.odcs.yaml'));
  symlinkSync(elsewhere, join(site.contracts, 'readings.odcs.yaml'));
  await inForce('1.5.0', from);
  writeFileSync(elsewhere, withProperties('1.6.0', note, size(0)));
  gateway.child.kill('SIGHUP');
  await inForce('1.6.0', from);
});

test("a product that is removed ends its subscriptions with NOT_FOUND and their cursor, and nobody else's", async () => {
  await log.append(doomed.topic, [{ key: null, value: Buffer.from('{"id":"a","seq":1,"region":"eu"}') }]);
  const filtered =
    'subscription ($from: ReplayFrom, $where: DoomedFilter) { doomed(from: $from, where: $where) { cursor data { seq } } }';
  socket.subscribe('doomed', filtered, { from: { earliest: true }, where: { region: { eq: 'eu' } } });
  const [event] = await until('doomed', (events) => (events.length === 1 ? events : undefined));
  rmSync(join(site.contracts, 'doomed.odcs.yaml'));
  const { payload } = await socket.message(({ type, id }) => type === 'error' && id === 'doomed');
  const [problem] = payload as [Problem];
  expect(problem.extensions).toMatchObject({ code: 'NOT_FOUND', cursor: event?.cursor });
  socket.subscribe('gone', live('doomed'));
  const refused = await socket.message(({ type, id }) => type === 'error' && id === 'gone');
  expect((refused.payload as [Problem])[0].extensions.code).toBe('NOT_FOUND');
  // It comes back with its file, and the cursor is still good.
  site.putContract('doomed', contractText(doomed as ProductSpec));
  await gateway.until(() =>
    gateway.lines.filter((line) => line.msg === 'contract in force' && line['product'] === 'doomed').length > 1
      ? true
      : undefined,
  );
  await log.append(doomed.topic, [{ key: null, value: Buffer.from('{"id":"a","seq":2,"region":"eu"}') }]);
  socket.subscribe('back', live('doomed'), { from: { cursor: problem.extensions.cursor } });
  const events = await until('back', (all) => (all.length > 0 ? all : undefined));
  expect(events.map(({ data }) => data.seq)).toEqual([2]);
});

test('a contract whose Kafka topic is not there is UNAVAILABLE to partners and named to operators, until it is there', async () => {
  const refused = async (id: string): Promise<Problem> => {
    socket.subscribe(id, live('absent'));
    const { payload } = await socket.message((message) => message.type === 'error' && message.id === id);
    return (payload as [Problem])[0];
  };
  for (const id of ['a1', 'a2']) {
    const problem = await refused(id);
    expect(problem.extensions.code).toBe('UNAVAILABLE');
    expect(problem.message).not.toContain(absent.topic);
  }
  const told = gateway.lines.filter(({ msg }) => msg === 'the source cannot be read');
  expect(told).toMatchObject([{ level: 'warn', product: 'absent', cluster: 'main', kind: 'UNKNOWN_TOPIC' }]);
  expect(told[0]?.['error']).toContain(absent.topic);
  await log.create(absent.topic, { partitions: 1, cleanup: 'delete' });
  socket.subscribe('there', live('absent'));
  await socket.ready('there');
  await gateway.line(({ msg }) => msg === 'the source can be read again');
  await log.append(absent.topic, [{ key: null, value: Buffer.from('{"id":"a","seq":7,"region":"eu"}') }]);
  await until('there', (events) => (events.length === 1 ? true : undefined));
});

test('a contract that names another Kafka topic resets its live subscriptions, and new ones read the other', async () => {
  const other = `${absent.topic}-other`;
  await log.create(other, { partitions: 1, cleanup: 'delete' });
  await log.append(other, [{ key: null, value: Buffer.from('{"id":"a","seq":8,"region":"eu"}') }]);
  site.putContract('absent', contractText({ ...absent, topic: other, version: '1.1.0' }));
  const { payload } = await socket.message(({ type, id }) => type === 'error' && id === 'there');
  expect((payload as [Problem])[0].extensions).toMatchObject({ code: 'SOURCE_RESET', cursor: expect.any(String) });
  socket.subscribe('other', live('absent'), { from: { earliest: true } });
  const [event] = await until('other', (events) => (events.length > 0 ? events : undefined));
  expect(event?.data.seq).toBe(8);
});

test('through all of which each live subscription has received every event once', async () => {
  appending = false;
  await load;
  const wanted = Array.from({ length: appended }, (_, seq) => seq);
  for (const id of ['whole', 'noted', 'sized']) {
    await until(id, (events) => (events.length >= appended ? true : undefined));
    const seqs = socket.events<ReadingEvent>(id).map(({ data }) => data.seq);
    expect([...seqs].sort((a, b) => a - b)).toEqual(wanted);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const own = seqs.filter((seq) => seq % PARTITIONS === partition);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  }
  expect(appended).toBeGreaterThan(500);
});
