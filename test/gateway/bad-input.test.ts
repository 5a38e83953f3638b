import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/delivery/index.ts';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { bed, freePort } from '../bed/index.ts';
import { frame, opcodes, RawSocket, text } from '../doors/raw.ts';
import { badOperations, live } from './bad-operations.ts';
import { Metrics } from './metrics.ts';
import { Neighbour } from './neighbour.ts';
import { type GatewayProcess, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';
import { Socket } from './socket.ts';

interface Problem {
  readonly message: string;
  readonly locations?: readonly unknown[];
  readonly extensions: { readonly code: string; readonly resume?: string; readonly missing?: unknown };
}
interface ReadingEvent {
  readonly cursor: string;
  readonly data: { readonly seq: number };
}

const MAX_FRAME = 65_536;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const local = readings();
const neighbours = readings({ name: 'neighbours', type: 'NeighbourEvent', template: 'neighbours/{region}' });
const short = { name: 'events', cluster: 'kafka', template: 'from-kafka/{region}' };
const recreated = readings({ ...short, name: 'recreated', type: 'RecreatedEvent' });
const trimmed = readings({ ...short, name: 'trimmed', type: 'TrimmedEvent' });
const record = (seq: number) => ({
  key: Buffer.from('k'),
  value: Buffer.from(JSON.stringify({ id: 'a', seq, region: 'eu' })),
});

let site: Site;
let gateway: GatewayProcess;
let metrics: Metrics;
let log: EmbeddedLog;
let user: KafkaUser;
let bootstrap: string;
let key: string;
let neighbour: Neighbour;

beforeAll(async () => {
  bootstrap = (await bed().kafka()).bootstrap;
  user = new KafkaUser(bootstrap);
  await Promise.all([recreated, trimmed].map(({ topic }) => user.createTopic(topic, 2)));
  site = new Site(
    { main: 'embedded', kafka: bootstrap },
    [local, neighbours, recreated, trimmed],
    `limits: {maxDepth: 4, maxCost: 60, maxAliases: 5, maxTokens: 200, maxFrameBytes: ${MAX_FRAME}, connectionInitTimeout: PT1S}`,
  );
  log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
  for (const { topic } of [local, neighbours]) await log.create(topic, { partitions: 2, cleanup: 'delete' });
  await log.append(local.topic, [record(0)]);
  const metricsPort = await freePort();
  metrics = new Metrics(metricsPort);
  gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(metricsPort) } });
  await gateway.ready();
  key = (await site.partner(['readings', 'neighbours', 'recreated', 'trimmed'])).key;
  neighbour = await Neighbour.begin(gateway.socketUrl, key, live('neighbours'), (seq) =>
    log.append(neighbours.topic, [record(seq)]),
  );
});

afterAll(async () => {
  await neighbour?.end().catch(() => {});
  await gateway?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
  await user?.[Symbol.asyncDispose]();
});

/** Nothing that a partner is told may name what stands behind the gateway. */
function expectNoInternals(told: string): void {
  const internals = [local, neighbours, recreated, trimmed].map(({ topic }) => topic);
  internals.push(...bootstrap.split(','), site.folder, 'node_modules', 'kafkajs', 'sqlite', '.ts:', '    at ', 'ECONN');
  for (const internal of internals) expect(told).not.toContain(internal);
}

async function refusal(query: string, variables: Record<string, unknown> = {}): Promise<Problem> {
  await using socket = await Socket.open(gateway.socketUrl, key);
  socket.subscribe('bad', query, variables);
  const { payload } = await socket.message((message) => message.type === 'error' && message.id === 'bad');
  // The same connection goes on.
  socket.send({ type: 'ping' });
  await socket.message(({ type, payload: of }) => type === 'pong' && of === undefined);
  expectNoInternals(socket.texts.join('\n'));
  return (payload as Problem[])[0] as Problem;
}

/** No source was opened for it, nothing of it is left, and the others did not notice. */
async function expectNothingLeft(): Promise<void> {
  await metrics.reaches('sluice_connections', {}, (open) => open === 1);
  await metrics.reaches('sluice_subscriptions', {}, (live) => live === 1);
  expect(await metrics.value('sluice_records_read_total', { product: 'readings' })).toBeNull();
  await neighbour.next();
}

describe('an operation that cannot be', () => {
  test.each(badOperations)('%s is refused in words that name the place', async (_, query, variables, code, place) => {
    const problem = await refusal(query, variables);
    expect({ code: problem.extensions.code, message: problem.message }).toEqual({
      code,
      message: expect.stringMatching(place),
    });
    await expectNothingLeft();
  });

  test('is refused over HTTP as it is over a WebSocket', async () => {
    for (const [, query, variables, code, place] of badOperations) {
      if (query.startsWith('subscription')) continue;
      const { status, errors, data } = await gateway.ask(key, query, variables);
      // What GraphQL itself refuses is 200 for those who ask for application/json.
      expect({ status, code: errors?.[0]?.extensions?.['code'], data: data ?? null }).toEqual({
        status: 200,
        code,
        data: null,
      });
      expect(errors?.[0]?.message).toMatch(place);
      expectNoInternals(JSON.stringify(errors));
    }
  });
});

describe('a cursor that cannot be', () => {
  const good = encodeCursor([{ product: 'readings', incarnation: 'AAAAAAAAAAA', vector: [1, 1] }]);
  test.each([
    ['cut', good.slice(0, -3)],
    ['altered', `${good.slice(0, 10)}${good[10] === 'A' ? 'B' : 'A'}${good.slice(11)}`],
    ['of another product', encodeCursor([{ product: 'neighbours', incarnation: 'AAAAAAAAAAA', vector: [1, 1] }])],
    ['no cursor at all', 'ünsinn 💥'],
    ['long', 'A'.repeat(3_000)],
  ])('is CURSOR_INVALID when it is %s, for a subscription and for history', async (_, cursor) => {
    expect((await refusal(live('readings'), { from: { cursor } })).extensions.code).toBe('CURSOR_INVALID');
    const { errors } = await gateway.ask(key, 'query ($c: Cursor) { readings(after: $c) { edges { cursor } } }', {
      c: cursor,
    });
    expect(errors?.[0]?.extensions?.['code']).toBe('CURSOR_INVALID');
    expectNoInternals(JSON.stringify(errors));
    await expectNothingLeft();
  });

  test('is SOURCE_RESET when it is of another life of the stream, or lies beyond its end', async () => {
    expect((await refusal(live('readings'), { from: { cursor: good } })).extensions.code).toBe('SOURCE_RESET');
    const { data } = await gateway.ask<{ readings: { pageInfo: { endCursor: string } } }>(
      key,
      'query { readings(first: 1, from: {earliest: true}) { pageInfo { endCursor } } }',
    );
    expect(data?.readings.pageInfo.endCursor).toEqual(expect.any(String));
    await expectNothingLeft();
  });
});

describe('a WebSocket that breaks the protocol', () => {
  const subscribeTo = (id: string) => ({ id, type: 'subscribe', payload: { query: live('readings') } });
  const opened = (): Promise<RawSocket> => RawSocket.ready({ port: gateway.port, isTls: false }, key);
  const fresh = (protocol?: string | null): Promise<RawSocket> =>
    RawSocket.open({ port: gateway.port, isTls: false }, protocol === undefined ? {} : { protocol });
  const closes = async (socket: RawSocket, code: number): Promise<void> => {
    expect(await socket.closed()).toBe(code);
    const reason =
      socket.frames
        .find(({ opcode }) => opcode === opcodes.close)
        ?.payload.subarray(2)
        .toString() ?? '';
    expectNoInternals(reason + JSON.stringify(socket.messages));
    await metrics.reaches('sluice_connections', {}, (open) => open === 1);
    await metrics.reaches('sluice_subscriptions', {}, (count) => count === 1);
    await neighbour.next();
  };

  test.each<readonly [string, Buffer, number]>([
    ['a frame over the limit', frame(opcodes.text, Buffer.alloc(MAX_FRAME + 1, 32)), 1009],
    ['a binary frame', frame(opcodes.binary, '{"type":"ping"}'), 1003],
    ['broken UTF-8', frame(opcodes.text, Buffer.from([0x22, 0xc3, 0x28, 0x22])), 1007],
    ['a frame that is not masked', frame(opcodes.text, '{"type":"ping"}', { isMasked: false }), 1002],
    ['text that is not JSON', text('subscription, please'), 4400],
    ['JSON that is no message', text('[1, 2]'), 4400],
    ['a message of an unknown type', text({ type: 'telegram' }), 4400],
    ['a message that only servers send', text({ type: 'next', id: '1', payload: { data: {} } }), 4400],
    ['a second connection_init', text({ type: 'connection_init', payload: {} }), 4429],
  ])('is closed for %s', async (_, bytes, code) => {
    const socket = await opened();
    socket.socket.write(bytes);
    await closes(socket, code);
  });

  test('is closed with 4406 for another subprotocol, and for none', async () => {
    for (const protocol of ['graphql-ws', null]) await closes(await fresh(protocol), 4406);
  });

  test('is closed with 4401 for a subscribe before connection_init', async () => {
    const socket = await fresh();
    socket.send(subscribeTo('1'));
    await closes(socket, 4401);
  });

  test('is closed with 4408 when no connection_init comes in time', async () => {
    await closes(await fresh(), 4408);
  });

  test('is closed with 4409 for two subscriptions with one id', async () => {
    const socket = await opened();
    socket.send(subscribeTo('1'));
    await socket.message(({ type }) => type === 'pong');
    socket.send(subscribeTo('1'));
    await closes(socket, 4409);
  });
});

describe('a cursor of a Kafka topic', () => {
  const follow = async (product: string, from: unknown, count: number): Promise<readonly ReadingEvent[]> => {
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('s', live(product), { from });
    return await socket.until(() => {
      const events = socket.events<ReadingEvent>('s');
      return events.length >= count ? events : undefined;
    });
  };

  test('that was recreated and refilled past it is SOURCE_RESET, for who comes back and for who is live', async () => {
    await user.write(recreated.topic, 0, 50);
    const before = await follow('recreated', { earliest: true }, 50);
    const cursor = before[20]?.cursor;
    await using socket = await Socket.open(gateway.socketUrl, key);
    socket.subscribe('live', live('recreated'));
    await socket.ready('live');
    await user.deleteTopic(recreated.topic);
    await user.createTopic(recreated.topic, 2);
    await user.write(recreated.topic, 1_000, 1_200);
    const { payload } = await socket.message(({ type, id }) => type === 'error' && id === 'live');
    expect((payload as Problem[])[0]?.extensions.code).toBe('SOURCE_RESET');
    expect(socket.events('live')).toEqual([]);
    expect((await refusal(live('recreated'), { from: { cursor } })).extensions.code).toBe('SOURCE_RESET');
    const { errors } = await gateway.ask(key, 'query ($c: Cursor) { recreated(after: $c) { edges { cursor } } }', {
      c: cursor,
    });
    expect(errors?.[0]?.extensions?.['code']).toBe('SOURCE_RESET');
    expectNoInternals(socket.texts.join('\n') + JSON.stringify(errors));
    const anew = await follow('recreated', { earliest: true }, 200);
    expect(anew.map(({ data }) => data.seq).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, i) => 1_000 + i),
    );
  });

  test('that is older than what is held is CURSOR_EXPIRED, names the first position still held, and resumes there', async () => {
    const written = Array.from({ length: 40 }, (_, seq) => ({
      partition: seq % 2,
      value: JSON.stringify({ id: 'a', seq, region: 'eu' }),
    }));
    await user.send(trimmed.topic, written);
    const events = await follow('trimmed', { earliest: true }, 40);
    const cursor = events[0]?.cursor;
    await user.trim(trimmed.topic, 1, 15);
    const expectExpired = async (problem: Problem | undefined): Promise<void> => {
      expect(problem?.extensions.code).toBe('CURSOR_EXPIRED');
      expect(problem?.extensions.missing).toEqual([{ partition: 1, from: expect.any(Number), to: 15 }]);
      const resumed = await follow('trimmed', { cursor: problem?.extensions.resume }, 24);
      const seqs = resumed.map(({ data }) => data.seq);
      expect(seqs.filter((seq) => seq % 2 === 1)).toEqual([31, 33, 35, 37, 39]);
      expect(seqs.filter((seq) => seq % 2 === 0)).toEqual(Array.from({ length: 19 }, (_, i) => 2 + 2 * i));
    };
    await expectExpired(await refusal(live('trimmed'), { from: { cursor } }));
    const { errors } = await gateway.ask(key, 'query ($c: Cursor) { trimmed(after: $c) { edges { cursor } } }', {
      c: cursor,
    });
    expect(errors?.[0]?.message).toContain('15');
    expectNoInternals(JSON.stringify(errors));
    await expectExpired(errors?.[0] as unknown as Problem);
  });
});

test('through all of which the neighbour has received each of its events once, in order, and the process lived', async () => {
  const { appended, seqs } = await neighbour.end();
  expect(appended).toBeGreaterThan(50);
  expect(seqs).toEqual(Array.from({ length: appended }, (_, seq) => seq));
  await metrics.reaches('sluice_connections', {}, (open) => open === 0);
  await metrics.reaches('sluice_subscriptions', {}, (live) => live === 0);
  expect(gateway.lines.filter(({ msg }) => msg.startsWith('uncaught') || msg.startsWith('unhandled'))).toEqual([]);
  expect((await gateway.stop()).code).toBe(0);
});
