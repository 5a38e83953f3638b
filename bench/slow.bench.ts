/**
 * What slow readers do to the others, to the gateway's memory and to themselves: a hundred of a thousand stop reading for a
 * minute while a thousand events a second go to all, then read on.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { residentBytes } from './load/child.ts';
import type { LoadClient, Range } from './load/client.ts';
import { Bed, type Feed } from './load/kafka.ts';
import { proveClient } from './load/proof.ts';
import { collecting, type Product, startProduct } from './load/servers.ts';
import { plainQuery, trades } from './load/trades.ts';
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
  /** Bytes of RAM that the process holds once garbage is collected: before anybody stalls, and at most while they stall or catch up. */
  readonly before: number;
  readonly held: number;
  /** Bytes of RAM that it had at most, garbage and free pages included. */
  readonly most: number;
  /** Seconds until the stalled ones had everything. */
  readonly behind: number;
}

export async function run(report: Report): Promise<void> {
  await proveClient();
  const rounds: Round[] = [];
  for (let round = 0; round < report.rounds; round++) rounds.push(await stall());
  const bound = RING_BYTES + (stalled.to - stalled.from) * READER_BYTES;
  report.note(
    `The gateway over Kafka, ${SUBSCRIBERS} subscribers, ${RATE} events/s of 300 B in bursts of ${BURST}: ${QUIET_MS / 1000} s with nobody stalled, then ${STALLED_MS / 1000} s with ${stalled.to} that read nothing. Window of ${RING_BYTES / MIB} MiB (delivery.ringBytes), which is less than the minute brings: the stalled ones are served from Kafka. All events of all subscribers are counted; those of the stalled ones are looked into: each one came, in order, once.`,
  );
  report.note(
    `Memory is what the process has in RAM once garbage is collected and free pages are given back: at the end of the stall, and every now and then while the stalled ones catch up, less that before the stall; the bound is the window and ${READER_BYTES / 1024} KiB for each stalled reader, ${(bound / MIB).toFixed(1)} MiB. The most that it had in RAM at any moment of the stall has garbage in it that V8 has not come to. The usual stack is not here: it delivers a fiftieth of this load.`,
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
  const growth = of(({ before, held }) => Math.max(0, held - before));
  report.figure(
    'memory before',
    'MiB',
    of(({ before }) => before / MIB),
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
    'most in RAM during the stall, garbage included',
    'MiB',
    of(({ most }) => most / MIB),
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
  const site = bed.site(feed, `delivery: {ringBytes: ${RING_BYTES}}\nlog: {level: warn}`);
  const { key } = await site.partner([trades.name]);
  await using server = await startProduct(site, key, 'plain', collecting);
  await using client = await server.connect(plainQuery, SUBSCRIBERS);
  await client.watch({ verify: stalled, latency: others });
  const everybody: Range = { from: 0, to: SUBSCRIBERS };
  await steady(client, feed, WARM_UP_MS, everybody);
  const quiet = await steady(client, feed, QUIET_MS, everybody);
  const before = await heldBy(server);
  const peak = new Peak(server.child.pid);
  try {
    await client.pause(stalled);
    const beside = await steady(client, feed, STALLED_MS, others);
    const most = peak.most;
    const events = (RATE * STALLED_MS) / 1000;
    const frames = events * (stalled.to - stalled.from);
    let held = await heldBy(server);
    const began = performance.now();
    await client.resume(stalled);
    let isBehind = true;
    const caughtUp = client.received({ frames, ms: PATIENCE_MS, range: stalled }).then(() => {
      isBehind = false;
      return (performance.now() - began) / 1000;
    });
    while (isBehind) {
      held = Math.max(held, await heldBy(server));
      await Promise.race([pause(1_500), caughtUp]);
    }
    const behind = await caughtUp;
    client.check(await client.stat(), events);
    return { quiet, beside, before, held, most, behind };
  } finally {
    peak.stop();
  }
}

/** Bytes in RAM once garbage is collected. */
async function heldBy({ child }: Product): Promise<number> {
  await child.ask({ do: 'collect' });
  return residentBytes(child.pid);
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
  readonly #timer: NodeJS.Timeout;
  most = 0;

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      this.most = Math.max(this.most, residentBytes(pid));
    }, 200);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
