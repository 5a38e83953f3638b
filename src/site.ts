/**
 * The wiring of a node among the others of its site: coordination says who they are, each dials each, what one reads it hands to whoever
 * asks, and all of it together is a source as good as reading alone.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from './config.ts';
import type { Clock } from './core/delivery/index.ts';
import { SluiceError } from './core/errors.ts';
import type { Observe } from './core/observe.ts';
import {
  type Carried,
  type Coordination,
  createRemote,
  createSiteSource,
  createStreamServer,
  type Member,
  type Siblings,
  type SiteSource,
  type Source,
} from './core/routing/index.ts';
import { type DialOptions, dialLink, keepLink, type Link, type LinkListener, listenForLinks } from './io/link/index.ts';
import { createSiteSecret, type SiteSecret, type SiteSecretOptions } from './ways/site-secret.ts';

/** Whoever may read a site's state may join it, where the configuration names no secret. `transact`: the state way's. */
export function letIn(
  { config, clock, observe }: Pick<SiteOptions, 'config' | 'clock' | 'observe'>,
  site: SiteNode,
  transact: SiteSecretOptions['transact'],
): SiteSecret | null {
  const { secret } = config.links;
  if (secret === undefined) {
    const mint = (): string => randomBytes(32).toString('base64url');
    return createSiteSecret({ transact, mint, known: (found) => site.admit(found), clock, observe });
  }
  site.admit(secret);
  return null;
}

export interface SiteOptions {
  readonly config: Config;
  readonly coordination: Coordination;
  /** This node's own reading, shared by all who want it here. */
  readonly own: Source;
  /** The digest of the contract in force under a product. */
  readonly projection: (product: string) => string | null;
  readonly clock: Clock;
  readonly observe: Observe;
}

export interface SiteNode extends AsyncDisposable {
  readonly source: Source;
  /** By this secret it lets the others in, and shows them who it is; the first one has it join. One that was in force before lets in still. */
  admit(secret: string): void;
  /** The others own from now on what it owned; what they still ask for is answered until it is disposed. */
  leave(): Promise<void>;
}

/** How often it is told anew what this node carries. */
const REPORT_MS = 2_000;

/** What a node says of itself to whoever looks at the site: JSON. */
export interface NodeReport {
  readonly startedAt: string;
  readonly carried: readonly Carried[];
  readonly links: readonly {
    readonly node: string;
    readonly up: boolean;
    readonly rttMs: number | null;
    readonly sentBytes: number;
    readonly receivedBytes: number;
  }[];
}

/** Another node as this one reaches it. */
interface Neighbour {
  readonly member: Member;
  readonly keeper: Disposable;
  link: Link | null;
  source: Source | null;
}

/** Listens for links. Throws UNAVAILABLE where the address cannot be had. */
export async function openSite(options: SiteOptions): Promise<SiteNode> {
  const { config, own, observe } = options;
  const self = { site: config.site, node: config.node, incarnation: randomUUID() };
  const secrets = new Map<string, readonly string[]>();
  const server = createStreamServer({ source: own, standing: {}, observe, wait: (ms) => wait(ms) });
  const { listen } = config.links;
  let listener: LinkListener;
  try {
    listener = await listenForLinks({
      host: listen.host ?? config.listen.host,
      port: listen.port,
      ...securityOf(config),
      self,
      secrets,
      observe,
      clock: options.clock,
      accept: (link) => void server.serve(link.channel),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const at = `${listen.host ?? config.listen.host}:${listen.port}`;
    throw new SluiceError('UNAVAILABLE', `${at} cannot be had for links (${code}): set links.listen to what is free.`, {
      cause: error,
    });
  }
  return new JoinedSite(options, self, secrets, listener);
}

class JoinedSite implements SiteNode {
  readonly source: SiteSource;
  readonly #options: SiteOptions;
  readonly #self: { readonly site: string; readonly node: string; readonly incarnation: string };
  readonly #secrets: Map<string, readonly string[]>;
  readonly #listener: LinkListener;
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #watching = new Set<() => void>();
  /** Sorted; another list whenever it is another set. */
  #nodes: readonly string[];
  readonly #startedAt = new Date().toISOString();
  #cancelReport = (): void => {};
  #hasJoined = false;
  #isTelling = false;
  #left: Promise<void> | null = null;

  constructor(
    options: SiteOptions,
    self: { readonly site: string; readonly node: string; readonly incarnation: string },
    secrets: Map<string, readonly string[]>,
    listener: LinkListener,
  ) {
    this.#options = options;
    this.#self = self;
    this.#secrets = secrets;
    this.#listener = listener;
    this.#nodes = [self.node];
    const { own, projection, clock, observe, coordination } = options;
    this.source = createSiteSource({ own, siblings: this.#siblings(), projection, clock, observe });
    coordination.watch(() => this.#look());
    this.#reportLater();
  }

  admit(secret: string): void {
    const { site } = this.#self;
    const before = this.#secrets.get(site) ?? [];
    this.#secrets.set(site, [secret, ...before.filter((one) => one !== secret)].slice(0, 2));
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    this.#join();
  }

  leave(): Promise<void> {
    const left = this.#left ?? Promise.resolve(this.#options.coordination[Symbol.asyncDispose]());
    this.#left = left;
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelReport();
    await this.leave();
    for (const { keeper } of this.#neighbours.values()) keeper[Symbol.dispose]();
    await this.#listener.close();
  }

  #siblings(): Siblings {
    const nodes = (): readonly string[] => this.#nodes;
    return {
      self: this.#self.node,
      get nodes() {
        return nodes();
      },
      source: (node) => this.#neighbours.get(node)?.source ?? null,
      watch: (changed) => {
        this.#watching.add(changed);
        return () => this.#watching.delete(changed);
      },
    };
  }

  #join(): void {
    const { config, coordination, observe } = this.#options;
    const { node, incarnation } = this.#self;
    const scheme = config.links.listen.tls === undefined ? 'ws' : 'wss';
    const address = `${scheme}://${config.links.address ?? reachableAddress(this.#listener)}`;
    observe.info('joins the site', { site: config.site, node, address });
    coordination.join({ node, incarnation, address });
  }

  /** Dials who has come, and forgets who has gone. */
  #look(): void {
    if (this.#left !== null) return;
    const { coordination } = this.#options;
    const members = new Map<string, Member>();
    for (const member of coordination.members) if (member.node !== this.#self.node) members.set(member.node, member);
    for (const [node, { member, keeper }] of this.#neighbours) {
      const now = members.get(node);
      if (now?.incarnation === member.incarnation && now.address === member.address) continue;
      this.#neighbours.delete(node);
      keeper[Symbol.dispose]();
    }
    for (const member of members.values()) if (!this.#neighbours.has(member.node)) this.#meet(member);
    const nodes = [this.#self.node, ...members.keys()].sort();
    if (nodes.join('\n') !== this.#nodes.join('\n')) this.#nodes = nodes;
    this.#options.observe.gauge('sluice_site_nodes').set(nodes.length);
    this.#tell();
  }

  #meet(member: Member): void {
    const { clock, observe } = this.#options;
    const { node } = member;
    const neighbour: Neighbour = {
      member,
      link: null,
      source: null,
      keeper: keepLink({
        name: `${this.#self.site}/${node}`,
        dial: (signal) => dialLink(this.#dialOptions(member, signal)),
        up: (link) => {
          neighbour.link = link;
          neighbour.source = createRemote(link.channel, clock, observe).source;
          this.#tell();
        },
        down: () => {
          neighbour.link = null;
          neighbour.source = null;
          this.#tell();
        },
        clock,
        log: observe,
      }),
    };
    this.#neighbours.set(node, neighbour);
  }

  #dialOptions({ node, address }: Member, signal: AbortSignal): DialOptions {
    const { config, clock, observe } = this.#options;
    const url = new URL(address);
    const { tls } = securityOf(config);
    return {
      address: url.host,
      self: this.#self,
      expect: { site: this.#self.site, node },
      secret: this.#secrets.get(this.#self.site)?.[0] ?? null,
      ...(url.protocol === 'wss:' ? { tls: tls ?? {} } : {}),
      observe,
      clock,
      signal,
    };
  }

  #reportLater(): void {
    this.#cancelReport = this.#options.clock.after(REPORT_MS, () => {
      this.#report();
      this.#reportLater();
    });
  }

  #report(): void {
    const { coordination, observe } = this.#options;
    const carried = this.source.carried();
    const links = [...this.#neighbours].map(([node, { link }]) => {
      const { rttMs = null, sentBytes = 0, receivedBytes = 0 } = link ?? {};
      return { node, up: link !== null, rttMs, sentBytes, receivedBytes };
    });
    const { node } = this.#self;
    const all = carried.flatMap(({ from }) => Object.entries(from));
    const count = (entries: typeof all): number => entries.reduce((sum, [, partitions]) => sum + partitions.length, 0);
    observe.gauge('sluice_partitions_read').set(count(all.filter(([from]) => from === node)));
    observe.gauge('sluice_partitions_taken').set(count(all.filter(([from]) => from !== node)));
    const silentMs = Math.max(0, ...carried.map((one) => one.silentMs));
    observe.gauge('sluice_partition_silence_seconds').set(silentMs / 1_000);
    const report: NodeReport = { startedAt: this.#startedAt, carried, links };
    coordination.describe(JSON.stringify(report));
  }

  /** Coalesced, and never from within whatever has changed it. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      const up = [...this.#neighbours.values()].filter(({ link }) => link !== null).length;
      this.#options.observe.gauge('sluice_links_up').set(up);
      for (const changed of [...this.#watching]) changed();
    });
  }
}

function securityOf({ links }: Config): {
  tls?: { cert: string; key: string; ca?: string; requireClientCert: boolean };
} {
  const { tls } = links.listen;
  if (tls === undefined) return {};
  const read = (file: string): string => readFileSync(file, 'utf8');
  const { certFile, keyFile, caFile, requireClientCert } = tls;
  return {
    tls: {
      cert: read(certFile),
      key: read(keyFile),
      ...(caFile === undefined ? {} : { ca: read(caFile) }),
      requireClientCert,
    },
  };
}

/** Where nodes on other machines find what listens on every interface: this machine's first address that is not its own alone. */
function reachableAddress({ address, port }: LinkListener): string {
  if (!/^(0\.0\.0\.0|\[::\]):/.test(address)) return address;
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const found = all.find(({ internal, family }) => !internal && family === 'IPv4');
  return `${found?.address ?? '127.0.0.1'}:${port}`;
}
