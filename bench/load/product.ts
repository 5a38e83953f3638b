/**
 * The gateway as a process of a bench: configuration, state of record, doors and delivery as in `sluice serve`, and in the
 * place of what it reads from one of these:
 *
 *   product.ts CONFIG generated    scans of generated records, on order
 *   product.ts CONFIG observed     the clusters of the configuration; when each event came in from them is kept
 *   product.ts CONFIG plain        the clusters of the configuration, as in `sluice serve`
 */
import { loadConfig } from '../../src/config.ts';
import type { Source } from '../../src/core/routing/index.ts';
import { openObserve, startGateway } from '../../src/gateway.ts';
import { openUpstream, type Upstream } from '../../src/upstream.ts';
import { generatedSource } from './generated.ts';
import { collect, say, takeOrders } from './orders.ts';
import { saturate, watchSockets } from './saturate.ts';

const [path = '', kind] = process.argv.slice(2);
const config = loadConfig(path, {}, process.cwd());
const observe = await openObserve(config, false);
watchSockets();

/** Order id -> microseconds between the making of the event and its arrival here. */
let arrivals: Record<string, number> = {};

const generated = kind === 'generated' ? generatedSource() : null;
const real = await openUpstream(config, observe);
const upstream: Upstream = generated !== null ? fromNowhere(generated) : kind === 'observed' ? observed() : real;
const gateway = await startGateway(config, observe, upstream);
await gateway.ready;
say({ url: gateway.url });

takeOrders({
  run: ({ k = 1, ms = 1000 }) => saturate((n) => generated?.emit(n), k, ms),
  collect,
  arrivals() {
    const told = arrivals;
    arrivals = {};
    return told;
  },
});

function fromNowhere(source: NonNullable<typeof generated>): Upstream {
  return {
    ...real,
    source,
    serve: (product, served) => source.serve(product, served),
    setAside(rejection) {
      throw new Error(`a generated record was rejected: ${JSON.stringify(rejection)}`);
    },
    async [Symbol.asyncDispose]() {
      source.close();
      await real[Symbol.asyncDispose]();
    },
  };
}

function observed(): Upstream {
  const source: Source = {
    place: (...args) => real.source.place(...args),
    extent: (...args) => real.source.extent(...args),
    range: (...args) => real.source.range(...args),
    append: (...args) => real.source.append(...args),
    appendOnce: (...args) => real.source.appendOnce(...args),
    tail: (product, from, handler) =>
      real.source.tail(product, from, {
        scan(scan) {
          const now = process.hrtime.bigint();
          for (const { data } of scan.events) {
            const { orderId, ts } = (data ?? {}) as { readonly orderId: string; readonly ts: string };
            arrivals[orderId] = Number(now - BigInt(ts)) / 1000;
          }
          handler.scan(scan);
        },
        grown: (partitions) => handler.grown(partitions),
        failed: (error) => handler.failed(error),
      }),
  };
  return { ...real, source };
}
