/** What a gateway does with contracts that break what it has promised: on reload, over restarts, with several nodes of one state. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { bed, freePort } from '../bed/index.ts';
import { Metrics } from './metrics.ts';
import { contractText, type GatewayProcess, type ProductSpec, run, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';
import { Socket } from './socket.ts';

interface ReadingEvent {
  readonly cursor: string;
  readonly data: { readonly seq: number; readonly note: string | null };
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const base = readings();
const { required = Object.keys(base.fields) } = base;
/** The readings' contract; whatever is in `more` is an optional string. */
const text = (version: string, ...more: readonly string[]): string => {
  const fields = { ...base.fields, ...Object.fromEntries(more.map((name) => [name, 'string'])) };
  return contractText({ ...base, version, fields, required } satisfies ProductSpec);
};
const live = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor data { seq note } } }';

interface Ready {
  readonly status: string;
  readonly contracts: { readonly serving: number; readonly broken: readonly Record<string, unknown>[] };
}
const readiness = async (node: GatewayProcess): Promise<Ready> =>
  (await (await fetch(`${node.url}/readyz`)).json()) as Ready;
const fieldsOf = async (node: GatewayProcess, key: string, type = 'Reading'): Promise<readonly string[]> => {
  const { data } = await node.ask<{ __type: { fields: { name: string }[] } | null }>(
    key,
    `{ __type(name: "${type}") { fields { name } } }`,
  );
  return data?.__type?.fields.map(({ name }) => name) ?? [];
};
const refusedLine = (node: GatewayProcess, from = 0) =>
  node.until(() => node.lines.slice(from).find(({ msg }) => msg.includes('is refused')));
const inForce = (node: GatewayProcess, product: string, version: string, from = 0) =>
  node.until(() =>
    node.lines
      .slice(from)
      .find((line) => line.msg === 'contract in force' && line['product'] === product && line['version'] === version),
  );

describe('a gateway', () => {
  let site: Site;
  let node: GatewayProcess;
  let metrics: Metrics;
  let log: EmbeddedLog;
  let key: string;
  let app: string;
  let seq = 0;
  const append = () =>
    log.append(base.topic, [
      { key: null, value: Buffer.from(JSON.stringify({ id: 'a', seq: ++seq, region: 'eu', note: `note ${seq}` })) },
    ]);
  const start = async (env: Record<string, string> = {}): Promise<GatewayProcess> => {
    const port = await freePort();
    metrics = new Metrics(port);
    return (await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(port), ...env } })).ready();
  };
  const sluice = (...args: string[]) => run([...args, '--config', site.config(0)], site.folder);

  beforeAll(async () => {
    site = new Site({ main: 'embedded' }, [base]);
    site.putContract('readings', text('1.0.0', 'note'));
    log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
    await log.create(base.topic, { partitions: 1, cleanup: 'delete' });
    node = await start();
    ({ key, app } = await site.partner(['readings']));
  });
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
    await log?.[Symbol.asyncDispose]();
  });

  let cursor = '';
  test('refuses what breaks a promise, goes on serving what it had, and health, metric and log say why', async () => {
    await using socket = await Socket.open(node.socketUrl, key);
    socket.subscribe('live', live);
    await socket.ready('live');
    site.putContract('readings', text('1.1.0'));
    const line = await refusedLine(node);
    expect(line).toMatchObject({ level: 'error', msg: expect.stringContaining('what was accepted stays in force') });
    expect(String(line['findings'])).toMatch(
      /readings\.odcs\.yaml:\d+:\d+: error: breaking for readers, fields\.note: the field "note" is no longer there \[breaking\]/,
    );
    await metrics.reaches('sluice_contracts_broken', {}, (count) => count === 1);
    expect(await readiness(node)).toMatchObject({
      status: 'degraded',
      contracts: {
        serving: 1,
        broken: [
          {
            file: 'readings.odcs.yaml',
            serving: true,
            findings: [
              { message: expect.stringContaining('breaking for readers, fields.note') },
              { message: expect.stringContaining('breaking for publishers, fields.note') },
            ],
          },
        ],
      },
    });
    await append();
    const [event] = await socket.until(() => {
      const events = socket.events<ReadingEvent>('live');
      return events.length > 0 ? events : undefined;
    });
    expect(event?.data).toEqual({ seq, note: `note ${seq}` });
    cursor = event?.cursor ?? '';
    expect(await fieldsOf(node, key)).toContain('note');
  });

  test('refuses it after a restart too, and its cursors are good', async () => {
    await node.stop();
    node = await start();
    expect(String((await refusedLine(node))['findings'])).toContain('the field "note" is no longer there');
    expect((await readiness(node)).contracts.broken).toHaveLength(1);
    expect(await fieldsOf(node, key)).toContain('note');
    await append();
    await using socket = await Socket.open(node.socketUrl, key);
    socket.subscribe('resumed', live, { from: { cursor } });
    const events = await socket.until(() => {
      const all = socket.events<ReadingEvent>('resumed');
      return all.length > 0 ? all : undefined;
    });
    expect(events.map(({ data }) => data)).toEqual([{ seq, note: `note ${seq}` }]);
  });

  test('takes the file again once it breaks nothing', async () => {
    const from = node.lines.length;
    site.putContract('readings', text('1.2.0', 'note', 'unit'));
    await inForce(node, 'readings', '1.2.0', from);
    await metrics.reaches('sluice_contracts_broken', {}, (count) => count === 0);
    expect(await readiness(node)).toMatchObject({ status: 'ready', contracts: { broken: [] } });
    expect(node.lines.slice(from).map(({ msg }) => msg)).toContainEqual(expect.stringContaining('no longer refused'));
  });

  test('with an older directory serves what another has accepted, and changes nothing for that one', async () => {
    const older = join(site.folder, 'older');
    mkdirSync(older);
    writeFileSync(join(older, 'readings.odcs.yaml'), text('1.0.0', 'note'));
    const from = node.lines.length;
    await using late = await (await site.start({ env: { SLUICE_CONTRACTS: older } })).ready();
    expect(await fieldsOf(late, key)).toContain('unit');
    expect(String((await refusedLine(late))['findings'])).toContain('1.0.0 is lower than 1.2.0, which is in force');
    expect((await readiness(late)).status).toBe('degraded');
    // What one node accepts is in force on the other, whose files do not know of it.
    site.putContract('readings', text('1.3.0', 'note', 'unit', 'scale'));
    await inForce(late, 'readings', '1.3.0');
    expect(await fieldsOf(late, key)).toContain('scale');
    const seen = node.lines.slice(from).filter(({ msg }) => msg.startsWith('contract in force'));
    expect(seen.map((line) => line['version'])).toEqual(['1.3.0']);
  });

  test('two of which have different texts of one version settle on the one that came last', async () => {
    const other = join(site.folder, 'other');
    mkdirSync(other);
    const described = (words: string): string =>
      text('1.3.0', 'note', 'unit', 'scale').replace('Events of readings.', words);
    writeFileSync(join(other, 'readings.odcs.yaml'), described('Of the other.'));
    const from = node.lines.length;
    await using second = await (await site.start({ env: { SLUICE_CONTRACTS: other } })).ready();
    await inForce(node, 'readings', '1.3.0', from);
    expect(String((await refusedLine(node, from))['findings'])).toContain('[superseded]');
    site.putContract('readings', described('Of the first.'));
    expect(String((await refusedLine(second))['findings'])).toContain('[superseded]');
    const purpose = async (at: GatewayProcess) =>
      (await at.ask<{ product: { description: string } }>(key, '{ product(name: "readings") { description } }')).data
        ?.product.description;
    for (const at of [node, second]) expect(await purpose(at)).toContain('Of the first.');
    const accepted = [node, second].map((at) => at.lines.filter(({ msg }) => msg === 'contract accepted').length);
    // 1.2.0, 1.3.0 and its other words here, one there: neither answers the other.
    expect(accepted).toEqual([3, 1]);
  });

  test('tells by plan what a directory would change, and whose grants it would hit, and changes nothing', async () => {
    const next = join(site.folder, 'next');
    mkdirSync(next);
    writeFileSync(join(next, 'readings.odcs.yaml'), text('1.4.0', 'note', 'unit'));
    const [{ code, stdout }, json, markdown, missing] = await Promise.all([
      sluice('contracts', 'plan', next),
      sluice('contracts', 'plan', next, '--json'),
      sluice('contracts', 'plan', next, '--format', 'markdown'),
      sluice('contracts', 'plan', join(site.folder, 'nowhere')),
    ]);
    expect([code, missing.code]).toEqual([1, 2]);
    expect(stdout).toContain('readings 1.3.0 -> 1.4.0: breaking');
    expect(stdout).toContain('accepted/readings.odcs.yaml:');
    expect(stdout).toContain(`granted to ${app} "partner" (grant-`);
    expect(JSON.parse(json.stdout)).toMatchObject({
      isBreaking: true,
      refused: [],
      products: [{ product: 'readings', verdict: 'breaking', grants: [{ application: app, name: 'partner' }] }],
    });
    expect(markdown.stdout).toContain(`Granted to partner (<code>${app}</code>).`);
    writeFileSync(join(next, 'readings.odcs.yaml'), text('1.2.0', 'note', 'unit', 'scale', 'more'));
    const behind = await sluice('contracts', 'plan', next);
    expect(behind).toMatchObject({ code: 1, stdout: expect.stringContaining('1.2.0 is lower than 1.3.0') });
    writeFileSync(join(next, 'readings.odcs.yaml'), text('1.4.0', 'note', 'unit', 'scale', 'more'));
    const good = await sluice('contracts', 'plan', next);
    expect([good.code, good.stdout]).toEqual([0, expect.not.stringContaining('granted')]);
    expect((await readiness(node)).status).toBe('ready');
  });

  test('lets somebody break a promise who says so', async () => {
    const from = node.lines.length;
    site.putContract('readings', text('1.4.0', 'note', 'unit'));
    await refusedLine(node, from);
    const refused = await sluice('contracts', 'accept', site.contracts);
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Nothing was accepted.') });
    expect(await site.command('contracts', 'accept', site.contracts, '--breaking')).toEqual({
      accepted: [{ product: 'readings', from: '1.3.0', to: '1.4.0' }],
      refused: [],
    });
    await inForce(node, 'readings', '1.4.0', from);
    expect(await fieldsOf(node, key)).not.toContain('scale');
    expect((await readiness(node)).status).toBe('ready');
    const again = await sluice('contracts', 'accept', site.contracts, '--breaking');
    expect(again).toMatchObject({ code: 0, stdout: 'Everything was accepted before.\n' });
  });

  test('serves a new major beside the old one, also where it has taken its file', async () => {
    const from = node.lines.length;
    site.putContract('readings.v2', text('2.0.0'));
    await inForce(node, 'readings-v2', '2.0.0', from);
    await site.command('grant', 'create', '--app', app, '--product', 'readings-v2');
    await node.shows(key, ['readings', 'readings-v2']);
    expect(await fieldsOf(node, key)).toContain('unit');
    expect(await fieldsOf(node, key, 'ReadingV2')).not.toContain('unit');
    // Two files of one product clash: the first one's goes on.
    site.putContract('readings', text('2.0.0'));
    await metrics.reaches('sluice_contracts_broken', {}, (count) => count === 1);
    expect(await fieldsOf(node, key)).toContain('unit');
    await node.stop();
    node = await start();
    await node.line(({ msg }) => msg.startsWith('A product without a file stays in force'));
    expect(await fieldsOf(node, key)).toContain('unit');
    expect(await fieldsOf(node, key, 'ReadingV2')).not.toContain('unit');
  });

  test('ends an old major that is forgotten, or retired after it was deprecated', async () => {
    expect(await site.command('contracts', 'forget', 'readings')).toEqual({ product: 'readings', version: '1.4.0' });
    await node.line((line) => line.msg === 'contract withdrawn' && line['product'] === 'readings');
    expect(await fieldsOf(node, key)).toEqual([]);
    const unknown = await sluice('contracts', 'forget', 'readings');
    expect(unknown).toMatchObject({ code: 1, stderr: 'No contract of "readings" was accepted.\n' });
    const v2 = (version: string, status: string): string =>
      text(version).replace('status: active', `status: ${status}`);
    let from = node.lines.length;
    site.putContract('readings.v2', v2('2.0.1', 'retired'));
    site.putContract('readings', v2('2.0.1', 'retired'));
    expect(String((await refusedLine(node, from))['findings'])).toContain('it ends without having been deprecated');
    from = node.lines.length;
    site.putContract('readings', v2('2.0.2', 'deprecated'));
    await inForce(node, 'readings-v2', '2.0.2', from);
    site.putContract('readings', v2('2.0.3', 'retired'));
    await inForce(node, 'readings-v2', '2.0.3', from);
    expect((await node.ask(key, '{ products { name } }')).data).toEqual({ products: [] });
  });

  test('says of a directory that it cannot accept why not', async () => {
    const wrong = join(site.folder, 'wrong');
    mkdirSync(wrong);
    writeFileSync(join(wrong, 'a.odcs.yaml'), 'name: [1');
    expect(await sluice('contracts', 'accept', wrong)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('a.odcs.yaml:1'),
    });
    writeFileSync(join(wrong, 'a.odcs.yaml'), contractText({ ...base, name: 'elsewhere', cluster: 'other' }));
    expect(await sluice('contracts', 'accept', wrong)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the cluster "other" is not configured'),
    });
  });
});

test('with its state on Kafka refuses after a restart what breaks a promise', async () => {
  const { bootstrap } = await bed().kafka();
  await using user = new KafkaUser(bootstrap);
  const site = new Site({ main: bootstrap }, [base]);
  site.putContract('readings', text('1.0.0', 'note'));
  await user.createTopic(base.topic, 1);
  {
    await using first = await (await site.start()).ready();
    await first.line(({ msg }) => msg === 'contract accepted');
    await first.stop();
  }
  site.putContract('readings', text('1.1.0'));
  await using second = await (await site.start()).ready();
  expect(String((await refusedLine(second))['findings'])).toContain('the field "note" is no longer there');
  const { key } = await site.partner(['readings']);
  expect(await fieldsOf(second, key)).toContain('note');
  await site.command('contracts', 'accept', site.contracts, '--breaking');
  await inForce(second, 'readings', '1.1.0');
  expect(await fieldsOf(second, key)).not.toContain('note');
});

test('of several processes refuses it in all of them', async () => {
  const site = new Site({ main: 'embedded' }, [base], 'workers: 2');
  site.putContract('readings', text('1.0.0', 'note'));
  await using node = await site.start();
  await node.line((line) => line.msg === 'ready' && line['workers'] === 2);
  const { key } = await site.partner(['readings']);
  site.putContract('readings', text('1.1.0'));
  await refusedLine(node);
  for (let asked = 0; asked < 6; asked++) expect(await fieldsOf(node, key)).toContain('note');
  await site.command('contracts', 'accept', site.contracts, '--breaking');
  await node.until(() =>
    node.lines.filter((line) => line.msg === 'contract in force' && line['version'] === '1.1.0').length === 3
      ? true
      : undefined,
  );
  for (let asked = 0; asked < 6; asked++) expect(await fieldsOf(node, key)).not.toContain('note');
});
