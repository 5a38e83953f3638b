/**
 * Where a gateway has its events, its state and its contracts from: here, its own clusters, each behind the log and journal ports, and
 * its own files. A second part of the wiring, so that gateway.ts is the same whoever reads.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from './config.ts';
import { journalTopics } from './core/access/index.ts';
import type { Clock } from './core/delivery/index.ts';
import { SluiceError } from './core/errors.ts';
import type { Journal, Log } from './core/log/index.ts';
import type { Observe } from './core/observe.ts';
import { type Coordination, createLocalSource, type Served, type Source, shareTails } from './core/routing/index.ts';
import { createRedisCoordination } from './io/cluster/redis/index.ts';
import { startDemoFeed } from './io/demo/index.ts';
import { watchContracts } from './io/files/index.ts';
import { createEmbeddedJournal, createEmbeddedLog, type EmbeddedLog } from './io/log/embedded/index.ts';
import { createKafkaJournal, createKafkaLog } from './io/log/kafka/index.ts';
import { openSite, type SiteNode } from './site.ts';
import {
  type Acceptance,
  type AcceptanceOptions,
  type ContractSupply,
  createAcceptance,
  type OfferedContracts,
} from './ways/accept.ts';
import type { SetAside } from './ways/event.ts';
import { createSetAside } from './ways/set-aside.ts';

const PING_MS = 2_000;

export type ClusterStates = Readonly<Record<string, 'up' | 'down'>>;

/** `Contracts`: as the files offer them, or, from a parent, as they are in force. */
export interface Upstream<Contracts extends ContractSupply = ContractSupply> extends AsyncDisposable {
  readonly source: Source;
  /** Puts a product in force at the source, replaces it, or takes it away (null). */
  serve(product: string, served: Served | null): void;
  readonly journal: Journal;
  readonly setAside: SetAside;
  readonly contracts: Contracts;
  /** Resolves when everything that is needed has answered once. */
  readonly ready: Promise<void>;
  /** Whether each cluster answers now. */
  clusters(): ClusterStates;
}

export const clock: Clock = {
  now: () => performance.now(),
  soon: (task) => void setImmediate(task),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

/** What a node has beside what its processes share: its place among the others of its site. */
export interface OwnUpstream extends Upstream<OfferedContracts> {
  /** null: it is the only one. */
  readonly site: SiteNode | null;
}

/** The state of record, on the cluster that the configuration names: for a gateway, and for commands beside it. */
export function openJournal(config: Config, observe: Observe): Journal {
  const { cluster: name, prefix } = config.state;
  const options = clusterOptions(config, name);
  const common = { name, prefix, topics: journalTopics, clock: clock.now, observe };
  return options.type === 'kafka'
    ? createKafkaJournal({ ...common, options, clientId: `sluice-${config.site}` })
    : createEmbeddedJournal({ ...common, ...options });
}

/** Who the nodes of the site are; null: there is one. */
export function openCoordination(config: Config, observe: Observe): Coordination | null {
  const { coordination: options, site } = config;
  return options.type === 'memory' ? null : createRedisCoordination({ options, site, clock, observe });
}

/**
 * The clusters and files of the configuration, read by this process. `journal`: the state of record, where it is not followed for
 * this gateway alone. Errors: NOT_FOUND where the contracts cannot be read.
 */
export async function openUpstream(
  config: Config,
  observe: Observe,
  options: { readonly journal?: Journal; readonly clustersChanged?: (states: ClusterStates) => void } = {},
): Promise<OwnUpstream> {
  let contractsChanged = (): void => {};
  const files = await watchFiles(config, observe, () => contractsChanged());
  const logs = new Map<string, Log>();
  const embedded = new Map<string, EmbeddedLog>();
  for (const name of Object.keys(config.clusters)) {
    const options = clusterOptions(config, name);
    if (options.type === 'kafka') {
      const { prefix } = config.state;
      logs.set(name, createKafkaLog({ name, options, observe, clientId: `sluice-${config.site}`, prefix }));
    } else {
      const log = createEmbeddedLog({ name, ...options, observe });
      logs.set(name, log);
      embedded.set(name, log);
    }
  }
  const pause = (ms: number): Promise<void> => wait(ms);
  const reading = createLocalSource({ logs, observe, wait: pause });
  const projections = new Map<string, string>();
  const coordination = openCoordination(config, observe);
  const site =
    coordination === null
      ? null
      : await openSite({
          config,
          coordination,
          own: shareTails(reading, pause),
          projection: (product) => projections.get(product) ?? null,
          clock,
          observe,
        });
  const journal = options.journal ?? openJournal(config, observe);
  const monitor = monitorClusters(logs, observe, options.clustersChanged ?? (() => {}));
  const feed = config.demo === null ? null : startDemoFeed({ logs: embedded, observe });
  return {
    source: site?.source ?? reading,
    site,
    serve(product, served) {
      if (served === null) projections.delete(product);
      else projections.set(product, served.reader.projection);
      reading.serve(product, served);
    },
    journal,
    setAside: createSetAside({
      log: logs.get(config.state.cluster) as Log,
      topic: `${config.state.prefix}rejected`,
      clock,
      observe,
    }),
    contracts: {
      current: files.current,
      textOf: files.textOf,
      watch: (changed) => {
        contractsChanged = changed;
      },
      reload: () => void files.reload(),
    },
    ready: Promise.all([monitor.allOnce, feed?.begun]).then(() => undefined),
    clusters: monitor.states,
    async [Symbol.asyncDispose]() {
      monitor.stop();
      await files.close();
      await site?.[Symbol.asyncDispose]();
      await feed?.[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
      await Promise.all([...logs.values()].map((log) => log[Symbol.asyncDispose]()));
    },
  };
}

/** What the files offer, compared with what was accepted: for whoever reads the files. `transact`: the state way's. */
export function acceptOffered(
  config: Config,
  observe: Observe,
  offered: OfferedContracts,
  transact: AcceptanceOptions['transact'],
): Acceptance {
  const clusters = Object.keys(config.clusters);
  return createAcceptance({
    offered,
    transact,
    clock,
    wall: Date.now,
    observe,
    clusters,
    isForced: config.demo !== null,
  });
}

async function watchFiles(config: Config, observe: Observe, onChange: () => void): ReturnType<typeof watchContracts> {
  const { contracts: dir } = config;
  try {
    return await watchContracts({ dir, clusters: Object.keys(config.clusters), observe, onChange });
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new SluiceError(
      'NOT_FOUND',
      `The contracts in ${dir} cannot be read (${why}): set "contracts" to their directory.`,
    );
  }
}

function clusterOptions(config: Config, name: string): Config['clusters'][string] {
  const options = config.clusters[name];
  if (options === undefined) throw new Error(`the configuration has no cluster ${name}`);
  return options;
}

interface Monitor {
  /** Resolves when each cluster has answered once. */
  readonly allOnce: Promise<void>;
  states(): ClusterStates;
  stop(): void;
}

/** Asks every cluster for a sign of life, and says when one goes or comes back. */
function monitorClusters(
  logs: ReadonlyMap<string, Log>,
  observe: Observe,
  changed: (states: ClusterStates) => void,
): Monitor {
  const up = new Map<string, boolean>();
  const stopping = new AbortController();
  const states = (): ClusterStates =>
    Object.fromEntries([...logs.keys()].map((name) => [name, up.get(name) === true ? 'up' : 'down']));
  const watch = async (name: string, log: Log, first: () => void): Promise<void> => {
    while (!stopping.signal.aborted) {
      const error = await log.ping().then(
        () => null,
        (thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown))),
      );
      if (stopping.signal.aborted) return;
      if ((error === null) !== up.get(name)) {
        if (error !== null)
          observe.error('cluster does not answer; it is tried again and again', {
            cluster: name,
            error: error.message,
          });
        else if (up.has(name)) observe.info('cluster answers again', { cluster: name });
      }
      const isNews = (error === null) !== (up.get(name) ?? false);
      up.set(name, error === null);
      if (isNews) changed(states());
      observe.gauge('sluice_cluster_up', { cluster: name }).set(error === null ? 1 : 0);
      if (error === null) first();
      await wait(PING_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const once = [...logs].map(([name, log]) => new Promise<void>((resolve) => void watch(name, log, resolve)));
  return {
    allOnce: Promise.all(once).then(() => undefined),
    states,
    stop: () => stopping.abort(),
  };
}
