/** Fan-out from end to end: bursts of `k` records into a real Kafka, and what a delivery costs the server that reads and serves them. */
import { setTimeout as pause } from 'node:timers/promises';
import { cpuSeconds } from './child.ts';
import { LoadClient } from './client.ts';
import { Bed, type Feed, serve } from './kafka.ts';
import { startUsual } from './servers.ts';
import { cursorQuery, plainQuery } from './trades.ts';

const SUBSCRIBERS = 1_000;
export const BURSTS = [1, 8, 64] as const;
/** Bursts come this far apart, or when the last subscriber has the one before. */
const APART_MS = 50;
const PATIENCE_MS = 30_000;

/** How many bursts of each size: to warm up, and to measure. */
type Plan = readonly (readonly [warmUp: number, measured: number])[];
const plan: Plan = [
  [20, 60],
  [20, 50],
  [20, 50],
];
/** The usual stack takes seconds for a large burst. */
const usualPlan: Plan = [
  [10, 40],
  [2, 6],
  [1, 2],
];

/** Deliveries per second of the server's CPU, by size of burst. */
export interface KafkaRound {
  readonly product: readonly number[];
  readonly cursor: readonly number[];
  readonly usual: readonly number[];
}

/** Rounds of each in turn; the servers stay, their subscribers come anew for each. */
export async function kafkaRounds(count: number): Promise<KafkaRound[]> {
  await using bed = await Bed.start();
  const feed = await bed.feed();
  const { gateway, key } = await serve(bed.site(feed));
  await using _ = gateway;
  const usualFeed = await bed.feed();
  await using usual = await startUsual({ brokers: bed.cluster.bootstrap, topic: usualFeed.topic });
  const pid = gateway.child.pid as number;
  const product = async (query: string): Promise<number[]> => {
    const options = { port: gateway.port, connections: SUBSCRIBERS, query, key, placed: 'ready' } as const;
    await using client = await LoadClient.connect(options);
    return await measured(pid, client, feed, plan);
  };
  const others = async (): Promise<number[]> => {
    await using client = await usual.connect(SUBSCRIBERS);
    return await measured(usual.child.pid, client, usualFeed, usualPlan);
  };
  const rounds: KafkaRound[] = [];
  for (let round = 0; round < count; round++) {
    rounds.push({ product: await product(plainQuery), cursor: await product(cursorQuery), usual: await others() });
  }
  return rounds;
}

async function measured(pid: number, client: LoadClient, feed: Feed, bursts: Plan): Promise<number[]> {
  const rates: number[] = [];
  for (const [i, [warmUp, count]] of bursts.entries()) {
    const k = BURSTS[i] as number;
    await client.watch({ verify: { from: 0, to: client.subscribers } });
    await driven(pid, client, feed, k, warmUp);
    await client.watch({});
    rates.push((k * count * client.subscribers) / (await driven(pid, client, feed, k, count)));
  }
  return rates;
}

/** Seconds of CPU for so many bursts. */
async function driven(pid: number, client: LoadClient, feed: Feed, k: number, bursts: number): Promise<number> {
  await client.reset();
  const before = cpuSeconds(pid);
  for (let burst = 1; burst <= bursts; burst++) {
    const next = pause(APART_MS);
    await feed.append(k);
    await client.received({ frames: burst * k * client.subscribers, ms: PATIENCE_MS });
    await next;
  }
  const cpu = cpuSeconds(pid) - before;
  client.check(await client.stat(), bursts * k);
  return cpu;
}
