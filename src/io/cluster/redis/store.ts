/** One Redis, whichever of its three forms: scripts that run in it, and a channel that wakes whoever waits. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createClient, createCluster, createSentinel } from 'redis';
import type { RedisOptions } from './options.ts';

export interface Store {
  /** Runs a script of this folder, once there has been a connection. Rejects at once while there is none any more. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  close(): Promise<void>;
}

export interface Script {
  readonly text: string;
  readonly sha: string;
}

export function scriptOf(name: string): Script {
  const text = readFileSync(new URL(name, import.meta.url), 'utf8');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** A connection that has been silent for so long is given up: signs of life go out each second. */
const SOCKET_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;

interface Events {
  /** Something was said on the channel. */
  woken(): void;
  /** For people; many of a kind come while it is away. */
  troubled(error: Error): void;
}

/** Connects, and goes on doing so, until it is closed. `channel`: of wake-ups; null: none are wanted. */
export function openStore(options: RedisOptions, channel: string | null, events: Events): Store {
  const opened =
    options.cluster !== undefined
      ? cluster(options)
      : options.sentinel !== undefined
        ? sentinel(options)
        : single(options);
  opened.on('error', (error) => events.troubled(error instanceof Error ? error : new Error(String(error))));
  let isClosed = false;
  const begun = begin();

  async function begin(): Promise<void> {
    for (let pauseMs = 250; !isClosed; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        if (!opened.isOpen) await opened.connect();
        if (channel !== null) await opened.subscribe(channel, () => events.woken());
        return;
      } catch (thrown) {
        events.troubled(thrown as Error);
        await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
      }
    }
  }

  return {
    async run({ text, sha }, keys, args) {
      await begun;
      const given = { keys: [...keys], arguments: [...args] };
      try {
        return await opened.evalSha(sha, given);
      } catch (error) {
        if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
        return opened.eval(text, given);
      }
    },
    async close() {
      isClosed = true;
      opened.destroy();
    },
  };
}

/** What the three have in common, of what is used here. */
interface Opened {
  readonly isOpen: boolean;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: () => void): Promise<unknown>;
  evalSha(sha: string, given: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(text: string, given: { keys: string[]; arguments: string[] }): Promise<unknown>;
  destroy(): void;
}

const reconnectStrategy = (retries: number): number =>
  Math.min(250 * 2 ** Math.min(retries, 5), 5_000) * (0.5 + Math.random() / 2);

function clientOptions({ username, password, tls }: RedisOptions) {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const security =
    tls === undefined
      ? {}
      : {
          tls: true as const,
          ...(tls.caFile === undefined ? {} : { ca: read(tls.caFile) }),
          ...(tls.certFile === undefined ? {} : { cert: read(tls.certFile) }),
          ...(tls.keyFile === undefined ? {} : { key: read(tls.keyFile) }),
        };
  return {
    RESP: 3 as const,
    // Measured by node-redis' own bench: with a time-out each command has a timer of its own.
    commandOptions: { timeout: 0 },
    // What cannot be asked now must not be asked later, unnoticed.
    disableOfflineQueue: true,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: { connectTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS, reconnectStrategy, ...security },
  };
}

function single(options: RedisOptions): Opened {
  const client = createClient({ ...clientOptions(options), url: options.url as string });
  return client as unknown as Opened;
}

function sentinel(options: RedisOptions): Opened {
  const { name, nodes } = options.sentinel as NonNullable<RedisOptions['sentinel']>;
  const common = clientOptions(options);
  const { socket } = common;
  return createSentinel({
    name,
    sentinelRootNodes: nodes.map(hostPort),
    nodeClientOptions: common,
    sentinelClientOptions: { socket },
    RESP: 3,
  }) as unknown as Opened;
}

function cluster(options: RedisOptions): Opened {
  const { cluster: nodes = [] } = options;
  const scheme = options.tls === undefined ? 'redis' : 'rediss';
  return createCluster({
    rootNodes: nodes.map((address) => ({ url: `${scheme}://${address}` })),
    defaults: clientOptions(options),
    RESP: 3,
  }) as unknown as Opened;
}

function hostPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
