import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { bed } from '../bed/index.ts';
import { type GatewayProcess, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';
import { type Message, Socket } from './socket.ts';

const live = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor data { seq } } }';
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

interface Problem {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly cursor?: string };
}

const problemOf = ({ payload }: Message): Problem => (payload as Problem[])[0] as Problem;
const endOf = (socket: Socket, id: string): Promise<Message> =>
  socket.message((message) => message.type === 'error' && message.id === id);

describe('without a key', () => {
  let gateway: GatewayProcess;
  let site: Site;
  let key: string;

  beforeAll(async () => {
    const product = readings();
    site = new Site({ main: 'embedded' }, [product]);
    await using log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
    await log.create(product.topic, { partitions: 1, cleanup: 'delete' });
    gateway = await site.start();
    await gateway.ready();
    key = (await site.partner([])).key;
  });
  afterAll(() => gateway?.[Symbol.asyncDispose]());

  test.each([
    ['history', '{ readings(first: 1, from: {earliest: true}) { edges { cursor } } }'],
    ['products', '{ products { name } }'],
    ['introspection', '{ __schema { types { name } } }'],
  ])('there is no %s', async (_, query) => {
    for (const wrong of [null, 'slk_nonsense', `${key}x`]) {
      const { status, data, errors } = await gateway.ask(wrong, query);
      expect({ status, data: data ?? null, code: errors?.[0]?.extensions?.['code'] }).toEqual({
        status: 401,
        data: null,
        code: 'UNAUTHENTICATED',
      });
    }
  });

  test('there is no subscription: the socket closes with 4401', async () => {
    for (const payload of [{}, { apiKey: 'slk_nonsense' }, { authorization: `Bearer ${key}x` }, { apiKey: 7 }]) {
      await using socket = await Socket.open(gateway.socketUrl, null);
      socket.send({ type: 'connection_init', payload });
      expect((await socket.closed).code).toBe(4401);
    }
  });

  test('a key without a grant is shown no product, in introspection neither', async () => {
    const { data } = await gateway.ask(key, '{ products { name } __schema { types { name } } }');
    expect(data?.['products']).toEqual([]);
    expect(JSON.stringify(data)).not.toContain('Reading');
  });

  test('a key is taken as Bearer token, as X-API-Key and in connection_init', async () => {
    const post = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"query":"{ __typename }"}',
      });
    expect((await post({ authorization: `Bearer ${key}` })).status).toBe(200);
    expect((await post({ 'x-api-key': key })).status).toBe(200);
    for (const payload of [{ apiKey: key }, { authorization: `Bearer ${key}` }]) {
      await using socket = await Socket.open(gateway.socketUrl, null);
      socket.send({ type: 'connection_init', payload });
      await socket.message(({ type }) => type === 'connection_ack');
    }
  });
});

describe.each(['embedded', 'kafka'] as const)('revoking, with the state on the %s log,', (kind) => {
  let site: Site;
  let nodes: GatewayProcess[];
  let append: (seq: number) => Promise<unknown>;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const product = readings();
    if (kind === 'embedded') {
      site = new Site({ main: 'embedded' }, [product]);
      const log: EmbeddedLog = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
      await log.create(product.topic, { partitions: 2, cleanup: 'delete' });
      append = (seq) =>
        log.append(product.topic, [{ key: null, value: Buffer.from(JSON.stringify({ id: 'a', seq, region: 'eu' })) }]);
      closing.push(() => log[Symbol.asyncDispose]());
    } else {
      const { bootstrap } = await bed().kafka();
      const user = new KafkaUser(bootstrap);
      await user.createTopic(product.topic, 2);
      site = new Site({ main: bootstrap }, [product]);
      append = (seq) => user.write(product.topic, seq, seq + 1);
      closing.push(() => user[Symbol.asyncDispose]());
    }
    nodes = [await site.start(), await site.start()];
    await Promise.all(nodes.map((node) => node.ready()));
  });
  afterAll(async () => {
    for (const node of nodes ?? []) await node[Symbol.asyncDispose]();
    for (const close of closing) await close();
  });

  const subscribed = async (key: string): Promise<Socket[]> => {
    const sockets = await Promise.all(nodes.map((node) => Socket.open(node.socketUrl, key)));
    for (const socket of sockets) socket.subscribe('s', live);
    await Promise.all(sockets.map((socket) => socket.ready('s')));
    return sockets;
  };

  test('a key ends its live subscriptions on every node within a second, with the error and the cursor, and closes the sockets', async () => {
    const { key, keyId } = await site.partner(['readings']);
    const sockets = await subscribed(key);
    await append(1);
    await Promise.all(sockets.map((socket) => socket.message(({ type }) => type === 'next')));
    const ends = sockets.map(async (socket) => {
      const problem = problemOf(await endOf(socket, 's'));
      return { problem, at: Date.now() };
    });
    await site.command('key', 'revoke', '--key', keyId);
    const acknowledged = Date.now();
    for (const { problem, at } of await Promise.all(ends)) {
      expect(problem.extensions.code).toBe('UNAUTHENTICATED');
      expect(problem.extensions.cursor).toEqual(expect.any(String));
      expect(at - acknowledged).toBeLessThan(1_000);
    }
    for (const socket of sockets) expect((await socket.closed).code).toBe(4401);
    for (const node of nodes) expect((await node.ask(key, '{ products { name } }')).status).toBe(401);
  });

  test('a grant ends its live subscriptions within a second, with the cursor, and leaves the connection', async () => {
    const { key, app, grants } = await site.partner(['readings']);
    const sockets = await subscribed(key);
    const ends = sockets.map(async (socket) => ({ problem: problemOf(await endOf(socket, 's')), at: Date.now() }));
    await site.command('grant', 'revoke', '--grant', grants[0] as string);
    const acknowledged = Date.now();
    const cursors = (await Promise.all(ends)).map(({ problem, at }) => {
      expect(problem.extensions.code).toBe('GRANT_ENDED');
      expect(at - acknowledged).toBeLessThan(1_000);
      return problem.extensions.cursor as string;
    });
    await append(2);
    for (const socket of sockets) {
      socket.send({ type: 'ping' });
      await socket.message(({ type, payload }) => type === 'pong' && payload === undefined);
      expect(socket.messages.filter(({ type }) => type === 'next')).toEqual([]);
      // What is gone is shown no more: the field itself is unknown.
      socket.subscribe('again', live, { from: { cursor: cursors[0] } });
      expect(JSON.stringify((await endOf(socket, 'again')).payload)).toMatch(/Cannot query field|Unknown type/);
    }
    // A new grant goes on where the old one ended.
    await site.command('grant', 'create', '--app', app, '--product', 'readings');
    await (nodes[1] as GatewayProcess).shows(key, ['readings']);
    await using socket = await Socket.open((nodes[1] as GatewayProcess).socketUrl, key);
    socket.subscribe('s', live, { from: { cursor: cursors[0] } });
    await socket.message(({ type }) => type === 'next');
    expect(socket.events<{ data: { seq: number } }>('s')[0]?.data.seq).toBe(2);
    for (const each of sockets) await each[Symbol.asyncDispose]();
  });
});
