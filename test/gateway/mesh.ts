/**
 * Several nodes of one site on real Kafka and Redis: nodes that can be killed, stopped and started; a steady feed; subscribers that come
 * back elsewhere with their cursor and check that they have had everything once and in order.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ownerOf } from '../../src/core/routing/index.ts';
import { freePort } from '../bed/index.ts';
import { subscribe } from './follower.ts';
import { Metrics } from './metrics.ts';
import { type GatewayProcess, type ProductSpec, Site } from './node.ts';
import { KafkaUser, readings } from './producer.ts';

export interface MeshOptions {
  readonly bootstrap: string;
  /** redis://host:port */
  readonly redisUrl: string;
  readonly partitions: number;
  readonly nodes: readonly string[];
  /** More YAML of the configuration. */
  readonly extra?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface MeshNode {
  readonly name: string;
  readonly gateway: GatewayProcess;
  readonly metrics: Metrics;
}

export class Mesh implements AsyncDisposable {
  readonly site: Site;
  readonly product: ProductSpec;
  readonly user: KafkaUser;
  /** Those that run, by name. */
  readonly nodes = new Map<string, MeshNode>();
  key = '';
  readonly #options: MeshOptions;

  private constructor(options: MeshOptions, product: ProductSpec) {
    this.#options = options;
    this.product = product;
    this.user = new KafkaUser(options.bootstrap, true);
    const { prefix } = new Site({}, []);
    this.site = new Site(
      { main: options.bootstrap },
      [product],
      `coordination: {type: redis, url: "${options.redisUrl}", prefix: "${prefix}"}\n${options.extra ?? ''}`,
    );
  }

  static async open(options: MeshOptions): Promise<Mesh> {
    const mesh = new Mesh(options, readings());
    await mesh.user.createTopic(mesh.product.topic, options.partitions);
    await Promise.all(options.nodes.map((name) => mesh.start(name)));
    ({ key: mesh.key } = await mesh.site.partner([mesh.product.name]));
    await mesh.joined();
    return mesh;
  }

  get(name: string): MeshNode {
    const found = this.nodes.get(name);
    if (found === undefined) throw new Error(`${name} does not run`);
    return found;
  }

  async start(name: string): Promise<MeshNode> {
    const port = await freePort();
    const env = { ...this.#options.env, SLUICE_NODE: name, SLUICE_TELEMETRY_METRICS_PORT: String(port) };
    const gateway = await this.site.start({ env });
    await gateway.ready();
    const node = { name, gateway, metrics: new Metrics(port) };
    this.nodes.set(name, node);
    if (this.key !== '') await gateway.shows(this.key, [this.product.name]);
    return node;
  }

  async stop(name: string, signal: NodeJS.Signals): Promise<void> {
    const { gateway } = this.get(name);
    if (signal === 'SIGKILL') this.nodes.delete(name);
    await gateway.stop(signal);
    this.nodes.delete(name);
  }

  /** Resolves when all that run know each other and have links. */
  async joined(): Promise<void> {
    const all = this.nodes.size;
    for (const { metrics } of this.nodes.values()) {
      await metrics.reaches('sluice_site_nodes', {}, (nodes) => nodes === all);
      await metrics.reaches('sluice_links_up', {}, (up) => up === all - 1);
    }
  }

  /** The partitions that a node owns while these run. */
  owned(name: string, running: Iterable<string> = this.nodes.keys()): number[] {
    const nodes = [...running];
    return Array.from({ length: this.#options.partitions }, (_, partition) => partition).filter(
      (partition) => ownerOf(this.product.name, partition, nodes) === name,
    );
  }

  /** Records read from Kafka, by node. */
  async reads(): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (const { name, metrics } of this.nodes.values())
      counts[name] = (await metrics.value('sluice_records_read_total', { product: this.product.name })) ?? 0;
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
    await Promise.all([...this.nodes.values()].map(({ gateway }) => gateway[Symbol.asyncDispose]()));
  }
}

/** Writes at a steady rate until it is stopped. */
export class Feed {
  /** All before it have been written. */
  written: number;
  readonly #done: Promise<void>;
  #over = false;

  /** `from`: seq of the first one. */
  constructor(mesh: Mesh, perSecond: number, from = 0) {
    this.written = from;
    this.#done = this.#run(mesh, perSecond);
    this.#done.catch(() => {});
  }

  async #run({ user, product }: Mesh, perSecond: number): Promise<void> {
    const from = this.written;
    const step = Math.ceil(perSecond / 20);
    const began = performance.now();
    while (!this.#over) {
      await user.write(product.topic, this.written, this.written + step);
      this.written += step;
      await pause(Math.max(0, began + ((this.written - from) / perSecond) * 1_000 - performance.now()));
    }
  }

  /** Resolves with how many were written. */
  async stop(): Promise<number> {
    this.#over = true;
    await this.#done;
    return this.written;
  }
}

interface ReadingEvent {
  readonly cursor: string;
  readonly data: { readonly id: string; readonly seq: number };
}

const query = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor data { seq id } } }';
/** With these a client is to come back with its cursor. */
const COME_BACK = new Set(['DRAINING', 'UNAVAILABLE', 'SLOW_CONSUMER']);

/** Subscribes at one node from the first event on, and at another one whenever that ends. */
export class Subscriber {
  connections = 0;
  /** Milliseconds of the performance clock at which the last event came. */
  lastAt = 0;
  /** The longest pause between two events. */
  longestPauseMs = 0;
  readonly #seen = new Set<number>();
  readonly #lastOf = new Map<string, number>();
  readonly #mesh: Mesh;
  readonly #waiting = new Set<() => void>();
  readonly #done: Promise<void>;
  #cursor: string | null = null;
  #problem: Error | null = null;
  #wanted = Number.POSITIVE_INFINITY;

  constructor(mesh: Mesh, node: string) {
    this.#mesh = mesh;
    this.#done = this.#run(node).catch((error: Error) => {
      this.#problem = error;
      this.#wake();
    });
  }

  get count(): number {
    return this.#seen.size;
  }

  /** Resolves when so many events have come. */
  async reaches(count: number): Promise<void> {
    while (this.#seen.size < count && this.#problem === null)
      await new Promise<void>((resolve) => void this.#waiting.add(resolve));
    if (this.#problem !== null) throw this.#problem;
  }

  /** Resolves once exactly these have come: seq 0 to `count`; rejects where one came twice, out of order, or is none of them. */
  async finish(count: number): Promise<void> {
    this.#wanted = count;
    await this.reaches(count);
    const beyond = [...this.#seen].find((seq) => seq >= count);
    if (beyond !== undefined) throw new Error(`${beyond} was not written`);
  }

  /** To be called when everything is over; no more is subscribed to. */
  async close(): Promise<void> {
    this.#wanted = 0;
    this.#client?.terminate();
    void this.#client?.dispose();
    await this.#done;
  }

  #client: ReturnType<typeof createClient> | null = null;

  async #run(first: string): Promise<void> {
    for (let node = this.#mesh.get(first); this.#seen.size < this.#wanted; node = await this.#another(node)) {
      this.connections += 1;
      const client = createClient({
        url: node.gateway.socketUrl,
        webSocketImpl: WebSocket,
        connectionParams: { apiKey: this.#mesh.key },
        retryAttempts: 0,
      });
      this.#client = client;
      const from = this.#cursor === null ? { earliest: true } : { cursor: this.#cursor };
      const { errors } = await subscribe<ReadingEvent>(client, query, { from }, (event) => this.#take(event));
      client.terminate();
      if (this.#problem !== null) throw this.#problem;
      for (const error of errors)
        if (!COME_BACK.has(error.extensions?.code ?? '')) throw new Error(JSON.stringify(error));
    }
  }

  async #another(last: MeshNode): Promise<MeshNode> {
    for (;;) {
      const running = [...this.#mesh.nodes.values()];
      const found =
        running.find(({ name }) => name > last.name) ?? running.find(({ name }) => name !== last.name) ?? running[0];
      await pause(50);
      if (found !== undefined) return found;
    }
  }

  #take({ cursor, data: { id, seq } }: ReadingEvent): boolean {
    const last = this.#lastOf.get(id) ?? -1;
    if (seq <= last || this.#seen.has(seq)) this.#problem = new Error(`${id}: ${seq} came after ${last}`);
    this.#lastOf.set(id, seq);
    this.#seen.add(seq);
    this.#cursor = cursor;
    const now = performance.now();
    if (this.lastAt > 0) this.longestPauseMs = Math.max(this.longestPauseMs, now - this.lastAt);
    this.lastAt = now;
    this.#wake();
    return this.#problem !== null || this.#seen.size >= this.#wanted;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
