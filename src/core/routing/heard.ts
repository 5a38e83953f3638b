/** What live tails last heard of a product's partitions: lets a resume be checked without asking the log. */
import type { Placement, Vector } from './source.ts';

/** One tail's part in it: the partitions that it reads. */
export interface Hearing {
  scanned(partition: number, first: number, to: number): void;
  grown(partitions: number): void;
  /** The position up to which the partition has been read. */
  at(partition: number): number;
  end(): void;
}

interface Heard {
  readonly digest: string;
  /** Per partition; nothing lies in [Infinity, -1], where nobody reads. */
  readonly first: number[];
  readonly to: number[];
  tails: number;
}

const UNREAD = { first: Number.POSITIVE_INFINITY, to: -1 };

export class HeardOf {
  readonly #products = new Map<string, Heard>();

  /** Whether each of these positions, one for every partition, is held, as the tails know. */
  holds(product: string, incarnation: string, vector: Vector): boolean {
    const heard = this.#products.get(product);
    return (
      heard !== undefined &&
      heard.digest === incarnation &&
      heard.to.length === vector.length &&
      vector.every((next, p) => next >= (heard.first[p] as number) && next <= (heard.to[p] as number))
    );
  }

  begin(product: string, from: Placement, partitions: readonly number[]): Hearing {
    const before = this.#products.get(product);
    const heard: Heard =
      before?.digest === from.incarnation ? before : { digest: from.incarnation, first: [], to: [], tails: 0 };
    const mine = new Map(partitions.map((partition) => [partition, from.vector[partition] as number]));
    const grow = (count: number): void => {
      while (heard.to.length < count) {
        heard.first.push(UNREAD.first);
        heard.to.push(UNREAD.to);
      }
    };
    grow(from.vector.length);
    this.#products.set(product, heard);
    heard.tails += 1;
    return {
      scanned: (partition, first, to) => {
        grow(partition + 1);
        mine.set(partition, to);
        heard.first[partition] = first;
        // Another tail may be ahead.
        heard.to[partition] = Math.max(heard.to[partition] as number, to);
      },
      grown: grow,
      at: (partition) => mine.get(partition) ?? 0,
      end: () => {
        heard.tails -= 1;
        if (heard.tails === 0 && this.#products.get(product) === heard) this.#products.delete(product);
        for (const partition of mine.keys()) {
          heard.first[partition] = UNREAD.first;
          heard.to[partition] = UNREAD.to;
        }
      },
    };
  }
}
