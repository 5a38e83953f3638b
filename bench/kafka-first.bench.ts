/**
 * How soon a reader has something on a log that is warm: another tail of the same Kafka topic runs its long polls all the
 * while. Also a small piece of a large Kafka topic, found by time.
 */
import type { Incarnation, Log, TailHandler } from '../src/core/log/index.ts';
import { createKafkaLog } from '../src/io/log/kafka/index.ts';
import { startKafka } from '../test/bed/kafka.ts';
import { quiet } from '../test/log/kafka/storage.ts';
import type { Report } from './report.ts';

export const name = 'kafka-first';

const partitions = 12;
const topic = 'first';
const samples = 300;
const history = 1_000_000;

export async function run(report: Report): Promise<void> {
  await using cluster = await startKafka({ version: '4.1.1' });
  const options = { type: 'kafka' as const, brokers: [cluster.bootstrap] };
  await using log = createKafkaLog({ name: 'bench', options, observe: quiet, clientId: 'bench' });
  await log.create(topic, { partitions, cleanup: 'delete' });
  const { incarnation } = await log.describe(topic);
  await log.append(
    topic,
    Array.from({ length: partitions }, (_, partition) => record(partition, 0)),
  );
  await using _ = log.tail(topic, incarnation, new Map(every((partition) => [partition, 0])), idle);
  for (let warm = 0; warm < 20; warm++) await heldRecord(log, incarnation);

  const held: number[] = [];
  const next: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    held.push(await heldRecord(log, incarnation));
    next.push(await nextRecord(log, incarnation));
  }
  report.note(
    `${partitions} partitions, another tail of all of them under way; p99 of the first figure ${p99(held)} ms, of the second ${p99(next)} ms.`,
  );
  report.figure(
    'extents, then a new tail of all partitions from before their last record, to the first record',
    'ms',
    held,
    'less',
  );
  report.figure(
    'a new tail from the end, answered for every partition, then an append to the record read',
    'ms',
    next,
    'less',
  );

  const from = Date.now() - history;
  for (let n = 0; n < history; n += 12_000) {
    await log.append(
      topic,
      Array.from({ length: Math.min(12_000, history - n) }, (_, i) => record((n + i) % partitions, from + n + i)),
    );
  }
  const found: number[] = [];
  for (let sample = -20; sample < samples; sample++) {
    const began = performance.now();
    const count = await byTime(log, incarnation, from + Math.floor(Math.random() * (history - 10_000)));
    if (count < 100) throw new Error(`only ${count} records`);
    if (sample >= 0) found.push(performance.now() - began);
  }
  report.note(
    `By time: offsets of ${partitions} partitions, then a range of each until 100 records are there, out of ${history}; p99 ${p99(found)} ms.`,
  );
  report.figure('100 records by time', 'ms', found, 'less');
}

const idle: TailHandler = {
  scan: () => undefined,
  failed: () => undefined,
  grown: () => undefined,
  reachable: () => undefined,
};

function every<T>(map: (partition: number) => T): T[] {
  return Array.from({ length: partitions }, (_, partition) => map(partition));
}

function record(partition: number, timestamp: number) {
  return { partition, key: null, value: Buffer.alloc(300, 'x'), ...(timestamp === 0 ? {} : { timestamp }) };
}

async function heldRecord(log: Log, incarnation: Incarnation): Promise<number> {
  const began = performance.now();
  const extents = await log.extents(topic);
  const from = new Map(extents.map(({ partition, end }) => [partition, end - 1]));
  const { promise, resolve } = Promise.withResolvers<void>();
  await using _ = log.tail(topic, incarnation, from, {
    ...idle,
    scan: ({ records }) => records.length > 0 && resolve(),
  });
  await promise;
  return performance.now() - began;
}

async function nextRecord(log: Log, incarnation: Incarnation): Promise<number> {
  const extents = await log.extents(topic);
  const placed = new Set<number>();
  const ready = Promise.withResolvers<void>();
  const read = Promise.withResolvers<void>();
  await using _ = log.tail(topic, incarnation, new Map(extents.map(({ partition, end }) => [partition, end])), {
    ...idle,
    scan: ({ partition, records }) => {
      if (placed.add(partition).size === partitions) ready.resolve();
      if (records.length > 0) read.resolve();
    },
  });
  await ready.promise;
  const began = performance.now();
  void log.append(topic, [record(Math.floor(Math.random() * partitions), 0)]);
  await read.promise;
  return performance.now() - began;
}

async function byTime(log: Log, incarnation: Incarnation, timestamp: number): Promise<number> {
  const offsets = await log.offsetsAt(topic, timestamp);
  const counts = await Promise.all(
    offsets.map(async (from, partition) => {
      let count = 0;
      for await (const { records } of log.range(topic, incarnation, partition, from, from + 20, { maxBytes: 16_384 }))
        count += records.length;
      return count;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function p99(all: readonly number[]): string {
  return (all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)] ?? 0).toFixed(1);
}
