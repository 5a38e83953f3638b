/** One end that was promised everything that it wants of a shared tail from its placement on. */
import { asSluiceError, SluiceError } from '../../errors.ts';
import { type Covering, Wanted } from '../interest/index.ts';
import type { Placement, Scan, Source } from '../source.ts';
import { type EncodedScan, encodeScan, trimScan } from './scan.ts';
import type { Reply, Serving } from './wire.ts';

const RETRY_MS = 200;
const READ_BYTES = 262_144;

export interface Plant {
  readonly source: Source;
  readonly wait: (ms: number) => Promise<void>;
  read<T>(task: () => Promise<T>): Promise<T>;
}

/** The shared tail that it follows. */
interface Followed {
  readonly product: string;
  readonly incarnation: string;
  /** undefined: all. */
  readonly partitions: readonly number[] | undefined;
  /** Per partition the position up to which it has told. */
  readonly to: readonly number[];
  /** How many partitions there are, as far as it was told. */
  readonly count: number;
  add(follower: Follower): void;
  remove(follower: Follower): void;
}

interface Place {
  /** All before it has been sent. */
  next: number;
  credit: number;
  /** It is sent what the tail tells; else it is read for out of the log. */
  live: boolean;
  reading: boolean;
}

export interface FollowerOptions {
  readonly tail: Followed;
  readonly plant: Plant;
  readonly from: Placement;
  /** What is left out where it is not wanted; null: nothing. */
  readonly interest: Covering | null;
  readonly credit: number;
  readonly reply: Reply;
  /** It is over, whoever ended it. */
  readonly ended: () => void;
}

export class Follower implements Serving {
  readonly #tail: Followed;
  readonly #plant: Plant;
  readonly #reply: Reply;
  readonly #credit: number;
  readonly #ended: () => void;
  #wanted: Wanted | null;
  readonly #places = new Map<number, Place>();
  /** Partitions that the tail knew when this one joined: later ones are told from their first scan on. */
  readonly #known: number;
  #grown: number;
  #over = false;

  constructor({ tail, plant, from, interest, credit, reply, ended }: FollowerOptions) {
    this.#tail = tail;
    this.#plant = plant;
    this.#reply = reply;
    this.#credit = credit;
    this.#ended = ended;
    this.#wanted = interest === null ? null : new Wanted(interest);
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
    const mine = this.#mine(from < place.next ? trimScan(scan, place.next) : scan);
    for (const piece of mine === scan ? encoded() : encodeScan(mine)) {
      if (place.credit <= 0 || this.#reply.full) {
        place.live = false;
        return;
      }
      this.#send(place, piece);
    }
  }

  /** From the next scan on. A version that comes late, after a newer one, changes nothing. */
  want(interest: Covering): void {
    if (this.#wanted === null || interest.version > this.#wanted.version) this.#wanted = new Wanted(interest);
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
    this.#ended();
  }

  /** Without what is not wanted; one that keeps everything covers every interest, and is made into bytes once for all. */
  #mine(scan: Scan): Scan {
    if (this.#wanted === null || scan.events.length === 0) return scan;
    const events = this.#wanted.of(scan.events);
    if (events === scan.events) return scan;
    const bytes = Math.ceil((scan.bytes * events.length) / scan.events.length);
    return { ...scan, events, bytes, interest: this.#wanted.version };
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
        for (const piece of encodeScan(this.#mine(scan))) {
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
