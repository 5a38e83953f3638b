/**
 * One live read of a product in a site. Each partition comes by one way at a time: from its owner, or from this node's own reading. To
 * change the way is to close one tail and open another at the position to which the first had come.
 */
import { asSluiceError, type SluiceError } from '../../errors.ts';
import type { Observe } from '../../observe.ts';
import type { Interest } from '../interest/index.ts';
import type { Placement, Scan, Source, SourceHandler, SourceTail, SourceTailOptions } from '../source.ts';
import type { StreamClock } from '../stream/index.ts';
import type { Distrust } from './distrust.ts';
import type { Siblings } from './siblings.ts';

export interface Ways {
  readonly own: Source;
  readonly siblings: Siblings;
  readonly distrust: Distrust;
  owner(partition: number): string;
  projection(): string | null;
  closed(tail: SiteTail): void;
  readonly clock: StreamClock;
  readonly observe: Observe;
}

/** What a live read carries, for people. */
export interface Carried {
  readonly product: string;
  /** How many the product has. */
  readonly partitions: number;
  /** By node, this one included: the partitions that come from it. */
  readonly from: Readonly<Record<string, readonly number[]>>;
  /** null: everything is wanted, or `entries` where the interest has come to that. */
  readonly interest: { readonly version: number; readonly entries: number | null } | null;
  /** For how long nothing was heard of the partition that has been silent longest. */
  readonly silentMs: number;
}

/** How often it is looked whether owners still speak. */
const LOOK_MS = 500;
/** An owner tells of each partition at least each second while the leader answers. */
const SILENT_MS = 2_500;
const RETRY_MS = 200;

/** The tail of one way, of the partitions that come by it. */
interface Way {
  readonly node: string;
  readonly source: Source;
  readonly partitions: readonly number[];
  tail: SourceTail | null;
}

interface Place {
  next: number;
  heardAt: number;
}

export class SiteTail implements SourceTail {
  readonly #ways: Ways;
  readonly #product: string;
  readonly #incarnation: string;
  readonly #handler: SourceHandler;
  readonly #interest: Interest | undefined;
  readonly #takesNew: boolean;
  readonly #places = new Map<number, Place>();
  /** By node. */
  readonly #open = new Map<string, Way>();
  /** As the nodes were when it was last asked for them. */
  readonly #owners = new Map<number, string>();
  #nodes: readonly string[] = [];
  readonly #cancelWatch: () => void;
  #cancelLook: () => void = () => {};
  #lookedAt: number;
  #count: number;
  #over = false;

  constructor(ways: Ways, product: string, from: Placement, handler: SourceHandler, options: SourceTailOptions) {
    const { partitions } = options;
    this.#interest = options.interest;
    this.#ways = ways;
    this.#product = product;
    this.#incarnation = from.incarnation;
    this.#handler = handler;
    this.#takesNew = partitions === undefined;
    this.#count = from.vector.length;
    const now = ways.clock.now();
    this.#lookedAt = now;
    for (const partition of partitions ?? from.vector.keys())
      this.#places.set(partition, { next: from.vector[partition] as number, heardAt: now });
    this.#cancelWatch = ways.siblings.watch(() => this.#settle());
    this.#settle();
    this.#lookLater();
  }

  get carried(): Carried {
    const now = this.#ways.clock.now();
    const heard = [...this.#places.values()].map(({ heardAt }) => now - heardAt);
    const covering = this.#interest?.covering ?? null;
    return {
      product: this.#product,
      partitions: this.#count,
      from: Object.fromEntries([...this.#open.values()].map(({ node, partitions }) => [node, partitions])),
      interest: covering === null ? null : { version: covering.version, entries: covering.lookups?.length ?? null },
      silentMs: Math.max(0, ...heard),
    };
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ways.closed(this);
    this.#cancelWatch();
    this.#cancelLook();
    for (const { tail } of this.#open.values()) tail?.close();
    this.#open.clear();
  }

  /** Brings every partition to the way that it is to come by now. */
  #settle(): void {
    if (this.#over) return;
    const wanted = Map.groupBy(this.#places.keys(), (partition) => this.#choose(partition));
    const self = this.#ways.siblings.self;
    for (const way of [...this.#open.values()]) {
      const partitions = wanted.get(way.node) ?? [];
      const source = way.node === self ? this.#ways.own : this.#ways.siblings.source(way.node);
      if (way.source === source && sameNumbers(way.partitions, partitions)) continue;
      this.#open.delete(way.node);
      way.tail?.close();
    }
    for (const [node, partitions] of wanted) {
      if (this.#over) return;
      if (!this.#open.has(node)) this.#begin(node, partitions);
    }
  }

  #owner(partition: number): string {
    const { nodes } = this.#ways.siblings;
    if (nodes !== this.#nodes) {
      this.#nodes = nodes;
      this.#owners.clear();
    }
    let owner = this.#owners.get(partition);
    if (owner === undefined) {
      owner = this.#ways.owner(partition);
      this.#owners.set(partition, owner);
    }
    return owner;
  }

  /** The owner where it can be had; meanwhile whoever it came from before; else this node itself. */
  #choose(partition: number): string {
    const { siblings, distrust } = this.#ways;
    const usable = (node: string): boolean =>
      node !== siblings.self && siblings.source(node) !== null && !distrust.holds(node, this.#product);
    const wanted = this.#owner(partition);
    if (wanted === siblings.self || usable(wanted)) return wanted;
    for (const { node, partitions } of this.#open.values())
      if (partitions.includes(partition) && usable(node)) return node;
    return siblings.self;
  }

  #begin(node: string, partitions: readonly number[]): void {
    const { siblings, own, clock } = this.#ways;
    const isOwn = node === siblings.self;
    const source = isOwn ? own : siblings.source(node);
    if (source === null) return;
    const way: Way = { node, source, partitions, tail: null };
    const isOpen = (): boolean => !this.#over && this.#open.get(node) === way;
    const vector = Array.from({ length: this.#count }, (_, partition) => this.#places.get(partition)?.next ?? 0);
    const now = clock.now();
    for (const partition of partitions) (this.#places.get(partition) as Place).heardAt = now;
    this.#open.set(node, way);
    const handler: SourceHandler = {
      scan: (scan) => {
        if (isOpen()) this.#scan(way, isOwn, scan);
      },
      grown: (count) => {
        if (isOpen()) this.#grown(count);
      },
      failed: (error) => {
        if (!isOpen()) return;
        if (isOwn) this.#fail(error);
        else this.#avoid(way, error.code);
      },
    };
    try {
      way.tail = source.tail(this.#product, { incarnation: this.#incarnation, vector }, handler, {
        partitions,
        ...(this.#interest === undefined ? {} : { interest: this.#interest }),
      });
    } catch (thrown) {
      // Not from within tail(): its caller has no tail yet.
      const error = asSluiceError(thrown);
      clock.after(0, () => handler.failed(error));
    }
  }

  #scan(way: Way, isOwn: boolean, scan: Scan): void {
    const place = this.#places.get(scan.partition);
    if (place === undefined) return;
    if (!isOwn && scan.from !== place.next)
      return this.#avoid(way, 'a scan that does not go on where the last one ended');
    if (!isOwn && scan.projection !== this.#ways.projection())
      return this.#avoid(way, 'events of another version of the contract');
    place.heardAt = this.#ways.clock.now();
    place.next = scan.to;
    this.#handler.scan(scan);
  }

  #avoid({ node }: Way, why: string): void {
    const { distrust, observe, siblings } = this.#ways;
    const forMs = distrust.add(node, this.#product);
    observe.warn('a node is not read from for a while', { product: this.#product, node, why, forMs });
    observe.counter('sluice_site_avoided_total').add(1);
    if (siblings.self !== node) this.#settle();
  }

  #fail(error: SluiceError): void {
    this.close();
    this.#handler.failed(error);
  }

  #grown(count: number): void {
    if (count <= this.#count) return;
    const before = this.#count;
    this.#count = count;
    this.#handler.grown(count);
    if (this.#takesNew) void this.#take(before, count);
  }

  /** New partitions, from their first offsets on. */
  async #take(from: number, to: number): Promise<void> {
    const { own, clock } = this.#ways;
    while (!this.#over) {
      try {
        const { incarnation, first } = await own.extent(this.#product);
        // Another incarnation: whoever reads is told.
        if (this.#over || incarnation !== this.#incarnation) return;
        if (first.length >= to) {
          for (let partition = from; partition < to; partition += 1)
            this.#places.set(partition, { next: first[partition] as number, heardAt: clock.now() });
          return this.#settle();
        }
      } catch (thrown) {
        const error = asSluiceError(thrown);
        if (error.code !== 'UNAVAILABLE') return this.#over ? undefined : this.#fail(error);
      }
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
    }
  }

  #lookLater(): void {
    this.#cancelLook = this.#ways.clock.after(LOOK_MS, () => {
      this.#look();
      if (!this.#over) this.#lookLater();
    });
  }

  /** Owners that have fallen silent are not waited for; those that were avoided long enough are tried again. */
  #look(): void {
    const now = this.#ways.clock.now();
    // Where this process itself stood still, nobody was silent.
    const stoodStill = now - this.#lookedAt > SILENT_MS;
    this.#lookedAt = now;
    for (const way of [...this.#open.values()]) {
      if (way.node === this.#ways.siblings.self) continue;
      const places = way.partitions.map((partition) => this.#places.get(partition) as Place);
      if (stoodStill) for (const place of places) place.heardAt = now;
      else if (places.some(({ heardAt }) => now - heardAt > SILENT_MS)) this.#avoid(way, 'it is silent');
    }
    this.#settle();
  }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}
