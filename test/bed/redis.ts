/** A real Redis that keeps nothing on disk. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './ask.ts';
import { programOf } from './command.ts';
import { type Server, serverFolder, startServer } from './guard.ts';
import { freePort } from './ports.ts';

export interface RedisServer extends AsyncDisposable {
  /** redis://127.0.0.1:PORT */
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  /** `kill -9`, and what it held is gone; resolves when the process is gone. */
  kill(): Promise<void>;
  /** After kill: an empty Redis on the same port; resolves when it answers. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** `more`: further arguments of redis-server. */
export async function startRedis(more: readonly string[] = []): Promise<RedisServer> {
  const program = await programOf('redis-server', 'redis-server');
  const [port, folder] = await Promise.all([freePort(), serverFolder('redis')]);
  const log = join(folder, 'redis.log');
  const kept = ['--save', '', '--appendonly', 'no', '--dir', folder];
  const args = ['--port', String(port), '--bind', '127.0.0.1', ...kept, ...more];
  let server: Server | undefined;
  const answers = (): Promise<boolean> =>
    ask(port, 'PING\r\n').then(
      // One that wants to know who asks is there too.
      (answer) => answer.startsWith('+PONG') || answer.startsWith('-NOAUTH'),
      () => false,
    );
  const start = async (): Promise<void> => {
    const started = await startServer({ program, args, cwd: folder, log });
    let ended: string | undefined;
    void started.ended.then((how) => {
      ended = how;
      if (server === started) server = undefined;
    });
    server = started;
    const deadline = Date.now() + 20_000;
    while (!(await answers())) {
      if (ended === undefined && Date.now() < deadline) await pause(10);
      else throw new Error(`Redis did not start (${ended ?? 'no answer'}): ${readFileSync(log, 'utf8').slice(-2000)}`);
    }
  };
  const kill = async (): Promise<void> => {
    await server?.end('SIGKILL');
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    get pid() {
      return server?.pid;
    },
    kill,
    start,
    pause: () => server?.signal('SIGSTOP'),
    resume: () => server?.signal('SIGCONT'),
    stop: kill,
    [Symbol.asyncDispose]: kill,
  };
}
