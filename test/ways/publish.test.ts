/** Publishing over real access, contracts, codec and the embedded log: what was accepted is what a reader finds. */
import { setTimeout as wait } from 'node:timers/promises';
import { Partitioners } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Contract, compileContract } from '../../src/core/contract/index.ts';
import { cursorSection } from '../../src/core/delivery/index.ts';
import type { Observe } from '../../src/core/observe.ts';
import { createLocalSource, type Scan } from '../../src/core/routing/index.ts';
import { jsonCodec } from '../../src/io/codec/json.ts';
import { eventReader } from '../../src/ways/event.ts';
import type { Session } from '../../src/ways/ports.ts';
import { createPublishWay } from '../../src/ways/publish.ts';
import { orders, parcels, readOrders, Setting } from '../access/setting.ts';
import type { LogUnderTest } from '../log/conformance.ts';
import { openEmbeddedUnderTest } from '../log/embedded/storage.ts';

const PARTITIONS = 4;
const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const silent: Observe = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
};

let under: LogUnderTest;

beforeEach(async () => {
  under = await openEmbeddedUnderTest();
});

afterEach(() => under[Symbol.asyncDispose]());

/** A product that can be published to, with a Kafka topic of its own, and somebody with a grant. */
async function site(contract: Contract) {
  const topic = contract.source?.topic ?? '';
  await under.log.create(topic, { partitions: PARTITIONS, cleanup: 'delete' });
  const source = createLocalSource({
    logs: new Map([['main', under.log]]),
    observe: silent,
    wait: async (ms) => void (await wait(ms)),
  });
  const compiled = compileContract(contract);
  const reader = eventReader(contract, compiled, await jsonCodec.prepare(contract), silent, () => {});
  source.serve(contract.product, { cluster: 'main', topic, reader });
  const setting = new Setting();
  const { principal } = setting.partner([contract.product]);
  const publish = createPublishWay({ access: setting.access, source, compiled: () => compiled });
  const everything = async (): Promise<Scan[]> => {
    const { incarnation, first, end } = await source.extent(contract.product);
    const scans: Scan[] = [];
    for (const [partition, to] of end.entries()) {
      for await (const scan of source.range(contract.product, incarnation, partition, first[partition] ?? 0, to))
        scans.push(scan);
    }
    return scans;
  };
  return {
    source,
    publish: (input: unknown) =>
      publish.one(contract, input, { session: { principal } as Session, traceparent: trace }),
    events: async () => (await everything()).flatMap(({ events }) => events),
    ends: async () => (await source.extent(contract.product)).end,
  };
}

describe('an event that is published', () => {
  test('is read as it was given, under the one key field, with its trace; the receipt has its time', async () => {
    const { publish, events } = await site(parcels);
    const { time } = await publish({ orderId: 'o-1', region: 'eu', total: 12.5 });
    expect(await events()).toEqual([
      expect.objectContaining({
        key: 'o-1',
        topic: 'parcels/eu',
        op: 'UPSERT',
        traceparent: trace,
        time,
        data: expect.objectContaining({ orderId: 'o-1', region: 'eu', total: 12.5, email: null }),
      }),
    ]);
  });

  test('goes to the partition that Kafka’s own clients choose for its key', async () => {
    const { publish, events } = await site(parcels);
    const partitionOf = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: PARTITIONS }, (_, partitionId) => ({
      partitionId,
      leader: 1,
      partitionErrorCode: 0,
      replicas: [1],
      isr: [1],
    }));
    for (let i = 0; i < 20; i++) await publish({ orderId: `o-${i}`, region: 'eu' });
    for (const { key, partition } of await events()) {
      expect(partition).toBe(partitionOf({ topic: 't', partitionMetadata, message: { key, value: null } }));
    }
  });

  test('has the JSON array of its key fields as key where there are several', async () => {
    const several = readOrders((text) =>
      text.replaceAll(', roles: [publisher]', '').replace('{fields: [orderId]}', '{fields: [region, orderId]}'),
    );
    const { publish, events } = await site(several);
    await publish({ orderId: 'o"1', region: 'eu' });
    expect((await events())[0]?.key).toBe('["eu","o\\"1"]');
  });

  test('is the last that the receipt’s cursor passes over', async () => {
    const { publish, events, ends } = await site(parcels);
    for (const orderId of ['a', 'b', 'c']) await publish({ orderId, region: 'eu' });
    const { cursor } = await publish({ orderId: 'd', region: 'eu' });
    const { vector } = cursorSection(cursor, 'parcels');
    expect(vector).toEqual(await ends());
    await publish({ orderId: 'e', region: 'eu' });
    const after = (await events()).filter(({ partition, offset }) => offset >= (vector[partition] ?? 0));
    expect(after.map(({ key }) => key)).toEqual(['e']);
  });
});

describe('publishing', () => {
  test.each([
    ['a required field is missing', { orderId: 'o-1' }, 'input.region'],
    ['a field has another type', { orderId: 'o-1', region: 'eu', total: 'much' }, 'input.total'],
    ['a value deep inside has another type', { orderId: 'o-1', region: 'eu', customer: { country: 7 } }, 'country'],
  ])('is PAYLOAD_INVALID by its place where %s, and nothing is written', async (_, input, place) => {
    const { publish, ends } = await site(parcels);
    const refused = await publish(input).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: 'PAYLOAD_INVALID', message: expect.stringContaining(place) });
    expect(await ends()).toEqual([0, 0, 0, 0]);
  });

  test('is FORBIDDEN where the contract asks for a role that the grant does not have', async () => {
    const { publish, ends } = await site(orders);
    await expect(publish({ orderId: 'o-1', region: 'eu' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await ends()).toEqual([0, 0, 0, 0]);
  });
});
