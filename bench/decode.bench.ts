/**
 * Reading records of 300 bytes from a broker through the socket: the own Fetch and decoder (as `range` uses them) beside
 * kafkajs's `broker.fetch`, same broker, same process, turn by turn. The figure is records per second of this process's
 * CPU; the broker's own is not in it.
 */
import { createRequire } from 'node:module';
import type { Log } from '../src/core/log/index.ts';
import { createKafkaLog } from '../src/io/log/kafka/index.ts';
import { startKafka } from '../test/bed/kafka.ts';
import { quiet } from '../test/log/kafka/storage.ts';
import type { Report } from './report.ts';

export const name = 'decode';

const partitions = 12;
const batches = 100;
const batchRecords = 250;
const total = partitions * batches * batchRecords;
const fetchBytes = 1024 * 1024;
const rounds = 9;

export async function run(report: Report): Promise<void> {
  await using cluster = await startKafka({ version: '4.1.1' });
  const options = { type: 'kafka' as const, brokers: [cluster.bootstrap] };
  await using log = createKafkaLog({ name: 'bench', options, observe: quiet, clientId: 'bench' });
  await log.create('records', { partitions, cleanup: 'delete' });
  await fill(log);
  const stock = await stockReader(cluster.bootstrap);
  const own: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const mine = await perCpuSecond(() => readOwn(log));
    const stocks = await perCpuSecond(() => stock.read());
    if (round < 0) continue; // warm-up
    own.push(mine / 1000);
    theirs.push(stocks / 1000);
    ratios.push(mine / stocks);
  }
  await stock.close();
  report.note(
    `${total} records of 300 B in ${partitions} partitions, uncompressed, ${batchRecords} a batch; CRC-32C checked by the own decoder (kafkajs does not check it).`,
  );
  report.figure('own Fetch and decoder', 'thousand records per CPU second', own, 'more');
  report.figure('kafkajs broker.fetch', 'thousand records per CPU second', theirs, 'more');
  report.figure('own against kafkajs', 'times', ratios, 'more');
}

async function fill(log: Log): Promise<void> {
  for (let batch = 0; batch < batches; batch++) {
    const records = Array.from({ length: partitions * batchRecords }, (_, n) => ({
      partition: n % partitions,
      key: Buffer.from(`key-${n % 97}`),
      value: Buffer.from(JSON.stringify({ id: `${batch}-${n}`, filler: 'x'.repeat(270) }).slice(0, 290)),
    }));
    await log.append('records', records);
  }
}

async function readOwn(log: Log): Promise<number> {
  const { incarnation } = await log.describe('records');
  let count = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const to = batches * batchRecords;
    for await (const { records } of log.range('records', incarnation, partition, 0, to, { maxBytes: fetchBytes })) {
      for (const { value } of records) if (value !== null) count++;
    }
  }
  return count;
}

interface StockCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findBroker(wanted: { readonly nodeId: number }): Promise<StockBroker>;
}

interface StockBroker {
  fetch(request: object): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly {
        readonly messages: readonly { readonly offset: string; readonly value: Buffer | null }[];
      }[];
    }[];
  }>;
}

async function stockReader(broker: string) {
  const load = createRequire(import.meta.url);
  const Cluster = load('kafkajs/src/cluster') as new (options: object) => StockCluster;
  const { createLogger } = load('kafkajs/src/loggers') as { createLogger(options: object): object };
  const cluster = new Cluster({
    logger: createLogger({ level: 0, logCreator: () => () => undefined }),
    socketFactory: (load('kafkajs/src/network/socketFactory') as () => unknown)(),
    brokers: [broker],
    clientId: 'bench',
    connectionTimeout: 5_000,
    authenticationTimeout: 5_000,
    requestTimeout: 30_000,
    metadataMaxAge: 300_000,
    retry: { retries: 5 },
    isolationLevel: 1,
  });
  await cluster.connect();
  await cluster.addTargetTopic('records');
  const node = await cluster.findBroker({ nodeId: 1 });
  const read = async (): Promise<number> => {
    let count = 0;
    for (let partition = 0; partition < partitions; partition++) {
      for (let offset = 0; offset < batches * batchRecords; ) {
        const { responses } = await node.fetch({
          replicaId: -1,
          isolationLevel: 1,
          maxWaitTime: 100,
          minBytes: 1,
          maxBytes: fetchBytes,
          topics: [{ topic: 'records', partitions: [{ partition, fetchOffset: `${offset}`, maxBytes: fetchBytes }] }],
        });
        for (const message of responses[0]?.partitions[0]?.messages ?? []) {
          if (Number(message.offset) < offset) continue;
          if (message.value !== null) count++;
          offset = Number(message.offset) + 1;
        }
      }
    }
    return count;
  };
  return { read, close: () => cluster.disconnect() };
}

async function perCpuSecond(read: () => Promise<number>): Promise<number> {
  const before = process.cpuUsage();
  const count = await read();
  const { user, system } = process.cpuUsage(before);
  if (count !== total) throw new Error(`read ${count} records instead of ${total}`);
  return count / ((user + system) / 1e6);
}
