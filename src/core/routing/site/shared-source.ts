/**
 * A source whose live reads are shared: however many tails want a partition, in this process or over channels, it is read and projected
 * once. Whoever begins behind the shared read is told the missing range out of the log, exactly, and then goes on with the others.
 */
import { asSluiceError, SluiceError } from '../../errors.ts';
import type { Placement, Scan, Source, SourceHandler, SourceTail } from '../source.ts';
import { trimScan } from '../stream/scan.ts';

const RETRY_MS = 200;
const READ_BYTES = 262_144;

/** `wait` resolves after so many milliseconds: the core has no timer. */
export function shareTails(source: Source, wait: (ms: number) => Promise<void>): Source {
  const lanes = new Map<string, Lane>();
  const plant: Plant = {
    source,
    wait,
    lane(product, from, partition) {
      const key = `${product}\n${from.incarnation}\n${partition}`;
      const open = lanes.get(key);
      if (open !== undefined) return open;
      const lane = new Lane(source, product, from, partition, () => {
        if (lanes.get(key) === lane) lanes.delete(key);
      });
      lanes.set(key, lane);
      return lane;
    },
  };
  return {
    place: (product, origin) => source.place(product, origin),
    extent: (product) => source.extent(product),
    range: (product, incarnation, partition, from, to, options) =>
      source.range(product, incarnation, partition, from, to, options),
    append: (product, events) => source.append(product, events),
    appendOnce: (product, events, once) => source.appendOnce(product, events, once),
    tail(product, from, handler, { partitions } = {}) {
      const tail = new SharedTail(plant, product, from, handler, partitions === undefined);
      for (const partition of partitions ?? from.vector.keys()) tail.begin(partition, from.vector[partition] as number);
      return tail;
    },
  };
}

interface Plant {
  readonly source: Source;
  readonly wait: (ms: number) => Promise<void>;
  lane(product: string, from: Placement, partition: number): Lane;
}

/** The one live read of a partition. */
class Lane {
  /** All before it has been told. */
  to: number;
  /** How many partitions there are, as far as it was told. */
  #count = 0;
  readonly #tails = new Set<SharedTail>();
  readonly #tail: SourceTail;
  readonly #ended: () => void;

  constructor(source: Source, product: string, from: Placement, partition: number, ended: () => void) {
    this.to = from.vector[partition] as number;
    this.#ended = ended;
    const handler: SourceHandler = {
      scan: (scan) => {
        this.to = scan.to;
        for (const tail of [...this.#tails]) tail.offer(scan);
      },
      grown: (partitions) => {
        this.#count = partitions;
        for (const tail of [...this.#tails]) tail.grown(partitions);
      },
      failed: (error) => {
        ended();
        for (const tail of [...this.#tails]) tail.fail(error);
      },
    };
    this.#tail = source.tail(product, from, handler, { partitions: [partition] });
  }

  add(tail: SharedTail): void {
    this.#tails.add(tail);
    // One that was placed before the growth; not from within tail().
    if (this.#count > 0) queueMicrotask(() => tail.grown(this.#count));
  }

  remove(tail: SharedTail): void {
    this.#tails.delete(tail);
    if (this.#tails.size > 0) return;
    this.#tail.close();
    this.#ended();
  }
}

interface Place {
  readonly lane: Lane;
  /** All before it has been told. */
  next: number;
  /** It is told what the lane tells; else it is read for out of the log. */
  live: boolean;
}

/** One who was promised everything from its placement on. */
class SharedTail implements SourceTail {
  readonly #plant: Plant;
  readonly #product: string;
  readonly #from: Placement;
  readonly #handler: SourceHandler;
  readonly #takesNew: boolean;
  readonly #places = new Map<number, Place>();
  #count: number;
  #over = false;

  constructor(plant: Plant, product: string, from: Placement, handler: SourceHandler, takesNew: boolean) {
    this.#plant = plant;
    this.#product = product;
    this.#from = from;
    this.#handler = handler;
    this.#takesNew = takesNew;
    this.#count = from.vector.length;
  }

  begin(partition: number, next: number): void {
    const vector = [...this.#from.vector];
    vector[partition] = next;
    const lane = this.#plant.lane(this.#product, { incarnation: this.#from.incarnation, vector }, partition);
    // One ahead of the lane waits until that has come so far.
    const place = { lane, next, live: next >= lane.to };
    this.#places.set(partition, place);
    lane.add(this);
    if (!place.live) void this.#catchUp(partition, place);
  }

  offer(scan: Scan): void {
    const { partition, from, to } = scan;
    const place = this.#places.get(partition);
    if (this.#over || place === undefined || !place.live) return;
    if (to < place.next || (to === place.next && from < to)) return;
    this.#tell(place, from < place.next ? trimScan(scan, place.next) : scan);
  }

  grown(partitions: number): void {
    if (this.#over || partitions <= this.#count) return;
    const before = this.#count;
    this.#count = partitions;
    this.#handler.grown(partitions);
    if (this.#takesNew) void this.#take(before, partitions);
  }

  fail(error: SluiceError): void {
    if (this.#over) return;
    this.close();
    this.#handler.failed(error);
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    for (const { lane } of this.#places.values()) lane.remove(this);
  }

  #tell(place: Place, scan: Scan): void {
    place.next = scan.to;
    this.#handler.scan(scan);
  }

  /** New partitions, from their first offsets on. */
  async #take(from: number, to: number): Promise<void> {
    while (!this.#over) {
      try {
        const { incarnation, first } = await this.#plant.source.extent(this.#product);
        if (this.#over) return;
        if (incarnation !== this.#from.incarnation) return this.fail(new SluiceError('SOURCE_RESET'));
        if (first.length >= to) {
          for (let partition = from; partition < to; partition += 1) this.begin(partition, first[partition] as number);
          return;
        }
      } catch (thrown) {
        const error = asSluiceError(thrown);
        if (error.code !== 'UNAVAILABLE') return this.fail(error);
      }
      await this.#plant.wait(RETRY_MS);
    }
  }

  /** Out of the log until nothing lies between this one and the lane. */
  async #catchUp(partition: number, place: Place): Promise<void> {
    const { source, wait } = this.#plant;
    const options = { maxBytes: READ_BYTES };
    while (!this.#over && place.next < place.lane.to) {
      const before = place.next;
      try {
        const { incarnation } = this.#from;
        for await (const scan of source.range(this.#product, incarnation, partition, before, place.lane.to, options)) {
          if (this.#over) return;
          this.#tell(place, scan);
        }
      } catch (thrown) {
        const error = asSluiceError(thrown);
        if (error.code !== 'UNAVAILABLE') return this.fail(error);
      }
      // Not there yet: unreachable, or read from a replica that has not heard of it.
      if (place.next === before && !this.#over) await wait(RETRY_MS);
    }
    place.live = true;
  }
}
