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
  /** `ready`: every subscription has been told that it is placed. `sent`: the subscribes are sent. `raw`: connected. */
  readonly placed: 'ready' | 'sent' | 'raw';
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

  static async connect(options: ClientOptions): Promise<LoadClient> {
    const { port, connections, subscriptions = 1, query = '', key, placed } = options;
    const args = [port, connections, subscriptions, placed, query, ...(key === undefined ? [] : [key])].map(String);
    const child = new Child('the load client', cores.load, await program('client'), args);
    await child.answer();
    return new LoadClient(child, options);
  }

  /** Looks into the messages of those connections: ids, wholeness, sequence; and how old their events are. */
  watch(ranges: { readonly verify?: Range; readonly latency?: Range }): Promise<unknown> {
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
