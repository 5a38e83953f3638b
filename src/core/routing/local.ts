/**
 * The first adapter of Source: a log, read and projected here. What a record means is handed in per product (`Reader`,
 * the first half of the event's way), so that this file knows logs and positions only.
 */

import { SluiceError } from '../errors.ts';
import type { Appended, Extent, Incarnation, Log, LogScan } from '../log/index.ts';
import { LogError } from '../log/index.ts';
import type { Observe } from '../observe.ts';
import { incarnationDigest } from './digest.ts';
import { expired, publicError, reset } from './failure.ts';
import { HeardOf } from './heard.ts';
import { openLocalTail } from './local-tail.ts';
import type { Reader, Served } from './served.ts';
import type { Origin, Placement, Published, Scan, Source } from './source.ts';

export interface LocalSource extends Source {
  /** Puts a product in force, replaces it (live tails go on with the new reader from the next scan), or takes it away (null). */
  serve(product: string, served: Served | null): void;
}

interface Shape {
  readonly incarnation: Incarnation;
  readonly digest: string;
  readonly extents: readonly Extent[];
}

/** Fixed part of what an event costs in memory beside its text; an estimate for the window's bound, measured on heap snapshots of 12-field events. */
const EVENT_OVERHEAD = 400;
const MAX_INCARNATIONS = 10_000;
/** The longest of the pauses, each of them twice the one before, after which a position after the end is none. */
const MOST_HELD_BACK_MS = 500;
/** A log is asked for no less at a time: its batches come whole anyway. */
const FETCH_BYTES = 131_072;

export function createLocalSource(options: {
  readonly logs: ReadonlyMap<string, Log>;
  readonly observe: Observe;
  /** Resolves after so many milliseconds: the core has no timer. */
  readonly wait: (ms: number) => Promise<void>;
}): LocalSource {
  const { logs, observe, wait } = options;
  const served = new Map<string, Served>();
  const heard = new HeardOf();
  /** Products whose source could not be read when it was last asked for, and why. */
  const unreadable = new Map<string, string>();
  const flights = new Map<string, Flight<Shape>>();
  /** The last answer for a time with slack, per product. */
  const asked = new Map<string, { readonly time: number; readonly placement: Placement }>();
  /** Incarnations by digest, so that a range need not ask again for what a placement has just learnt. */
  const incarnations = new Map<string, Incarnation>();
  const learn = (incarnation: Incarnation): string => {
    const digest = incarnationDigest(incarnation);
    incarnations.delete(digest);
    incarnations.set(digest, incarnation);
    const oldest = incarnations.keys().next();
    if (incarnations.size > MAX_INCARNATIONS && !oldest.done) incarnations.delete(oldest.value);
    return digest;
  };

  const find = (product: string): { served: Served; log: Log } => {
    const found = served.get(product);
    if (found === undefined) throw new SluiceError('NOT_FOUND', `There is no product "${product}".`);
    const log = logs.get(found.cluster);
    if (log === undefined) {
      throw new SluiceError('UNAVAILABLE', undefined, {
        cause: new Error(`cluster ${found.cluster} is not configured`),
      });
    }
    return { served: found, log };
  };

  const shape = (product: string): Promise<Shape> => {
    const { served: at, log } = find(product);
    const key = `${at.cluster}\n${at.topic}`;
    let flight = flights.get(key);
    if (flight === undefined) {
      flight = new Flight(async () => {
        const [{ incarnation }, extents] = await Promise.all([log.describe(at.topic), log.extents(at.topic)]);
        return { incarnation, digest: learn(incarnation), extents };
      });
      flights.set(key, flight);
    }
    return flight.join().then(
      (found) => {
        if (unreadable.delete(product)) observe.info('the source can be read again', { product, cluster: at.cluster });
        return found;
      },
      (error: unknown) => {
        // Once for each kind of trouble: many ask, and each is told by an error of its own.
        const kind = error instanceof LogError ? error.kind : 'INTERNAL';
        if (unreadable.get(product) !== kind) {
          const why = error instanceof Error ? error.message : String(error);
          observe.warn('the source cannot be read', { product, cluster: at.cluster, kind, error: why });
        }
        unreadable.set(product, kind);
        throw publicError(error, []);
      },
    );
  };

  const toScan = (product: string, digest: string, reader: Reader, scan: LogScan, live: boolean): Scan => {
    const events = scan.records.length === 0 ? [] : reader.read(scan, live);
    let bytes = 64;
    for (const record of scan.records) bytes += record.value === null ? 0 : record.value.length;
    return {
      product,
      incarnation: digest,
      partition: scan.partition,
      from: scan.from,
      to: scan.to,
      interest: 0,
      projection: reader.projection,
      events,
      end: scan.end,
      first: scan.first,
      bytes: bytes + events.length * EVENT_OVERHEAD,
    };
  };

  /** A transaction that is still open, or just committed, holds the end back for a moment: positions after it are waited for. */
  const reached = async (product: string, { incarnation, vector }: Placement): Promise<Shape> => {
    for (let pause = 10; ; pause *= 2) {
      const now = await shape(product);
      const isBeyond = now.extents.some(({ partition, end }) => (vector[partition] ?? 0) > end);
      if (!isBeyond || now.digest !== incarnation || pause > MOST_HELD_BACK_MS) return now;
      await wait(pause);
    }
  };

  const placeAt = async (product: string, origin: Extract<Origin, { kind: 'at' }>): Promise<Placement> => {
    find(product);
    if (heard.holds(product, origin.incarnation, origin.vector))
      return { incarnation: origin.incarnation, vector: origin.vector };
    const now = await reached(product, origin);
    if (now.digest !== origin.incarnation) throw reset();
    if (origin.vector.length > now.extents.length) throw reset();
    const missing: { partition: number; from: number; to: number }[] = [];
    const vector = now.extents.map(({ partition, first, end }) => {
      const next = origin.vector[partition];
      if (next === undefined) return first;
      if (next > end) throw reset();
      if (next < first) missing.push({ partition, from: next, to: first });
      return next;
    });
    if (missing.length > 0) throw expired(missing);
    return { incarnation: now.digest, vector };
  };

  const placeTime = async (product: string, time: number, slackMs: number): Promise<Placement> => {
    const { served: at, log } = find(product);
    const before = asked.get(product);
    if (before !== undefined && before.time <= time && time - before.time < slackMs) return before.placement;
    try {
      const [life, vector] = await Promise.all([log.describe(at.topic), log.offsetsAt(at.topic, time)]);
      const placement = { incarnation: learn(life.incarnation), vector };
      if (slackMs > 0) asked.set(product, { time, placement });
      return placement;
    } catch (error) {
      throw publicError(error, []);
    }
  };

  return {
    serve(product, next) {
      asked.delete(product);
      unreadable.delete(product);
      if (next === null) served.delete(product);
      else served.set(product, next);
    },

    async place(product, origin) {
      if (origin.kind === 'at') return placeAt(product, origin);
      if (origin.kind === 'time') return placeTime(product, origin.time, origin.slackMs ?? 0);
      const now = await shape(product);
      if (origin.kind === 'latest') return { incarnation: now.digest, vector: now.extents.map((e) => e.end) };
      return { incarnation: now.digest, vector: now.extents.map((e) => e.first) };
    },

    async extent(product) {
      const now = await shape(product);
      return { incarnation: now.digest, first: now.extents.map((e) => e.first), end: now.extents.map((e) => e.end) };
    },

    tail(product, from, handler, tailOptions = {}) {
      const { served: at, log } = find(product);
      return openLocalTail({
        product,
        at,
        log,
        from,
        partitions: tailOptions.partitions,
        handler,
        heard,
        observe,
        known: incarnations.get(from.incarnation),
        project: (scan) => toScan(product, from.incarnation, (served.get(product) ?? at).reader, scan, true),
        wait,
      });
    },

    async *range(product, incarnation, partition, from, to, rangeOptions) {
      const { served: at, log } = find(product);
      const life = incarnations.get(incarnation) ?? (await shape(product)).incarnation;
      if (incarnationDigest(life) !== incarnation) throw reset();
      let next = from;
      try {
        const fetchBytes =
          rangeOptions?.maxBytes === undefined ? {} : { maxBytes: Math.max(rangeOptions.maxBytes, FETCH_BYTES) };
        for await (const scan of log.range(at.topic, life, partition, from, to, fetchBytes)) {
          for (const piece of pieces(scan, rangeOptions?.maxBytes ?? Number.POSITIVE_INFINITY)) {
            next = piece.to;
            yield toScan(product, incarnation, (served.get(product) ?? at).reader, piece, false);
          }
        }
      } catch (error) {
        throw publicError(error, [{ partition, from: next }]);
      }
    },

    async append(product, events) {
      const { served: at, log } = find(product);
      const records = events.map((event) => at.reader.encode(event));
      return (await log.append(at.topic, records).catch(refuseAppend)).map(toPublished);
    },

    async appendOnce(product, events, once) {
      const { served: at, log } = find(product);
      const records = events.map((event) => at.reader.encode(event));
      const { appended, ...rest } = await log.appendOnce(at.topic, records, once).catch(refuseAppend);
      return { published: appended.map(toPublished), ...rest };
    },
  };
}

function refuseAppend(error: unknown): never {
  if (error instanceof LogError && error.kind === 'TOO_LARGE')
    throw new SluiceError('PAYLOAD_INVALID', 'The event is larger than the stream takes.', { cause: error });
  throw publicError(error, []);
}

function toPublished({ incarnation, partition, offset, timestamp }: Appended): Published {
  return { incarnation: incarnationDigest(incarnation), partition, offset, time: timestamp };
}

/** A scan cut into consecutive ones of about `maxBytes`: whoever stops early has not had the rest decoded and projected. */
function* pieces(scan: LogScan, maxBytes: number): Generator<LogScan> {
  let { from } = scan;
  let begin = 0;
  let bytes = 0;
  for (const [i, record] of scan.records.entries()) {
    bytes += record.value?.length ?? 0;
    if (bytes < maxBytes || i === scan.records.length - 1) continue;
    yield { ...scan, from, to: record.offset + 1, records: scan.records.slice(begin, i + 1) };
    [from, begin, bytes] = [record.offset + 1, i + 1, 0];
  }
  yield begin === 0 ? scan : { ...scan, from, records: scan.records.slice(begin) };
}

/**
 * Many ask the same at once; each must get an answer that was asked for after its own call. So one request runs, and all
 * who come meanwhile share the next one.
 */
class Flight<T> {
  readonly #ask: () => Promise<T>;
  #running: Promise<T> | null = null;
  #next: Promise<T> | null = null;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  join(): Promise<T> {
    if (this.#running === null) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  #start(): Promise<T> {
    this.#next = null;
    const running = this.#ask().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
