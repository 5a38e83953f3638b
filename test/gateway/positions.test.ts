import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cursorSection, encodeCursor } from '../../src/core/delivery/index.ts';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { contractText, type GatewayProcess, Site } from './node.ts';
import { readings } from './producer.ts';
import { Socket } from './socket.ts';

interface ReadingEvent {
  readonly cursor: string;
  readonly topic: string;
  readonly time: string;
  readonly data: { readonly seq: number; readonly region: string };
}
interface Page {
  readonly readings: {
    readonly edges: readonly { readonly cursor: string; readonly node: ReadingEvent }[];
    readonly pageInfo: {
      readonly hasNextPage: boolean;
      readonly endCursor: string;
      readonly examined: number;
      readonly examinedUntil: string | null;
    };
  };
}

const fields = 'cursor topic time data { seq region }';
const live = `subscription ($from: ReplayFrom, $topic: TopicFilter, $where: ReadingFilter) { readings(from: $from, topic: $topic, where: $where) { ${fields} } }`;
const page = `query ($first: Int, $after: Cursor, $from: ReplayFrom, $where: ReadingFilter) {
  readings(first: $first, after: $after, from: $from, where: $where) { edges { cursor node { ${fields} } } pageInfo { hasNextPage endCursor examined examinedUntil } }
}`;
const PARTITIONS = 4;
const HOUR = 3_600_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** 100 readings, one a minute, ending a minute ago; seq n is in partition n % 4. */
const product = readings({ template: 'readings/{region}' });
const start = Date.now() - 101 * 60_000;
const record = (seq: number, timestamp: number) => ({
  partition: seq % PARTITIONS,
  key: Buffer.from(`k${seq}`),
  value: Buffer.from(JSON.stringify({ id: `id-${seq}`, seq, region: seq % 2 === 0 ? 'eu' : 'us' })),
  timestamp,
});

let site: Site;
let gateway: GatewayProcess;
let log: EmbeddedLog;
let key: string;

beforeAll(async () => {
  site = new Site({ main: 'embedded' }, [product]);
  site.putContract('readings.v2', contractText({ ...product, version: '2.0.0' }));
  log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
  await log.create(product.topic, { partitions: PARTITIONS, cleanup: 'delete' });
  await log.append(product.topic, [record(1_000, start - 8 * 24 * HOUR)]);
  await log.append(
    product.topic,
    Array.from({ length: 100 }, (_, i) => record(i, start + i * 60_000)),
  );
  gateway = await site.start();
  await gateway.ready();
  key = (await site.partner(['readings', 'readings-v2'])).key;
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
});

const errorOf = async (
  socket: Socket,
  id: string,
): Promise<{ message: string; extensions: Record<string, unknown> }> => {
  const { payload } = await socket.message((message) => message.type === 'error' && message.id === id);
  return (payload as { message: string; extensions: Record<string, unknown> }[])[0] as never;
};
const refusal = async (
  variables: Record<string, unknown>,
): Promise<{ message: string; extensions: Record<string, unknown> }> => {
  await using socket = await Socket.open(gateway.socketUrl, key);
  socket.subscribe('s', live, variables);
  return await errorOf(socket, 's');
};
const collect = async (count: number, variables: Record<string, unknown>): Promise<ReadingEvent[]> => {
  await using socket = await Socket.open(gateway.socketUrl, key);
  socket.subscribe('s', live, variables);
  return await socket.until(() => {
    const events = socket.events<ReadingEvent>('s');
    return events.length >= count ? events : undefined;
  });
};
const ask = async (variables: Record<string, unknown>): Promise<Page['readings']> => {
  const { data, errors } = await gateway.ask<Page>(key, page, variables);
  expect(errors).toBeUndefined();
  return (data as Page).readings;
};

describe('where a subscription begins', () => {
  test('latest is the end of each partition when it is placed: what is appended after ready is delivered, nothing before', async () => {
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('s', live, { from: { latest: true }, topic: 'readings/eu' });
    await socket.ready('s');
    await log.append(product.topic, [record(2_000, Date.now())]);
    const events = await socket.until(() =>
      socket.events<ReadingEvent>('s').length > 0 ? socket.events<ReadingEvent>('s') : undefined,
    );
    expect(events[0]?.data.seq).toBe(2_000);
  });

  test('time is, per partition, the first offset at or after it, and nothing is filtered afterwards', async () => {
    const events = await collect(21, { from: { time: new Date(start + 80 * 60_000).toISOString() } });
    expect(events.slice(0, 20).every(({ data }) => data.seq >= 80)).toBe(true);
    expect(new Set(events.map(({ data }) => data.seq)).size).toBe(events.length);
    expect(events.map(({ data }) => data.seq)).toContain(2_000);
  });

  test('ago is a time counted from now', async () => {
    const events = await collect(10, { from: { ago: 'PT11M30S' } });
    expect(Math.min(...events.map(({ data }) => data.seq))).toBe(90);
  });

  test('last: n passes exactly n matching events, walking all partitions backwards by time', async () => {
    const events = await collect(5, { from: { last: 5 }, where: { region: { eq: 'us' } } });
    expect(events.map(({ data }) => data.seq).sort((a, b) => a - b)).toEqual([91, 93, 95, 97, 99]);
  });

  test('earliest begins at the replay depth where that is later than what is held', async () => {
    const events = await collect(101, { from: { earliest: true } });
    expect(events.map(({ data }) => data.seq)).not.toContain(1_000);
  });

  test('a time before the replay depth is REPLAY_LIMIT, and so are ago and a cursor before it', async () => {
    expect(await refusal({ from: { ago: 'P8D' } })).toMatchObject({ extensions: { code: 'REPLAY_LIMIT' } });
    expect(await refusal({ from: { time: new Date(start - 9 * 24 * HOUR).toISOString() } })).toMatchObject({
      extensions: { code: 'REPLAY_LIMIT' },
    });
    const [event] = await collect(1, { from: { last: 1 } });
    const { incarnation } = cursorSection(event?.cursor ?? '', product.name);
    const old = encodeCursor([{ product: product.name, incarnation, vector: [0, 0, 0, 0] }]);
    expect(await refusal({ from: { cursor: old } })).toMatchObject({ extensions: { code: 'REPLAY_LIMIT' } });
  });

  test('a cursor resumes the whole subscription right after its event, under any filter', async () => {
    const all = (await collect(10, { from: { last: 10 } })).map(({ data }) => data);
    expect(all).toHaveLength(10);
    const before = await collect(4, { from: { last: 10 } });
    const { cursor } = before[3] as ReadingEvent;
    const sent = new Set(before.slice(0, 4).map(({ data }) => data.seq));
    const left = all.filter(({ seq }) => !sent.has(seq));
    const rest = left.map(({ seq }) => seq).sort();
    const after = await collect(6, { from: { cursor } });
    expect(
      after
        .slice(0, 6)
        .map(({ data }) => data.seq)
        .sort(),
    ).toEqual(rest);
    const odd = left
      .filter(({ region }) => region === 'us')
      .map(({ seq }) => seq)
      .sort();
    const filtered = await collect(odd.length, { from: { cursor }, where: { region: { eq: 'us' } } });
    expect(
      filtered
        .slice(0, odd.length)
        .map(({ data }) => data.seq)
        .sort(),
    ).toEqual(odd);
  });

  test('a cursor names no Kafka topic and no cluster, and holds no secret of the node: any reader of its form can read it', async () => {
    const [event] = await collect(1, { from: { last: 1 } });
    const cursor = event?.cursor ?? '';
    const { incarnation, vector } = cursorSection(cursor, product.name);
    expect(encodeCursor([{ product: product.name, incarnation, vector }])).toBe(cursor);
    const { incarnation: inside } = await log.describe(product.topic);
    const bytes = Buffer.from(cursor, 'base64url').toString('latin1');
    for (const name of [product.topic, 'main', inside.cluster, inside.topic]) expect(bytes).not.toContain(name);
  });

  test('a cursor crosses the majors of a product that are on one Kafka topic', async () => {
    const before = await collect(4, { from: { last: 10 } });
    const after = await collect(6, { from: { cursor: before[3]?.cursor } });
    await using socket = await Socket.open(gateway.socketUrl, key);
    const second = live.replace('ReadingFilter', 'ReadingV2Filter').replace('{ readings(', '{ readingsV2(');
    socket.subscribe('v2', second, { from: { cursor: before[3]?.cursor } });
    const there = await socket.until(() => {
      const events = socket.events<ReadingEvent>('v2');
      return events.length >= 6 ? events : undefined;
    });
    expect(there.map(({ data }) => data.seq).sort()).toEqual(after.map(({ data }) => data.seq).sort());
  });

  test('a cursor that is cut, altered, or of another product is CURSOR_INVALID, and what cannot be one is refused', async () => {
    const [event] = await collect(1, { from: { last: 1 } });
    const cursor = event?.cursor ?? '';
    const altered = `${cursor.slice(0, 8)}${cursor[8] === 'A' ? 'B' : 'A'}${cursor.slice(9)}`;
    const other = encodeCursor([{ product: 'others', incarnation: 'AAAAAAAAAAA', vector: [0, 0, 0, 0] }]);
    for (const bad of [cursor.slice(0, -3), altered, other, 'AAAA']) {
      expect(await refusal({ from: { cursor: bad } })).toMatchObject({ extensions: { code: 'CURSOR_INVALID' } });
    }
    for (const bad of ['', 'not base64 at all']) {
      expect((await refusal({ from: { cursor: bad } })).extensions['code']).toMatch(/BAD_REQUEST|CURSOR_INVALID/);
    }
  });

  test('two forms of from at once are refused with a message that names the place', async () => {
    const { message, extensions } = await refusal({ from: { latest: true, earliest: true } });
    expect(message).toMatch(/from|ReplayFrom/);
    expect(extensions).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('without a filter two subscriptions at the live edge are sent equal cursors', async () => {
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('a', live, {});
    socket.subscribe('b', live, {});
    await Promise.all([socket.ready('a'), socket.ready('b')]);
    await log.append(product.topic, [record(3_001, Date.now())]);
    await socket.until(() => (socket.events('a').length > 0 && socket.events('b').length > 0 ? true : undefined));
    expect(socket.events('a')).toEqual(socket.events('b'));
  });
});

describe('history', () => {
  test('merges the partitions by timestamp', async () => {
    const { edges, pageInfo } = await ask({ first: 50, from: { time: new Date(start).toISOString() } });
    expect(edges.map(({ node }) => node.data.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(pageInfo.hasNextPage).toBe(true);
  });

  test('pages by after until everything has been shown once', async () => {
    const seen: number[] = [];
    let next = await ask({ first: 33, from: { time: new Date(start).toISOString() } });
    for (;;) {
      seen.push(...next.edges.map(({ node }) => node.data.seq));
      if (!next.pageInfo.hasNextPage) break;
      next = await ask({ first: 33, after: next.pageInfo.endCursor });
    }
    expect(seen.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('takes exactly one of from and after', async () => {
    const { errors } = await gateway.ask(key, page, { first: 1 });
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_REQUEST' } });
    const { pageInfo } = await ask({ first: 1, from: { last: 1 } });
    const both = await gateway.ask(key, page, { first: 1, from: { latest: true }, after: pageInfo.endCursor });
    expect(both.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_REQUEST' } });
  });

  test('refuses pages that are too large, and none at all', async () => {
    for (const first of [0, -1, 1_001, 100_000_000]) {
      const { errors } = await gateway.ask(key, page, { first, from: { earliest: true } });
      expect(errors?.[0]?.message).toMatch(/first/);
    }
  });

  test('an empty page advances, and its endCursor opens a live subscription right after it', async () => {
    const { edges, pageInfo } = await ask({
      first: 10,
      from: { time: new Date(start).toISOString() },
      where: { region: { eq: 'nowhere' } },
    });
    expect(edges).toEqual([]);
    expect(pageInfo.hasNextPage).toBe(false);
    expect(pageInfo.examined).toBeGreaterThanOrEqual(100);
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('s', live, { from: { cursor: pageInfo.endCursor } });
    await socket.ready('s');
    await log.append(product.topic, [record(4_000, Date.now())]);
    const [event] = await socket.until(() =>
      socket.events<ReadingEvent>('s').length > 0 ? socket.events<ReadingEvent>('s') : undefined,
    );
    expect(event?.data.seq).toBe(4_000);
  });

  test("an edge's cursor continues live right after that edge", async () => {
    const { edges } = await ask({ first: 3, from: { time: new Date(start + 90 * 60_000).toISOString() } });
    const rest = await collect(7, { from: { cursor: edges[2]?.cursor } });
    expect(rest.map(({ data }) => data.seq)).not.toContain(92);
    expect(Math.min(...rest.map(({ data }) => data.seq))).toBe(93);
  });
});

describe('progress', () => {
  test('is told every ten seconds while nothing matches, as an unsolicited pong with a cursor that resumes', async () => {
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('s', live, { topic: 'readings/nowhere' });
    await socket.ready('s');
    const progress = await socket.until(() => {
      for (const { type, payload } of socket.messages) {
        const cursor =
          type === 'pong'
            ? (payload as { sluice?: { progress?: Record<string, string> } })?.sluice?.progress?.['s']
            : undefined;
        if (cursor !== undefined) return cursor;
      }
      return undefined;
    });
    await using other = await Socket.open(gateway.socketUrl, key);
    other.subscribe('s', live, { from: { cursor: progress } });
    expect(await other.ready('s')).toEqual(expect.any(String));
  });

  test('pings are answered at once with their payload', async () => {
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.send({ type: 'ping', payload: { a: 1 } });
    expect(await socket.message(({ type }) => type === 'pong')).toEqual({ type: 'pong', payload: { a: 1 } });
  });
});
