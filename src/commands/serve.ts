/** `sluice serve`: runs a gateway until it is told to stop. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { type Gateway, openObserve, startGateway } from '../gateway.ts';
import { greeting, provisionDemo } from './demo.ts';

interface Out {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Longest that a drain may take before the process ends all the same. */
const LAST_RESORT_MS = 9_500;
const RETRY_MS = 1_000;

/** Resolves with the exit code once the gateway has been drained by SIGTERM or SIGINT. Throws where it cannot start at all. */
export async function serve(config: Config, out: Out): Promise<number> {
  const observe = await openObserve(config, out.stderr.isTTY === true);
  for (const warning of config.warnings) observe.warn(warning);
  process.on('uncaughtException', (error) => observe.error('uncaught exception', { error }));
  process.on('unhandledRejection', (error) => observe.error('unhandled rejection', { error }));

  const stop = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.resolve(signal));
  const gateway =
    config.workers === 1 ? await startGateway(config, observe) : await startAsMany(config, observe, stop.promise);
  process.on('SIGHUP', () => gateway.reloadContracts());
  if (config.demo !== null) void welcome(config.demo.dataDir, gateway, out, stop.promise);
  if (gateway.url !== '') observe.info('listening', { url: gateway.url, site: config.site });

  const signal = await stop.promise;
  observe.info('draining', { signal });
  const lastResort = setTimeout(() => process.exit(1), LAST_RESORT_MS);
  await gateway.drain();
  observe.info('stopped');
  await observe[Symbol.asyncDispose]();
  clearTimeout(lastResort);
  return 0;
}

/** Loaded where it is wanted: a single process knows nothing of others. */
async function startAsMany(
  config: Config,
  observe: Awaited<ReturnType<typeof openObserve>>,
  stopped: Promise<unknown>,
): Promise<Gateway> {
  const { startWorkers } = await import('./workers.ts');
  return startWorkers(config, observe, stopped);
}

/** Tells a newcomer what to paste once that works. What is in the way is said once and tried again: a disk may be mended meanwhile. */
async function welcome(dataDir: string, gateway: Gateway, out: Out, stopped: Promise<unknown>): Promise<void> {
  let isOver = false;
  void stopped.then(() => {
    isOver = true;
  });
  await gateway.ready;
  for (let said = ''; !isOver; await wait(RETRY_MS, undefined, { ref: false })) {
    try {
      const key = await provisionDemo(dataDir, gateway);
      gateway.openGraphiql(key);
      out.stdout.write(greeting(gateway.url, key));
      return;
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      if (why !== said && !isOver) out.stderr.write(`${why}\nIt is tried again every second; Ctrl-C stops it.\n`);
      said = why;
    }
  }
}
