/**
 * A source whose log is made up as it is read: any record of any partition can be had, by its offset, as often as one likes.
 * Records are bytes as Kafka would hand them over, and go through the product's own reader, so that decoding, projection and
 * address are paid for. Live ones come when `emit` is called.
 */
import { SluiceError } from '../../src/core/errors.ts';
import type { LogRecord } from '../../src/core/log/index.ts';
import type { Placement, Scan, Served, Source, SourceHandler } from '../../src/core/routing/index.ts';
import { PARTITIONS, trade } from './trades.ts';

const INCARNATION = 'generated';
/** What a source estimates an event to hold in memory beside its record. */
const EVENT_OVERHEAD = 400;
const RANGE_RECORDS = 500;
/** A quiet partition gives a sign of life at least each second. */
const QUIET_MS = 500;

interface Tail {
  readonly product: string;
  readonly handler: SourceHandler;
  readonly next: number[];
}

export interface GeneratedSource extends Source {
  serve(product: string, served: Served | null): void;
  /** Hands one scan of `k` new events to whoever follows; each call is the next partition's. */
  emit(k: number): void;
  close(): void;
}

export function generatedSource(): GeneratedSource {
  const served = new Map<string, Served>();
  const tails = new Set<Tail>();
  const ends: number[] = Array.from({ length: PARTITIONS }, () => 0);
  const began = Date.now();
  let turn = 0;

  const latest = (): Placement => ({ incarnation: INCARNATION, vector: [...ends] });
  const first = (): number[] => ends.map(() => 0);

  const record = (partition: number, offset: number): LogRecord => ({
    offset,
    timestamp: began + offset,
    key: null,
    value: Buffer.from(trade(partition, offset + 1)),
    headers: [],
  });

  const scan = (product: string, partition: number, from: number, to: number, live: boolean): Scan => {
    const reader = served.get(product)?.reader;
    if (reader === undefined) throw new SluiceError('NOT_FOUND');
    const records = Array.from({ length: to - from }, (_, i) => record(partition, from + i));
    const at = { partition, from, to, end: ends[partition] as number, first: 0 };
    return {
      ...at,
      product,
      incarnation: INCARNATION,
      interest: 0,
      projection: reader.projection,
      events: reader.read({ ...at, incarnation: { cluster: INCARNATION, topic: INCARNATION }, records }, live),
      bytes: records.reduce((sum, { value }) => sum + (value?.length ?? 0) + EVENT_OVERHEAD, 0),
    };
  };

  const tell = (tail: Tail, partition: number): void => {
    const to = ends[partition] as number;
    const from = tail.next[partition] as number;
    tail.next[partition] = to;
    tail.handler.scan(scan(tail.product, partition, from, to, true));
  };
  const quiet = setInterval(() => {
    for (const tail of tails) {
      for (const partition of ends.keys()) tell(tail, partition);
    }
  }, QUIET_MS);

  return {
    serve(product, next) {
      if (next === null) served.delete(product);
      else served.set(product, next);
    },
    emit(k) {
      const partition = turn++ % PARTITIONS;
      ends[partition] = (ends[partition] as number) + k;
      for (const tail of tails) tell(tail, partition);
    },
    async place(_product, origin) {
      switch (origin.kind) {
        case 'latest':
          return latest();
        case 'earliest':
          return { incarnation: INCARNATION, vector: first() };
        case 'time':
          return {
            incarnation: INCARNATION,
            vector: ends.map((end) => Math.max(0, Math.min(end, origin.time - began))),
          };
        default:
          if (origin.incarnation !== INCARNATION || origin.vector.some((next, p) => next > (ends[p] ?? -1)))
            throw new SluiceError('SOURCE_RESET');
          return { incarnation: INCARNATION, vector: ends.map((_, p) => origin.vector[p] ?? 0) };
      }
    },
    async extent() {
      return { incarnation: INCARNATION, first: first(), end: [...ends] };
    },
    tail(product, from, handler) {
      const tail: Tail = { product, handler, next: [...from.vector] };
      tails.add(tail);
      return { close: () => void tails.delete(tail) };
    },
    async *range(product, _incarnation, partition, from, to) {
      const until = Math.min(to, ends[partition] ?? 0);
      for (let next = from; next < until; next += RANGE_RECORDS) {
        yield scan(product, partition, next, Math.min(until, next + RANGE_RECORDS), false);
      }
    },
    append() {
      return Promise.reject(new SluiceError('FORBIDDEN'));
    },
    appendOnce() {
      return Promise.reject(new SluiceError('FORBIDDEN'));
    },
    close: () => clearInterval(quiet),
  };
}
