/**
 * The product's own way from a Kafka topic to matched events, in a process of its own: told by its parent what to read, it
 * answers with how many events came and the CPU seconds of the whole process.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type Contract, compileContract, parsePredicate, parseTopicFilter } from '../../src/core/contract/index.ts';
import type { Log, LogScan } from '../../src/core/log/index.ts';
import {
  createLocalSource,
  MatchIndex,
  type Reader,
  type Scan,
  type SourceHandler,
} from '../../src/core/routing/index.ts';
import { createFilter } from '../../src/core/view/index.ts';
import { jsonCodec } from '../../src/io/codec/json.ts';
import { Cluster } from '../../src/io/log/kafka/cluster.ts';
import { Connections } from '../../src/io/log/kafka/connection.ts';
import { fetchRecords } from '../../src/io/log/kafka/fetch.ts';
import { createKafkaLog } from '../../src/io/log/kafka/index.ts';
import { decodeBatches } from '../../src/io/log/kafka/records.ts';
import { eventReader } from '../../src/ways/event.ts';
import { quiet } from '../../test/log/kafka/storage.ts';
import { batches, batchRecords, ordersContract, partitions, shown, topics } from './orders.ts';
import { answer } from './process.ts';

const [bootstrap = ''] = process.argv.slice(2);
const options = { type: 'kafka' as const, brokers: [bootstrap] };
const log = createKafkaLog({ name: 'main', options, observe: quiet, clientId: 'bench-own' });
const plain = ordersContract(shown.plain, topics.orders);

/** A thousand filters, by topic and by equality, none of which wants a record: nobody is subscribed to what comes. */
const subscribed = new MatchIndex<{ readonly number: number }>();
for (let number = 0; number < 1_000; number++) {
  const topic = number % 2 === 0 ? parseTopicFilter(`orders/nowhere/SYM${number}/>`) : null;
  const where = topic === null ? parsePredicate(plain, { symbol: { eq: `NONE${number}` } }, 'where') : null;
  subscribed.add(createFilter(plain, topic, where), { number });
}

const wanted = ({ number }: { readonly number: number }): void => {
  throw new Error(`filter ${number} matched`);
};

async function readerOf(contract: Contract): Promise<Reader> {
  return eventReader(contract, compileContract(contract), await jsonCodec.prepare(contract), quiet, () => {
    throw new Error('a record was rejected');
  });
}

const source = createLocalSource({ logs: new Map<string, Log>([['main', log]]), observe: quiet, wait });
source.serve('orders', { cluster: 'main', topic: topics.orders, reader: await readerOf(plain) });
const singles = ordersContract(shown.plain, topics.singles);
source.serve('singles', { cluster: 'main', topic: topics.singles, reader: await readerOf(singles) });

/** A handler that matches every event and counts; `done` once so many have come. */
function matching(until: number, done: () => void, failed: (error: Error) => void): SourceHandler {
  let count = 0;
  return {
    scan({ events }: Scan) {
      for (const event of events) subscribed.match(event, wanted);
      count += events.length;
      if (count >= until) done();
    },
    grown: () => undefined,
    failed,
  };
}

async function fromKafka(until: number): Promise<number> {
  const placement = await source.place('orders', { kind: 'earliest' });
  const whole = Promise.withResolvers<void>();
  const tail = source.tail('orders', placement, matching(until, whole.resolve, whole.reject));
  await whole.promise;
  tail.close();
  return until;
}

/** The record batches of all partitions as fetches of a live read bring them. */
async function fetchAll(): Promise<{ partition: number; from: number; bytes: Buffer }[]> {
  const cluster = new Cluster(new Connections(options, 'bench-own', quiet), { fetch: 13, metadata: 12 });
  const { id, partitions: leaders } = await cluster.topic(topics.orders);
  const fetched: { partition: number; from: number; bytes: Buffer }[] = [];
  for (const { partition, leader, leaderEpoch } of leaders) {
    const wire = await cluster.connect(leader, 10_000);
    for (let offset = 0; offset < batches * batchRecords; ) {
      const wanted = { topic: topics.orders, topicId: id, partition, leaderEpoch, lastEpoch: -1, maxBytes: 1 << 20 };
      const { partitions: got } = await fetchRecords(wire, 13, [{ ...wanted, offset }], {
        maxWaitMs: 500,
        maxBytes: 1 << 20,
      });
      const bytes = Buffer.from(got[0]?.bytes ?? []);
      fetched.push({ partition, from: offset, bytes });
      offset = decodeBatches(bytes, offset, []).next;
    }
    wire.close();
  }
  cluster.close();
  return fetched;
}

const readers = { plain: await readerOf(plain), exact: await readerOf(ordersContract(shown.exact, topics.orders)) };
let kept: Awaited<ReturnType<typeof fetchAll>> | undefined;

/** The same steps over batches that were fetched before: what is left without transport. */
async function fromMemory(how: 'plain' | 'exact' | 'decoded'): Promise<number> {
  let count = 0;
  for (const { partition, from, bytes } of kept ?? []) {
    const { records, next: to } = decodeBatches(bytes, from, []);
    count += records.length;
    if (how === 'decoded') continue;
    const incarnation = { cluster: 'bench', topic: 'bench' };
    const scan: LogScan = { incarnation, partition, from, to, records, end: to, first: 0 };
    const events = readers[how].read(scan, true);
    for (const event of events) subscribed.match(event, wanted);
    count += events.length - records.length;
  }
  return count;
}

let arrived = 0;

answer({
  kafka: () => fromKafka(partitions * batches * batchRecords),
  prepare: async () => {
    kept = await fetchAll();
    return kept.length;
  },
  plain: () => fromMemory('plain'),
  exact: () => fromMemory('exact'),
  decoded: () => fromMemory('decoded'),
  /** Begins to follow the Kafka topic of single records. */
  follow: async () => {
    source.tail('singles', await source.place('singles', { kind: 'latest' }), {
      scan: ({ events }) => {
        for (const event of events) subscribed.match(event, wanted);
        arrived += events.length;
      },
      grown: () => undefined,
      failed: (error) => {
        throw error;
      },
    });
    return 0;
  },
  arrived: async () => arrived,
});
