/**
 * The wiring of a node of several processes: the parent, which reads, follows the state and has no doors, and where a worker has its
 * events, state and contracts from, which is the parent. A worker is the same gateway with another upstream.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from './config.ts';
import { createAccess, journalTopics } from './core/access/index.ts';
import type { Contract, ContractSet } from './core/contract/index.ts';
import type { Observe } from './core/observe.ts';
import { createRemote, createStreamServer, JournalRelay, type Standing } from './core/routing/index.ts';
import { jsonCodec } from './io/codec/json.ts';
import { createPipeChannel } from './io/link/index.ts';
import { letIn } from './site.ts';
import { acceptOffered, type ClusterStates, clock, openJournal, openUpstream, type Upstream } from './upstream.ts';
import { createContractsInForce } from './ways/reload.ts';
import { type StateWay, startState } from './ways/state.ts';

const PULSE_MS = 250;
/** Which descriptor of a worker is its end of the pipe: the first after those of input, output, errors and the process channel. */
export const PIPE_DESCRIPTOR = 4;

/** What a worker needs to know of the parent beside events, state and contracts. */
interface ParentStatus {
  readonly ready: boolean;
  readonly clusters: ClusterStates;
}

export interface Parent {
  /** Resolves when the state and every cluster have been ready once. */
  readonly ready: Promise<void>;
  readonly state: StateWay;
  contracts(): readonly Contract[];
  knowsKey(secret: string): boolean;
  reloadContracts(): void;
  /** Serves a worker over this end of its pipe; resolves once the pipe has closed, with what was wrong if anything was. */
  serve(pipe: Duplex): Promise<Error | null>;
  /** The other nodes of the site take over what this one read for them, while it still answers. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** Errors: NOT_FOUND where the contracts cannot be read. */
export async function startParent(config: Config, observe: Observe): Promise<Parent> {
  const journal = new JournalRelay(openJournal(config, observe), journalTopics, clock);
  const status = new StandingValue<ParentStatus>({ ready: false, clusters: {} });
  const upstream = await openUpstream(config, observe, {
    journal,
    clustersChanged: (clusters) => status.set({ ...status.value, clusters }),
  });
  const { maxStaleness } = config.access;
  const access = createAccess({ clock: clock.now, wall: Date.now, maxStaleness, observe });
  const acceptance = acceptOffered(config, observe, upstream.contracts, (decide) => state.transact(decide));
  const { site } = upstream;
  const secret = site === null ? null : letIn({ config, clock, observe }, site, (decide) => state.transact(decide));
  const also = [acceptance.reader, secret?.reader].filter((reader) => reader !== undefined);
  const state: StateWay = startState({ journal, access, clock, observe, onStale: () => {}, also });
  const pulse = setInterval(() => state.pulse(), PULSE_MS);

  const inForce = createContractsInForce({
    serve: (product, served) => upstream.serve(product, served),
    delivery: { reload: () => {} },
    codecs: [jsonCodec],
    observe,
    setAside: upstream.setAside,
  });
  const contracts = new StandingValue<ContractSet>(acceptance.current());
  const reload = async (): Promise<void> => {
    const set = acceptance.current();
    await inForce.reload(set.contracts);
    // The workers after the source: what they ask for is served.
    contracts.set(set);
  };
  acceptance.watch(() => void reload());
  await reload();

  const server = createStreamServer({
    source: upstream.source,
    journal,
    standing: { contracts, status },
    observe,
    wait: (ms) => wait(ms),
  });
  const ready = Promise.all([state.ready, upstream.ready, acceptance.settled]).then(async () => {
    await reload();
    status.set({ ready: true, clusters: upstream.clusters() });
  });
  return {
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
    reloadContracts: () => acceptance.reload(),
    serve: (pipe) => server.serve(createPipeChannel(pipe)),
    leave: async () => site?.leave(),
    async close() {
      clearInterval(pulse);
      acceptance.close();
      secret?.close();
      await state[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

export interface ParentUpstream extends Upstream {
  /** Resolves when the parent has told the contracts; never where it is lost before. */
  readonly begun: Promise<void>;
  /** Resolves once the parent is gone, or has closed the pipe; with what was wrong if anything was. */
  readonly lost: Promise<Error | null>;
}

/** The parent of this worker, over the pipe that it was started with. */
export function openParentUpstream(observe: Observe): ParentUpstream {
  const pipe = new Socket({ fd: PIPE_DESCRIPTOR, readable: true, writable: true });
  const remote = createRemote(createPipeChannel(pipe), clock, observe);
  const isReady = Promise.withResolvers<void>();
  let status: ParentStatus = { ready: false, clusters: {} };
  remote.watch('status', (value) => {
    status = value as ParentStatus;
    if (status.ready) isReady.resolve();
  });
  let set: ContractSet = { contracts: [], broken: [] };
  let contractsChanged = (): void => {};
  const begun = Promise.withResolvers<void>();
  remote.watch('contracts', (value) => {
    set = value as ContractSet;
    begun.resolve();
    contractsChanged();
  });
  return {
    source: remote.source,
    serve: () => {},
    journal: remote.journal,
    setAside: () => {},
    contracts: {
      current: () => set,
      watch: (changed) => {
        contractsChanged = changed;
      },
      // The parent reads the files, and tells.
      reload: () => {},
    },
    ready: isReady.promise,
    clusters: () => status.clusters,
    begun: begun.promise,
    lost: remote.closed,
    async [Symbol.asyncDispose]() {
      remote.close();
      await remote.closed;
    },
  };
}

class StandingValue<T> implements Standing {
  value: T;
  readonly #watching = new Set<() => void>();

  constructor(value: T) {
    this.value = value;
  }

  set(value: T): void {
    this.value = value;
    for (const changed of this.#watching) changed();
  }

  watch(changed: () => void): () => void {
    this.#watching.add(changed);
    return () => this.#watching.delete(changed);
  }
}
