/**
 * The parent of `sluice serve --workers`: starts the processes that share the port, starts those again that die, drains them, and
 * exports what they count. To whoever runs it, it is a gateway like one of a single process.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { SluiceError } from '../core/errors.ts';
import type { Gateway } from '../gateway.ts';
import type { Observing } from '../io/observe/index.ts';
import { PIPE_DESCRIPTOR, startParent } from '../workers.ts';
import type { Order, Report } from './orders.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** One that has lived for so long did not die of how it was started. */
const SETTLED_MS = 60_000;
/** Beyond the time that draining may take. */
const KILL_AFTER_MS = 1_000;

/** Resolves when every worker listens, or once it is `stopped` before that. Errors: as startGateway. */
export async function startWorkers(config: Config, observe: Observing, stopped: Promise<unknown>): Promise<Gateway> {
  const parent = await startParent(config, observe);
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('../main.ts', import.meta.url)),
    args: ['worker'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  });
  const stopping = new AbortController();
  const failed = Promise.withResolvers<never>();
  const crew = new Set<Worker>();
  const listeners = new Set<Worker>();
  // Where the port was left open, those who listen share what the first was given; the port stays when there is none of them left.
  let port = config.listen.port;
  let bound = port;
  let graphiqlKey: string | null = null;

  const run = (number: number, listens: (url: string) => void, isReady: () => void): Promise<string> => {
    const worker = cluster.fork();
    crew.add(worker);
    worker.on('listening', (address) => {
      listeners.add(worker);
      bound = address.port;
    });
    const pipe = worker.process.stdio?.[PIPE_DESCRIPTOR] as Duplex | undefined;
    void (pipe === undefined ? Promise.resolve(null) : parent.serve(pipe)).then((error) => {
      if (error !== null) observe.error('the pipe to a worker has failed', { worker: number, error: error.message });
    });
    worker.on('message', (report: Report) => {
      switch (report.did) {
        case 'start':
          order(worker, stopping.signal.aborted ? { do: 'drain' } : { do: 'serve', number, config, port });
          break;
        case 'listen':
          observe.info('a worker listens', { worker: number, workerPid: worker.process.pid });
          if (graphiqlKey !== null) order(worker, { do: 'open-graphiql', key: graphiqlKey });
          listens(report.url);
          break;
        case 'become-ready':
          isReady();
          break;
        case 'fail':
          observe.error('a worker cannot start', { worker: number, error: report.message });
          failed.reject(new SluiceError(report.code, report.message));
          break;
        case 'count':
          observe.absorb(number, report.figures);
      }
    });
    const ended = new Promise<string>((resolve) => {
      worker.on('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
      worker.on('error', (error) => {
        observe.warn('a worker cannot be started or told', { worker: number, error: error.message });
        if (worker.process.pid === undefined) resolve(error.message);
      });
    });
    // What it said last comes before its channel closes.
    const silent = new Promise<void>((resolve) => worker.on('disconnect', () => resolve()));
    const over = worker.process.pid === undefined ? ended : Promise.all([ended, silent]).then(([how]) => how);
    return over.then((how) => {
      crew.delete(worker);
      if (listeners.delete(worker) && listeners.size === 0) port = bound;
      observe.forget(number);
      return how;
    });
  };

  const keep = async (number: number, listens: (url: string) => void, isReady: () => void): Promise<void> => {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const began = performance.now();
      const how = await run(number, listens, isReady);
      if (stopping.signal.aborted) return;
      if (performance.now() - began > SETTLED_MS) pause = FIRST_PAUSE_MS;
      observe.error('a worker has ended; it is started again', { worker: number, how, againInMs: pause });
      await wait(pause, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
    }
  };

  const stop = async (): Promise<void> => {
    stopping.abort();
    const left = parent.leave();
    for (const worker of crew) order(worker, { do: 'drain' });
    const patience = setTimeout(() => {
      for (const worker of crew) {
        observe.error('a worker does not drain; it is killed', { workerPid: worker.process.pid });
        worker.process.kill('SIGKILL');
      }
    }, config.delivery.drainTimeout + KILL_AFTER_MS);
    await Promise.all([...kept, left]);
    clearTimeout(patience);
    await parent.close();
  };

  const numbers = Array.from({ length: config.workers }, (_, i) => i + 1);
  const firsts = numbers.map(() => ({
    url: Promise.withResolvers<string>(),
    ready: Promise.withResolvers<void>(),
  }));
  const kept = numbers.map((number, i) =>
    keep(number, firsts[i]?.url.resolve ?? (() => {}), firsts[i]?.ready.resolve ?? (() => {})),
  );
  failed.promise.catch(() => {});
  const listening = Promise.all(firsts.map(({ url }) => url.promise));
  const early = stopped.then((): string[] => []);
  const [url = ''] = await Promise.race([listening, failed.promise, early]).catch(async (error: unknown) => {
    await stop();
    throw error;
  });

  return {
    url,
    ready: Promise.all([parent.ready, ...firsts.map(({ ready }) => ready.promise)]).then(() => {
      observe.info('ready', { products: parent.contracts().map(({ product }) => product), workers: config.workers });
    }),
    state: parent.state,
    contracts: parent.contracts,
    knowsKey: parent.knowsKey,
    reloadContracts: parent.reloadContracts,
    openGraphiql(key) {
      graphiqlKey = key;
      for (const worker of crew) order(worker, { do: 'open-graphiql', key });
    },
    drain: stop,
  };
}

/** To one that is gone already, it is nothing. */
function order(worker: Worker, told: Order): void {
  if (worker.isConnected()) worker.send(told, () => {});
}
