import {
  type Extent,
  type Incarnation,
  LogError,
  type LogScan,
  type Tail,
  type TailHandler,
} from '../../../core/log/index.ts';
import type { Connection } from './file.ts';
import { readRecords } from './records.ts';
import type { Store } from './store.ts';
import { extentOf, type PartitionRow, partitionRows, sameTopic } from './topics.ts';

/** A quiet partition says so at least each second; looks come every 50 ms. */
const quietMs = 900;
/** What one turn of the event loop reads, over all tails; the rest waits for the next turn. */
const turnBytes = 1_048_576;
const turnRecords = 2_000;
/** What one scan holds, so that the partitions of a turn share it. */
const scanBytes = 262_144;
const scanRecords = 500;

interface Budget {
  bytes: number;
  records: number;
}

/** The live reads of one log: one loop, woken by commits, that goes round all partitions and gives each its share. */
export class Tails {
  readonly #store: Store;
  readonly #tails = new Set<EmbeddedTail>();
  #unwatch: (() => void) | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  #reachable = true;

  constructor(store: Store) {
    this.#store = store;
  }

  open(
    topic: string,
    incarnation: Incarnation,
    from: ReadonlyMap<number, number>,
    handler: TailHandler,
    growth: Growth,
  ): Tail {
    const tail = new EmbeddedTail(topic, incarnation, from, handler, growth, {
      wake: () => this.#wake(),
      ended: () => this.#ended(tail),
    });
    this.#tails.add(tail);
    this.#unwatch ??= this.#store.watch(({ changed, error }) => {
      this.#say(error === undefined);
      if (error !== undefined) return;
      const now = performance.now();
      if (changed || [...this.#tails].some((each) => each.isDue(now))) this.#wake();
    });
    if (!this.#reachable) handler.reachable(false);
    this.#wake();
    return tail;
  }

  dispose(): void {
    for (const tail of [...this.#tails]) tail.end();
  }

  #ended(tail: EmbeddedTail): void {
    this.#tails.delete(tail);
    if (this.#tails.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }

  #wake(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    const budget: Budget = { bytes: turnBytes, records: turnRecords };
    let more = false;
    for (const tail of [...this.#tails]) {
      let deliver: () => void;
      try {
        deliver = this.#store.readNow((connection) => {
          const visit = tail.visit(connection, this.#store.cluster, budget);
          more ||= visit.more;
          return visit.deliver;
        });
      } catch (thrown) {
        // A lock or an outage: the store's own look finds out which, and wakes us when it is over.
        if (thrown instanceof LogError && thrown.kind === 'CORRUPT') tail.failAll(thrown);
        else if (thrown instanceof LogError) tail.missed();
        else throw thrown;
        continue;
      }
      deliver();
      // Whoever was served goes to the end of the round.
      if (this.#tails.delete(tail)) this.#tails.add(tail);
    }
    if (more) this.#wake();
  }

  #say(reachable: boolean): void {
    if (reachable === this.#reachable) return;
    this.#reachable = reachable;
    for (const tail of [...this.#tails]) tail.handler.reachable(reachable);
  }
}

interface Growth {
  /** How many partitions the caller knows of; those beyond are growth. undefined: as many as there are at the first look. */
  readonly known: number | undefined;
  /** It is told of, and not read. */
  readonly fixed: boolean;
}

interface Reading {
  readonly partition: number;
  next: number;
  paused: boolean;
  /** Whether this tail itself has read up to `next`: then an end before it means that the log was cut back. */
  proved: boolean;
  quietAt: number;
}

class EmbeddedTail implements Tail {
  readonly handler: TailHandler;
  readonly #topic: string;
  readonly #incarnation: Incarnation;
  readonly #loop: { readonly wake: () => void; readonly ended: () => void };
  readonly #readings = new Map<number, Reading>();
  readonly #fixed: boolean;
  #known: number | undefined;
  #open = true;

  constructor(
    topic: string,
    incarnation: Incarnation,
    from: ReadonlyMap<number, number>,
    handler: TailHandler,
    { known, fixed }: Growth,
    loop: { readonly wake: () => void; readonly ended: () => void },
  ) {
    this.#topic = topic;
    this.#incarnation = incarnation;
    this.handler = handler;
    this.#known = known;
    this.#fixed = fixed;
    this.#loop = loop;
    for (const [partition, next] of from)
      this.#readings.set(partition, { partition, next, paused: false, proved: false, quietAt: 0 });
  }

  pause(partition: number): void {
    const reading = this.#readings.get(partition);
    if (reading !== undefined) reading.paused = true;
  }

  resume(partition: number): void {
    const reading = this.#readings.get(partition);
    if (reading === undefined || !reading.paused) return;
    reading.paused = false;
    if (this.#open) this.#loop.wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#loop.ended();
  }

  isDue(now: number): boolean {
    for (const reading of this.#readings.values()) if (!reading.paused && now >= reading.quietAt) return true;
    return false;
  }

  /** A turn that could not read: the next look tries again. */
  missed(): void {
    for (const reading of this.#readings.values()) reading.quietAt = 0;
  }

  /** Reads inside a snapshot; what it found is delivered after, by the function it returns, when nothing is locked any more. */
  visit(
    connection: Connection,
    cluster: string,
    budget: Budget,
  ): { readonly more: boolean; readonly deliver: () => void } {
    const found: (() => void)[] = [];
    let more = false;
    let partitions: readonly PartitionRow[];
    try {
      sameTopic(connection, this.#topic, cluster, this.#incarnation);
      partitions = partitionRows(connection, this.#topic);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      return { more, deliver: () => this.failAll(error) };
    }
    const grown = this.#grow(partitions.length);
    const now = performance.now();
    for (const reading of [...this.#readings.values()]) {
      if (reading.paused) continue;
      const row = partitions[reading.partition];
      const extent = row === undefined ? undefined : extentOf(row);
      const error = fault(this.#topic, reading, extent);
      if (row === undefined || extent === undefined || error !== undefined) {
        if (error !== undefined) found.push(() => this.#fail(reading, error));
      } else if (reading.next < extent.end && budget.bytes > 0 && budget.records > 0) {
        const read = readRecords(connection, row.slot, reading.next, extent.end, {
          maxBytes: Math.min(scanBytes, budget.bytes),
          maxRecords: Math.min(scanRecords, budget.records),
        });
        budget.bytes -= read.bytes;
        budget.records -= read.records.length;
        more ||= read.to < extent.end;
        found.push(() =>
          this.#scan(reading, { ...this.#base(extent), from: reading.next, to: read.to, records: read.records }),
        );
        // Round robin: the next turn begins with those that got nothing.
        this.#readings.delete(reading.partition);
        this.#readings.set(reading.partition, reading);
      } else if (reading.next < extent.end) {
        more = true;
      } else if (now >= reading.quietAt) {
        found.push(() =>
          this.#scan(reading, { ...this.#base(extent), from: reading.next, to: reading.next, records: [] }),
        );
      }
    }
    const deliver = () => {
      if (grown !== undefined && this.#open) this.handler.grown(grown);
      for (const each of found) each();
    };
    return { more, deliver };
  }

  #base(extent: Extent): Pick<LogScan, 'incarnation' | 'partition' | 'first' | 'end'> {
    return { incarnation: this.#incarnation, partition: extent.partition, first: extent.first, end: extent.end };
  }

  #grow(partitions: number): number | undefined {
    const known = this.#known;
    this.#known = Math.max(known ?? partitions, partitions);
    if (known === undefined || partitions <= known) return undefined;
    for (let partition = known; partition < partitions && !this.#fixed; partition += 1) {
      if (!this.#readings.has(partition))
        this.#readings.set(partition, { partition, next: 0, paused: false, proved: false, quietAt: 0 });
    }
    return partitions;
  }

  #scan(reading: Reading, scan: LogScan): void {
    // The handler may have paused, failed or ended what was read in the same turn: it is read again when wanted.
    if (!this.#open || reading.paused || this.#readings.get(reading.partition) !== reading) return;
    reading.next = scan.to;
    reading.proved = true;
    reading.quietAt = performance.now() + quietMs;
    this.handler.scan(scan);
  }

  #fail(reading: Reading, error: LogError): void {
    if (!this.#open || !this.#readings.delete(reading.partition)) return;
    this.handler.failed(reading.partition, error);
  }

  failAll(error: LogError): void {
    for (const reading of [...this.#readings.values()]) this.#fail(reading, error);
  }
}

function fault(topic: string, reading: Reading, extent: Extent | undefined): LogError | undefined {
  if (extent === undefined)
    return new LogError('OUT_OF_RANGE', `Topic ${topic} has no partition ${reading.partition}.`);
  if (reading.next >= extent.first && reading.next <= extent.end) return undefined;
  return outOfRange(topic, reading.next, extent, reading.proved);
}

/** `proved`: the reader itself had come to `offset`, so that an end before it says that the log was cut back. */
export function outOfRange(topic: string, offset: number, extent: Extent, proved: boolean): LogError {
  const where = `Partition ${extent.partition} of ${topic} holds [${extent.first}, ${extent.end})`;
  if (proved && offset > extent.end)
    return new LogError('RECREATED', `${where}: it was cut back behind offset ${offset}.`, { extent });
  return new LogError('OUT_OF_RANGE', `${where}; ${offset} is not held.`, { extent });
}
