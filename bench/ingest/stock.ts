/** The same records through kafkajs's own consumer as its users write it: eachBatch, JSON.parse, six fields picked, a topic put together. */
import { Kafka, logLevel } from 'kafkajs';
import { partitions, topics, total } from './orders.ts';
import { answer } from './process.ts';

const [bootstrap = ''] = process.argv.slice(2);
const kafka = new Kafka({ clientId: 'bench-stock', brokers: [bootstrap], logLevel: logLevel.NOTHING });

interface Order {
  readonly orderId: string;
  readonly region: string;
  readonly symbol: string;
  readonly status: string;
  readonly quantity: number;
  readonly price: number;
}

const subscribed = new Map<string, readonly number[]>();

function read(partition: number, message: { readonly offset: string; readonly value: Buffer | null }): number {
  const { orderId, region, symbol, status, quantity, price } = JSON.parse(String(message.value)) as Order;
  const event = {
    partition,
    offset: message.offset,
    topic: `orders/${region}/${symbol}/${status}`,
    data: { orderId, region, symbol, status, quantity, price },
  };
  return subscribed.get(event.topic)?.length ?? 0;
}

/** A consumer of one Kafka topic that has joined its group. */
async function consumerOf(topic: string, fromBeginning: boolean, took: (count: number) => void) {
  const consumer = kafka.consumer({ groupId: `bench-${topic}`, maxBytesPerPartition: 1024 * 1024 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning });
  const joined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve());
  });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset }) => {
      for (const message of batch.messages) if (read(batch.partition, message) !== 0) throw new Error('nobody asked');
      resolveOffset(batch.lastOffset());
      took(batch.messages.length);
    },
  });
  await joined;
  return consumer;
}

let count = 0;
let whole = Promise.withResolvers<void>();
const orders = await consumerOf(topics.orders, false, (more) => {
  count += more;
  if (count >= total) whole.resolve();
});
orders.pause([{ topic: topics.orders }]);
let arrived = 0;

answer({
  kafka: async () => {
    count = 0;
    whole = Promise.withResolvers();
    for (let partition = 0; partition < partitions; partition++)
      orders.seek({ topic: topics.orders, partition, offset: '0' });
    orders.resume([{ topic: topics.orders }]);
    await whole.promise;
    orders.pause([{ topic: topics.orders }]);
    return count;
  },
  follow: async () => {
    await orders.disconnect();
    await consumerOf(topics.singles, true, (more) => {
      arrived += more;
    });
    return 0;
  },
  arrived: async () => arrived,
});
