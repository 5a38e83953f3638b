/**
 * The live tails of a source as many ends want them: one tail per product and incarnation, whose scans are made into bytes once. Who
 * stands behind it, because it was placed there or because it does not read, is told the missing range out of the log, exactly, and then
 * goes on with the others. Nothing is kept for anybody: who is behind is a position.
 */
import { asSluiceError, SluiceError } from '../../errors.ts';
import type { Covering } from '../interest/index.ts';
import type { Placement, Scan, Source, SourceHandler, SourceTail } from '../source.ts';
import { Follower } from './follower.ts';
import { type EncodedScan, encodeScan } from './scan.ts';
import type { Reply } from './wire.ts';

/** Ranges that are read at a time for those who are behind, over all channels. */
const MAX_READS = 16;

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
  join(asked: AskedTail, reply: Reply, ended: () => void): Follower {
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
    const { credit, interest = null } = asked;
    return new Follower({ tail, plant, from, interest, credit, reply, ended });
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
  /** null: everything. */
  readonly interest?: Covering | null;
  /** Bytes of each partition that may be sent before more is granted. */
  readonly credit: number;
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
    this.#tail = source.tail(product, from, handler, partitions === undefined ? {} : { partitions });
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
