/**
 * What slow readers do to the others, to the gateway's memory and to themselves: a hundred of a thousand stop reading for a
 * minute while a thousand events a second go to all, then read on.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { residentBytes } from './load/child.ts';
import { LoadClient, type Range } from './load/client.ts';
import { Bed, type Feed, serve } from './load/kafka.ts';
import { proveClient } from './load/proof.ts';
import { plainQuery } from './load/trades.ts';
import type { Report } from './report.ts';

export const name = 'slow';

const SUBSCRIBERS = 1_000;
const RATE = 1_000;
/** Appended at once. */
const BURST = 20;
const WARM_UP_MS = 10_000;
const QUIET_MS = 20_000;
const STALLED_MS = 60_000;
const PATIENCE_MS = 120_000;
/** Smaller than what a minute brings, so that the stalled ones are served from Kafka afterwards. */
const RING_BYTES = 16 * 1024 * 1024;
const READER_BYTES = 64 * 1024;
const MIB = 1024 * 1024;

const stalled: Range = { from: 0, to: 100 };
const others: Range = { from: 100, to: SUBSCRIBERS };

interface Round {
  /** Milliseconds, of the others' latency: p99 with nobody stalled, and with a hundred. */
  readonly quiet: number;
  readonly beside: number;
  /** Bytes that the process held at most in either part. */
  readonly quietBytes: number;
  readonly besideBytes: number;
  /** Seconds until the stalled ones had everything. */
  readonly behind: number;
}

export async function run(report: Report): Promise<void> {
  await proveClient();
  const rounds: Round[] = [];
  for (let round = 0; round < report.rounds; round++) rounds.push(await stall());
  const bound = RING_BYTES + (stalled.to - stalled.from) * READER_BYTES;
  report.note(
    `\`sluice serve\` over Kafka, ${SUBSCRIBERS} subscribers, ${RATE} events/s of 300 B in bursts of ${BURST}: ${QUIET_MS / 1000} s with nobody stalled, then ${STALLED_MS / 1000} s with ${stalled.to} that read nothing. Window of ${RING_BYTES / MIB} MiB (delivery.ringBytes), which is less than the minute brings: the stalled ones are served from Kafka. All events of all subscribers are counted; those of the stalled ones are looked into: each one came, in order, once.`,
  );
  report.note(
    `Memory is the most that the process had in RAM, of the part with stalled readers and their catching up less the part without; the bound is the window and ${READER_BYTES / 1024} KiB for each stalled reader, ${(bound / MIB).toFixed(1)} MiB. The usual stack is not here: it delivers a fiftieth of this load.`,
  );
  const of = (pick: (round: Round) => number): number[] => rounds.map(pick);
  report.figure(
    'p99 of the others, nobody stalled',
    'ms',
    of(({ quiet }) => quiet),
    'less',
  );
  report.figure(
    'p99 of the others, 100 stalled',
    'ms',
    of(({ beside }) => beside),
    'less',
  );
  report.figure(
    'p99 of the others, stalled against not',
    'times',
    of(({ quiet, beside }) => beside / quiet),
    'less',
  );
  const growth = of(({ quietBytes, besideBytes }) => Math.max(0, besideBytes - quietBytes));
  report.figure(
    'memory before',
    'MiB',
    of(({ quietBytes }) => quietBytes / MIB),
    'less',
  );
  report.figure(
    'memory that the stalled ones cost',
    'MiB',
    growth.map((bytes) => bytes / MIB),
    'less',
  );
  report.figure(
    'memory that the stalled ones cost, of the bound',
    '%',
    growth.map((bytes) => (100 * bytes) / bound),
    'less',
  );
  report.figure(
    'the stalled ones have had everything, after',
    's',
    of(({ behind }) => behind),
    'less',
  );
}

async function stall(): Promise<Round> {
  await using bed = await Bed.start();
  const feed = await bed.feed();
  const { gateway, key } = await serve(bed.site(feed, `delivery: {ringBytes: ${RING_BYTES}}`));
  await using _ = gateway;
  const options = { port: gateway.port, connections: SUBSCRIBERS, query: plainQuery, key, placed: 'ready' } as const;
  await using client = await LoadClient.connect(options);
  await client.watch({ verify: stalled, latency: others });
  const memory = new Peak(gateway.child.pid as number);
  try {
    await steady(client, feed, WARM_UP_MS, { from: 0, to: SUBSCRIBERS });
    memory.restart();
    const quiet = await steady(client, feed, QUIET_MS, { from: 0, to: SUBSCRIBERS });
    const quietBytes = memory.restart();
    await client.pause(stalled);
    const beside = await steady(client, feed, STALLED_MS, others);
    const events = (RATE * STALLED_MS) / 1000;
    const began = performance.now();
    await client.resume(stalled);
    await client.received({ frames: events * (stalled.to - stalled.from), ms: PATIENCE_MS, range: stalled });
    const behind = (performance.now() - began) / 1000;
    client.check(await client.stat(), events);
    return { quiet, beside, quietBytes, besideBytes: memory.restart(), behind };
  } finally {
    memory.stop();
  }
}

/** Appends for so long, waits until those have everything, and answers with the p99 of the latencies in milliseconds. */
async function steady(client: LoadClient, feed: Feed, ms: number, whose: Range): Promise<number> {
  await client.reset();
  const events = (RATE * ms) / 1000;
  const began = performance.now();
  const appends: Promise<void>[] = [];
  for (let event = 0; event < events; event += BURST) {
    await pause(Math.max(0, began + (event * 1000) / RATE - performance.now()));
    appends.push(feed.append(BURST));
  }
  await Promise.all(appends);
  const { met, p99, frames } = await client.received({
    frames: events * (whose.to - whose.from),
    ms: PATIENCE_MS,
    range: whose,
  });
  if (!met) throw new Error(`${frames} of ${events * (whose.to - whose.from)} deliveries came`);
  return p99 / 1000;
}

/** The most memory that a process has in RAM, looked at every now and then. */
class Peak {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #most = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), 200);
  }

  /** The most since it was last asked. */
  restart(): number {
    this.#look();
    const most = this.#most;
    this.#most = 0;
    return most;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.#most = Math.max(this.#most, residentBytes(this.#pid));
  }
}
