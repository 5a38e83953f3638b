import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { bed, startKafka } from '../bed/index.ts';
import { subscribe } from './follower.ts';
import { type GatewayProcess, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';

interface ReadingEvent {
  readonly cursor: string;
  readonly key: string | null;
  readonly topic: string;
  readonly data: { readonly seq: number; readonly id: string };
}

const query = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor topic data { seq id } } }';

/** Everything a partner has received over all its connections, in order. */
class Received {
  readonly seqs: number[] = [];
  readonly #lastOf = new Map<string, number>();
  cursor: string | undefined;

  take(event: ReadingEvent): void {
    const { seq, id } = event.data;
    // One id is one key, hence one partition: its events come in the order in which they were written.
    const last = this.#lastOf.get(id) ?? -1;
    if (seq <= last) throw new Error(`${id}: ${seq} came after ${last}`);
    this.#lastOf.set(id, seq);
    this.seqs.push(seq);
    this.cursor = event.cursor;
  }

  expectExactly(count: number): void {
    expect(this.seqs).toHaveLength(count);
    expect(new Set(this.seqs).size).toBe(count);
    expect(Math.max(...this.seqs.slice(-5_000))).toBeLessThan(count);
  }
}

/** Follows until `count` events have come, whatever ends the connection in between; calls `disturb` with how many there are. */
async function follow(
  gateway: () => Promise<GatewayProcess>,
  key: string,
  received: Received,
  count: number,
  disturb: (soFar: number, drop: () => void) => void,
): Promise<number> {
  let connections = 0;
  while (received.seqs.length < count) {
    const node = await gateway();
    let socket: WebSocket | undefined;
    class Tracked extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        socket = this;
      }
    }
    const { createClient } = await import('graphql-ws');
    const client = createClient({
      url: node.socketUrl,
      webSocketImpl: Tracked,
      connectionParams: { apiKey: key },
      retryAttempts: 0,
    });
    connections += 1;
    const ending = await subscribe<ReadingEvent>(
      client,
      query,
      { from: received.cursor === undefined ? { earliest: true } : { cursor: received.cursor } },
      (event) => {
        received.take(event);
        disturb(received.seqs.length, () => socket?.terminate());
        return received.seqs.length >= count;
      },
    );
    for (const error of ending.errors) {
      if (!['DRAINING', 'UNAVAILABLE'].includes(error.extensions?.code ?? '')) throw new Error(JSON.stringify(error));
    }
    await client.dispose();
  }
  return connections;
}

describe('on a real Kafka that other programs write to', () => {
  test('a client that is killed ten times in the middle of 100,000 events receives each exactly once, in order per partition', async () => {
    const { bootstrap } = await bed().kafka();
    await using user = new KafkaUser(bootstrap);
    const product = readings();
    await user.createTopic(product.topic, 12);
    const site = new Site({ main: bootstrap }, [product]);
    await using gateway = await site.start();
    await gateway.ready();
    const { key } = await site.partner(['readings']);
    const count = 100_000;
    const writing = user.write(product.topic, 0, count);
    const received = new Received();
    let next = 4_000;
    const connections = await follow(
      async () => gateway,
      key,
      received,
      count,
      (soFar, drop) => {
        if (soFar < next || next > 94_000) return;
        next += 9_000;
        drop();
      },
    );
    await writing;
    received.expectExactly(count);
    expect(connections).toBeGreaterThanOrEqual(11);
  });

  test('the broker restarts in the middle: exact', async () => {
    await using cluster = await startKafka({ version: '4.1.1' });
    await using user = new KafkaUser(cluster.bootstrap, true);
    const product = readings();
    await user.createTopic(product.topic, 12);
    const site = new Site({ main: cluster.bootstrap }, [product]);
    await using gateway = await site.start();
    await gateway.ready();
    const { key } = await site.partner(['readings']);
    const count = 20_000;
    await user.write(product.topic, 0, count / 2);
    const received = new Received();
    let restarted: Promise<void> | undefined;
    await follow(
      async () => gateway,
      key,
      received,
      count,
      (soFar) => {
        if (soFar < 5_000 || restarted !== undefined) return;
        restarted = (async () => {
          const broker = cluster.brokers[0];
          await broker?.kill();
          await broker?.start();
          await user.write(product.topic, count / 2, count);
        })();
      },
    );
    await restarted;
    expect(restarted).toBeDefined();
    received.expectExactly(count);
  });

  test('the node is killed with -9 and started again in the middle: exact', async () => {
    const { bootstrap } = await bed().kafka();
    await using user = new KafkaUser(bootstrap);
    const product = readings();
    await user.createTopic(product.topic, 12);
    const site = new Site({ main: bootstrap }, [product]);
    let gateway = await site.start();
    await gateway.ready();
    const { port } = gateway;
    const { key } = await site.partner(['readings']);
    const count = 30_000;
    const writing = user.write(product.topic, 0, count);
    const received = new Received();
    let again: Promise<void> | undefined;
    const running = async (): Promise<GatewayProcess> => {
      await again;
      return gateway;
    };
    await follow(running, key, received, count, (soFar) => {
      if (soFar < 10_000 || again !== undefined) return;
      again = (async () => {
        await gateway.stop('SIGKILL');
        gateway = await site.start({ port });
        await gateway.ready();
      })();
    });
    await writing;
    await again;
    await gateway[Symbol.asyncDispose]();
    expect(again).toBeDefined();
    received.expectExactly(count);
  });
});
