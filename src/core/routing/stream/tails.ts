/**
 * The live tails of a source as many ends want them: one tail per product and incarnation, whose scans are made into bytes once. Who
 * stands behind it, because it was placed there or because it does not read, is told the missing range out of the log, exactly, and then
 * goes on with the others. Nothing is kept for anybody: who is behind is a position.
 */
import { asSluiceError, SluiceError } from '../../errors.ts';
import type { Placement, Scan, Source, SourceHandler, SourceTail } from '../source.ts';
import { type EncodedScan, encodeScan, trimScan } from './scan.ts';
import type { Reply, Serving } from './wire.ts';

const RETRY_MS = 200;
/** Ranges that are read at a time for those who are behind, over all channels. */
const MAX_READS = 16;
const READ_BYTES = 262_144;

export class SharedTails {
  readonly #source: Source;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #tails = new Map<string, SharedTail>();
  #reads = 0;
  readonly #queue: (() => void)[] = [];

  constructor(source: Source, wait: (ms: number) => Promise<void>) {
    this.#source = source;
    this.#wait = wait;
  }

  /** Errors: as Source.tail; BAD_REQUEST where the placement does not have a partition that is asked for. */
  join(asked: AskedTail, reply: Reply): Serving {
    const { product, from } = asked;
    const partitions = asked.partitions?.toSorted((a, b) => a - b);
    if (partitions?.some((partition) => partition >= from.vector.length))
      throw new SluiceError('BAD_REQUEST', 'A placement does not have every partition of its tail.');
    const key = [product, from.incarnation, ...(partitions ?? [])].join('\n');
    let tail = this.#tails.get(key);
    if (tail === undefined) {
      const opened = new SharedTail(this.#source, product, from, partitions, () => {
        if (this.#tails.get(key) === opened) this.#tails.delete(key);
      });
      this.#tails.set(key, opened);
      tail = opened;
    }
    const plant = { source: this.#source, wait: this.#wait, read: <T>(task: () => Promise<T>) => this.#read(task) };
    return new Follower(tail, plant, from, asked.credit, reply);
  }

  /** In order of asking, a bounded number at a time. */
  async #read<T>(task: () => Promise<T>): Promise<T> {
    if (this.#reads >= MAX_READS) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#reads += 1;
    try {
      return await task();
    } finally {
      this.#reads -= 1;
      this.#queue.shift()?.();
    }
  }
}

interface AskedTail {
  readonly product: string;
  readonly from: Placement;
  /** undefined: all, and those that come. */
  readonly partitions?: readonly number[] | undefined;
  /** Bytes of each partition that may be sent before more is granted. */
  readonly credit: number;
}

interface Plant {
  readonly source: Source;
  readonly wait: (ms: number) => Promise<void>;
  read<T>(task: () => Promise<T>): Promise<T>;
}

class SharedTail {
  readonly product: string;
  readonly incarnation: string;
  /** undefined: all. */
  readonly partitions: readonly number[] | undefined;
  /** Per partition the position up to which it has told. */
  readonly to: number[];
  /** How many partitions there are, as far as it was told. */
  count: number;
  readonly #followers = new Set<Follower>();
  readonly #tail: SourceTail;
  readonly #ended: () => void;

  constructor(
    source: Source,
    product: string,
    from: Placement,
    partitions: readonly number[] | undefined,
    ended: () => void,
  ) {
    this.product = product;
    this.incarnation = from.incarnation;
    this.partitions = partitions;
    this.to = [...from.vector];
    this.count = from.vector.length;
    this.#ended = ended;
    const handler: SourceHandler = {
      scan: (scan) => this.#scan(scan),
      grown: (count) => {
        this.count = count;
        for (const follower of this.#followers) follower.grown(count);
      },
      failed: (error) => {
        ended();
        for (const follower of [...this.#followers]) follower.fail(error);
      },
    };
    this.#tail = source.tail(product, from, handler, partitions);
  }

  add(follower: Follower): void {
    this.#followers.add(follower);
  }

  remove(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    this.#tail.close();
    this.#ended();
  }

  #scan(scan: Scan): void {
    this.to[scan.partition] = scan.to;
    let encoded: readonly EncodedScan[] | null = null;
    for (const follower of [...this.#followers]) {
      try {
        follower.offer(scan, () => {
          encoded ??= encodeScan(scan);
          return encoded;
        });
      } catch (thrown) {
        follower.fail(asSluiceError(thrown));
      }
    }
  }
}

interface Place {
  /** All before it has been sent. */
  next: number;
  credit: number;
  /** It is sent what the tail tells; else it is read for out of the log. */
  live: boolean;
  reading: boolean;
}

/** One who was promised everything from its placement on. */
class Follower implements Serving {
  readonly #tail: SharedTail;
  readonly #plant: Plant;
  readonly #reply: Reply;
  readonly #credit: number;
  readonly #places = new Map<number, Place>();
  /** Partitions that the tail knew when this one joined: later ones are told from their first scan on. */
  readonly #known: number;
  #grown: number;
  #over = false;

  constructor(tail: SharedTail, plant: Plant, from: Placement, credit: number, reply: Reply) {
    this.#tail = tail;
    this.#plant = plant;
    this.#reply = reply;
    this.#credit = credit;
    this.#grown = from.vector.length;
    this.#known = Math.max(tail.to.length, this.#grown);
    for (const partition of tail.partitions ?? from.vector.keys()) this.#begin(partition, from.vector[partition] ?? 0);
    tail.add(this);
    if (tail.partitions !== undefined) this.grown(tail.count);
    else if (this.#known > this.#grown) void this.#learn();
    this.resume();
  }

  /** What the tail tells; `encoded` makes its bytes at the first who needs them. */
  offer(scan: Scan, encoded: () => readonly EncodedScan[]): void {
    const { partition, from, to } = scan;
    const place = this.#places.get(partition) ?? (partition < this.#known ? null : this.#begin(partition, from));
    // One whose first offset is being asked for.
    if (place === null) return;
    if (!place.live) this.#read(partition, place);
    // Placed ahead of the tail.
    if (!place.live || to < place.next || (to === place.next && from < to)) return;
    if (from > place.next) {
      place.live = false;
      return this.#read(partition, place);
    }
    if (from === to && (place.credit <= 0 || this.#reply.full)) return;
    for (const piece of from < place.next ? encodeScan(trimScan(scan, place.next)) : encoded()) {
      if (place.credit <= 0 || this.#reply.full) {
        place.live = false;
        return;
      }
      this.#send(place, piece);
    }
  }

  grown(partitions: number): void {
    if (this.#over || partitions <= this.#grown) return;
    this.#grown = partitions;
    this.#reply.tell({ grown: partitions });
  }

  fail(error: SluiceError): void {
    if (this.#over) return;
    this.#reply.refuse(error);
    this.cancel();
  }

  credit(partition: number, bytes: number): void {
    const place = this.#places.get(partition);
    if (place === undefined) return;
    place.credit = Math.min(this.#credit, place.credit + bytes);
    this.#read(partition, place);
  }

  resume(): void {
    for (const [partition, place] of this.#places) this.#read(partition, place);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#tail.remove(this);
  }

  #begin(partition: number, next: number): Place {
    const place = { next, credit: this.#credit, live: false, reading: false };
    this.#places.set(partition, place);
    return place;
  }

  /** Partitions that the tail knows and the placement does not begin at their first offsets. */
  async #learn(): Promise<void> {
    while (!this.#over) {
      try {
        const { incarnation, first } = await this.#plant.source.extent(this.#tail.product);
        if (incarnation !== this.#tail.incarnation) return this.fail(new SluiceError('SOURCE_RESET'));
        if (first.length >= this.#known) {
          this.grown(first.length);
          for (const [partition, next] of first.entries())
            if (!this.#places.has(partition)) this.#begin(partition, next);
          return this.resume();
        }
      } catch (thrown) {
        const error = asSluiceError(thrown);
        if (error.code !== 'UNAVAILABLE') return this.fail(error);
      }
      await this.#plant.wait(RETRY_MS);
    }
  }

  #send(place: Place, piece: EncodedScan): void {
    this.#reply.scan(piece.body);
    place.credit -= piece.body.length;
    place.next = piece.to;
  }

  /** Brings a partition up to the tail; it is live once nothing lies between. */
  #read(partition: number, place: Place): void {
    if (this.#over || place.live || place.reading) return;
    if (place.next >= (this.#tail.to[partition] ?? 0)) {
      place.live = true;
      return;
    }
    if (place.credit <= 0 || this.#reply.full) return;
    place.reading = true;
    this.#plant
      .read(() => this.#catchUp(partition, place))
      .catch((thrown: unknown) => this.fail(asSluiceError(thrown)))
      .finally(() => {
        place.reading = false;
        this.#read(partition, place);
      });
  }

  async #catchUp(partition: number, place: Place): Promise<void> {
    const { product, incarnation } = this.#tail;
    const before = place.next;
    const to = this.#tail.to[partition] as number;
    const stops = (): boolean => this.#over || place.credit <= 0 || this.#reply.full;
    if (stops()) return;
    try {
      const options = { maxBytes: READ_BYTES };
      for await (const scan of this.#plant.source.range(product, incarnation, partition, before, to, options)) {
        for (const piece of encodeScan(scan)) {
          if (stops()) return;
          this.#send(place, piece);
        }
        if (stops()) return;
      }
    } catch (thrown) {
      if (asSluiceError(thrown).code !== 'UNAVAILABLE') throw thrown;
    }
    // Not there yet: unreachable, or read from a replica that has not heard of it.
    if (place.next === before && !this.#over) await this.#plant.wait(RETRY_MS);
  }
}
