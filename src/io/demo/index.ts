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

export interface DemoFeed extends AsyncDisposable {
  /** Resolves when each log has its history, written by this process or another. Never rejects: a log that cannot be written is tried again. */
  readonly begun: Promise<void>;
}

/** Creates what is missing and feeds until disposed. */
export function startDemoFeed(options: {
  readonly logs: ReadonlyMap<string, FedLog>;
  readonly observe: Logger;
}): DemoFeed {
  const feeds: Feed[] = [];
  for (const stream of STREAMS) {
    const log = options.logs.get(stream.cluster);
    if (log !== undefined) feeds.push(new Feed(stream, log, options.observe));
  }
  return {
    begun: Promise.all(feeds.map(({ begun }) => begun)).then(() => undefined),
    async [Symbol.asyncDispose]() {
      await Promise.all(feeds.map((feed) => feed.end()));
    },
  };
}

class Feed {
  readonly begun: Promise<void>;
  readonly #stream: Stream;
  readonly #log: FedLog;
  readonly #logger: Logger;
  readonly #lease;
  readonly #isBegun = Promise.withResolvers<void>();
  #samples: readonly Sample[] | null = null;
  #timer: NodeJS.Timeout | null = null;
  #working: Promise<void> = Promise.resolve();
  #exists = false;
  #next = 0;
  #ended = false;
  /** What kept the last turn from feeding: told once. */
  #trouble = '';

  constructor(stream: Stream, log: FedLog, logger: Logger) {
    this.#stream = stream;
    this.#log = log;
    this.#logger = logger;
    this.#lease = log.lease(`feed ${stream.topic}`, LEASE_MS);
    this.begun = this.#isBegun.promise;
    this.#arm(0);
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
      this.#working = this.#turn().then(
        () => {
          this.#trouble = '';
          this.#isBegun.resolve();
          this.#arm(this.#stream.everyMs);
        },
        (thrown: unknown) => {
          const trouble = thrown instanceof Error ? thrown.message : String(thrown);
          if (trouble !== this.#trouble)
            this.#logger.error('The demo cannot be fed; it is tried again and again', { error: trouble });
          this.#trouble = trouble;
          // Its file may have been taken away with everything in it.
          this.#exists = false;
          this.#arm(RETRY_MS);
        },
      );
    }, ms);
  }

  async #turn(): Promise<void> {
    if (!this.#exists) await this.#create();
    if (!(await this.#lease.acquire())) return;
    // Another process may have fed since: ends are cheap to ask for.
    await this.#find();
    if (this.#next === 0) await this.#appendHistory(this.#stream.history);
    else await this.#log.append(this.#stream.topic, [this.#record(this.#next)]);
  }

  async #create(): Promise<void> {
    await this.#log
      .create(this.#stream.topic, { partitions: PARTITIONS, cleanup: 'delete' })
      .catch((error: unknown) => {
        if (!(error instanceof LogError && error.kind === 'EXISTS')) throw error;
      });
    this.#exists = true;
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
  }

  #record(at: number): AppendRecord {
    this.#samples ??= this.#stream.samples();
    const sample = this.#samples[at % this.#samples.length];
    if (sample === undefined) throw new Error(`no samples for ${this.#stream.topic}`);
    return { key: Buffer.from(sample.id), value: Buffer.from(JSON.stringify(sample.record)) };
  }
}
