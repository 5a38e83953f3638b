/** The processes of `sluice serve --workers`: how they start, end, and what is left of them. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { programOf, run as runProgram } from '../bed/command.ts';
import { ownFolder } from '../bed/guard.ts';
import { Crew, endOf, gone, live, lives, problemOf, received } from './crew.ts';
import { run, Site } from './node.ts';
import { readings } from './producer.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

describe('a node of several processes', () => {
  const product = readings();
  let site: Site;
  let log: EmbeddedLog;
  const append = (seq: number): Promise<unknown> =>
    log.append(product.topic, [
      { key: Buffer.from('a'), value: Buffer.from(JSON.stringify({ id: 'a', seq, region: 'eu' })) },
    ]);

  beforeAll(async () => {
    site = new Site({ main: 'embedded' }, [product]);
    log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
    await log.create(product.topic, { partitions: 2, cleanup: 'delete' });
  });
  afterAll(() => log?.[Symbol.asyncDispose]());

  test('whose parent is killed with -9 leaves no worker behind, and each tells its clients where to go on', async () => {
    await using crew = await Crew.start(site, 2);
    const { key } = await site.partner(['readings']);
    await crew.shows(key, ['readings']);
    const sockets = await crew.sockets(key, 4);
    for (const socket of sockets) socket.subscribe('s', live);
    await Promise.all(sockets.map((socket) => socket.ready('s')));
    await append(1);
    const told = await Promise.all(sockets.map((socket) => received(socket, 's', 1)));
    const pids = [...crew.pids.values()];
    expect(pids.filter(lives)).toHaveLength(2);
    crew.gateway.child.kill('SIGKILL');
    const ends = await Promise.all(sockets.map((socket) => endOf(socket, 's')));
    for (const [i, end] of ends.entries())
      expect(problemOf(end).extensions).toMatchObject({ code: 'DRAINING', cursor: told[i]?.[0]?.cursor });
    for (const socket of sockets) expect((await socket.closed).code).toBe(1012);
    // The workers hold the parent's output, so it closes only once they have ended.
    expect(await crew.gateway.ended).toEqual({ code: null, signal: 'SIGKILL' });
    await gone(pids);
  });

  test('ends with 0 when all its processes are told at once, as Ctrl-C tells them', async () => {
    await using crew = await Crew.start(site, 2);
    const pids = [...crew.pids.values()];
    for (const pid of [...pids, crew.gateway.child.pid as number]) process.kill(pid, 'SIGINT');
    expect(await crew.gateway.ended).toEqual({ code: 0, signal: null });
    expect(pids.filter(lives)).toEqual([]);
  });

  test('can be stopped before it listens', async () => {
    const gateway = await site.start({ env: { SLUICE_WORKERS: '3' } });
    await gateway.line(({ msg }) => msg === 'contract in force');
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    expect(gateway.lines.some(({ msg }) => msg === 'listening')).toBe(false);
  });

  test('kills a worker that does not drain, and ends in time all the same', async () => {
    await using crew = await Crew.start(site, 2, { SLUICE_DELIVERY_DRAIN_TIMEOUT: 'PT1S' });
    const pids = [...crew.pids.values()];
    process.kill(pids[0] as number, 'SIGSTOP');
    expect(await crew.gateway.stop()).toEqual({ code: 0, signal: null });
    await crew.gateway.line(({ msg, ['workerPid']: pid }) => msg.includes('does not drain') && pid === pids[0]);
    expect(pids.filter(lives)).toEqual([]);
  });

  test('keeps the port that it was given, though all its workers die', async () => {
    await using crew = await Crew.start(site, 2, { SLUICE_LISTEN_PORT: '0' });
    const { url } = await crew.gateway.line(({ msg }) => msg === 'listening');
    const port = Number(new URL(url as string).port);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    const lines = crew.gateway.lines.length;
    const before = [...crew.pids.values()];
    for (const pid of before) process.kill(pid, 'SIGKILL');
    for (const number of [1, 2])
      await crew.gateway.until(() =>
        crew.gateway.lines.slice(lines).find((line) => line.msg === 'ready' && line['worker'] === number),
      );
    expect(before.filter(lives)).toEqual([]);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    expect(await crew.gateway.stop()).toEqual({ code: 0, signal: null });
  });

  test('serves TLS', async () => {
    const { certFile, keyFile, cert } = await certificate();
    await using crew = await Crew.start(site, 2, {
      SLUICE_LISTEN_TLS_CERT_FILE: certFile,
      SLUICE_LISTEN_TLS_KEY_FILE: keyFile,
    });
    const ws = new WebSocket(crew.gateway.socketUrl.replace('ws:', 'wss:').replace('127.0.0.1', 'localhost'), {
      ca: cert,
      protocol: 'graphql-transport-ws',
    });
    await once(ws, 'open');
    ws.terminate();
  });

  test('whose port is in use says so and exits with 1, and leaves no process behind', async () => {
    await using crew = await Crew.start(site, 2);
    const second = await site.start({ port: crew.gateway.port, env: { SLUICE_WORKERS: '2' } });
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.lines.some(({ msg }) => /127\.0\.0\.1:\d+ is in use: set listen\.port/.test(msg))).toBe(true);
  });

  test.each(['0', '257', 'two'])('is not of %s workers', async (workers) => {
    const { code, stderr } = await run(['serve', '--config', site.config(0), '--workers', workers], site.folder);
    expect(code).toBe(2);
    expect(stderr).toMatch(/workers: /);
  });

  test('is what "sluice worker" alone is not', async () => {
    const { code, stderr } = await run(['worker'], site.folder);
    expect(code).toBe(1);
    expect(stderr).toContain('sluice serve --workers');
  });
});

async function certificate(): Promise<{ certFile: string; keyFile: string; cert: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  ownFolder(folder);
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const args = '-x509 -nodes -newkey rsa:2048 -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 1';
  await runProgram(await programOf('openssl', 'openssl'), [
    'req',
    ...args.split(' '),
    '-keyout',
    keyFile,
    '-out',
    certFile,
  ]);
  return { certFile, keyFile, cert: readFileSync(certFile, 'utf8') };
}
