/** What Kafka's own producer wrote, read here and by Kafka's own consumer: the same, record by record. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Log, LogRecord } from '../../../src/core/log/index.ts';
import { bed, type KafkaVersion, kafkaVersions, randomName, runJava } from '../../bed/index.ts';
import { collect, Recorder, scanFaults } from '../recorder.ts';
import { openLog, withAdmin } from './storage.ts';

const partitions = 3;
const protocols = [
  { title: 'by topic id', ceilings: { fetch: 13, metadata: 12 } },
  { title: 'by name', ceilings: { fetch: 11, metadata: 9 } },
];

describe.each(kafkaVersions)('what Java wrote to Kafka %s is read as Java reads it', (version) => {
  test('all codecs, sizes from nothing to a million bytes, headers, null keys, tombstones', async () => {
    const { topic, bootstrap } = await fed(version, 'codecs', 1);
    const java = await dumped(version, bootstrap, topic);
    expect(java.lines.length).toBe(2 * 5 * 312);
    await sameEverywhere(bootstrap, topic, java);
  });

  test('transactions that overlap, half of them aborted, among records without any', async () => {
    const { topic, bootstrap } = await fed(version, 'transactions', 2);
    const java = await dumped(version, bootstrap, topic);
    const held = java.ends.reduce((sum, end) => sum + end, 0);
    expect(java.lines.length).toBeGreaterThan(100);
    expect(java.lines.length).toBeLessThan(held * 0.8);
    await sameEverywhere(bootstrap, topic, java);
  });

  test('a transaction that stays open holds back the end and all after it', async () => {
    const { topic, bootstrap } = await fed(version, 'open', 3);
    const java = await dumped(version, bootstrap, topic);
    await sameEverywhere(bootstrap, topic, java);
  });

  test('a compacted Kafka topic with holes and empty batches', async () => {
    // A segment each round that Feed writes; Kafka 4 takes none smaller than a megabyte by size.
    const config = {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'delete.retention.ms': '1',
    };
    const { topic, bootstrap } = await fed(version, 'compacted', 4, config);
    // Compaction runs when it likes: wait for the sight of it, then for two looks alike.
    let java = await dumped(version, bootstrap, topic);
    for (let before = -1; java.lines.length > 900 || java.lines.length !== before; ) {
      before = java.lines.length;
      await delay(500);
      java = await dumped(version, bootstrap, topic);
    }
    await sameEverywhere(bootstrap, topic, java);
  });
});

interface Dumped {
  readonly lines: readonly string[];
  readonly ends: readonly number[];
}

async function fed(
  version: KafkaVersion,
  scenario: string,
  seed: number,
  config: Readonly<Record<string, string>> = {},
) {
  const { bootstrap } = await bed().kafka(version);
  const topic = randomName(scenario);
  await withAdmin(bootstrap, (admin) =>
    admin.createTopics({
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: 1,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        },
      ],
    }),
  );
  await runJava(version, program('Feed'), [bootstrap, scenario, topic, `${seed}`]);
  return { topic, bootstrap };
}

async function dumped(version: KafkaVersion, bootstrap: string, topic: string): Promise<Dumped> {
  const { stdout } = await runJava(version, program('Dump'), [bootstrap, topic]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  const ends: number[] = [];
  for (const line of lines.filter((each) => each.startsWith('end\t'))) {
    const [, partition, end] = line.split('\t');
    ends[Number(partition)] = Number(end);
  }
  return { lines: lines.filter((line) => !line.startsWith('end\t')).sort(byPosition), ends };
}

/** As ranges from the start and from anywhere, and as tails: by topic id and by name. */
async function sameEverywhere(bootstrap: string, topic: string, java: Dumped): Promise<void> {
  for (const { title, ceilings } of protocols) {
    await using log = openLog(bootstrap, { ceilings });
    const extents = await log.extents(topic);
    expect(
      extents.map(({ end }) => end),
      title,
    ).toEqual(java.ends);
    for (const { partition, first, end } of extents) {
      const expected = java.lines.filter((line) => line.startsWith(`${partition}\t`));
      expect(await ranged(log, topic, partition, first, end), `range ${title}`).toEqual(expected);
      for (let i = 0; i < 12; i++) {
        const from = first + Math.floor(((end - first) * i) / 12);
        const to = from + Math.ceil((end - from) / 2);
        const within = expected.filter((line) => offsetOf(line) >= from && offsetOf(line) < to);
        expect(await ranged(log, topic, partition, from, to, 10_000), `range from ${from} to ${to} ${title}`).toEqual(
          within,
        );
      }
    }
    expect(await tailed(log, topic, java.ends), `tail ${title}`).toEqual(java.lines);
  }
}

async function ranged(log: Log, topic: string, partition: number, from: number, to: number, maxBytes = 1_000_000) {
  const { incarnation } = await log.describe(topic);
  const scans = await collect(log.range(topic, incarnation, partition, from, to, { maxBytes }));
  let next = from;
  for (const scan of scans) {
    expect(scanFaults(scan, next)).toEqual([]);
    next = scan.to;
  }
  expect(next).toBe(Math.max(from, to));
  return scans.flatMap(({ records }) => records.map((record) => lineOf(partition, record)));
}

async function tailed(log: Log, topic: string, ends: readonly number[]): Promise<string[]> {
  const { incarnation } = await log.describe(topic);
  const from = new Map(ends.map((_, partition) => [partition, 0]));
  const recorder = new Recorder(from);
  await using _ = log.tail(topic, incarnation, from, recorder);
  await Promise.all(ends.map((end, partition) => recorder.reads(partition, end)));
  expect(recorder.broken).toEqual([]);
  return recorder.scans
    .flatMap(({ partition, records }) => records.map((record) => lineOf(partition, record)))
    .sort(byPosition);
}

function lineOf(partition: number, { offset, timestamp, key, value, headers }: LogRecord): string {
  const fields = headers.flatMap((header) => [header.name, digest(header.value)]);
  return [partition, offset, timestamp, digest(key), digest(value), ...fields].join('\t');
}

function digest(bytes: Buffer | null): string {
  return bytes === null ? 'null' : `${bytes.length}:${createHash('md5').update(bytes).digest('hex')}`;
}

function offsetOf(line: string): number {
  return Number(line.split('\t')[1]);
}

function byPosition(a: string, b: string): number {
  const [partitionA = 0, offsetA = 0] = a.split('\t').map(Number);
  const [partitionB = 0, offsetB = 0] = b.split('\t').map(Number);
  return partitionA - partitionB || offsetA - offsetB;
}

function program(name: string): string {
  return fileURLToPath(new URL(`java/${name}.java`, import.meta.url));
}
