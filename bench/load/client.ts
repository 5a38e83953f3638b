/** The load client (client.c) as benches speak to it. */
import { program } from './build.ts';
import { Child, cores } from './child.ts';

/** What a client has received since it was last reset. Bytes are those of messages, without frame heads; of raw ones, all. */
export interface Received {
  /** Whether what was awaited has come. */
  readonly met: boolean;
  readonly frames: number;
  readonly bytes: number;
  /** Frames and bytes of the connection with the fewest and the most. */
  readonly least: number;
  readonly most: number;
  readonly leastBytes: number;
  readonly mostBytes: number;
  /** Found by verifying: events missing and repeated, messages of another's id, broken messages. */
  readonly gaps: number;
  readonly duplicates: number;
  readonly wrong: number;
  readonly torn: number;
  /** Since the start: `error` and `complete` messages, connections closed. */
  readonly errors: number;
  readonly closed: number;
  /** Latencies that were taken, and their percentiles in microseconds. */
  readonly measured: number;
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
}

/** Connections from one index to another, exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface ClientOptions {
  readonly port: number;
  readonly connections: number;
  readonly subscriptions?: number;
  readonly query?: string;
  readonly key?: string;
  /**
   * `ready`: every subscription has been told that it is placed. `sent`: the subscribes are sent. `stream`: `query` is the path of a
   * stream, which has said that it is ready. `raw`: connected. */
  readonly placed: 'ready' | 'sent' | 'stream' | 'raw';
  /** Says nothing of what it finds wrong; default: the first few on standard error. */
  readonly silent?: boolean;
}

/** Whose messages are looked into: ids, wholeness and sequence; and whose for how old their events are. */
interface Watched {
  readonly verify?: Range;
  readonly latency?: Range;
}

export class LoadClient implements AsyncDisposable {
  readonly subscribers: number;
  readonly #child: Child;
  readonly #subscriptions: number;

  private constructor(child: Child, options: ClientOptions) {
    this.#child = child;
    this.#subscriptions = options.subscriptions ?? 1;
    this.subscribers = options.connections * this.#subscriptions;
  }

  /** Resolves when all are placed. What is to be watched from the first message on is told here, else by `watch`. */
  static async connect(options: ClientOptions, watched?: Watched): Promise<LoadClient> {
    const { port, connections, subscriptions = 1, query = '', key, placed, silent = false } = options;
    const args = [port, connections, subscriptions, placed, query, ...(key === undefined ? [] : [key])].map(String);
    const child = new Child('the load client', cores.load, await program('client'), args, silent);
    const client = new LoadClient(child, options);
    if (watched !== undefined) await client.watch(watched);
    await child.answer();
    return client;
  }

  /** From now on looks into the messages of those connections. */
  watch(ranges: Watched): Promise<unknown> {
    return this.#child.ask({
      do: 'watch',
      verifyFrom: ranges.verify?.from ?? 0,
      verifyTo: ranges.verify?.to ?? 0,
      latencyFrom: ranges.latency?.from ?? 0,
      latencyTo: ranges.latency?.to ?? 0,
    });
  }

  reset(): Promise<unknown> {
    return this.#child.ask({ do: 'reset' });
  }

  stat(range: Partial<Range> = {}): Promise<Received> {
    return this.#child.ask({ do: 'stat', ...range });
  }

  /** Resolves when so much has come since the last reset, or with `met: false` after `ms`. */
  received(what: {
    readonly frames?: number;
    readonly bytes?: number;
    readonly ms: number;
    readonly range?: Range;
  }): Promise<Received> {
    const { range, ...rest } = what;
    return this.#child.ask({ do: 'await', ...rest, ...range });
  }

  pause(range: Range): Promise<unknown> {
    return this.#child.ask({ do: 'pause', ...range });
  }

  resume(range: Range): Promise<unknown> {
    return this.#child.ask({ do: 'resume', ...range });
  }

  /** From now on every latency is kept with its event. */
  keepSamples(): Promise<unknown> {
    return this.#child.ask({ do: 'samples' });
  }

  /** Writes what was kept to a file: three little-endian u32 each, partition, sequence number, microseconds. */
  dumpSamples(path: string): Promise<unknown> {
    return this.#child.ask({ do: 'dump', path });
  }

  /** Throws unless every subscription has had exactly so many events, whole, its own, in order and once, and nothing else happened. */
  check(received: Received, events: number): void {
    const each = events * this.#subscriptions;
    const { least, most, frames, leastBytes, mostBytes, gaps, duplicates, wrong, torn, errors, closed } = received;
    const isExact = frames === events * this.subscribers && least === each && most === each;
    if (!isExact || leastBytes !== mostBytes || gaps + duplicates + wrong + torn + errors + closed > 0) {
      throw new Error(`each subscription should have had ${events} events: ${JSON.stringify(received)}`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}
