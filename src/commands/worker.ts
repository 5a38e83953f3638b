/** `sluice worker`: one of the processes of `sluice serve --workers`, started by it alone. Its doors are all it has; it lives no longer than its parent. */
import cluster, { type Worker } from 'node:cluster';
import { asSluiceError, SluiceError } from '../core/errors.ts';
import { type Gateway, openObserve, startGateway } from '../gateway.ts';
import { openParentUpstream } from '../workers.ts';
import type { Order, Report } from './orders.ts';

/** Longest that a drain may take before the process ends all the same. */
const LAST_RESORT_MS = 9_500;

/** Resolves with the exit code once this worker has been drained: told by its parent or by a signal, or because it has lost its parent. */
export async function work(pretty: boolean): Promise<number> {
  const { worker } = cluster;
  if (worker === undefined)
    throw new SluiceError('BAD_REQUEST', '"sluice worker" is a part of "sluice serve --workers": run that.');
  const stop = Promise.withResolvers<string>();
  // Ctrl-C reaches every process of a terminal.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.resolve(signal));
  // Contracts are the parent's to read.
  process.on('SIGHUP', () => {});
  worker.on('disconnect', () => {
    // Else the process would end on the spot, with its subscriptions.
    worker.exitedAfterDisconnect = true;
    stop.resolve('the parent is gone');
  });

  const order = await firstOrder(worker, stop.promise);
  if (order === null) return leave(worker);
  const observe = await openObserve(order.config, pretty, {
    number: order.number,
    take: (figures) => tell(worker, { did: 'count', figures }),
  });
  process.on('uncaughtException', (error) => observe.error('uncaught exception', { error }));
  process.on('unhandledRejection', (error) => observe.error('unhandled rejection', { error }));

  const upstream = openParentUpstream(observe);
  void upstream.lost.then((error) => {
    if (error !== null) observe.error('the pipe to the parent has failed', { error: error.message });
    stop.resolve('the parent is gone');
  });
  if ((await Promise.race([upstream.begun, stop.promise])) !== undefined) {
    await upstream[Symbol.asyncDispose]();
    return leave(worker);
  }
  const { config, port } = order;
  let gateway: Gateway;
  try {
    gateway = await startGateway({ ...config, listen: { ...config.listen, port } }, observe, upstream);
  } catch (thrown) {
    const { code, message, cause } = asSluiceError(thrown);
    if (code === 'INTERNAL') observe.error('a worker cannot start', { error: cause });
    await new Promise<void>((resolve) => tell(worker, { did: 'fail', code, message }, resolve));
    await upstream[Symbol.asyncDispose]();
    return leave(worker, 1);
  }
  process.on('message', (next: Order) => {
    if (next.do === 'open-graphiql') gateway.openGraphiql(next.key);
  });
  tell(worker, { did: 'listen', url: gateway.url });
  void gateway.ready.then(() => tell(worker, { did: 'become-ready' }));

  const why = await stop.promise;
  observe.info('draining', { signal: why });
  const lastResort = setTimeout(() => process.exit(1), LAST_RESORT_MS);
  await gateway.drain();
  observe.info('stopped');
  await observe[Symbol.asyncDispose]();
  clearTimeout(lastResort);
  return leave(worker);

  function firstOrder(to: Worker, stopped: Promise<string>): Promise<(Order & { readonly do: 'serve' }) | null> {
    return new Promise((resolve) => {
      process.on('message', (next: Order) => {
        if (next.do === 'serve') resolve(next);
        else if (next.do === 'drain') stop.resolve('the parent drains');
      });
      void stopped.then(() => resolve(null));
      tell(to, { did: 'start' });
    });
  }
}

function tell(worker: Worker, report: Report, told: () => void = () => {}): void {
  if (process.connected) worker.process.send?.(report, () => told());
  else told();
}

/** Lets go of the parent, so that nothing is left to wait for. */
function leave(worker: Worker, code = 0): number {
  worker.exitedAfterDisconnect = true;
  if (process.connected) process.disconnect();
  return code;
}
