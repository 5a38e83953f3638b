/**
 * The embedded default's data: real flights and earthquakes, replayed as an endless live stream. One process feeds, under a
 * lease of the log, however many share it; where it goes on is known by how much the log holds.
 */
import type { AppendRecord, Log } from '../../core/log/index.ts';
import { LogError } from '../../core/log/index.ts';
import type { Logger } from '../../core/observe.ts';
import { earthquakes, flights, type Sample } from './samples.ts';

/** A log that can also say who of several processes feeds. */
export interface FedLog extends Log {
  lease(name: string, ttlMs: number): { acquire(): Promise<boolean>; release(): Promise<void> };
}

interface Stream {
  readonly cluster: string;
  readonly topic: string;
  readonly samples: () => readonly Sample[];
  /** Events that a fresh log begins with, spread over the hours before. */
  readonly history: number;
  readonly everyMs: number;
}

const STREAMS: readonly Stream[] = [
  { cluster: 'aviation', topic: 'aviation.flights.v1', samples: flights, history: 3_000, everyMs: 400 },
  { cluster: 'seismic', topic: 'seismic.earthquakes.v1', samples: earthquakes, history: 1_000, everyMs: 1_500 },
];

const PARTITIONS = 6;
const HISTORY_MS = 6 * 3_600_000;
const LEASE_MS = 5_000;
const RETRY_MS = 1_000;

/** Creates what is missing and returns once the history is there; feeds until disposed. Errors: LogError where the log cannot be written. */
export async function startDemoFeed(options: {
  readonly logs: ReadonlyMap<string, FedLog>;
  readonly observe: Logger;
}): Promise<AsyncDisposable> {
  const feeds: Feed[] = [];
  for (const stream of STREAMS) {
    const log = options.logs.get(stream.cluster);
    if (log !== undefined) feeds.push(new Feed(stream, log, options.observe));
  }
  await Promise.all(feeds.map((feed) => feed.begin()));
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(feeds.map((feed) => feed.end()));
    },
  };
}

class Feed {
  readonly #stream: Stream;
  readonly #log: FedLog;
  readonly #logger: Logger;
  readonly #lease;
  #samples: readonly Sample[] | null = null;
  #timer: NodeJS.Timeout | null = null;
  #working: Promise<void> = Promise.resolve();
  #next = 0;
  #ended = false;

  constructor(stream: Stream, log: FedLog, logger: Logger) {
    this.#stream = stream;
    this.#log = log;
    this.#logger = logger;
    this.#lease = log.lease(`feed ${stream.topic}`, LEASE_MS);
  }

  async begin(): Promise<void> {
    const { topic, history } = this.#stream;
    await this.#log.create(topic, { partitions: PARTITIONS, cleanup: 'delete' }).catch((error: unknown) => {
      if (!(error instanceof LogError && error.kind === 'EXISTS')) throw error;
    });
    if (await this.#lease.acquire()) {
      await this.#find();
      if (this.#next === 0) await this.#appendHistory(history);
    }
    this.#arm(this.#stream.everyMs);
  }

  async end(): Promise<void> {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#working;
    await this.#lease.release().catch(() => {});
  }

  #arm(ms: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      this.#working = this.#feed().then(
        () => this.#arm(this.#stream.everyMs),
        (error: unknown) => {
          this.#logger.warn('the demo cannot be fed', { topic: this.#stream.topic, error });
          this.#arm(RETRY_MS);
        },
      );
    }, ms);
  }

  async #feed(): Promise<void> {
    if (!(await this.#lease.acquire())) return;
    // Another process may have fed since: ends are cheap to ask for.
    await this.#find();
    await this.#log.append(this.#stream.topic, [this.#record(this.#next)]);
  }

  /** Which sample comes next: as many have been appended as the ends say. */
  async #find(): Promise<void> {
    const extents = await this.#log.extents(this.#stream.topic);
    this.#next = extents.reduce((sum, { end }) => sum + end, 0);
  }

  async #appendHistory(count: number): Promise<void> {
    const now = Date.now();
    const records = Array.from({ length: count }, (_, i) => ({
      ...this.#record(i),
      timestamp: Math.round(now - HISTORY_MS + (i * HISTORY_MS) / count),
    }));
    await this.#log.append(this.#stream.topic, records);
    this.#next = count;
  }

  #record(at: number): AppendRecord {
    this.#samples ??= this.#stream.samples();
    const sample = this.#samples[at % this.#samples.length];
    if (sample === undefined) throw new Error(`no samples for ${this.#stream.topic}`);
    return { key: Buffer.from(sample.id), value: Buffer.from(JSON.stringify(sample.record)) };
  }
}
