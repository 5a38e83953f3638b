/**
 * One site of three nodes on real Kafka and Redis, under a steady feed, and one fault after the other: each is seen to have happened, and in
 * the end every subscriber has had every event once, in order.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../bed/ask.ts';
import { bed, type RedisServer, startRedis } from '../bed/index.ts';
import { Line } from '../link/line.ts';
import { Feed, Mesh, Subscriber } from './mesh.ts';
import { run } from './node.ts';

const names = ['n1', 'n2', 'n3'];
const COORDINATION = 'sluice_coordination_up';

describe('three nodes of a site', () => {
  let redis: RedisServer;
  /** Between the nodes and Redis. */
  let line: Line;
  let mesh: Mesh;
  let feed: Feed;
  let subscribers: Subscriber[];

  /** Events of a while from now on have come to each of these. */
  const goOn = (whom: readonly Subscriber[] = subscribers): Promise<unknown> => {
    const upTo = feed.written + 4_000;
    return Promise.all(whom.map((subscriber) => subscriber.reaches(upTo)));
  };
  const everyNode = (name: string, wanted: (value: number | null) => boolean): Promise<unknown> =>
    Promise.all([...mesh.nodes.values()].map(({ metrics }) => metrics.reaches(name, {}, wanted)));
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  /** Somebody who comes now to each node gets everything that there is. */
  const serveNewcomers = async (): Promise<void> => {
    const count = feed.written;
    const newcomers = [...mesh.nodes.keys()].map((name) => new Subscriber(mesh, name));
    await Promise.all(newcomers.map((newcomer) => newcomer.reaches(count)));
    await Promise.all(newcomers.map((newcomer) => newcomer.close()));
  };

  beforeAll(async () => {
    redis = await startRedis();
    line = await Line.to(redis.port);
    const { bootstrap } = await bed().kafka();
    mesh = await Mesh.open({ bootstrap, redisUrl: `redis://${line.address}`, partitions: 12, nodes: names });
    feed = new Feed(mesh, 2_000);
    subscribers = names.map((name) => new Subscriber(mesh, name));
  });
  afterAll(async () => {
    await Promise.all((subscribers ?? []).map((subscriber) => subscriber.close()));
    await mesh?.[Symbol.asyncDispose]();
    await line?.[Symbol.asyncDispose]();
    await redis?.stop();
  });

  test('read each partition once, whoever has the subscribers', async () => {
    await goOn();
    const before = await mesh.reads();
    const from = feed.written;
    await goOn();
    const read = total(await mesh.reads()) - total(before);
    // Counted while the feed goes on: what was written, and not twice or three times that.
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan((feed.written - from) * 1.5);
    for (const name of names) {
      expect(mesh.owned(name).length).toBeGreaterThan(0);
      expect((await mesh.reads())[name]).toBeGreaterThan(before[name] ?? 0);
    }
  });

  test('are shown by sluice cluster show', async () => {
    interface Shown {
      readonly nodes: readonly {
        readonly node: string;
        readonly report: { readonly links: readonly { readonly up: boolean }[]; readonly carried: readonly unknown[] };
      }[];
      readonly products: readonly { readonly product: string; readonly owners: readonly string[] }[];
    }
    const shown = await mesh.site.command<Shown>('cluster', 'show');
    expect(shown.nodes.map(({ node }) => node)).toEqual(names);
    for (const { report } of shown.nodes) {
      expect(report.links.map(({ up }) => up)).toEqual([true, true]);
      expect(report.carried).toMatchObject([{ product: mesh.product.name, partitions: 12 }]);
    }
    const owners = Array.from({ length: 12 }, (_, partition) =>
      names.find((name) => mesh.owned(name).includes(partition)),
    );
    expect(shown.products).toEqual([{ product: mesh.product.name, partitions: 12, owners }]);
    const { stdout } = await run(['cluster', 'show', '--config', mesh.site.config(0)], mesh.site.folder);
    expect(stdout).toContain('3 nodes');
    expect(stdout).toMatch(/n1 {2}ws:\/\/127\.0\.0\.1:\d+/);
  });

  test('lose Redis for longer than members live, and it comes back empty', async () => {
    await redis.kill();
    await everyNode(COORDINATION, (up) => up === 0);
    await goOn();
    await serveNewcomers();
    // Longer than a member lives without a sign of life, by what is written meanwhile.
    const upTo = feed.written + 24_000;
    await Promise.all(subscribers.map((subscriber) => subscriber.reaches(upTo)));
    await everyNode('sluice_site_nodes', (nodes) => nodes === 3);
    await redis.start();
    await everyNode(COORDINATION, (up) => up === 1);
    await goOn();
    await everyNode('sluice_site_nodes', (nodes) => nodes === 3);
    await everyNode('sluice_links_up', (up) => up === 2);
  });

  test('have all of Redis flushed', async () => {
    const before = await mesh.reads();
    const from = feed.written;
    expect(await ask(redis.port, 'FLUSHALL\r\n')).toContain('+OK');
    await goOn();
    await everyNode('sluice_site_nodes', (nodes) => nodes === 3);
    await everyNode(COORDINATION, (up) => up === 1);
    expect(total(await mesh.reads()) - total(before)).toBeLessThan((feed.written - from) * 1.5);
  });

  test('reach Redis with 5 s of latency', async () => {
    line.delayMs = 2_500;
    await everyNode(COORDINATION, (up) => up === 0);
    await goOn();
    await serveNewcomers();
    await everyNode('sluice_site_nodes', (nodes) => nodes === 3);
    line.delayMs = 0;
    await everyNode(COORDINATION, (up) => up === 1);
    await everyNode('sluice_site_nodes', (nodes) => nodes === 3);
  });

  test('have one stand still for 20 s that owns partitions, and go on', async () => {
    const [first, second, third] = subscribers as [Subscriber, Subscriber, Subscriber];
    const { gateway } = mesh.get('n2');
    gateway.child.kill('SIGSTOP');
    const stopped = mesh.nodes.get('n2');
    mesh.nodes.delete('n2');
    await goOn([first, third]);
    await everyNode('sluice_site_nodes', (nodes) => nodes === 2);
    const upTo = feed.written + 20_000;
    await Promise.all([first, third].map((subscriber) => subscriber.reaches(upTo)));
    expect(second.count).toBeLessThan(upTo);
    if (stopped !== undefined) mesh.nodes.set('n2', stopped);
    gateway.child.kill('SIGCONT');
    await mesh.joined();
    await goOn();
  });

  test('lose one by kill -9 that owns partitions and has subscribers', async () => {
    const connections = subscribers[0]?.connections ?? 0;
    expect(mesh.owned('n1').length).toBeGreaterThan(0);
    await mesh.stop('n1', 'SIGKILL');
    await goOn();
    expect(subscribers[0]?.connections).toBeGreaterThan(connections);
    await mesh.start('n1');
    await mesh.joined();
  });

  test('lose two at once by kill -9', async () => {
    await Promise.all([mesh.stop('n1', 'SIGKILL'), mesh.stop('n2', 'SIGKILL')]);
    await goOn();
    await Promise.all([mesh.start('n1'), mesh.start('n2')]);
    await mesh.joined();
    await goOn();
  });

  test('are restarted one after the other', async () => {
    for (const name of names) {
      await mesh.stop(name, 'SIGTERM');
      await mesh.start(name);
      await mesh.joined();
    }
    await goOn();
  });

  test('are joined by a fourth, which takes its share, and gives it back', async () => {
    const all = [...names, 'n4'];
    expect(mesh.owned('n4', all).length).toBeGreaterThan(0);
    const { metrics } = await mesh.start('n4');
    await mesh.joined();
    await metrics.reaches('sluice_records_read_total', { product: mesh.product.name }, (read) => (read ?? 0) > 0);
    await mesh.stop('n4', 'SIGTERM');
    await mesh.joined();
    await goOn();
  });

  test('have given every event to everybody, once and in order', async () => {
    const written = await feed.stop();
    await Promise.all(subscribers.map((subscriber) => subscriber.finish(written)));
    expect(subscribers.map(({ count }) => count)).toEqual([written, written, written]);
  });
});
