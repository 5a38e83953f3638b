import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { freePort } from '../bed/index.ts';
import { frame, opcodes, RawSocket, text } from '../doors/raw.ts';
import { Metrics } from './metrics.ts';
import { Neighbour } from './neighbour.ts';
import { type GatewayProcess, Site } from './node.ts';
import { readings } from './producer.ts';
import { Socket } from './socket.ts';

/** The neighbour that is appended for, and two more who follow the same. */
const FOLLOWERS = 3;
/** What a flood may make the process grow by, garbage included. */
const MAX_GROWTH = 160 * 1_048_576;

const product = readings({ template: 'readings/{region}' });
const neighbours = readings({ name: 'neighbours', type: 'NeighbourEvent', template: 'neighbours/{region}' });
const live = (name: string): string => `subscription { ${name} { cursor data { seq } } }`;
const page =
  '{ readings(first: 100, from: {earliest: true}) { edges { cursor node { topic data { id seq region } } } } }';
const record = (seq: number) => ({ key: null, value: Buffer.from(JSON.stringify({ id: 'a', seq, region: 'eu' })) });

let site: Site;
let gateway: GatewayProcess;
let metrics: Metrics;
let log: EmbeddedLog;
let key: string;
let neighbour: Neighbour;
const followers: Socket[] = [];

beforeAll(async () => {
  site = new Site({ main: 'embedded' }, [product, neighbours], 'limits: {connectionInitTimeout: PT1S}');
  log = createEmbeddedLog({
    name: 'main',
    path: join(site.folder, 'main.db'),
    observe: { debug() {}, info() {}, warn() {}, error() {} },
  });
  for (const { topic } of [product, neighbours]) await log.create(topic, { partitions: 2, cleanup: 'delete' });
  await log.append(
    product.topic,
    Array.from({ length: 2_000 }, (_, seq) => record(seq)),
  );
  const metricsPort = await freePort();
  metrics = new Metrics(metricsPort);
  gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(metricsPort) } });
  await gateway.ready();
  key = (await site.partner(['readings', 'neighbours'])).key;
  for (let more = 1; more < FOLLOWERS; more++) {
    const socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('f', live('neighbours'));
    await socket.ready('f');
    followers.push(socket);
  }
  neighbour = await Neighbour.begin(gateway.socketUrl, key, live('neighbours'), (seq) =>
    // One partition, so that there is one order.
    log.append(neighbours.topic, [{ ...record(seq), partition: 0 }]),
  );
});

afterAll(async () => {
  await neighbour?.end().catch(() => {});
  for (const socket of followers) await socket[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
});

/** Bytes of memory that the gateway's process has (`VmRSS`), or has had at most since it was last asked (`VmHWM`). */
function memory(what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8');
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1_024;
}

/** Floods while the neighbours are served; afterwards nothing of it is left and memory has stayed within its bound. */
async function survives(flood: () => Promise<readonly RawSocket[]>): Promise<void> {
  // The high-water mark begins anew.
  writeFileSync(`/proc/${gateway.child.pid}/clear_refs`, '5');
  const before = memory('VmRSS');
  const sockets = await flood();
  for (let more = 0; more < 5; more++) await neighbour.next();
  const subscriptions = await metrics.value('sluice_subscriptions', { product: 'readings' });
  expect(subscriptions ?? 0).toBeLessThanOrEqual(100 * sockets.length);
  for (const { socket } of sockets) socket.destroy();
  await metrics.reaches('sluice_connections', {}, (open) => open === FOLLOWERS);
  await metrics.reaches('sluice_subscriptions', {}, (count) => count === FOLLOWERS);
  await neighbour.next();
  expect(memory('VmHWM') - before).toBeLessThan(MAX_GROWTH);
}

const opened = (): Promise<RawSocket> => RawSocket.ready({ port: gateway.port, isTls: false }, key);
const subscribe = (id: string, query = live('readings')) => text({ id, type: 'subscribe', payload: { query } });

/** Writes as fast as the gateway takes it, and stops when it takes no more, or all is sent. Returns how many parts it took. */
async function pour({ socket }: RawSocket, count: number, part: (index: number) => Buffer): Promise<number> {
  const chunk = 1_000;
  for (let sent = 0; sent < count; sent += chunk) {
    if (socket.destroyed) return sent;
    socket.write(Buffer.concat(Array.from({ length: Math.min(chunk, count - sent) }, (_, at) => part(sent + at))));
    // Many events of the neighbour without a byte taken while the neighbours were served: it is read no further.
    for (let left = socket.bytesWritten, still = 0; socket.writableLength > 0 && !socket.destroyed; ) {
      await neighbour.next();
      still = socket.bytesWritten - socket.writableLength === left ? still + 1 : 0;
      left = socket.bytesWritten - socket.writableLength;
      if (still > 15) return sent;
    }
    await turn();
  }
  return count;
}

describe('a client that floods', () => {
  test('with 100,000 subscribes and reads gets a hundred places and an answer to each', async () => {
    await survives(async () => {
      const raw = await opened();
      const count = 100_000;
      expect(await pour(raw, count, (index) => subscribe(`${index}`))).toBe(count);
      // One more message, answered when all before it have been.
      raw.send({ type: 'ping', payload: { last: true } });
      await raw.until(() => raw.messages.length > count && raw.messages.at(-1)?.['type'] === 'pong');
      const refused = raw.messages.filter(({ type }) => type === 'error');
      expect(refused.length).toBe(count - 100);
      expect(refused.at(-1)).toMatchObject({ payload: [{ extensions: { code: 'SUBSCRIPTION_LIMIT' } }] });
      return [raw];
    });
  });

  test.each<[string, (index: number) => Buffer]>([
    ['100,000 subscribes', (index) => subscribe(`${index}`)],
    ['queries of a page each', (index) => subscribe(`${index}`, page)],
    ['pings of the protocol', () => text({ type: 'ping', payload: { filler: 'x'.repeat(200) } })],
    ['pings of the WebSocket', () => frame(opcodes.ping, 'x'.repeat(125))],
  ])('with %s and never reads is read no further', async (_what, part) => {
    await survives(async () => {
      const raw = await opened();
      raw.socket.pause();
      expect(await pour(raw, 100_000, part)).toBeLessThan(100_000);
      return [raw];
    });
  });

  test('with ids of a megabyte is closed with 4400, each time', async () => {
    await survives(async () => {
      for (let round = 0; round < 12; round++) {
        const raw = await opened();
        for (let more = 0; more < 5; more++) raw.socket.write(subscribe('i'.repeat(1_000_000)));
        expect(await raw.closed()).toBe(4400);
      }
      return [];
    });
  });

  test('with connection_init is closed with 4429', async () => {
    await survives(async () => {
      const raw = await opened();
      await pour(raw, 50_000, () => text({ type: 'connection_init', payload: { apiKey: key } }));
      expect(await raw.closed()).toBe(4429);
      return [];
    });
  });

  test('with halves of frames costs what it has sent and no more, and is closed with 4408 where it says nothing else', async () => {
    const half = frame(opcodes.text, Buffer.alloc(1_000_000, 32)).subarray(0, 500_000);
    await survives(async () => {
      const known = await Promise.all(Array.from({ length: 50 }, opened));
      const strangers = await Promise.all(
        Array.from({ length: 50 }, () => RawSocket.open({ port: gateway.port, isTls: false })),
      );
      for (const { socket } of [...known, ...strangers]) socket.write(half);
      for (const raw of strangers) expect(await raw.closed()).toBe(4408);
      expect(known.every(({ socket }) => !socket.destroyed)).toBe(true);
      return known;
    });
  });

  test('with parts without end of one message is closed with 1008', async () => {
    await survives(async () => {
      const raw = await opened();
      raw.socket.write(frame(opcodes.text, '"', { isLast: false }));
      await pour(raw, 10_000, () => frame(opcodes.continuation, 'x', { isLast: false }));
      expect(await raw.closed()).toBe(1008);
      return [];
    });
  });
});

test('through all of which each neighbour has received each event once, in order, and the process lived', async () => {
  const { appended, seqs } = await neighbour.end();
  expect(appended).toBeGreaterThan(50);
  const all = Array.from({ length: appended }, (_, seq) => seq);
  expect(seqs).toEqual(all);
  for (const socket of followers) {
    await socket.until(() => (socket.events('f').length === appended ? true : undefined));
    expect(socket.events<{ data: { seq: number } }>('f').map(({ data }) => data.seq)).toEqual(all);
    await socket[Symbol.asyncDispose]();
  }
  expect(gateway.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  expect((await gateway.stop()).code).toBe(0);
});
