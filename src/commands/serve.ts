/** `sluice serve`: runs a gateway until it is told to stop. */
import type { Config } from '../config.ts';
import { openObserve, startGateway } from '../gateway.ts';
import { greeting, provisionDemo } from './demo.ts';

interface Out {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Longest that a drain may take before the process ends all the same. */
const LAST_RESORT_MS = 9_500;

/** Resolves with the exit code once the gateway has been drained by SIGTERM or SIGINT. Throws where it cannot start at all. */
export async function serve(config: Config, out: Out): Promise<number> {
  const observe = await openObserve(config, out.stderr.isTTY === true);
  for (const warning of config.warnings) observe.warn(warning);
  process.on('uncaughtException', (error) => observe.error('uncaught exception', { error }));
  process.on('unhandledRejection', (error) => observe.error('unhandled rejection', { error }));

  const stop = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.resolve(signal));
  const gateway = await startGateway(config, observe);
  process.on('SIGHUP', () => gateway.reloadContracts());
  if (config.demo !== null) {
    await gateway.ready;
    const key = await provisionDemo(config.demo.dataDir, gateway);
    gateway.openGraphiql(key);
    out.stdout.write(greeting(gateway.url, key));
  }
  observe.info('listening', { url: gateway.url, site: config.site });

  const signal = await stop.promise;
  observe.info('draining', { signal });
  const lastResort = setTimeout(() => process.exit(1), LAST_RESORT_MS);
  await gateway.drain();
  observe.info('stopped');
  await observe[Symbol.asyncDispose]();
  clearTimeout(lastResort);
  return 0;
}
