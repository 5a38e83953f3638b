/** Redis as it is run where it must not stop: watched by sentinels, and as a cluster. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './ask.ts';
import { programOf } from './command.ts';
import { serverFolder, startServer } from './guard.ts';
import { freePort } from './ports.ts';
import { type RedisServer, startRedis } from './redis.ts';

export interface SentinelSet extends AsyncDisposable {
  readonly name: string;
  /** host:port of the sentinel. */
  readonly nodes: readonly string[];
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** The port of the master as the sentinel knows it now. */
  masterPort(): Promise<number>;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await isSo().catch(() => false)); await pause(50))
    if (Date.now() > deadline) throw new Error(`${what}: not within 30 s`);
}

/** A master, a replica and one sentinel, which makes the replica the master a second after the master has gone. */
export async function startSentinels(): Promise<SentinelSet> {
  const name = 'watched';
  const master = await startRedis();
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(master.port)]);
  const [program, port, folder] = await Promise.all([
    programOf('redis-server', 'redis-server'),
    freePort(),
    serverFolder('sentinel'),
  ]);
  const file = join(folder, 'sentinel.conf');
  writeFileSync(
    file,
    `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor ${name} 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds ${name} 1000
sentinel failover-timeout ${name} 5000
`,
  );
  const log = join(folder, 'sentinel.log');
  const sentinel = await startServer({ program, args: [file, '--sentinel'], cwd: folder, log });
  await until('the sentinel knows the replica', async () =>
    (await ask(port, `SENTINEL REPLICAS ${name}\r\n`)).includes(String(replica.port)),
  );
  await until('the replica follows', async () =>
    (await ask(replica.port, 'INFO replication\r\n')).includes('master_link_status:up'),
  );
  return {
    name,
    nodes: [`127.0.0.1:${port}`],
    master,
    replica,
    async masterPort() {
      const answer = await ask(port, `SENTINEL GET-MASTER-ADDR-BY-NAME ${name}\r\n`);
      return Number(answer.trim().split('\r\n').at(-1));
    },
    async [Symbol.asyncDispose]() {
      await sentinel.end('SIGKILL');
      await Promise.all([master.stop(), replica.stop()]);
    },
  };
}

export interface RedisClusterSet extends AsyncDisposable {
  readonly nodes: readonly string[];
  readonly servers: readonly RedisServer[];
}

/** Three masters that share the slots. */
export async function startRedisCluster(): Promise<RedisClusterSet> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const servers = await Promise.all([1, 2, 3].map(() => startRedis(options)));
  const ranges = ['0 5460', '5461 10922', '10923 16383'];
  for (const [i, { port }] of servers.entries()) {
    await ask(port, `CLUSTER ADDSLOTSRANGE ${ranges[i]}\r\n`);
    for (const other of servers) if (other.port !== port) await ask(port, `CLUSTER MEET 127.0.0.1 ${other.port}\r\n`);
  }
  for (const { port } of servers)
    await until('the cluster is whole', async () => {
      const answer = await ask(port, 'CLUSTER INFO\r\n');
      return answer.includes('cluster_state:ok') && answer.includes('cluster_known_nodes:3');
    });
  return {
    servers,
    nodes: servers.map(({ port }) => `127.0.0.1:${port}`),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
