/** Several products on two real Kafka clusters of different versions, with a client that is cut again and again. */
import { expect, test } from 'vitest';
import { bed } from '../bed/index.ts';
import { randomName } from '../bed/ports.ts';
import { subscribe } from './follower.ts';
import { Site } from './node.ts';
import { KafkaUser, type Reading, readings } from './producer.ts';

interface Shown {
  readonly cursor: string;
  readonly product: string;
  readonly near?: Reading;
  readonly far?: Reading;
}

const query = `subscription ($from: ReplayFrom) {
  events(topic: "readings/*/>", from: $from) {
    cursor product
    ... on NearEvent { near: data { id seq region } }
    ... on FarEvent { far: data { id seq region } }
  }
}`;

test('a client that is cut twenty times gets the events of both clusters exactly, in order per key', async () => {
  const [older, newer] = await Promise.all([bed().kafka('3.9.1'), bed().kafka('4.1.1')]);
  await using near = new KafkaUser(older.bootstrap);
  await using far = new KafkaUser(newer.bootstrap);
  const products = [
    readings({ name: 'near', type: 'NearEvent', cluster: 'older', topic: randomName('near') }),
    readings({ name: 'far', type: 'FarEvent', cluster: 'newer', topic: randomName('far') }),
  ] as const;
  await near.createTopic(products[0].topic, 12);
  await far.createTopic(products[1].topic, 5);
  const site = new Site({ older: older.bootstrap, newer: newer.bootstrap }, products);
  await using gateway = await site.start();
  await gateway.ready();
  const { key } = await site.partner(['near', 'far']);
  const count = 20_000;
  const writing = Promise.all([near.write(products[0].topic, 0, count), far.write(products[1].topic, 0, count)]);

  const seen = { near: [] as number[], far: [] as number[] };
  const lastOf = new Map<string, number>();
  let cursor: string | undefined;
  let connections = 0;
  const total = (): number => seen.near.length + seen.far.length;
  while (total() < 2 * count) {
    const client = gateway.client(key);
    const enough = Math.min(2 * count, total() + 1_900 + connections);
    connections += 1;
    const from = cursor === undefined ? { earliest: true } : { cursor };
    const { errors } = await subscribe<Shown>(
      client,
      query,
      { from },
      ({ cursor: at, product, near: one, far: other }) => {
        const { id, seq } = (one ?? other) as Reading;
        const name = `${product} ${id}`;
        if (seq <= (lastOf.get(name) ?? -1)) throw new Error(`${name}: ${seq} came after ${lastOf.get(name)}`);
        lastOf.set(name, seq);
        seen[product as 'near' | 'far'].push(seq);
        cursor = at;
        return total() >= enough;
      },
    );
    expect(errors).toEqual([]);
    client.terminate();
    await client.dispose();
  }
  await writing;
  const all = Array.from({ length: count }, (_, seq) => seq);
  expect(seen.near.toSorted((a, b) => a - b)).toEqual(all);
  expect(seen.far.toSorted((a, b) => a - b)).toEqual(all);
  expect(connections).toBeGreaterThanOrEqual(20);
});

test('where retention has passed positions of both, one error tells all ranges, and its cursor goes on', async () => {
  const [older, newer] = await Promise.all([bed().kafka('3.9.1'), bed().kafka('4.1.1')]);
  await using near = new KafkaUser(older.bootstrap);
  await using far = new KafkaUser(newer.bootstrap);
  const products = [
    readings({ name: 'near', type: 'NearEvent', cluster: 'older', topic: randomName('near') }),
    readings({ name: 'far', type: 'FarEvent', cluster: 'newer', topic: randomName('far') }),
  ] as const;
  await near.createTopic(products[0].topic, 1);
  await far.createTopic(products[1].topic, 1);
  const site = new Site({ older: older.bootstrap, newer: newer.bootstrap }, products);
  await using gateway = await site.start();
  await gateway.ready();
  const { key } = await site.partner(['near', 'far']);
  await near.write(products[0].topic, 0, 10);
  await far.write(products[1].topic, 0, 10);
  const client = gateway.client(key);
  const seen: Record<string, number[]> = { near: [], far: [] };
  const take = async (from: object, count: number) => {
    let cursor = '';
    let left = count;
    const ending = await subscribe<Shown>(client, query, { from }, ({ cursor: at, product, near: one, far: other }) => {
      seen[product]?.push(((one ?? other) as Reading).seq);
      cursor = at;
      left -= 1;
      return left === 0;
    });
    return { cursor, ending };
  };
  const { cursor: first } = await take({ earliest: true }, 1);
  const at = { near: seen['near']?.length ?? 0, far: seen['far']?.length ?? 0 };
  await near.trim(products[0].topic, 0, 4);
  await far.trim(products[1].topic, 0, 6);
  const { ending } = await take({ cursor: first }, 1);
  const { code, missing, resume } = ending.errors[0]?.extensions ?? {};
  expect({ code, missing }).toEqual({
    code: 'CURSOR_EXPIRED',
    missing: [
      { product: 'far', partition: 0, from: at.far, to: 6 },
      { product: 'near', partition: 0, from: at.near, to: 4 },
    ],
  });
  seen['near'] = [];
  seen['far'] = [];
  await take({ cursor: resume }, 10);
  expect(seen).toEqual({ near: [4, 5, 6, 7, 8, 9], far: [6, 7, 8, 9] });
  await client.dispose();
});
