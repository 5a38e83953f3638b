/**
 * A gateway as its users run it: `sluice serve` as a process of its own, the command line beside it, stock clients.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Client, createClient, type ExecutionResult } from 'graphql-ws';
import WebSocket from 'ws';
import { adopt } from '../bed/guard.ts';
import { freePort, randomName } from '../bed/ports.ts';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** One product's contract, in few words. */
export interface ProductSpec {
  readonly name: string;
  readonly topic: string;
  readonly cluster?: string;
  readonly type?: string;
  readonly template: string;
  /** Name of a field -> logical type. */
  readonly fields: Readonly<Record<string, string>>;
  readonly required?: readonly string[];
  readonly version?: string;
  /** More lines of YAML for the schema object's customProperties and the root's, indented as there. */
  readonly objectProperties?: string;
  readonly rootProperties?: string;
  readonly operations?: string;
}

export function contractText(spec: ProductSpec): string {
  const { fields, required = Object.keys(fields) } = spec;
  const properties = Object.entries(fields).map(
    ([name, type]) =>
      `      - {name: ${name}, logicalType: ${type}, physicalType: ${type}, required: ${required.includes(name)}}`,
  );
  return `apiVersion: v3.1.0
kind: DataContract
id: urn:test:${spec.name}
name: ${spec.name}
version: ${spec.version ?? '1.0.0'}
status: active
description: {purpose: "Events of ${spec.name}."}
team: {name: Tests, members: [{username: owner@example.com, role: Owner}]}
servers:
  - {server: ${spec.cluster ?? 'main'}, type: kafka, host: "127.0.0.1:9092", format: json}
schema:
  - name: ${spec.type ?? 'ThingEvent'}
    physicalName: ${spec.topic}
    physicalType: topic
    logicalType: object
    customProperties:
      - {property: topicTemplate, value: "${spec.template}"}
${spec.objectProperties ?? ''}
    properties:
${properties.join('\n')}
customProperties:
  - {property: operations, value: ${spec.operations ?? '[{kind: subscribe}, {kind: query}, {kind: publish}]'}}
  - {property: replay, value: {maxDepth: P7D, from: [latest, earliest, time, cursor]}}
${spec.rootProperties ?? ''}
`;
}

/** A site's folder: configuration and contracts, with its own state prefix, so that runs do not see each other. */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-site-'));
  readonly contracts = join(this.folder, 'contracts');
  readonly #clusters: Readonly<Record<string, string>>;
  /** Of the Kafka topics that hold the state of record. */
  readonly prefix = `${randomName('state')}.`;
  readonly #extra: string;
  readonly #nodes: GatewayProcess[] = [];

  /** `clusters`: name -> bootstrap address, or `embedded`. `extra`: more YAML. */
  constructor(clusters: Readonly<Record<string, string>>, products: readonly ProductSpec[], extra = '') {
    this.#clusters = clusters;
    this.#extra = extra;
    mkdirSync(this.contracts, { recursive: true });
    for (const product of products) this.putContract(product.name, contractText(product));
  }

  putContract(name: string, text: string): void {
    writeFileSync(join(this.contracts, `${name}.odcs.yaml`), text);
  }

  /** Writes the configuration of a node that listens on `port`. */
  config(port: number): string {
    const clusters = Object.entries(this.#clusters).map(([name, at]) =>
      at === 'embedded'
        ? `  ${name}: {type: embedded, path: ./${name}.db}`
        : `  ${name}: {type: kafka, brokers: ["${at}"]}`,
    );
    const path = join(this.folder, `sluice-${port}.yaml`);
    writeFileSync(
      path,
      `listen: {host: 127.0.0.1, port: ${port}}\ncontracts: ./contracts\nclusters:\n${clusters.join('\n')}\nstate: {prefix: ${this.prefix}}\n${this.#extra}\n`,
    );
    return path;
  }

  async start(
    options: { readonly port?: number; readonly env?: Record<string, string> } = {},
  ): Promise<GatewayProcess> {
    const port = options.port ?? (await freePort());
    const gateway = new GatewayProcess(['serve', '--config', this.config(port)], port, this.folder, options.env);
    this.#nodes.push(gateway);
    return gateway;
  }

  /** Runs a command with --config and --json; its answer. Rejects with stderr where it fails. */
  async command<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await run([...args, '--config', this.config(0), '--json'], this.folder);
    if (code !== 0) throw new Error(`sluice ${args.join(' ')}: exit ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** An application with a key and grants. */
  async partner(products: readonly string[]): Promise<{ app: string; keyId: string; key: string; grants: string[] }> {
    const app = await this.command<{ id: string }>('app', 'create', '--name', 'partner');
    const key = await this.command<{ id: string; secret: string }>('key', 'create', '--app', app.id);
    const grants: string[] = [];
    for (const product of products) {
      grants.push((await this.command<{ id: string }>('grant', 'create', '--app', app.id, '--product', product)).id);
    }
    // A node hears of what a command has written a moment after the command has returned.
    for (const node of this.#nodes) await node.shows(key.secret, products);
    return { app: app.id, keyId: key.id, key: key.secret, grants };
  }
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<RunResult> {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** A running `sluice` process whose log lines can be waited for. */
export class GatewayProcess implements AsyncDisposable {
  readonly port: number;
  readonly child: ChildProcess;
  readonly lines: LogLine[] = [];
  stdout = '';
  readonly #waiting = new Set<() => void>();
  readonly #ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #over = false;

  constructor(args: readonly string[], port: number, cwd: string, env: Record<string, string> = {}) {
    this.port = port;
    this.child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
      this.#wake();
    });
    if (this.child.stderr !== null) {
      createInterface({ input: this.child.stderr }).on('line', (text) => {
        this.lines.push(text.startsWith('{') ? (JSON.parse(text) as LogLine) : { msg: text, level: 'text' });
        this.#wake();
      });
    }
    const release = adopt(this.child.pid);
    this.#ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        release();
        this.#over = true;
        this.#wake();
        resolve({ code, signal });
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.port}/graphql`;
  }

  get ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return this.#ended;
  }

  /** The first log line that matches, now or later. Rejects when the process ends without it. */
  async line(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return this.until(() => this.lines.find(matches));
  }

  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#over)
        throw new Error(`the gateway has ended: ${JSON.stringify(this.lines.slice(-5))} ${this.stdout.slice(-500)}`);
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  async ready(): Promise<this> {
    await this.line(({ msg }) => msg === 'ready');
    return this;
  }

  /** Sends the signal and resolves with how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill(signal);
    return this.#ended;
  }

  client(key: string): Client {
    return createClient({
      url: this.socketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: key },
      retryAttempts: 0,
    });
  }

  /** Resolves once the key is shown the products, or at once where the node is not ready, has ended, or refuses to answer. */
  async shows(key: string, products: readonly string[]): Promise<void> {
    const isReady = (): boolean => !this.#over && this.lines.some(({ msg }) => msg === 'ready');
    while (isReady()) {
      const answer = await this.ask<{ products: { name: string }[] }>(key, '{ products { name } }').catch(() => null);
      if (answer === null || answer.status >= 500) return;
      const shown = answer.data?.products.map(({ name }) => name) ?? [];
      if (answer.status === 200 && products.every((product) => shown.includes(product))) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** A query or mutation over HTTP. */
  async ask<T = Record<string, unknown>>(
    key: string | null,
    query: string,
    variables: Record<string, unknown> = {},
  ): Promise<ExecutionResult<T, { code: string }> & { readonly status: number }> {
    const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' };
    if (key !== null) headers['x-api-key'] = key;
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as ExecutionResult<T, { code: string }>;
    return { ...body, status: response.status };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.stop('SIGKILL');
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
