/** Coordination by Redis, on every form of it: who the members of a site are, through whatever becomes of Redis. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Coordination, Member } from '../../src/core/routing/index.ts';
import { createRedisCoordination } from '../../src/io/cluster/redis/index.ts';
import { type RedisOptions, redisOptions } from '../../src/io/cluster/redis/options.ts';
import { ask } from '../bed/ask.ts';
import { type RedisServer, startRedis } from '../bed/index.ts';
import { securityFiles } from '../bed/kafka-security.ts';
import { freePort } from '../bed/ports.ts';
import { startRedisCluster, startSentinels } from '../bed/redis-modes.ts';

const clock = {
  now: () => performance.now(),
  after(ms: number, task: () => void) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What it logs. */
function notes() {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields });
  const nothing = { add() {}, set() {} };
  const observe = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    counter: () => nothing,
    gauge: () => nothing,
  };
  return { lines, observe };
}

const member = (node: string): Member => ({ node, incarnation: randomUUID(), address: `ws://127.0.0.1:1/${node}` });
const opened: Coordination[] = [];

function open(given: object, site = 'here'): Coordination & { readonly lines: readonly Line[] } {
  const { lines, observe } = notes();
  const options = redisOptions.parse({ type: 'redis', prefix: 'test:', ...given }) as RedisOptions;
  const coordination = createRedisCoordination({ options, site, clock, observe });
  opened.push(coordination);
  return Object.assign(coordination, { lines });
}

/** Resolves once it is so; the run's time-out says when it never was. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(10);
}

const names = ({ members }: Coordination): string[] => members.map(({ node }) => node).sort();
const knows = (one: Coordination, ...nodes: readonly string[]): Promise<void> =>
  until(() => names(one).join() === [...nodes].sort().join());

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one[Symbol.asyncDispose]()));
});

describe('coordination by Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  afterEach(async () => {
    await ask(redis.port, 'FLUSHALL\r\n');
  });

  test('makes nodes known to each other, and forgets who leaves at once', async () => {
    const [a, b] = [open({ url: redis.url }), open({ url: redis.url })];
    const first = member('a');
    a.join(first);
    await until(() => a.joined);
    expect(a.members).toEqual([first]);
    const second = member('b');
    let told = 0;
    a.watch(() => {
      told += 1;
    });
    b.join(second);
    await Promise.all([knows(a, 'a', 'b'), knows(b, 'a', 'b')]);
    expect(told).toBe(1);
    expect(a.members).toContainEqual(second);
    await b[Symbol.asyncDispose]();
    await knows(a, 'a');
  });

  test('tells an observer, who is no member, what nodes say of themselves', async () => {
    const a = open({ url: redis.url });
    a.describe('{"of":"a"}');
    a.join(member('a'));
    await until(() => a.joined);
    const observer = open({ url: redis.url });
    await until(() =>
      observer.survey().then(
        () => true,
        () => false,
      ),
    );
    const [seen, ...others] = await observer.survey();
    expect(others).toEqual([]);
    expect(seen).toMatchObject({ node: 'a', about: '{"of":"a"}' });
    expect(seen?.seenMsAgo).toBeLessThan(10_000);
    expect(names(a)).toEqual(['a']);
  });

  test('keeps sites and prefixes apart', async () => {
    const all = [
      open({ url: redis.url }),
      open({ url: redis.url }, 'there'),
      open({ url: redis.url, prefix: 'other:' }),
    ];
    for (const [i, one] of all.entries()) one.join(member(`n${i}`));
    for (const [i, one] of all.entries()) await knows(one, `n${i}`);
  });

  test('lets two lives of one node be a member one after the other, and says so', async () => {
    const [one, other] = [open({ url: redis.url }), open({ url: redis.url })];
    const first = member('a');
    one.join(first);
    await until(() => one.joined);
    other.join(member('a'));
    await until(() => other.lines.some(({ level, message }) => level === 'warn' && message.includes('another life')));
    expect({ joined: other.joined, members: other.members }).toEqual({ joined: false, members: [first] });
    await one[Symbol.asyncDispose]();
    await until(() => other.joined);
    expect(names(other)).toEqual(['a']);
  });

  test('forgets who is not heard of any more', async () => {
    const a = open({ url: redis.url });
    a.join(member('a'));
    await until(() => a.joined);
    // As a node that has died would have left it.
    const root = 'test:{here}';
    await ask(redis.port, `HSET ${root}:members dead "x ws://127.0.0.1:1"\r\n`);
    await ask(redis.port, `ZADD ${root}:seen 1 dead\r\n`);
    await ask(redis.port, `HINCRBY ${root}:site change 1\r\n`);
    await until(async () => (await ask(redis.port, `HEXISTS ${root}:members dead\r\n`)).startsWith(':0'));
    await knows(a, 'a');
  });

  test('leaves nothing in Redis that does not expire', async () => {
    const a = open({ url: redis.url });
    a.describe('{}');
    a.join(member('a'));
    await until(() => a.joined);
    const keys = (await ask(redis.port, 'KEYS *\r\n')).split('\r\n').filter((line) => line.startsWith('test:'));
    expect(keys.length).toBe(4);
    for (const key of keys) {
      const ttl = Number((await ask(redis.port, `PTTL ${key}\r\n`)).slice(1));
      expect(ttl).toBeGreaterThan(0);
    }
  });

  test('loses nobody where Redis has lost everything, or its scripts', async () => {
    const [a, b] = [open({ url: redis.url }), open({ url: redis.url })];
    a.join(member('a'));
    b.join(member('b'));
    await Promise.all([knows(a, 'a', 'b'), knows(b, 'a', 'b')]);
    const seen = new Set<string>();
    for (const one of [a, b]) one.watch(() => seen.add(names(one).join()));
    await ask(redis.port, 'FLUSHALL\r\n');
    await ask(redis.port, 'SCRIPT FLUSH\r\n');
    await until(async () => (await ask(redis.port, 'HLEN test:{here}:members\r\n')).startsWith(':2'));
    expect([...seen]).toEqual([]);
    const c = open({ url: redis.url });
    c.join(member('c'));
    await Promise.all([a, b, c].map((one) => knows(one, 'a', 'b', 'c')));
  });

  test('loses nobody where Redis stood still for longer than members live', async () => {
    const [a, b] = [open({ url: redis.url }), open({ url: redis.url })];
    a.join(member('a'));
    b.join(member('b'));
    await Promise.all([knows(a, 'a', 'b'), knows(b, 'a', 'b')]);
    const seen = new Set<string>();
    for (const one of [a, b]) one.watch(() => seen.add(names(one).join()));
    // What Redis has after it stood still: signs of life of long ago.
    redis.pause();
    await until(() => !a.reachable && !b.reachable);
    redis.resume();
    await until(() => a.reachable && b.reachable);
    await ask(redis.port, 'ZADD test:{here}:seen 1 a 1 b\r\n');
    const isHeard = async (node: string): Promise<boolean> =>
      !(await ask(redis.port, `ZSCORE test:{here}:seen ${node}\r\n`)).includes('\r\n1\r\n');
    await until(async () => (await isHeard('a')) && (await isHeard('b')));
    expect([...seen]).toEqual([]);
  });

  test('is not ended by what somebody else put under its keys: it says so, and goes on once that is gone', async () => {
    await ask(redis.port, 'SET test:{here}:members mine\r\n');
    const a = open({ url: redis.url });
    a.join(member('a'));
    await until(() =>
      a.lines.some(({ level, fields }) => level === 'warn' && String(fields['error']).includes('WRONGTYPE')),
    );
    expect({ joined: a.joined, reachable: a.reachable }).toEqual({ joined: false, reachable: false });
    await ask(redis.port, 'DEL test:{here}:members\r\n');
    await knows(a, 'a');
  });

  test('waits for a Redis that is not there yet, and says why', async () => {
    await using late = await startRedis();
    await late.kill();
    const a = open({ url: late.url });
    a.join(member('a'));
    await until(() => a.lines.some(({ fields }) => String(fields['error']).includes('ECONNREFUSED')));
    expect(a.lines.filter(({ fields }) => String(fields['error']).includes('ECONNREFUSED'))).toHaveLength(1);
    await late.start();
    await knows(a, 'a');
    await until(() => a.lines.some(({ level }) => level === 'info'));
  });

  test('rejects a survey of a Redis that is not there', async () => {
    const a = open({ url: `redis://127.0.0.1:${await freePort()}` });
    await expect(a.survey()).rejects.toThrow(/Redis/);
  });
});

describe('of other forms', () => {
  test('a user of the ACL with what it needs and no more gets in, and one with a wrong password does not, and says why', async () => {
    const rights =
      '+@connection +evalsha +eval +hget +hset +hsetnx +hdel +hlen +hgetall +hincrby +zadd +zrem +zscore +zrange +zrevrange +zrangebyscore +pexpire +publish +subscribe +time';
    const user = ['sluice', 'on', '>right', '~test:*', '&test:*', '-@all', ...rights.split(' ')];
    await using redis = await startRedis(['--user', ...user, '--requirepass', 'other']);
    const good = open({ url: redis.url, username: 'sluice', password: 'right' });
    good.join(member('a'));
    await knows(good, 'a');
    const bad = open({ url: redis.url, username: 'sluice', password: 'wrong' });
    bad.join(member('b'));
    await until(() => bad.lines.some(({ fields }) => String(fields['error']).includes('WRONGPASS')));
    expect(JSON.stringify(bad.lines)).not.toContain('"wrong"');
    expect(names(good)).toEqual(['a']);
  });

  test('over TLS, whose certificate must be right', async () => {
    const { keyStore, public: files } = await securityFiles();
    const port = await freePort();
    const tls = ['--tls-port', String(port), '--tls-cert-file', keyStore, '--tls-key-file', keyStore];
    await using _redis = await startRedis([...tls, '--tls-ca-cert-file', files.caFile, '--tls-auth-clients', 'no']);
    const good = open({ url: `rediss://127.0.0.1:${port}`, tls: { caFile: files.caFile } });
    good.join(member('a'));
    await knows(good, 'a');
    const bad = open({ url: `rediss://127.0.0.1:${port}` });
    bad.join(member('b'));
    await until(() => bad.lines.some(({ fields }) => /certificate/i.test(String(fields['error']))));
    expect(bad.joined).toBe(false);
  });

  test('behind sentinels, it loses nobody when an empty replica becomes the master', async () => {
    await using set = await startSentinels();
    const options = { sentinel: { name: set.name, nodes: set.nodes } };
    const [a, b] = [open(options), open(options)];
    a.join(member('a'));
    b.join(member('b'));
    await Promise.all([knows(a, 'a', 'b'), knows(b, 'a', 'b')]);
    const seen = new Set<string>();
    for (const one of [a, b]) one.watch(() => seen.add(names(one).join()));
    const before = await set.masterPort();
    // It follows nobody any more, and has nothing.
    await ask(set.replica.port, 'CONFIG SET replica-read-only no\r\n');
    await ask(set.replica.port, 'FLUSHALL\r\n');
    await set.master.kill();
    await until(async () => (await set.masterPort()) !== before);
    await until(async () => (await ask(set.replica.port, 'HLEN test:{here}:members\r\n')).startsWith(':2'));
    expect([...seen]).toEqual([]);
    const c = open(options);
    c.join(member('c'));
    await Promise.all([a, b, c].map((one) => knows(one, 'a', 'b', 'c')));
  });

  test('as a cluster, all of a site lies on one of its nodes', async () => {
    await using set = await startRedisCluster();
    const [a, b] = [open({ cluster: set.nodes }), open({ cluster: set.nodes.slice(0, 1) })];
    a.join(member('a'));
    b.join(member('b'));
    await Promise.all([knows(a, 'a', 'b'), knows(b, 'a', 'b')]);
    await b[Symbol.asyncDispose]();
    await knows(a, 'a');
    const counts = await Promise.all(set.servers.map(async ({ port }) => ask(port, 'DBSIZE\r\n')));
    expect(counts.filter((answer) => answer.startsWith(':0'))).toHaveLength(2);
  });
});
