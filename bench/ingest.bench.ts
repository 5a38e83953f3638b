/**
 * What it costs to take records in: from a real Kafka through the product's own way (fetch, CRC, decode, project six fields, address, ask
 * the index of subscriptions, of which there are none), beside kafkajs's own consumer that parses and picks the same fields.
 * Each reads in a process of its own, turn by turn; the figure is records per second of that process's CPU.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../src/core/log/index.ts';
import { createKafkaLog } from '../src/io/log/kafka/index.ts';
import { startKafka } from '../test/bed/kafka.ts';
import { quiet } from '../test/log/kafka/storage.ts';
import { batches, batchRecords, orderRecord, partitions, topics, total } from './ingest/orders.ts';
import { ReadingProcess } from './ingest/process.ts';
import type { Report } from './report.ts';

export const name = 'ingest';

const rounds = 7;
const singleRounds = 5;
/** One record each 50 ms. */
const singles = 100;
const between = 50;

export async function run(report: Report): Promise<void> {
  await using cluster = await startKafka({ version: '4.1.1' });
  const options = { type: 'kafka' as const, brokers: [cluster.bootstrap] };
  await using log = createKafkaLog({ name: 'bench', options, observe: quiet, clientId: 'bench' });
  await log.create(topics.orders, { partitions, cleanup: 'delete' });
  await log.create(topics.singles, { partitions, cleanup: 'delete' });
  await fill(log);
  await using own = await ReadingProcess.start('own.ts', cluster.bootstrap);
  await using stock = await ReadingProcess.start('stock.ts', cluster.bootstrap);
  await own.task('prepare');
  await many(report, own, stock);
  await one(report, log, own, stock);
}

async function fill(log: Log): Promise<void> {
  for (let batch = 0; batch < batches; batch++) {
    const records = Array.from({ length: partitions * batchRecords }, (_, i) => ({
      partition: i % partitions,
      ...orderRecord(batch * partitions * batchRecords + i),
    }));
    await log.append(topics.orders, records);
  }
}

async function many(report: Report, own: ReadingProcess, stock: ReadingProcess): Promise<void> {
  const tasks = [
    ['own way from Kafka, to matched events', own, 'kafka'],
    ['kafkajs eachBatch, JSON.parse, six fields', stock, 'kafka'],
    ['own way over batches in memory, to matched events', own, 'plain'],
    ['the same with a long beyond 2^53, a decimal and a timestamp among the six', own, 'exact'],
    ['of which decoding with CRC alone', own, 'decoded'],
  ] as const;
  const samples = new Map<string, number[]>(tasks.map(([what]) => [what, []]));
  for (let round = -3; round < rounds; round++) {
    for (const [what, reading, task] of tasks) {
      const { count, before, after } = await reading.task(task);
      if (count !== total) throw new Error(`${what}: ${count} records instead of ${total}`);
      // The first rounds are warm-up.
      if (round >= 0) samples.get(what)?.push(total / (after - before) / 1000);
    }
  }
  report.note(
    `${total} records of 300 B (12 fields) in ${partitions} partitions, uncompressed, ${batchRecords} a batch; CRC-32C checked by the own decoder (kafkajs does not check it). A thousand filters stand in the index, none of which wants a record.`,
  );
  for (const [what, figures] of samples) report.figure(what, 'thousand records per CPU second', figures, 'more');
  const [mine = [], theirs = []] = [...samples.values()];
  const ratios = mine.map((figure, round) => figure / (theirs[round] ?? Number.NaN));
  report.figure('own way against kafkajs', 'times', ratios, 'more');
}

/** Records that come one by one: each is a fetch of its own. Both read the same ones at the same time. */
async function one(report: Report, log: Log, own: ReadingProcess, stock: ReadingProcess): Promise<void> {
  await Promise.all([own.task('follow'), stock.task('follow')]);
  const samples: { readonly mine: number[]; readonly theirs: number[] } = { mine: [], theirs: [] };
  let sent = 0;
  const send = async (): Promise<void> => {
    await log.append(topics.singles, [{ partition: sent % partitions, ...orderRecord(sent) }]);
    sent += 1;
  };
  const allOf = async (reading: ReadingProcess): Promise<number> => {
    for (;;) {
      const { count, after } = await reading.task('arrived');
      if (count >= sent) return after;
      await wait(between);
    }
  };
  for (let round = -1; round < singleRounds; round++) {
    const before = [(await own.task('arrived')).after, (await stock.task('arrived')).after] as const;
    for (let n = 0; n < singles; n++) {
      await send();
      await wait(between);
    }
    const after = [await allOf(own), await allOf(stock)] as const;
    if (round < 0) continue;
    samples.mine.push(((after[0] - before[0]) / singles) * 1e6);
    samples.theirs.push(((after[1] - before[1]) / singles) * 1e6);
  }
  report.note(
    `Singles: one record each ${between} ms to one of ${partitions} partitions, ${singles} a round, both reading them at once.`,
  );
  report.figure('singles: own way', 'µs of CPU a record', samples.mine, 'less');
  report.figure('singles: kafkajs eachBatch', 'µs of CPU a record', samples.theirs, 'less');
  const ratios = samples.mine.map((figure, round) => (samples.theirs[round] ?? Number.NaN) / figure);
  report.figure('singles: kafkajs takes', 'times as long', ratios, 'more');
}
