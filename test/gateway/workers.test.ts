/** Several processes behind one port: `sluice serve --workers`. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bed } from '../bed/index.ts';
import { Crew, endOf, live, lives, problemOf, type ReadingEvent, received } from './crew.ts';
import { subscribe } from './follower.ts';
import { contractText, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';
import { Socket } from './socket.ts';

const WORKERS = 3;
const PARTITIONS = 6;
/** Each seq of [from, to) once, those of one id in the order in which they were written. */
function expectExactly(events: readonly ReadingEvent[], from: number, to: number): void {
  const lastOf = new Map<string, number>();
  for (const { data } of events) {
    expect(data.seq).toBeGreaterThan(lastOf.get(data.id) ?? -1);
    lastOf.set(data.id, data.seq);
  }
  const seqs = events.map(({ data }) => data.seq).sort((a, b) => a - b);
  expect(seqs).toEqual(Array.from({ length: to - from }, (_, i) => from + i));
}

/** Follows from a cursor until `count` events have come, coming back with the newest cursor whatever ends the connection. */
async function follow(crew: Crew, key: string, from: string, count: number): Promise<Followed> {
  const followed: Followed = { events: [], connections: 0 };
  let cursor = from;
  while (followed.events.length < count) {
    const client = crew.gateway.client(key);
    followed.connections += 1;
    await subscribe<ReadingEvent>(client, live, { from: { cursor } }, (event) => {
      cursor = event.cursor;
      return followed.events.push(event) >= count;
    });
    await client.dispose();
  }
  return followed;
}

interface Followed {
  readonly events: ReadingEvent[];
  connections: number;
}

describe('three workers on one Kafka', () => {
  const product = readings();
  let user: KafkaUser;
  let site: Site;
  let crew: Crew;
  let key: string;
  let written = 0;
  const write = async (count: number): Promise<void> => {
    await user.write(product.topic, written, written + count);
    written += count;
  };

  beforeAll(async () => {
    const { bootstrap } = await bed().kafka();
    user = new KafkaUser(bootstrap);
    await user.createTopic(product.topic, PARTITIONS);
    site = new Site({ main: bootstrap }, [product]);
    crew = await Crew.start(site, WORKERS);
    key = (await site.partner(['readings'])).key;
    await crew.shows(key, ['readings']);
  });
  afterAll(async () => {
    await crew?.[Symbol.asyncDispose]();
    await user?.[Symbol.asyncDispose]();
  });

  test('are ready when the parent is, each of them', async () => {
    await crew.agree(async () => (await crew.ask('/readyz')).status === 200);
    const { body } = await crew.ask('/readyz');
    expect(body).toMatchObject({
      status: 'ready',
      clusters: { main: 'up' },
      contracts: { serving: 1, broken: [] },
      state: { confirmed: true },
    });
    expect(new Set(crew.pids.values()).size).toBe(WORKERS);
  });

  test('give every client each event once and in order, and each record is read once for all', async () => {
    const count = 3_000;
    const before = (await crew.metrics.value('sluice_records_read_total', { product: 'readings' })) ?? 0;
    const sockets = await crew.sockets(key, 4 * WORKERS);
    for (const socket of sockets) socket.subscribe('s', live);
    await Promise.all(sockets.map((socket) => socket.ready('s')));
    const from = written;
    await write(count);
    for (const socket of sockets) expectExactly(await received(socket, 's', count), from, from + count);

    const delivered = sockets.length * count;
    await crew.metrics.reaches('sluice_events_delivered_total', {}, (value) => value === delivered);
    await crew.metrics.reaches(
      'sluice_records_read_total',
      { product: 'readings' },
      (value) => value === before + count,
    );
    for (const worker of crew.pids.keys())
      await crew.metrics.reaches('sluice_connections', { worker: `${worker}` }, (value) => (value ?? 0) >= 1);
    await crew.metrics.reaches('sluice_connections', {}, (value) => value === sockets.length);
    for (const socket of sockets) await socket[Symbol.asyncDispose]();
  });

  test('publish and show history, whichever of them is asked', async () => {
    const seen = new Set<number>();
    for (let i = 0; i < WORKERS; i += 1) {
      const seq = written++;
      const published = await crew.ask(
        '/graphql',
        key,
        `mutation { publishReading(input: {id: "p", seq: ${seq}, region: "eu"}) { cursor } }`,
      );
      expect(published.body['errors']).toBeUndefined();
      seen.add(seq);
    }
    await crew.agree(async () => {
      const { body } = await crew.ask(
        '/graphql',
        key,
        '{ readings(first: 1000, from: {ago: "PT10M"}, where: {id: {eq: "p"}}) { edges { node { data { seq } } } pageInfo { hasNextPage } } }',
      );
      const { edges } = (body['data'] as { readings: { edges: { node: { data: { seq: number } } }[] } }).readings;
      expect(new Set(edges.map(({ node }) => node.data.seq))).toEqual(seen);
      return true;
    });
  });

  test('one that is killed with -9 is started again; its clients come back and lose and double nothing, the others stay', async () => {
    const count = 20_000;
    await using starter = await Socket.open(crew.gateway.socketUrl, key);
    starter.subscribe('s', live);
    const from = await starter.ready('s');
    const first = written;
    const victim = [...crew.pids][1] as [number, number];
    let killed = false;
    const lines = crew.gateway.lines.length;
    const following = Array.from({ length: 3 * WORKERS }, () => follow(crew, key, from, count));
    for (let i = 0; i < 20; i += 1) {
      await write(count / 20);
      if (i !== 8) continue;
      process.kill(victim[1], 'SIGKILL');
      killed = true;
    }
    const all = await Promise.all(following);
    for (const { events } of all) expectExactly(events, first, first + count);
    expect(killed).toBe(true);
    const came = all.filter(({ connections }) => connections > 1);
    expect(came.length).toBeGreaterThanOrEqual(1);
    expect(all.length - came.length).toBeGreaterThanOrEqual(3);
    const line = await crew.gateway.line(({ msg }) => msg === 'a worker has ended; it is started again');
    expect(line).toMatchObject({ level: 'error', worker: victim[0], how: 'SIGKILL' });
    await crew.gateway.until(() =>
      crew.gateway.lines
        .slice(lines)
        .find(({ msg, ['worker']: worker }) => msg === 'ready' && worker === victim[0] && worker !== undefined),
    );
    expect(crew.pids.get(victim[0])).not.toBe(victim[1]);
    await crew.agree(async () => (await crew.ask('/readyz')).status === 200);
  });

  test('one that stands still for a while delays nobody, and its clients get everything once it goes on', async () => {
    const count = 6_000;
    const sockets = await crew.sockets(key, 2 * WORKERS);
    for (const socket of sockets) socket.subscribe('s', live);
    await Promise.all(sockets.map((socket) => socket.ready('s')));
    const from = written;
    const [victim, pid] = [...crew.pids][0] as [number, number];
    await crew.metrics.reaches('sluice_connections', {}, (value) => value === sockets.length);
    const still = (await crew.metrics.value('sluice_connections', { worker: `${victim}` })) as number;
    expect(still).toBeGreaterThanOrEqual(1);
    process.kill(pid, 'SIGSTOP');
    try {
      await write(count);
      const done = (): number => sockets.filter((socket) => socket.events('s').length === count).length;
      while (done() < sockets.length - still) await pause(10);
      expect(done()).toBe(sockets.length - still);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    for (const socket of sockets) expectExactly(await received(socket, 's', count), from, from + count);
    for (const socket of sockets) await socket[Symbol.asyncDispose]();
  });

  test('a key that is revoked ends its live subscriptions in all of them within a second', async () => {
    const other = await site.partner(['readings']);
    await crew.shows(other.key, ['readings']);
    const sockets = await crew.sockets(other.key, 3 * WORKERS);
    for (const socket of sockets) socket.subscribe('s', live);
    await Promise.all(sockets.map((socket) => socket.ready('s')));
    const ends = sockets.map(async (socket) => ({ problem: problemOf(await endOf(socket, 's')), at: Date.now() }));
    await site.command('key', 'revoke', '--key', other.keyId);
    const acknowledged = Date.now();
    for (const { problem, at } of await Promise.all(ends)) {
      expect(problem.extensions).toMatchObject({ code: 'UNAUTHENTICATED', cursor: expect.any(String) });
      expect(at - acknowledged).toBeLessThan(1_000);
    }
    await crew.agree(async () => (await crew.ask('/graphql', other.key, '{ __typename }')).status === 401);
  });

  test('a contract that changes is in force in all of them, and live subscriptions go on', async () => {
    const sockets = await crew.sockets(key, 2 * WORKERS);
    for (const socket of sockets) socket.subscribe('s', live);
    await Promise.all(sockets.map((socket) => socket.ready('s')));
    const from = written;
    await write(100);
    for (const socket of sockets) await received(socket, 's', 100);
    const lines = crew.gateway.lines.length;
    const text = contractText({ ...product, version: '1.1.0' }).replace(
      '\ncustomProperties:\n',
      '\n      - {name: size, logicalType: string, physicalType: string, required: true, transformLogic: \'source.seq >= 0 ? "big" : "small"\'}\ncustomProperties:\n',
    );
    site.putContract('readings', text);
    crew.gateway.child.kill('SIGHUP');
    await crew.eachLine(({ msg, ['version']: version }) => msg === 'contract in force' && version === '1.1.0', lines);
    await crew.agree(async () => {
      const { body } = await crew.ask(
        '/graphql',
        key,
        '{ readings(first: 1, from: {earliest: true}) { edges { node { data { size } } } } }',
      );
      return JSON.stringify(body).includes('"size":"big"');
    });
    await write(100);
    for (const socket of sockets) expectExactly(await received(socket, 's', 200), from, from + 200);
    for (const socket of sockets) await socket[Symbol.asyncDispose]();
  });

  test('on SIGTERM each live subscription gets DRAINING with its cursor, all processes end, exit 0 in time', async () => {
    const sockets = await crew.sockets(key, 2 * WORKERS);
    for (const socket of sockets) socket.subscribe('s', live);
    await Promise.all(sockets.map((socket) => socket.ready('s')));
    const pids = [...crew.pids.values()];
    const since = Date.now();
    const ended = crew.gateway.stop('SIGTERM');
    for (const socket of sockets) {
      expect(problemOf(await endOf(socket, 's')).extensions).toMatchObject({
        code: 'DRAINING',
        cursor: expect.any(String),
      });
      expect((await socket.closed).code).toBe(1012);
    }
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(Date.now() - since).toBeLessThan(10_000);
    for (const pid of pids) expect(lives(pid)).toBe(false);
  });
});
