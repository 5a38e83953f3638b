/** A source that reads a log of decimal numbers, as the Source conformance suite wants it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { PublicEvent } from '../../src/core/contract/index.ts';
import { createLocalSource, type Reader } from '../../src/core/routing/index.ts';
import { randomName } from '../bed/index.ts';
import type { LogUnderTest } from '../log/conformance.ts';
import { quiet } from '../log/kafka/storage.ts';
import type { SourceBench } from './source-conformance.ts';

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

export async function numbersOver(under: LogUnderTest): Promise<SourceBench> {
  const product = 'numbers';
  const topic = randomName('numbers');
  const { log } = under;
  await log.create(topic, { partitions: 2, cleanup: 'delete' });
  const source = createLocalSource({
    logs: new Map([['test', log]]),
    observe: quiet,
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
}
