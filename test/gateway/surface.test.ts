import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Log } from '../../src/core/log/index.ts';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { bed, randomName } from '../bed/index.ts';
import { openLog, withAdmin } from '../log/kafka/storage.ts';
import { contractText, type GatewayProcess, Site } from './node.ts';
import { KafkaUser } from './producer.ts';
import { recordsOf } from './records.ts';
import { Socket } from './socket.ts';

interface Thing {
  readonly id: string;
  readonly seq: number;
  readonly big: string;
  readonly price: string | null;
  readonly email: string | null;
}
interface ThingEvent {
  readonly cursor: string;
  readonly topic: string;
  readonly key: string | null;
  readonly op: 'UPSERT' | 'DELETE';
  readonly data: Thing | null;
}
interface Problem {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly path?: string };
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const PARTITIONS = 4;
const topic = randomName('things');
const fields = 'cursor topic key op data { id seq big price email }';
const live = (more = ''): string =>
  `subscription ($from: ReplayFrom, $topic: TopicFilter, $where: ThingFilter) { things(from: $from, topic: $topic, where: $where) { ${fields} ${more} } }`;

/** Two majors over one Kafka topic; the second calls `big` a count, shows no price, and takes nothing in. */
function things(major: 1 | 2): string {
  const rows = [
    `{name: ${major === 1 ? 'big' : 'count, physicalName: big'}, logicalType: integer, physicalType: long, required: true}`,
    '{name: email, logicalType: string, physicalType: string, classification: restricted, customProperties: [{property: privacy, value: {masking: hash, visibleTo: [insider]}}]}',
    ...(major === 1 ? ['{name: price, logicalType: number, physicalType: "decimal(40,20)"}'] : []),
  ];
  return contractText({
    name: 'things',
    version: `${major}.0.0`,
    cluster: 'kafka',
    topic,
    type: 'ThingEvent',
    template: 'things/{region}/{id}',
    fields: { id: 'string', region: 'string', seq: 'integer' },
    operations:
      major === 1 ? '[{kind: subscribe}, {kind: query}, {kind: publish}]' : '[{kind: subscribe}, {kind: query}]',
    objectProperties: '      - {property: messageKey, value: {fields: [id]}}',
    rootProperties: '  - {property: deletes, value: true}',
  }).replace(
    '\ncustomProperties:\n',
    `\n${rows.map((row) => `      - ${row}\n`).join('')}roles: [{role: insider, access: read}]\ncustomProperties:\n`,
  );
}

const record = (seq: number, more: Partial<Thing & { region: string }> & { raw?: string } = {}) => {
  const { id = `id-${seq}`, region = 'eu', email = null } = more;
  const rest = more.raw ?? `"big": ${seq}`;
  const value = `{"id": "${id}", "region": "${region}", "seq": ${seq}, "email": ${JSON.stringify(email)}, ${rest}}`;
  return { key: id, value };
};

let bootstrap: string;
let site: Site;
let gateway: GatewayProcess;
let user: KafkaUser;
let log: Log;
let near: EmbeddedLog;
let key: string;
let insider: string;
let latecomer: string;

const bulk = randomName('bulk');
beforeAll(async () => {
  bootstrap = (await bed().kafka()).bootstrap;
  user = new KafkaUser(bootstrap);
  log = openLog(bootstrap);
  await user.createTopic(topic, PARTITIONS);
  site = new Site(
    { near: 'embedded', kafka: bootstrap },
    [
      {
        name: 'bulk',
        topic: bulk,
        cluster: 'near',
        type: 'BulkEvent',
        template: 'bulk',
        fields: { n: 'integer', text: 'string' },
      },
    ],
    'delivery: {maxLagBytes: 65536}',
  );
  site.putContract('things', things(1));
  site.putContract('things.v2', things(2));
  near = createEmbeddedLog({ name: 'near', path: join(site.folder, 'near.db'), observe: quiet });
  await near.create(bulk, { partitions: 1, cleanup: 'delete' });
  gateway = await site.start();
  await gateway.ready();
  const grantInsider = async (): Promise<string> => {
    const { app, key: secret } = await site.partner([]);
    await site.command('grant', 'create', '--app', app, '--product', 'things', '--roles', 'insider');
    return secret;
  };
  [key, insider, latecomer] = (await Promise.all([
    site.partner(['things', 'things-v2', 'bulk']).then((partner) => partner.key),
    grantInsider(),
    site.partner(['things-v2']).then((partner) => partner.key),
  ])) as [string, string, string];
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await near?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
  await user?.[Symbol.asyncDispose]();
});

const opened = async (query: string, variables: Record<string, unknown> = {}, as = key): Promise<Socket> => {
  const socket = await Socket.open(gateway.socketUrl, as);
  socket.subscribe('s', query, variables);
  await socket.ready('s');
  return socket;
};
const eventsOf = <T = ThingEvent>(socket: Socket, count: number): Promise<readonly T[]> =>
  socket.until(() => {
    const events = socket.events<T>('s');
    return events.length >= count ? events : undefined;
  });
const refusal = async (query: string, variables: Record<string, unknown> = {}, as = key): Promise<Problem> => {
  await using socket = await Socket.open(gateway.socketUrl, as);
  socket.subscribe('s', query, variables);
  const { payload } = await socket.message(({ type }) => type === 'error');
  return (payload as [Problem])[0];
};
const seqsOf = (events: readonly ThingEvent[]): (number | undefined)[] => events.map(({ data }) => data?.seq);

describe('what comes out of Kafka', () => {
  test('keeps every digit of 64-bit integers and decimals, live and in history, and compares them by value', async () => {
    await using socket = await opened(live(), {
      where: { big: { gt: '9007199254740992' }, price: { lt: '98765432109876543210.0123456790' } },
    });
    const raw = '"big": 9007199254740993, "price": 98765432109876543210.0123456789';
    await user.send(topic, [
      record(1, { raw: '"big": 9007199254740992, "price": 1' }),
      record(2, { raw }),
      record(3, { raw: '"big": 9223372036854775807, "price": 98765432109876543210.0123456790' }),
    ]);
    const [event] = await eventsOf(socket, 1);
    expect(event?.data).toMatchObject({ big: '9007199254740993', price: '98765432109876543210.01234567890000000000' });
    const { data } = await gateway.ask<{ things: { edges: { node: ThingEvent }[] } }>(
      key,
      `query ($where: ThingFilter) { things(first: 9, from: {earliest: true}, where: $where) { edges { node { ${fields} } } } }`,
      { where: { big: { eq: '9223372036854775807' } } },
    );
    expect(data?.things.edges.map(({ node }) => node.data?.big)).toEqual(['9223372036854775807']);
  });

  test('is matched by topic filters and where, over a live stream', async () => {
    await using all = await opened(live());
    await using europe = await opened(live(), { topic: 'things/eu/>' });
    await using prefix = await opened(live(), { topic: 'things/*/match*' });
    await using filtered = await opened(live(), {
      where: { or: [{ seq: { in: [11, 13] } }, { and: [{ region: { eq: 'us' } }, { not: { id: { prefix: 'm' } } }] }] },
    });
    await user.send(topic, [
      record(10, { region: 'eu', id: 'match-a' }),
      record(11, { region: 'us', id: 'match/b' }),
      record(12, { region: 'us', id: 'other' }),
      record(13, { region: 'eu', id: 'other' }),
    ]);
    const sorted = (events: readonly ThingEvent[]) => seqsOf(events).sort();
    const whole = await eventsOf(all, 4);
    expect(sorted(whole)).toEqual([10, 11, 12, 13]);
    expect(whole.find(({ data }) => data?.seq === 11)).toMatchObject({ topic: 'things/us/match%2Fb', key: 'match/b' });
    expect(sorted(await eventsOf(europe, 2))).toEqual([10, 13]);
    expect(sorted(await eventsOf(prefix, 2))).toEqual([10, 11]);
    expect(sorted(await eventsOf(filtered, 3))).toEqual([11, 12, 13]);
  });

  test('says DELETE for a tombstone, without data, to whom the key alone tells that it matches', async () => {
    await using all = await opened(live());
    await using byKey = await opened(live(), { where: { id: { eq: 'doomed' } } });
    await using byTopic = await opened(live(), { topic: 'things/*/doomed' });
    await using byRegion = await opened(live(), { where: { region: { eq: 'eu' } } });
    await using byLevel = await opened(live(), { topic: 'things/eu/>' });
    const sockets = [all, byKey, byTopic, byRegion, byLevel];
    await user.send(topic, [record(20, { id: 'doomed' })]);
    await user.send(topic, [{ key: 'doomed', value: null }]);
    await user.send(topic, [record(21, { id: 'doomed' })]);
    const ops = async (socket: Socket, count: number) => (await eventsOf(socket, count)).map(({ op }) => op);
    for (const socket of sockets.slice(0, 3)) expect(await ops(socket, 3)).toEqual(['UPSERT', 'DELETE', 'UPSERT']);
    for (const socket of sockets.slice(3)) expect(await ops(socket, 2)).toEqual(['UPSERT', 'UPSERT']);
    expect(all.events<ThingEvent>('s')[1]).toMatchObject({ key: 'doomed', data: null, op: 'DELETE' });
  });
});

describe('masks', () => {
  test('hide a field from a grant without the role, equal values alike, and show it to one with the role', async () => {
    await using plain = await opened(live(), {}, insider);
    await using masked = await opened(live());
    await user.send(topic, [
      record(30, { id: 'p', email: 'dana@example.com' }),
      record(31, { id: 'p', email: 'dana@example.com' }),
      record(32, { id: 'p', email: 'eli@example.com' }),
      record(33, { id: 'p' }),
    ]);
    expect((await eventsOf(plain, 4)).map(({ data }) => data?.email)).toEqual([
      'dana@example.com',
      'dana@example.com',
      'eli@example.com',
      null,
    ]);
    const hashes = (await eventsOf(masked, 4)).map(({ data }) => data?.email);
    for (const hash of hashes.slice(0, 3)) expect(hash).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
    expect(hashes[3]).toBeNull();
    expect(masked.texts.join()).not.toContain('example.com');
  });

  test('cannot be asked about: where on a masked field is refused, and works for the role', async () => {
    const where = { email: { eq: 'dana@example.com' } };
    const problem = await refusal(live(), { where });
    expect(problem.extensions.code).toBe('BAD_FILTER');
    expect(problem.message).toContain('email');
    await using socket = await opened(live(), { where, from: { earliest: true } }, insider);
    expect(seqsOf(await eventsOf(socket, 2))).toEqual([30, 31]);
  });
});

describe('majors', () => {
  test('stand beside each other, and a cursor crosses them', async () => {
    await using first = await opened(live());
    await user.send(
      topic,
      [40, 41, 42].map((seq) => record(seq, { id: 'm' })),
    );
    const [event] = await eventsOf(first, 3);
    await using second = await opened(
      'subscription ($from: ReplayFrom) { thingsV2(from: $from) { cursor product data { seq count } } }',
      { from: { cursor: event?.cursor } },
    );
    const rest = await eventsOf<{ cursor: string; product: string; data: { seq: number; count: string } }>(second, 2);
    expect(rest.map(({ product, data }) => [product, data.seq, data.count])).toEqual([
      ['things-v2', 41, '41'],
      ['things-v2', 42, '42'],
    ]);
    await using back = await opened(live(), { from: { cursor: rest[0]?.cursor } });
    expect(seqsOf(await eventsOf(back, 1))).toEqual([42]);
  });

  test('a principal is shown its products alone, by introspection, by products, and by what it may ask', async () => {
    const names =
      'products { name } __schema { types { name } subscriptionType { fields { name } } mutationType { fields { name } } }';
    interface Shown {
      readonly products: { name: string }[];
      readonly __schema: {
        types: { name: string }[];
        subscriptionType: { fields: { name: string }[] };
        mutationType: { fields: { name: string }[] } | null;
      };
    }
    const { data } = await gateway.ask<Shown>(latecomer, `{ ${names} }`);
    expect(data?.products).toEqual([{ name: 'things-v2' }]);
    expect(data?.__schema.subscriptionType.fields.map(({ name }) => name)).toEqual([
      'thingsV2',
      'thingsV2Batch',
      'events',
    ]);
    expect(data?.__schema.mutationType).toBeNull();
    const types = data?.__schema.types.map(({ name }) => name) ?? [];
    expect(types).toContain('ThingV2');
    expect(types.filter((name) => /^(Thing(?!V2)|Bulk)/.test(name))).toEqual([]);
    expect((await refusal(live(), {}, latecomer)).extensions.code).toMatch(/NOT_FOUND|BAD_FILTER|BAD_REQUEST/);
    const all = await gateway.ask<Shown>(key, `{ ${names} }`);
    expect(all.data?.products.map(({ name }) => name).sort()).toEqual(['bulk', 'things', 'things-v2']);
    expect(all.data?.__schema.mutationType?.fields.map(({ name }) => name).sort()).toEqual([
      'publishBulk',
      'publishThing',
    ]);
  });
});

describe('publish', () => {
  const mutation = 'mutation ($input: ThingInput!) { publishThing(input: $input) { cursor time } }';
  const publish = (input: unknown, as = key) =>
    gateway.ask<{ publishThing: { cursor: string; time: string } }>(as, mutation, { input });
  const input = {
    id: 'published-äö',
    region: 'eu',
    seq: 50,
    big: '9223372036854775807',
    price: '0.10000000000000000001',
  };

  test('writes the record that the contract describes, where every Kafka client would put it; its receipt resumes right after it', async () => {
    const { data, errors } = await publish(input);
    expect(errors).toBeUndefined();
    await user.send(topic, [{ key: input.id, value: record(51, { id: input.id }).value }]);
    const records = (await recordsOf(log, topic)).filter((one) => String(one.key) === input.id);
    expect(records.map(({ partition }) => partition)).toEqual([records[0]?.partition, records[0]?.partition]);
    expect(String(records[0]?.value)).toContain('"big":9223372036854775807');
    expect(String(records[0]?.value)).toContain('"price":0.10000000000000000001');
    expect(JSON.parse(String(records[0]?.value))).toMatchObject({ id: input.id, region: 'eu', seq: 50 });
    await using after = await opened(live(), { from: { cursor: data?.publishThing.cursor } });
    expect(seqsOf(await eventsOf(after, 1))).toEqual([51]);
    expect(Math.abs(Date.parse(data?.publishThing.time ?? '') - Date.now())).toBeLessThan(60_000);
  });

  test('names the path of what breaks the contract, and writes nothing', async () => {
    const before = (await recordsOf(log, topic)).length;
    const wrong: readonly (readonly [unknown, string, string])[] = [
      [{ ...input, price: '123456789012345678901234567890' }, 'PAYLOAD_INVALID', 'input.price'],
      [{ ...input, price: '0.123456789012345678901' }, 'PAYLOAD_INVALID', 'input.price'],
      [{ ...input, big: '9223372036854775808' }, 'BAD_REQUEST', 'input.big'],
      [{ ...input, seq: 'x' }, 'BAD_REQUEST', 'input.seq'],
      [{ ...input, nope: 1 }, 'BAD_REQUEST', '"nope"'],
      [{ id: 'a', region: 'eu', seq: 1 }, 'BAD_REQUEST', '"big"'],
    ];
    for (const [each, code, place] of wrong) {
      const { errors } = await publish(each);
      expect(errors?.[0]?.extensions?.['code']).toBe(code);
      expect(errors?.[0]?.message).toContain(place);
    }
    expect(await recordsOf(log, topic)).toHaveLength(before);
  });

  test('is refused where the contract does not allow it', async () => {
    const { errors } = await gateway.ask(key, 'mutation { publishThingV2(input: {id: "a"}) { cursor } }');
    expect(errors?.[0]?.extensions?.['code']).toBe('NOT_FOUND');
    const { errors: none } = await publish(input, latecomer);
    expect(none?.[0]?.extensions?.['code']).toMatch(/NOT_FOUND|BAD_REQUEST/);
  });
});

describe('batches', () => {
  const batch =
    'subscription ($from: ReplayFrom, $topic: TopicFilter, $n: Int) { thingsBatch(from: $from, topic: $topic, maxEvents: $n, maxDelay: "PT0.05S") { cursor events { cursor data { seq } } } }';
  interface Batch {
    readonly cursor: string;
    readonly events: readonly ThingEvent[];
  }

  test('hold up to maxEvents, are sent after maxDelay at the latest, and their cursor resumes exactly', async () => {
    await user.send(
      topic,
      Array.from({ length: 50 }, (_, i) => record(1_000 + i, { region: 'batch', id: `b${i}` })),
    );
    const wanted = Array.from({ length: 50 }, (_, i) => 1_000 + i);
    const collect = async (from: unknown, n: number, count: number): Promise<readonly Batch[]> => {
      await using socket = await opened(batch, { from, topic: 'things/batch/>', n });
      return await socket.until(() => {
        const batches = socket.events<Batch>('s');
        return batches.flatMap(({ events }) => events).length >= count ? batches : undefined;
      });
    };
    const batches = await collect({ ago: 'PT1H' }, 7, 50);
    expect(Math.max(...batches.map(({ events }) => events.length))).toBe(7);
    expect(batches.flatMap(({ events }) => seqsOf(events)).sort()).toEqual(wanted);
    for (const { cursor, events } of batches) expect(events.at(-1)?.cursor).toBe(cursor);
    const had = batches.slice(0, 3).flatMap(({ events }) => seqsOf(events));
    const rest = await collect({ cursor: batches[2]?.cursor }, 1_000, 50 - had.length);
    expect([...had, ...rest.flatMap(({ events }) => seqsOf(events))].sort()).toEqual(wanted);
    // Fewer than maxEvents come too, once they have waited.
    await using socket = await opened(batch, { topic: 'things/batch/>', n: 1_000 });
    await user.send(topic, [record(2_000, { region: 'batch' }), record(2_001, { region: 'batch' })]);
    const live = await socket.until(() => {
      const events = socket.events<Batch>('s').flatMap((one) => one.events);
      return events.length === 2 ? events : undefined;
    });
    expect(seqsOf(live).sort()).toEqual([2_000, 2_001]);
  });
});

describe('notices', () => {
  interface BulkEvent {
    readonly cursor: string;
    readonly key: string | null;
    readonly data: { readonly n: number };
  }
  interface Payload {
    readonly data: { readonly bulk: BulkEvent };
    readonly extensions?: {
      readonly sluice: {
        readonly notices: {
          code: string;
          superseded?: number;
          missing?: { from: number; to: number }[];
          found?: number;
        }[];
      };
    };
  }
  const text = 'x'.repeat(1_000);
  const query = (onLag: string): string => `subscription { bulk(onLag: ${onLag}) { cursor key data { n text } } }`;
  const write = (from: number, to: number, size = text): Promise<unknown> =>
    near.append(
      bulk,
      Array.from({ length: to - from }, (_, i) => ({
        key: Buffer.from(`k${(from + i) % 10}`),
        value: Buffer.from(`{"n": ${from + i}, "text": "${size}"}`),
      })),
    );
  const payloads = (socket: Socket): Payload[] =>
    socket.messages.filter(({ type }) => type === 'next').map(({ payload }) => payload as Payload);

  test('tell a subscriber that stopped reading what its onLag has cost it; who asked to catch up misses nothing', async () => {
    const policies = ['CATCH_UP', 'CONFLATE', 'DROP', 'END'] as const;
    const open = await Promise.all(policies.map(async (onLag) => [onLag, await opened(query(onLag))] as const));
    const of = Object.fromEntries(open) as Record<(typeof policies)[number], Socket>;
    for (const socket of Object.values(of)) socket.ws.pause();
    // More than kernels buffer between two sockets.
    const count = 20_000;
    for (let n = 0; n < count; n += 1_000) await write(n, n + 1_000);
    await using follower = await opened('subscription { bulk(from: {last: 1}) { data { n } } }');
    await follower.until(() => (follower.events<BulkEvent>('s').at(-1)?.data.n === count - 1 ? true : undefined));
    for (const socket of Object.values(of)) socket.ws.resume();

    const ends = await of.END.message(({ type }) => type === 'error');
    expect((ends.payload as [Problem])[0].extensions).toMatchObject({ code: 'LAGGED', cursor: expect.any(String) });
    await write(count, count + 10);
    const last = (socket: Socket): Promise<true> =>
      socket.until(() => (socket.events<BulkEvent>('s').at(-1)?.data.n === count + 9 ? true : undefined));
    await Promise.all([last(of.CATCH_UP), last(of.CONFLATE), last(of.DROP)]);

    const caught = of.CATCH_UP.events<BulkEvent>('s').map(({ data }) => data.n);
    expect(caught).toEqual(Array.from({ length: count + 10 }, (_, n) => n));
    expect(payloads(of.CATCH_UP).some(({ extensions }) => extensions !== undefined)).toBe(false);

    const conflated = payloads(of.CONFLATE);
    const told = conflated.flatMap(({ extensions }) => extensions?.sluice.notices ?? []);
    expect(told.every(({ code }) => code === 'CONFLATED')).toBe(true);
    expect(told.reduce((sum, { superseded = 0 }) => sum + superseded, 0) + conflated.length).toBe(count + 10);
    expect(conflated.length).toBeLessThan(count);
    for (let k = 0; k < 10; k++) {
      const own = conflated.map(({ data }) => data.bulk.data.n).filter((n) => n % 10 === k);
      expect(own).toEqual([...own].sort((a, b) => a - b));
      expect(own.at(-1)).toBe(count + k);
    }

    const dropped = payloads(of.DROP);
    const gaps = dropped.flatMap(({ extensions }) => extensions?.sluice.notices ?? []);
    expect(gaps.length).toBeGreaterThan(0);
    const missing = gaps.flatMap(({ code, missing: ranges = [] }) => (code === 'GAP' ? ranges : []));
    const passed = missing.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
    const seen = dropped.map(({ data }) => data.bulk.data.n);
    expect([...seen, ...passed].sort((a, b) => a - b)).toEqual(Array.from({ length: count + 10 }, (_, n) => n));
    for (const socket of Object.values(of)) await socket[Symbol.asyncDispose]();
  });

  test('say SHORT when the bounded look-back of last ended before it had found enough', async () => {
    for (let n = 100_000; n < 310_000; n += 5_000) await write(n, n + 5_000, '');
    await using socket = await opened(
      'subscription ($where: BulkFilter) { bulk(from: {last: 3}, where: $where) { cursor key data { n } } }',
      { where: { text: { eq: 'needle' } } },
    );
    await write(400_000, 400_001, 'needle');
    await eventsOf<BulkEvent>(socket, 1);
    expect(payloads(socket)[0]?.extensions?.sluice.notices).toMatchObject([{ code: 'SHORT', found: 0 }]);
  });
});

describe('partitions that are added', () => {
  test('join live subscriptions and old cursors from their first offset, and publishing uses them as other clients do', async () => {
    await using socket = await opened(live(), { topic: 'things/grown/>' });
    const before = await socket.ready('s');
    await withAdmin(bootstrap, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic, count: PARTITIONS + 3 }] }),
    );
    // A client that writes before the new partitions have leaders writes the others twice.
    while ((await log.extents(topic).catch(() => [])).length < PARTITIONS + 3) await pause(25);
    await using fresh = new KafkaUser(bootstrap);
    const seqs = Array.from({ length: 40 }, (_, i) => 5_000 + i);
    await fresh.send(
      topic,
      seqs.map((seq) => record(seq, { region: 'grown', id: `g${seq}` })),
    );
    expect([...seqsOf(await eventsOf(socket, 40))].sort()).toEqual(seqs);
    await using resumed = await opened(live(), { topic: 'things/grown/>', from: { cursor: before } });
    expect([...seqsOf(await eventsOf(resumed, 40))].sort()).toEqual(seqs);
    // The same ids again, by publishing: each key is where it was.
    for (const seq of seqs.slice(0, 12)) {
      const input = { id: `g${seq}`, region: 'grown', seq: seq + 1_000, big: '1' };
      const { errors } = await gateway.ask(
        key,
        'mutation ($input: ThingInput!) { publishThing(input: $input) { cursor } }',
        { input },
      );
      expect(errors).toBeUndefined();
    }
    const partitions = new Map<string, Set<number>>();
    for (const { key: name, partition } of await recordsOf(log, topic)) {
      if (!/^g5\d{3}$/.test(String(name))) continue;
      partitions.set(String(name), (partitions.get(String(name)) ?? new Set()).add(partition));
    }
    expect([...partitions.values()].every((where) => where.size === 1)).toBe(true);
    expect(Math.max(...[...partitions.values()].flatMap((where) => [...where]))).toBeGreaterThanOrEqual(PARTITIONS);
    await eventsOf(socket, 52);
  });
});
