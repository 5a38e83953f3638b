/** Fan-out of generated records: a saturated server, tick after tick of `k` events, and what a delivery costs it. */
import { type Child, cpuSeconds } from './child.ts';
import type { LoadClient, Received } from './client.ts';
import type { Saturated } from './saturate.ts';
import { type generatedSite, type Limit, startLimit, startProduct, startUsual } from './servers.ts';
import { cursorQuery, plainQuery } from './trades.ts';

export const SUBSCRIBERS = 1_000;
export const TICKS = [1, 8, 64] as const;
const WARM_UP_MS = 600;
const RUN_MS = 1_200;
const PATIENCE_MS = 20_000;

export interface Run {
  /** Deliveries per second of the server's CPU. */
  readonly rate: number;
  /** Bytes of one write to one socket, frame heads included. */
  readonly writeBytes: number;
}

/** Rates of one round: by how many events a tick, and as one socket of ten subscriptions at one event. */
export interface Round {
  readonly product: readonly number[];
  readonly cursor: readonly number[];
  readonly ten: number;
  readonly usual: readonly number[];
  readonly limit: readonly number[];
}

/** One round of all of them, each in fresh processes, one after the other. */
export async function fanoutRound(at: Awaited<ReturnType<typeof generatedSite>>): Promise<Round> {
  const [product, cursor, ten] = await productRuns(at);
  return {
    product: product.map(({ rate }) => rate),
    cursor: cursor.map(({ rate }) => rate),
    ten: ten.rate,
    usual: await usualRuns(),
    limit: await limitRuns(product.map(({ writeBytes }) => writeBytes)),
  };
}

async function productRuns(at: Awaited<ReturnType<typeof generatedSite>>): Promise<[Run[], Run[], Run]> {
  await using server = await startProduct(at.site, at.key, 'generated');
  const runs = async (query: string): Promise<Run[]> => {
    await using client = await server.connect(query, SUBSCRIBERS);
    const all: Run[] = [];
    for (const k of TICKS) all.push(await measured(server.child, client, k));
    return all;
  };
  const plain = await runs(plainQuery);
  const cursor = await runs(cursorQuery);
  await using client = await server.connect(plainQuery, SUBSCRIBERS / 10, 10);
  return [plain, cursor, await measured(server.child, client, 1)];
}

async function usualRuns(): Promise<number[]> {
  await using server = await startUsual(null);
  await using client = await server.connect(SUBSCRIBERS);
  const rates: number[] = [];
  for (const k of TICKS) rates.push((await measured(server.child, client, k)).rate);
  return rates;
}

async function limitRuns(writeBytes: readonly number[]): Promise<number[]> {
  await using limit = await startLimit(SUBSCRIBERS);
  const rates: number[] = [];
  for (const [i, k] of TICKS.entries()) {
    await written(limit, writeBytes[i] as number, WARM_UP_MS / 2);
    const { ticks, cpu } = await written(limit, writeBytes[i] as number, RUN_MS / 2);
    rates.push((ticks * k * SUBSCRIBERS) / cpu);
  }
  return rates;
}

/** Warm-up, in which every message is looked into, then the measurement, in which they are counted. */
export async function measured(server: Child, client: LoadClient, k: number): Promise<Run> {
  await client.watch({ verify: { from: 0, to: client.subscribers } });
  await driven(server, client, k, WARM_UP_MS);
  await client.watch({});
  const { events, cpu, received } = await driven(server, client, k, RUN_MS);
  const message = received.bytes / received.frames;
  return { rate: (events * client.subscribers) / cpu, writeBytes: Math.round((message + headBytes(message)) * k) };
}

/** The clock stops when the last receiver has the last event. */
async function driven(
  server: Child,
  client: LoadClient,
  k: number,
  ms: number,
): Promise<{ readonly events: number; readonly cpu: number; readonly received: Received }> {
  await client.reset();
  const before = cpuSeconds(server.pid);
  const { events } = await server.ask<Saturated>({ do: 'run', k, ms });
  await client.received({ frames: events * client.subscribers, ms: PATIENCE_MS });
  const cpu = cpuSeconds(server.pid) - before;
  const received = await client.stat();
  client.check(received, events);
  return { events, cpu, received };
}

async function written(limit: Limit, bytes: number, ms: number): Promise<{ ticks: number; cpu: number }> {
  await limit.client.reset();
  const before = cpuSeconds(limit.child.pid);
  const run = await limit.child.ask<{ ticks: number; bytes: number }>({ bytes, ms });
  const received = await limit.client.received({ bytes: run.bytes, ms: PATIENCE_MS });
  const cpu = cpuSeconds(limit.child.pid) - before;
  if (received.bytes !== run.bytes) throw new Error(`${received.bytes} bytes came of ${run.bytes}`);
  return { ticks: run.ticks, cpu };
}

/** Of a frame from server to client. */
function headBytes(message: number): number {
  return message < 126 ? 2 : message < 65_536 ? 4 : 10;
}
