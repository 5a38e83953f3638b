import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { freePort, type KafkaCluster, startKafka } from '../bed/index.ts';
import { RawSocket } from '../doors/raw.ts';
import { Metrics } from './metrics.ts';
import { type GatewayProcess, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';
import { type Message, Socket } from './socket.ts';

interface ReadingEvent {
  readonly cursor: string;
  readonly data: { readonly seq: number };
}
interface Readiness {
  readonly status: string;
  readonly clusters: Readonly<Record<string, string>>;
  readonly state: { readonly confirmed: boolean };
}
interface Problem {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly cursor?: string };
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const live = (product: string): string =>
  `subscription ($from: ReplayFrom) { ${product}(from: $from) { cursor data { seq } } }`;
const problemOf = ({ payload }: Message): Problem => (payload as Problem[])[0] as Problem;
const range = (to: number): number[] => Array.from({ length: to }, (_, i) => i);
const sorted = (events: readonly ReadingEvent[]): number[] => events.map(({ data }) => data.seq).sort((a, b) => a - b);

async function embeddedLog(site: Site, cluster: string, topic: string, partitions: number): Promise<EmbeddedLog> {
  const log = createEmbeddedLog({ name: cluster, path: join(site.folder, `${cluster}.db`), observe: quiet });
  await log.create(topic, { partitions, cleanup: 'delete' });
  return log;
}

const appendTo = (log: EmbeddedLog, topic: string, ...seqs: readonly number[]): Promise<unknown> =>
  log.append(
    topic,
    seqs.map((seq) => ({
      key: Buffer.from(`k${seq}`),
      value: Buffer.from(JSON.stringify({ id: 'a', seq, region: 'eu' })),
    })),
  );

async function readiness(gateway: GatewayProcess): Promise<{ status: number; body: Readiness }> {
  const response = await fetch(`${gateway.url}/readyz`);
  return { status: response.status, body: (await response.json()) as Readiness };
}

const eventsOf = (socket: Socket, id: string, count: number): Promise<readonly ReadingEvent[]> =>
  socket.until(() => {
    const events = socket.events<ReadingEvent>(id);
    return events.length >= count ? events : undefined;
  });

/** Resolves when all that the server had to say before has been said. */
async function pong(socket: Socket, payload: string): Promise<void> {
  socket.send({ type: 'ping', payload: { payload } });
  await socket.message(
    ({ type, payload: of }) => type === 'pong' && JSON.stringify(of) === JSON.stringify({ payload }),
  );
}

describe('a cluster that goes and comes', () => {
  const there = readings({ name: 'there', cluster: 'far', type: 'ThereEvent', template: 'there/{region}' });
  const here = readings({ name: 'here', cluster: 'near', type: 'HereEvent', template: 'here/{region}' });
  let kafka: KafkaCluster;
  let user: KafkaUser;
  /** State on the embedded log, one product on each cluster. */
  let mixed: { site: Site; gateway: GatewayProcess; metrics: Metrics; log: EmbeddedLog; key: string };
  /** State on Kafka, where it cannot be confirmed for longer than two seconds; its product is embedded. */
  let stateful: { site: Site; gateway: GatewayProcess; metrics: Metrics; log: EmbeddedLog; key: string };

  const begin = async (clusters: Record<string, string>, products: Parameters<typeof readings>[0][], extra: string) => {
    const site = new Site(clusters, products as never, extra);
    const log = await embeddedLog(site, 'near', here.topic, 2);
    const port = await freePort();
    const gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(port) } });
    return { site, log, gateway, metrics: new Metrics(port), key: '' };
  };

  beforeAll(async () => {
    kafka = await startKafka();
    user = new KafkaUser(kafka.bootstrap);
    await user.createTopic(there.topic, 3);
    await kafka.brokers[0]?.kill();
    mixed = await begin({ near: 'embedded', far: kafka.bootstrap }, [here, there], '');
    stateful = await begin({ far: kafka.bootstrap, near: 'embedded' }, [here], 'access: {maxStaleness: PT2S}');
  });
  afterAll(async () => {
    for (const each of [mixed, stateful]) {
      await each?.gateway[Symbol.asyncDispose]();
      await each?.log[Symbol.asyncDispose]();
    }
    await user?.[Symbol.asyncDispose]();
    await kafka?.stop();
  });

  test('that cannot be reached at start is named, and tried again; the node listens, lives, and is not ready', async () => {
    for (const { gateway } of [mixed, stateful]) {
      await gateway.line(({ msg }) => msg === 'listening');
      const line = await gateway.line(
        ({ msg, ['cluster']: cluster }) => /does not answer/.test(msg) && cluster === 'far',
      );
      expect(line.msg).toContain('tried again');
      expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
      expect(await readiness(gateway)).toMatchObject({
        status: 503,
        body: { status: 'starting', clusters: { far: 'down' } },
      });
      const { status, errors } = await gateway.ask('slk_any', '{ __typename }');
      expect({ status, code: errors?.[0]?.extensions?.['code'] }).toEqual({ status: 503, code: 'UNAVAILABLE' });
      await using socket = await Socket.open(gateway.socketUrl, null);
      socket.send({ type: 'connection_init', payload: { apiKey: 'slk_any' } });
      expect((await socket.closed).code).toBe(1013);
    }
    await mixed.metrics.reaches('sluice_cluster_up', { cluster: 'far' }, (up) => up === 0);
    expect(await mixed.metrics.value('sluice_cluster_up', { cluster: 'near' })).toBe(1);
  });

  test('makes the node ready when it comes, without a restart', async () => {
    await kafka.brokers[0]?.start();
    for (const each of [mixed, stateful]) {
      await each.gateway.ready();
      // Trying again is not told again.
      const told = each.gateway.lines.filter(({ level }) => level === 'warn' || level === 'error');
      expect(told.length).toBeLessThan(8);
      expect(await readiness(each.gateway)).toMatchObject({
        status: 200,
        body: { clusters: { far: 'up', near: 'up' } },
      });
      await each.metrics.reaches('sluice_cluster_up', { cluster: 'far' }, (up) => up === 1);
    }
    const partners = [mixed.site.partner(['here', 'there']), stateful.site.partner(['here'])] as const;
    [mixed.key, stateful.key] = (await Promise.all(partners)).map(({ key }) => key) as [string, string];
  });

  test('leaves its subscriptions waiting while it is gone, the others served, and the node ready and degraded; then they go on where they were', async () => {
    const { gateway, metrics, key, log } = mixed;
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('there', live('there'), { from: { earliest: true } });
    socket.subscribe('here', live('here'));
    await Promise.all([socket.ready('there'), socket.ready('here')]);
    await user.write(there.topic, 0, 300);
    await eventsOf(socket, 'there', 300);

    await kafka.brokers[0]?.kill();
    await metrics.reaches('sluice_cluster_up', { cluster: 'far' }, (up) => up === 0);
    expect(await readiness(gateway)).toMatchObject({
      status: 200,
      body: { status: 'degraded', clusters: { far: 'down', near: 'up' }, state: { confirmed: true } },
    });
    await appendTo(log, here.topic, 0, 1, 2);
    await eventsOf(socket, 'here', 3);
    await using late = await Socket.open(gateway.socketUrl, key);
    late.subscribe('late', live('here'), { from: { earliest: true } });
    expect(sorted(await eventsOf(late, 'late', 3))).toEqual([0, 1, 2]);

    // Asked for now, what is gone is UNAVAILABLE, in words without a host.
    const refused = await gateway.ask(key, 'query { there(first: 1, from: {earliest: true}) { edges { cursor } } }');
    expect(refused.errors?.[0]?.extensions?.['code']).toBe('UNAVAILABLE');
    expect(JSON.stringify(refused)).not.toMatch(/127\.0\.0\.1|ECONN|kafka/i);
    expect(socket.messages.filter(({ type }) => type === 'error' || type === 'complete')).toEqual([]);

    await kafka.brokers[0]?.start();
    await user.write(there.topic, 300, 900);
    expect(sorted(await eventsOf(socket, 'there', 900))).toEqual(range(900));
    await metrics.reaches('sluice_cluster_up', { cluster: 'far' }, (up) => up === 1);
    expect((await readiness(gateway)).body.status).toBe('ready');
  });

  test('that holds the state pauses deliveries and refuses new ones once the state is too old, and both go on exactly afterwards', async () => {
    const { gateway, metrics, key, log } = stateful;
    while (!(await readiness(gateway)).body.state.confirmed) await pause(50);
    const told = gateway.lines.length;
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('here', live('here'));
    await socket.ready('here');
    await appendTo(log, here.topic, ...range(10));
    await eventsOf(socket, 'here', 10);

    await kafka.brokers[0]?.kill();
    await gateway.until(() => gateway.lines.slice(told).find(({ msg }) => msg.includes('cannot be confirmed')));
    expect(await readiness(gateway)).toMatchObject({
      status: 200,
      body: { status: 'degraded', state: { confirmed: false } },
    });
    const read = (await metrics.value('sluice_records_read_total', { product: 'here' })) ?? 0;
    await appendTo(log, here.topic, ...range(20).slice(10));
    await metrics.reaches('sluice_records_read_total', { product: 'here' }, (count) => (count ?? 0) >= read + 10);
    socket.subscribe('new', live('here'));
    const refused = problemOf(await socket.message(({ type, id }) => type === 'error' && id === 'new'));
    expect(refused.extensions.code).toBe('UNAVAILABLE');
    await pong(socket, 'after the append');
    expect(socket.events('here')).toHaveLength(10);
    expect((await gateway.ask(key, '{ products { name } }')).status).toBe(503);
    await using stranger = await Socket.open(gateway.socketUrl, null);
    stranger.send({ type: 'connection_init', payload: { apiKey: key } });
    expect((await stranger.closed).code).toBe(1013);

    await kafka.brokers[0]?.start();
    expect(sorted(await eventsOf(socket, 'here', 20))).toEqual(range(20));
    await appendTo(log, here.topic, 20);
    expect(sorted(await eventsOf(socket, 'here', 21))).toEqual(range(21));
    expect((await gateway.ask(key, '{ products { name } }')).status).toBe(200);
  });

  test('keeps no node from draining while it is gone: whoever waits for it is told, too', async () => {
    const sockets = await Promise.all([mixed, stateful].map(({ gateway, key }) => Socket.open(gateway.socketUrl, key)));
    const waiting = sockets.flatMap((socket, i) =>
      (i === 0 ? ['here', 'there'] : ['here']).map((id) => ({ socket, id })),
    );
    for (const { socket, id } of waiting) {
      socket.subscribe(id, live(id));
      await socket.ready(id);
    }
    await kafka.brokers[0]?.kill();
    await Promise.all(
      [mixed, stateful].map(async ({ gateway, metrics }) => {
        await metrics.reaches('sluice_cluster_up', { cluster: 'far' }, (up) => up === 0);
        const since = Date.now();
        expect(await gateway.stop()).toEqual({ code: 0, signal: null });
        expect(Date.now() - since).toBeLessThan(10_000);
      }),
    );
    for (const { socket, id } of waiting) {
      const end = await socket.message((message) => message.type === 'error' && message.id === id);
      expect(problemOf(end).extensions).toMatchObject({ code: 'DRAINING', cursor: expect.any(String) });
      expect((await socket.closed).code).toBe(1012);
    }
    // One that was never ready goes as quickly.
    await using never = await stateful.site.start();
    await never.line(({ msg }) => /does not answer/.test(msg));
    expect(await never.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('SIGTERM', () => {
  const product = readings();
  let site: Site;
  let log: EmbeddedLog;
  let nodes: GatewayProcess[];
  let key: string;

  beforeAll(async () => {
    site = new Site({ main: 'embedded' }, [product]);
    log = await embeddedLog(site, 'main', product.topic, 4);
    nodes = [await site.start(), await site.start()];
    await Promise.all(nodes.map((node) => node.ready()));
    key = (await site.partner(['readings'])).key;
  });
  afterAll(async () => {
    for (const node of nodes ?? []) await node[Symbol.asyncDispose]();
    await log?.[Symbol.asyncDispose]();
  });

  /** An event stream over HTTP, as text until it ends. */
  const stream = async (gateway: GatewayProcess): Promise<{ readonly whole: Promise<string> }> => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', 'x-api-key': key },
      body: JSON.stringify({ query: live('readings'), variables: { from: { earliest: true } } }),
    });
    return { whole: response.text() };
  };

  test('gives each live subscription DRAINING with its cursor before the close, refuses what is new, exits with 0 in time; resumed elsewhere nothing is lost or doubled', async () => {
    const [first, second] = nodes as [GatewayProcess, GatewayProcess];
    await appendTo(log, product.topic, ...range(50));
    const sockets = await Promise.all([Socket.open(first.socketUrl, key), Socket.open(first.socketUrl, key)]);
    for (const socket of sockets) {
      socket.subscribe('all', live('readings'), { from: { earliest: true } });
      socket.subscribe('new', live('readings'));
      await Promise.all([socket.ready('all'), socket.ready('new')]);
    }
    const sse = await stream(first);
    // One that never answers the close keeps the node draining, so that there is a time in which to be refused.
    const mute = await RawSocket.ready({ port: first.port, isTls: false }, key);
    await Promise.all(sockets.map((socket) => eventsOf(socket, 'all', 50)));
    let written = 50;
    let writing = true;
    const load = (async () => {
      while (writing) {
        await appendTo(log, product.topic, written++);
        await pause(2);
      }
    })();

    const since = Date.now();
    const ended = first.stop();
    const ends = await Promise.all(
      sockets.flatMap((socket) =>
        ['all', 'new'].map(async (id) => {
          const problem = problemOf(await socket.message((message) => message.type === 'error' && message.id === id));
          expect(problem.extensions.code).toBe('DRAINING');
          return { socket, id, cursor: problem.extensions.cursor };
        }),
      ),
    );
    for (const socket of sockets) expect(await socket.closed).toMatchObject({ code: 1012 });
    const refused = await first.ask(key, '{ __typename }');
    expect({ status: refused.status, code: refused.errors?.[0]?.extensions?.['code'] }).toEqual({
      status: 503,
      code: 'DRAINING',
    });
    expect((await fetch(`${first.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
    await expect(Socket.open(first.socketUrl, key)).rejects.toThrow(/503/);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(Date.now() - since).toBeLessThan(10_000);
    await mute.gone;

    writing = false;
    await load;
    await using again = await Socket.open(second.socketUrl, key);
    for (const [i, { socket, id, cursor }] of ends.entries()) {
      const before = socket.events<ReadingEvent>(id);
      const wanted = id === 'all' ? range(written) : range(written).slice(50);
      again.subscribe(`r${i}`, live('readings'), { from: { cursor } });
      const after = await eventsOf(again, `r${i}`, wanted.length - before.length);
      expect(sorted([...before, ...after])).toEqual(wanted);
    }
    const text = await sse.whole;
    expect(text).toContain('"DRAINING"');
    expect(text.trimEnd().endsWith('data:')).toBe(true);
    const seen = [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq));
    const cursor = /"cursor":"([^"]+)"[^\n]*$/m.exec(text.slice(text.indexOf('"DRAINING"')))?.[1];
    again.subscribe('sse', live('readings'), { from: { cursor } });
    const rest = await eventsOf(again, 'sse', written - seen.length);
    expect([...seen, ...rest.map(({ data }) => data.seq)].sort((a, b) => a - b)).toEqual(range(written));
  });
});
