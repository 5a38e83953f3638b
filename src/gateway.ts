/**
 * The only wiring: the core, its adapters and the ways, joined into a running gateway.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Config } from './config.ts';
import { createAccess } from './core/access/index.ts';
import type { Contract } from './core/contract/index.ts';
import { createDelivery, type Delivery } from './core/delivery/index.ts';
import { SluiceError } from './core/errors.ts';
import type { Observe } from './core/observe.ts';
import type { SurfaceHandlers } from './core/surface/index.ts';
import { createCompiler } from './core/view/index.ts';
import { jsonCodec } from './io/codec/json.ts';
import { createAsyncApiDoor } from './io/doors/asyncapi/index.ts';
import { createGraphqlDoor } from './io/doors/graphql/index.ts';
import { createHttpServer, type Health, type HttpServer, type Route } from './io/doors/http/index.ts';
import { exampleOperation, mark, pageRoute, style } from './io/doors/page/index.ts';
import { createStreamDoor } from './io/doors/stream/index.ts';
import { createClientArchives, templatesDir } from './io/generator/index.ts';
import { createObserve, type ObserveOptions, type Observing } from './io/observe/index.ts';
import { letIn } from './site.ts';
import { acceptOffered, clock, openUpstream, type Upstream } from './upstream.ts';
import { createHistoryWay } from './ways/history.ts';
import type { ExecutionContext } from './ways/ports.ts';
import { createPublishWay } from './ways/publish.ts';
import { createContractsInForce } from './ways/reload.ts';
import { createRequestWay } from './ways/request.ts';
import { type StateWay, startState } from './ways/state.ts';

export { checkContracts } from './io/files/index.ts';
export * as clients from './io/generator/index.ts';
export type { NodeReport } from './site.ts';
export { openCoordination, openJournal } from './upstream.ts';

/** How often access is confirmed and what has expired is ended. */
const PULSE_MS = 250;

export interface Gateway {
  /** As people on this machine, or partners by `publicUrl`, reach it. */
  readonly url: string;
  /** Resolves when contracts, state and every cluster have been ready once. */
  readonly ready: Promise<void>;
  readonly state: StateWay;
  contracts(): readonly Contract[];
  knowsKey(secret: string): boolean;
  reloadContracts(): void;
  /** GraphiQL is authenticated with this key for requests from this machine. */
  openGraphiql(key: string): void;
  /** Nothing new is taken, what is live is told its cursor, everything is closed. Within `delivery.drainTimeout` and a little. */
  drain(): Promise<void>;
}

/**
 * Logs and metrics as the configuration says. The demo is quiet, unless told otherwise: its output is for a newcomer. A worker exports
 * nothing itself.
 */
export function openObserve(
  config: Config,
  pretty: boolean,
  worker?: NonNullable<ObserveOptions['worker']>,
): Promise<Observing> {
  const { metricsPort, otlp } = worker === undefined ? config.telemetry : {};
  return createObserve({
    level: config.demo !== null && config.log.level === 'info' ? 'warn' : config.log.level,
    pretty,
    metricsPort: metricsPort ?? null,
    otlp: otlp ?? null,
    host: config.listen.host,
    ...(worker === undefined ? {} : { worker }),
  });
}

/**
 * Listens and returns; what it needs of clusters and files comes in by itself, and `ready` tells. Throws where it can never
 * work: the address is taken, a certificate cannot be read.
 */
export async function startGateway(config: Config, observe: Observe, from?: Upstream): Promise<Gateway> {
  const own = from === undefined ? await openUpstream(config, observe) : null;
  const upstream = from ?? (own as Upstream);
  let refusal: SluiceError | null = new SluiceError('UNAVAILABLE', 'The gateway is starting: try again.');

  const { source, journal } = upstream;
  const delivery = createDelivery({ source, clock, observe, limits: config.delivery });
  const access = createAccess({ clock: clock.now, wall: Date.now, maxStaleness: config.access.maxStaleness, observe });
  delivery.hold(true);
  // A parent hands over what is in force.
  const acceptance =
    own === null ? null : acceptOffered(config, observe, own.contracts, (decide) => state.transact(decide));
  const site = own?.site ?? null;
  const secret = site === null ? null : letIn({ config, clock, observe }, site, (decide) => state.transact(decide));
  const state: StateWay = startState({
    journal,
    access,
    clock,
    observe,
    onStale: (stale) => delivery.hold(stale),
    also: [acceptance?.reader, secret?.reader].filter((reader) => reader !== undefined),
  });

  const inForce = createContractsInForce({
    serve: (product, served) => upstream.serve(product, served),
    delivery,
    codecs: [jsonCodec],
    observe,
    setAside: upstream.setAside,
  });
  const supply = acceptance ?? upstream.contracts;
  const reload = (): Promise<void> => inForce.reload(supply.current().contracts);
  supply.watch(() => void reload().then(() => ways.look()));
  await reload();

  const { limits } = config;
  const compiler = createCompiler({ limits, cacheSize: 10_000 });
  const history = createHistoryWay({ access, source, compiler, wall: Date.now });
  const publish = createPublishWay({ access, source, compiled: inForce.compiled });
  const handlers: SurfaceHandlers<ExecutionContext> = { history: history.page, publish: publish.one };
  const ways = createRequestWay({
    access,
    delivery,
    source,
    compiler,
    handlers: handlers as SurfaceHandlers,
    observe,
    clock,
    contracts: inForce.contracts,
    wall: Date.now,
    limits,
    refusing: () => refusal,
  });

  const graphiql: { defaultQuery: string; key?: string } = {
    defaultQuery: `# Press play.\n${exampleOperation(inForce.contracts().find(({ source: at }) => at !== null) ?? null)}\n`,
  };
  const doorLimits = {
    maxFrameBytes: limits.maxFrameBytes,
    connectionInitTimeoutMs: limits.connectionInitTimeout,
    maxConnections: limits.maxConnections,
    compression: config.listen.compression,
  };
  const graphqlDoor = createGraphqlDoor({
    ways,
    observe,
    operations: limits,
    graphiql,
    limits: { ...doorLimits, maxSubscriptions: limits.maxSubscriptionsPerConnection },
  });
  const streamDoor = createStreamDoor({
    ways,
    history: history.stream,
    publish: publish.stream,
    observe,
    limits: doorLimits,
  });
  const clients = createClientArchives(config.asyncapi.generator ?? templatesDir);
  const documents = createAsyncApiDoor({
    ways,
    clients,
    observe,
    url: () => url,
    localKey: () => graphiql.key,
    look: { mark, style },
  });
  let everReady = false;
  const health = (): Health => ({
    isReady: everReady,
    body: {
      status: !everReady
        ? 'starting'
        : Object.values(upstream.clusters()).includes('down') || access.stale || supply.current().broken.length > 0
          ? 'degraded'
          : 'ready',
      clusters: upstream.clusters(),
      contracts: {
        serving: inForce.contracts().filter(({ source: at }) => at !== null).length,
        broken: supply.current().broken.map(({ file, serving, findings }) => ({
          file: basename(file),
          serving,
          findings: findings.map(({ line, column, message }) => ({ line, column, message })),
        })),
      },
      state: { confirmed: !access.stale, ageMs: Number.isFinite(access.age) ? Math.round(access.age) : null },
    },
  });
  const server = createHttpServer({
    listen: { host: config.listen.host, port: config.listen.port, ...readTls(config) },
    observe,
    health,
    routes: {
      '/graphql': graphqlDoor as Route,
      '/v1/streams': streamDoor as Route,
      '/v1/streams/': streamDoor as Route,
      '/asyncapi': documents,
      '/asyncapi/': documents,
      '/': pageRoute(() => ({
        site: config.site,
        url,
        products: config.demo === null ? null : inForce.contracts().filter(({ source: at }) => at !== null),
        open: graphiql.key !== undefined,
      })),
    },
    limits: { drainTimeoutMs: config.delivery.drainTimeout },
  });
  const { port } = await listen(server, config);
  const url = config.listen.publicUrl ?? localUrl(config, port);
  const pulse = setInterval(() => state.pulse(), PULSE_MS);

  const ready = Promise.all([state.ready, upstream.ready, acceptance?.settled]).then(async () => {
    await reload();
    everReady = true;
    refusal = null;
    observe.info('ready', { products: inForce.contracts().map(({ product }) => product) });
  });

  return {
    url,
    ready,
    state,
    contracts: inForce.contracts,
    knowsKey(secret) {
      try {
        access.authenticate(secret, 'local');
        return true;
      } catch {
        return false;
      }
    },
    reloadContracts: () => supply.reload(),
    openGraphiql(key) {
      graphiql.key = key;
    },
    async drain() {
      refusal = new SluiceError('DRAINING');
      // First: the others take over what this one owned while it still answers.
      const left = site?.leave();
      drainDelivery(delivery);
      const generated = clients[Symbol.asyncDispose]();
      await server.drain();
      await Promise.all([generated, left]);
      clearInterval(pulse);
      acceptance?.close();
      secret?.close();
      await state[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

function drainDelivery(delivery: Delivery): void {
  delivery.drain(new SluiceError('DRAINING'));
}

function readTls(config: Config): { tls?: { cert: Buffer; key: Buffer } } {
  const { tls } = config.listen;
  return tls === undefined ? {} : { tls: { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) } };
}

async function listen(server: HttpServer, config: Config): Promise<{ readonly port: number }> {
  try {
    return await server.listen();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const at = `${config.listen.host}:${config.listen.port}`;
    if (code === 'EADDRINUSE') {
      throw new SluiceError('UNAVAILABLE', `${at} is in use: set listen.port, or SLUICE_LISTEN_PORT, to a free port.`);
    }
    throw new SluiceError('UNAVAILABLE', `${at} cannot be listened on (${code}).`, { cause: error });
  }
}

function localUrl(config: Config, port: number): string {
  const host = ['0.0.0.0', '::'].includes(config.listen.host) ? 'localhost' : config.listen.host;
  return `${config.listen.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
