/**
 * How long an event takes from its append to a thousand subscribers, at a rate that leaves the gateway idle in between: the
 * whole way, and the gateway's own part of it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createEmbeddedLog } from '../src/io/log/embedded/index.ts';
import { randomName } from '../test/bed/ports.ts';
import { Site } from '../test/gateway/node.ts';
import { quiet } from '../test/log/kafka/storage.ts';
import type { LoadClient } from './load/client.ts';
import { Bed, Feed } from './load/kafka.ts';
import { type Product, startProduct, startUsual } from './load/servers.ts';
import { PARTITIONS, plainQuery, trades } from './load/trades.ts';
import type { Report } from './report.ts';

export const name = 'latency';

const SUBSCRIBERS = 1_000;
const RATE = 50;
const USUAL_RATE = 10;
const WARM_UP_MS = 2_000;
const RUN_MS = 8_000;
const PATIENCE_MS = 30_000;

/** Milliseconds. */
interface Taken {
  readonly p50: number;
  readonly p99: number;
}

interface Way {
  readonly whole: Taken;
  /** Each latency less the time that this very event took to come into the gateway. */
  readonly own: Taken;
  readonly fetch: Taken;
}

export async function run(report: Report): Promise<void> {
  await using bed = await Bed.start();
  const kafka: Way[] = [];
  const embedded: Way[] = [];
  const usual: Taken[] = [];
  for (let round = 0; round < report.rounds; round++) {
    kafka.push(await overKafka(bed));
    usual.push(await usualOverKafka(bed));
    embedded.push(await overEmbedded());
  }
  report.note(
    `${SUBSCRIBERS} subscribers, ${RATE} events/s of 300 B over ${PARTITIONS} partitions, ${RUN_MS / 1000} s a round; from just before the append is asked for to the receipt by each subscriber, on one monotonic clock.`,
  );
  report.note(
    'Fetch: from there to the arrival of the scan at the gateway, noted in its process at the source port; from it is told, event by event, what is left: decoding excepted, all that the gateway itself adds.',
  );
  report.note(
    `The usual stack cannot take ${RATE} events/s for so many on one core: it is measured at ${USUAL_RATE}/s, over Kafka.`,
  );
  for (const [source, ways] of [
    ['Kafka', kafka],
    ['embedded log', embedded],
  ] as const) {
    figures(
      report,
      `${source}, append to receipt`,
      ways.map(({ whole }) => whole),
    );
    figures(
      report,
      `${source}, fetch`,
      ways.map(({ fetch }) => fetch),
    );
    figures(
      report,
      `${source}, append to receipt less fetch`,
      ways.map(({ own }) => own),
    );
  }
  figures(report, `usual stack over Kafka at ${USUAL_RATE} events/s, append to receipt`, usual);
}

function figures(report: Report, what: string, taken: readonly Taken[]): void {
  report.figure(
    `${what}, p50`,
    'ms',
    taken.map(({ p50 }) => p50),
    'less',
  );
  report.figure(
    `${what}, p99`,
    'ms',
    taken.map(({ p99 }) => p99),
    'less',
  );
}

async function overKafka(bed: Bed): Promise<Way> {
  const feed = await bed.feed();
  const site = bed.site(feed, 'log: {level: warn}');
  const { key } = await site.partner([trades.name]);
  await using product = await startProduct(site, key, 'observed');
  return await way(product, feed);
}

async function overEmbedded(): Promise<Way> {
  const topic = randomName(trades.topic);
  const site = new Site({ main: 'embedded' }, [{ ...trades, topic }], 'log: {level: warn}');
  // The producer is another process than the gateway, on the same file.
  await using log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
  await log.create(topic, { partitions: PARTITIONS, cleanup: 'delete' });
  const { key } = await site.partner([trades.name]);
  await using product = await startProduct(site, key, 'observed');
  const feed = new Feed(topic, (messages) =>
    log.append(
      topic,
      messages.map(({ partition, value }) => ({ partition, key: null, value: Buffer.from(value) })),
    ),
  );
  return await way(product, feed);
}

async function way(product: Product, feed: Feed): Promise<Way> {
  await using client = await product.connect(plainQuery, SUBSCRIBERS);
  await steady(client, feed, RATE, WARM_UP_MS);
  await product.child.ask({ do: 'arrivals' });
  await client.keepSamples();
  const whole = await steady(client, feed, RATE, RUN_MS);
  const arrivals = await product.child.ask<Record<string, number>>({ do: 'arrivals' });
  const own = await less(client, arrivals);
  return { whole, own, fetch: percentiles(Float64Array.from(Object.values(arrivals))) };
}

async function usualOverKafka(bed: Bed): Promise<Taken> {
  const feed = await bed.feed();
  await using usual = await startUsual({ brokers: bed.cluster.bootstrap, topic: feed.topic });
  await using client = await usual.connect(SUBSCRIBERS);
  await steady(client, feed, USUAL_RATE, WARM_UP_MS);
  return await steady(client, feed, USUAL_RATE, RUN_MS);
}

/** Appends at a steady rate whatever comes of it, and waits until everybody has everything. */
async function steady(client: LoadClient, feed: Feed, rate: number, ms: number): Promise<Taken> {
  const all = { from: 0, to: client.subscribers };
  await client.watch({ verify: all, latency: all });
  await client.reset();
  const events = (rate * ms) / 1000;
  const began = performance.now();
  const appends: Promise<void>[] = [];
  for (let event = 0; event < events; event++) {
    await pause(Math.max(0, began + (event * 1000) / rate - performance.now()));
    appends.push(feed.append(1));
  }
  await Promise.all(appends);
  await client.received({ frames: events * client.subscribers, ms: PATIENCE_MS });
  const received = await client.stat();
  client.check(received, events);
  return { p50: received.p50 / 1000, p99: received.p99 / 1000 };
}

/** What is left of each latency without the time until its event was in the gateway. */
async function less(client: LoadClient, arrivals: Readonly<Record<string, number>>): Promise<Taken> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-latency-'));
  try {
    const path = join(folder, 'samples');
    await client.dumpSamples(path);
    const bytes = readFileSync(path);
    const samples = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const left = new Float64Array(samples.length / 3);
    for (let i = 0; i < left.length; i++) {
      const [partition, sequence, micros] = samples.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
      const fetched = arrivals[`${String(partition).padStart(2, '0')}-${String(sequence).padStart(9, '0')}`];
      if (fetched === undefined) throw new Error(`event ${sequence} of partition ${partition} never came in`);
      left[i] = micros - fetched;
    }
    return percentiles(left);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of microseconds. */
function percentiles(micros: Float64Array): Taken {
  const sorted = micros.sort();
  const at = (share: number): number => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN) / 1000;
  return { p50: at(0.5), p99: at(0.99) };
}
