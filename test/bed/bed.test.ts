import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { ask } from './ask.ts';
import { bed, kafkaVersions, randomName, startKafka, startRedis } from './index.ts';

const client = (bootstrap: string): Kafka => new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });

describe('the shared servers', () => {
  test.each(kafkaVersions)('Kafka %s says who it is, takes a record and finds its end', async (version) => {
    const shared = await bed().kafka(version);
    const kafka = client(shared.bootstrap);
    const [admin, producer] = [kafka.admin(), kafka.producer()];
    await Promise.all([admin.connect(), producer.connect()]);
    const topic = randomName('bed');
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    await producer.send({ topic, messages: [{ value: 'x'.repeat(1 << 20) }] });
    expect((await admin.describeCluster()).clusterId).toBe(shared.clusterId);
    expect((await admin.fetchTopicOffsets(topic))[0]?.high).toBe('1');
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });

  test('Redis answers', async () => {
    const { url } = await bed().redis();
    expect(await ask(Number(new URL(url).port), 'PING\r\n')).toBe('+PONG\r\n');
  });

  test('are the same for everyone who asks', async () => {
    expect(await bed().redis()).toEqual(await bed().redis());
    expect(await bed().kafka()).toEqual(await bed().kafka('4.1.1'));
  });
});

test('a broker that was killed comes back on its port with what it had acknowledged', async () => {
  await using cluster = await startKafka({ version: '3.9.1' });
  const [broker] = cluster.brokers;
  const topic = randomName('bed');
  const admin = client(cluster.bootstrap).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] });
  const before = broker?.pid;
  await broker?.kill();
  await broker?.start();
  expect(broker?.pid).not.toBe(before);
  expect(await admin.listTopics()).toContain(topic);
  await admin.disconnect();
});

test('a Redis that was killed comes back empty on its port', async () => {
  await using redis = await startRedis();
  expect(await ask(redis.port, 'SET seat 12A\r\n')).toBe('+OK\r\n');
  const before = redis.pid;
  await redis.kill();
  await expect(ask(redis.port, 'PING\r\n')).rejects.toThrow('ECONNREFUSED');
  await redis.start();
  expect(redis.pid).not.toBe(before);
  expect(await ask(redis.port, 'GET seat\r\n')).toBe('$-1\r\n');
});

describe('the guard', () => {
  const endings: readonly [how: string, end: (run: ChildProcess) => void][] = [
    ['kill -9', (run) => run.kill('SIGKILL')],
    ['SIGINT', (run) => run.kill('SIGINT')],
    ['SIGTERM', (run) => run.kill('SIGTERM')],
    ['an error that nobody caught', (run) => run.send('throw')],
    ['its last line', (run) => run.send('leave')],
  ];

  test.each(endings)('servers are gone after a run that ended by %s', async (_, end) => {
    const run = fork(join(import.meta.dirname, 'run-to-be-ended.ts'), [], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const [{ pids, folders }] = (await once(run, 'message')) as [{ pids: number[]; folders: string[] }];
    expect(pids.length).toBe(3);
    expect(pids.every(runs)).toBe(true);
    const ended = once(run, 'exit');
    end(run);
    await ended;
    while (pids.some(runs) || folders.some(existsSync)) await pause(10);
    expect(pids.filter(runs)).toEqual([]);
    expect(folders.filter(existsSync)).toEqual([]);
  });
});

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
