import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bed, type RedisServer, startRedis } from '../bed/index.ts';
import { Feed, Mesh, Subscriber } from './mesh.ts';

const PARTITIONS = 12;
const names = ['n1', 'n2', 'n3'];

describe('three nodes of a site', () => {
  let redis: RedisServer;
  let mesh: Mesh;

  beforeAll(async () => {
    redis = await startRedis();
    const { bootstrap } = await bed().kafka();
    mesh = await Mesh.open({ bootstrap, redisUrl: redis.url, partitions: PARTITIONS, nodes: names });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
    await redis?.stop();
  });

  test('read each partition once, whoever has the subscribers, and each of these gets everything', async () => {
    const subscribers = names.flatMap((name) => [new Subscriber(mesh, name), new Subscriber(mesh, name)]);
    await mesh.user.write(mesh.product.topic, 0, 1_000);
    // All are live, and no longer read what was before.
    await Promise.all(subscribers.map((subscriber) => subscriber.reaches(1_000)));
    const before = await mesh.reads();
    await mesh.user.write(mesh.product.topic, 1_000, 21_000);
    await Promise.all(subscribers.map((subscriber) => subscriber.finish(21_000)));
    const after = await mesh.reads();
    const read = names.map((name) => (after[name] ?? 0) - (before[name] ?? 0));
    expect(read.reduce((sum, count) => sum + count)).toBe(20_000);
    for (const [i, name] of names.entries()) {
      expect(mesh.owned(name).length).toBeGreaterThan(0);
      expect(read[i]).toBeGreaterThan(0);
    }
  });

  test('lose one by kill -9, and the two others go on with what it owned', async () => {
    const subscribers = names.map((name) => new Subscriber(mesh, name));
    const feed = new Feed(mesh, 2_000, 21_000);
    await Promise.all(subscribers.map((subscriber) => subscriber.reaches(25_000)));
    const victim = 'n1';
    expect(mesh.owned(victim).length).toBeGreaterThan(0);
    await mesh.stop(victim, 'SIGKILL');
    await Promise.all(subscribers.map((subscriber) => subscriber.reaches(35_000)));
    await mesh.start(victim);
    await mesh.joined();
    const written = await feed.stop();
    await Promise.all(subscribers.map((subscriber) => subscriber.finish(written)));
    expect(subscribers[0]?.connections).toBe(2);
  });
});
