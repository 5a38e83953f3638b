/** The source that reads a log itself, over the embedded log, keeps what a Source promises. */
import { setTimeout as wait } from 'node:timers/promises';
import type { PublicEvent } from '../../src/core/contract/index.ts';
import type { Observe } from '../../src/core/observe.ts';
import { createLocalSource, type Reader } from '../../src/core/routing/index.ts';
import { openEmbeddedUnderTest } from '../log/embedded/storage.ts';
import { sourceConformance } from './source-conformance.ts';

const observe: Observe = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  counter: () => ({ add: () => {} }),
  gauge: () => ({ set: () => {} }),
};

/** Records are decimal numbers. */
const reader: Reader = {
  projection: 'numbers',
  read: (scan) =>
    scan.records.map(
      ({ offset, timestamp, key, value }): PublicEvent => ({
        partition: scan.partition,
        offset,
        time: timestamp,
        op: 'UPSERT',
        topic: 'numbers',
        unknownLevels: 0,
        key: key === null ? null : key.toString(),
        conflationKey: null,
        traceparent: null,
        data: { value: Number(value?.toString()) },
        keyData: null,
      }),
    ),
  encode: ({ key, data }) => ({
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from(String(data['value'])),
  }),
};

sourceConformance('over the embedded log', async () => {
  const product = 'numbers';
  const topic = 'numbers';
  const under = await openEmbeddedUnderTest();
  const { log } = under;
  await log.create(topic, { partitions: 2, cleanup: 'delete' });
  const source = createLocalSource({
    logs: new Map([['test', log]]),
    observe,
    wait: async (ms) => void (await wait(ms)),
  });
  source.serve(product, { cluster: 'test', topic, reader });
  return {
    source,
    product,
    write: async (partition, values, time) => {
      const timestamp = time === undefined ? {} : { timestamp: time };
      const records = values.map((value) => ({
        partition,
        key: null,
        value: Buffer.from(String(value)),
        ...timestamp,
      }));
      await log.append(topic, records);
    },
    valueOf: (event) => Number(event.data?.['value']),
    recreate: async () => {
      await under.deleteTopic(topic);
      await log.create(topic, { partitions: 2, cleanup: 'delete' });
    },
    grow: (partitions) => under.addPartitions(topic, partitions),
    trim: (partition, first) => under.expire(topic, partition, first),
    publishable: (value) => ({ key: `k${value}`, data: { value }, traceparent: null }),
    [Symbol.asyncDispose]: () => under[Symbol.asyncDispose](),
  };
});
