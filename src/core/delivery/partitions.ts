/** The partitions of a feed: each one's part of the window, those that came before they could be placed, and where later ones begin. */
import type { Scan, Vector } from '../routing/index.ts';
import { Ring } from './window.ts';

export class Partitions {
  /** Index = partition, without holes. */
  readonly rings: Ring[] = [];
  /** Partitions in which something arrived since the last drain. */
  readonly dirty = new Set<number>();
  /** Those that came while one before them is not known yet: vectors have no holes. */
  readonly #early = new Map<number, Ring>();
  /** First positions of those that the feed did not open with. */
  readonly #born = new Map<number, number>();

  /** Every ring, for whoever lets go of them. */
  get all(): readonly Ring[] {
    return [...this.rings, ...this.#early.values()];
  }

  open(from: Vector): void {
    for (const position of from) this.rings.push(new Ring(position));
  }

  /** The ring that the scan belongs to, and null where it brings nothing new. A partition that was not known begins with it. */
  receive(scan: Scan): Ring | null {
    const { partition, from, to } = scan;
    const known = this.rings[partition] ?? this.#early.get(partition);
    if (known !== undefined && to <= known.head) return null;
    this.dirty.add(partition);
    return known ?? this.#begin(partition, from);
  }

  /** The source told that there are so many, and was asked where each begins. */
  grow(partitions: number, first: Vector): void {
    for (let partition = this.rings.length; partition < partitions; partition++) {
      const position = first[partition];
      if (position === undefined || this.#early.has(partition)) continue;
      this.#begin(partition, position);
      this.dirty.add(partition);
    }
  }

  /** Appends the first positions of those that can be placed now to the live edge. */
  absorb(edge: number[]): void {
    for (let next = this.rings.length; this.#early.has(next); next++) {
      this.rings.push(this.#early.get(next) as Ring);
      this.#early.delete(next);
      edge.push(this.#born.get(next) as number);
      this.dirty.add(next);
    }
  }

  /** First positions held, for vectors from before partitions with which the feed opened. */
  learn(first: Vector): void {
    for (const [partition, position] of first.entries()) {
      if (!this.#born.has(partition)) this.#born.set(partition, position);
    }
  }

  /** The vector with the first positions of partitions that it does not have, up to `count`; null where one is not known. */
  extend(vector: Vector, count: number): Vector | null {
    const extended = [...vector];
    while (extended.length < count) {
      const first = this.#born.get(extended.length);
      if (first === undefined) return null;
      extended.push(first);
    }
    return extended;
  }

  #begin(partition: number, position: number): Ring {
    const ring = new Ring(position);
    this.#early.set(partition, ring);
    this.#born.set(partition, position);
    return ring;
  }
}
