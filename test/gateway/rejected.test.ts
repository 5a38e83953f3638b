import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Log, LogError } from '../../src/core/log/index.ts';
import { bed, freePort } from '../bed/index.ts';
import { openLog, withAdmin } from '../log/kafka/storage.ts';
import { Metrics } from './metrics.ts';
import { type GatewayProcess, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';
import { type Placed, recordsOf } from './records.ts';
import { Socket } from './socket.ts';

interface ReadingEvent {
  readonly cursor: string;
  readonly data: { readonly seq: number };
}

/** Stands in every record that is rejected, and must stand nowhere else. */
const SECRET = 'hunter2-s3cret';
const product = readings();
const live = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor data { seq } } }';
const good = (seq: number): Buffer => Buffer.from(JSON.stringify({ id: 'a', seq, region: 'eu' }));
const bad = (n: number): Buffer => Buffer.from(`{"id": "${SECRET}", "seq": "${n}", "region": "${SECRET}"}`);

let bootstrap: string;
let site: Site;
let gateway: GatewayProcess;
let metrics: Metrics;
let log: Log;
let socket: Socket;
let key: string;

beforeAll(async () => {
  bootstrap = (await bed().kafka()).bootstrap;
  await using user = new KafkaUser(bootstrap);
  await user.createTopic(product.topic, 3);
  site = new Site({ main: bootstrap }, [product]);
  log = openLog(bootstrap);
  const port = await freePort();
  metrics = new Metrics(port);
  gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(port) } });
  await gateway.ready();
  key = (await site.partner(['readings'])).key;
  socket = await Socket.open(gateway.socketUrl, key);
  socket.subscribe('s', live);
  await socket.ready('s');
});
afterAll(async () => {
  await socket?.[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
});

const append = (partition: number, ...values: readonly (Buffer | null)[]): Promise<unknown> =>
  log.append(
    product.topic,
    values.map((value) => ({ partition, key: Buffer.from(SECRET), value })),
  );
const arrived = (seq: number): Promise<ReadingEvent> =>
  socket.until(() => socket.events<ReadingEvent>('s').find(({ data }) => data.seq === seq));
const told = () => gateway.lines.filter(({ msg }) => msg === 'record rejected');
/** What has been set aside, once it is as much as has been logged. */
const setAside = async (): Promise<readonly Placed[]> => {
  for (;;) {
    const records = await recordsOf(log, `${site.prefix}rejected`).catch((error: unknown) => {
      // Created with the first that is set aside.
      if (error instanceof LogError && error.kind === 'UNKNOWN_TOPIC') return [];
      throw error;
    });
    if (records.length >= told().length) return records;
    await pause(50);
  }
};

test('records that break the contract are passed over; what stands around them comes, and each is counted, logged and set aside by position without its content', async () => {
  const broken: readonly (readonly [Buffer | null, RegExp])[] = [
    [Buffer.from(`${SECRET}, not JSON`), /not JSON/],
    [Buffer.from(''), /not JSON/],
    [Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), /UTF-8/],
    [Buffer.from(`["${SECRET}"]`), /object/],
    [bad(1), /^seq: /],
    [Buffer.from(`{"id": "${SECRET}", "seq": 12345678901, "region": "eu"}`), /^seq: /],
    [Buffer.from(`{"id": "${SECRET}", "seq": 1}`), /^region: .*missing/],
    [Buffer.from(`{"id": "${SECRET}", "seq": 1, "region": null}`), /^region: .*missing/],
    [null, /tombstone/],
  ];
  await append(0, good(0), ...broken.map(([value]) => value), good(1));
  await append(1, good(2));
  await Promise.all([0, 1, 2].map(arrived));
  expect(
    socket
      .events<ReadingEvent>('s')
      .map(({ data }) => data.seq)
      .filter((seq) => seq !== 2),
  ).toEqual([0, 1]);

  await metrics.reaches('sluice_records_rejected_total', { product: 'readings' }, (count) => count === broken.length);
  expect(await metrics.value('sluice_records_rejected_total', { product: 'readings', reason: 'tombstone' })).toBe(1);
  expect(await metrics.value('sluice_records_rejected_total', { reason: 'internal' })).toBeNull();
  const lines = await gateway.until(() => (told().length === broken.length ? told() : undefined));
  const aside = await setAside();
  expect(aside).toHaveLength(broken.length);
  for (const [i, [, reason]] of broken.entries()) {
    expect(lines[i]).toMatchObject({ level: 'warn', product: 'readings', partition: 0, offset: i + 1 });
    expect(lines[i]?.['reason']).toMatch(reason);
    const { key: name, value } = aside[i] as Placed;
    expect(String(name)).toMatch(new RegExp(`^${product.topic}/[^/]+/0/${i + 1}$`));
    expect(JSON.parse(String(value))).toMatchObject({
      product: 'readings',
      topic: product.topic,
      partition: 0,
      offset: i + 1,
      reason: lines[i]?.['reason'],
    });
    expect(`${name}${value}`).not.toContain(SECRET);
  }
  expect(JSON.stringify(gateway.lines)).not.toContain(SECRET);
  const policy = await withAdmin(bootstrap, (admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: `${site.prefix}rejected`, configNames: ['cleanup.policy'] }],
    }),
  );
  expect(policy.resources[0]?.configEntries[0]?.configValue).toBe('compact');
});

test('history and replay do not set aside again what the live reader has', async () => {
  const { data } = await gateway.ask<{ readings: { edges: { node: ReadingEvent }[]; pageInfo: { examined: number } } }>(
    key,
    'query { readings(first: 100, from: {earliest: true}) { edges { node { cursor data { seq } } } pageInfo { examined } } }',
  );
  expect(data?.readings.edges.map(({ node }) => node.data.seq).sort()).toEqual([0, 1, 2]);
  await using replay = await Socket.open(gateway.socketUrl, key);
  replay.subscribe('s', live, { from: { earliest: true } });
  await replay.until(() => (replay.events('s').length === 3 ? true : undefined));
  // Whatever those reads had to tell would be told before this one.
  await append(2, bad(2));
  await gateway.until(() => told().find((line) => line['partition'] === 2));
  expect(told()).toHaveLength(10);
  expect(await setAside()).toHaveLength(10);
  expect(await metrics.value('sluice_records_rejected_total', { product: 'readings' })).toBe(10);
});

test('a flood of 10,000 bad records delays no good one, and is told at a bounded rate', async () => {
  const before = told().length;
  const since = Date.now();
  const step = 500;
  for (let n = 0; n < 10_000; n += step) {
    await append(0, ...Array.from({ length: step }, (_, i) => bad(n + i)), good(1_000 + n));
    const sent = performance.now();
    await append(1, good(100_000 + n));
    await arrived(100_000 + n);
    expect(performance.now() - sent).toBeLessThan(2_000);
    await arrived(1_000 + n);
  }
  await metrics.reaches('sluice_records_rejected_total', { product: 'readings' }, (count) => count === 10_010);
  const seconds = Math.ceil((Date.now() - since) / 1_000) + 1;
  const aside = await setAside();
  expect(told().length - before).toBeLessThanOrEqual(100 * seconds);
  expect(aside.length - before).toBe(told().length - before);
  expect(aside.length).toBeLessThan(5_000);
  // How many were not told one by one is told with a later one.
  const accounted = (): number =>
    gateway.lines.reduce((sum, line) => sum + Number(line['dropped'] ?? 0), 0) + told().length;
  while (accounted() < 10_010) {
    await append(2, bad(0));
    await pause(100);
  }
  expect(JSON.stringify(gateway.lines)).not.toContain(SECRET);
});
