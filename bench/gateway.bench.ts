/**
 * The gateway as partners meet it, over real Kafka: how soon a subscription has its first event, how soon one that comes back
 * within the window has it, and what a page of history out of a million events costs. All through WebSocket and HTTP, from a
 * process of its own.
 */

import { startKafka } from '../test/bed/kafka.ts';
import { Site } from '../test/gateway/node.ts';
import { KafkaUser, readings } from '../test/gateway/producer.ts';
import { Socket } from '../test/gateway/socket.ts';
import type { Report } from './report.ts';

export const name = 'gateway';

const PARTITIONS = 12;
const HISTORY = 1_000_000;
const SAMPLES = 300;
const WARM_UP = 20;

const live = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor topic data { seq } } }';
const page = `query ($from: ReplayFrom!, $where: ReadingFilter) {
  readings(first: 100, from: $from, where: $where) { edges { cursor node { topic time data { id seq region } } } pageInfo { endCursor examined } }
}`;

export async function run(report: Report): Promise<void> {
  await using cluster = await startKafka({ version: '4.1.1' });
  await using user = new KafkaUser(cluster.bootstrap);
  const product = readings({ template: 'readings/{region}' });
  await user.createTopic(product.topic, PARTITIONS);
  const start = Date.now() - HISTORY;
  await fill(user, product.topic, start);
  const site = new Site({ main: cluster.bootstrap }, [product]);
  await using gateway = await (await site.start()).ready();
  const { key } = await site.partner(['readings']);

  // A warm node: somebody follows the product all the while.
  await using neighbour = await Socket.open(gateway.socketUrl, key);
  neighbour.subscribe('n', live);
  await neighbour.ready('n');
  await using socket = await Socket.open(gateway.socketUrl, key);

  let id = 0;
  const first = async (from: unknown): Promise<{ ms: number; cursor: string }> => {
    id += 1;
    const began = performance.now();
    socket.subscribe(`s${id}`, live, { from });
    const message = await socket.message((m) => m.type === 'next' && m.id === `s${id}`);
    const ms = performance.now() - began;
    socket.send({ id: `s${id}`, type: 'complete' });
    socket.messages.length = 0;
    socket.texts.length = 0;
    return { ms, cursor: (message.payload as { data: { readings: { cursor: string } } }).data.readings.cursor };
  };

  const fresh = await sampled(async () => (await first({ last: 1 })).ms);
  report.note(
    `${PARTITIONS} partitions, ${HISTORY} events of 300 B, operations select cursor. Fresh: from {last: 1}. p99 ${p99(fresh)} ms.`,
  );
  report.figure('subscribe to first event, from Kafka', 'ms', fresh, 'less');

  // Events of the last moment are in the window that the neighbour keeps alive.
  await user.write(product.topic, HISTORY, HISTORY + 500);
  const { cursor } = await first({ last: 100 });
  const resumed = await sampled(async () => (await first({ cursor })).ms);
  report.note(`Resumed by a cursor within the window: p99 ${p99(resumed)} ms.`);
  report.figure('resume within the window to first event', 'ms', resumed, 'less');

  const at = (): string => new Date(start + Math.floor(Math.random() * (HISTORY - 10_000))).toISOString();
  const plain = await sampled(async () => {
    const began = performance.now();
    const { data } = await gateway.ask<{ readings: { edges: unknown[] } }>(key, page, { from: { time: at() } });
    if (data?.readings.edges.length !== 100) throw new Error('a page is short');
    return performance.now() - began;
  });
  report.note(`A page of 100 events by time: p99 ${p99(plain)} ms.`);
  report.figure('history: 100 events by time', 'ms', plain, 'less');

  const examined: number[] = [];
  const nothing = await sampled(async () => {
    const began = performance.now();
    const { data } = await gateway.ask<{ readings: { pageInfo: { examined: number } } }>(key, page, {
      from: { time: new Date(start).toISOString() },
      where: { region: { eq: 'nowhere' } },
    });
    examined.push(data?.readings.pageInfo.examined ?? Number.NaN);
    return performance.now() - began;
  }, 20);
  report.note('A selective where that matches nothing: the page ends at its budget and says how far it looked.');
  report.figure('history: a page that finds nothing', 'ms', nothing, 'less');
  report.figure('history: records that such a page examines', 'records', examined, 'more');
}

/** One event each millisecond, 300 bytes, spread over the partitions. */
async function fill(user: KafkaUser, topic: string, start: number): Promise<void> {
  const filler = 'x'.repeat(230);
  for (let at = 0; at < HISTORY; at += 6_000) {
    await user.send(
      topic,
      Array.from({ length: Math.min(6_000, HISTORY - at) }, (_, i) => ({
        partition: (at + i) % PARTITIONS,
        value: JSON.stringify({ id: `id-${at + i}`, seq: at + i, region: ['eu', 'us', 'ap'][(at + i) % 3], filler }),
        timestamp: String(start + at + i),
      })),
    );
  }
}

async function sampled(once: () => Promise<number>, count = SAMPLES): Promise<number[]> {
  const samples: number[] = [];
  for (let i = -WARM_UP; i < count; i += 1) {
    const sample = await once();
    if (i >= 0) samples.push(sample);
  }
  return samples;
}

function p99(samples: readonly number[]): string {
  const sorted = [...samples].sort((a, b) => a - b);
  return (sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN).toFixed(1);
}
