/**
 * The source of one node in a site of several: each partition is read live by its owner alone, who hands its scans to the nodes that
 * want them. Whatever cannot be had from the owner, now or in the form that is needed here, this node reads for itself: that costs
 * bandwidth, and neither events nor order, since every scan says where it begins.
 */
import type { Observe } from '../../observe.ts';
import type { Source } from '../source.ts';
import type { StreamClock } from '../stream/index.ts';
import { Distrust } from './distrust.ts';
import { ownerOf } from './ownership.ts';
import type { Siblings } from './siblings.ts';
import { type Carried, SiteTail } from './site-tail.ts';

export interface SiteSourceOptions {
  /** This node's own reading, shared. */
  readonly own: Source;
  readonly siblings: Siblings;
  /** The digest of the contract in force here under a product: scans of another projection are of no use. */
  readonly projection: (product: string) => string | null;
  readonly clock: StreamClock;
  readonly observe: Observe;
}

export interface SiteSource extends Source {
  /** What its live reads carry now. */
  carried(): readonly Carried[];
}

export function createSiteSource({ own, siblings, projection, clock, observe }: SiteSourceOptions): SiteSource {
  const distrust = new Distrust(clock);
  const tails = new Set<SiteTail>();
  return {
    // Nothing of this is shared: each node asks the log.
    place: (product, origin) => own.place(product, origin),
    extent: (product) => own.extent(product),
    range: (product, incarnation, partition, from, to, options) =>
      own.range(product, incarnation, partition, from, to, options),
    append: (product, events) => own.append(product, events),
    appendOnce: (product, events, once) => own.appendOnce(product, events, once),
    tail(product, from, handler, options = {}) {
      const ways = {
        own,
        siblings,
        distrust,
        owner: (partition: number) => ownerOf(product, partition, siblings.nodes),
        projection: () => projection(product),
        closed: (tail: SiteTail) => tails.delete(tail),
        clock,
        observe,
      };
      const tail = new SiteTail(ways, product, from, handler, options);
      tails.add(tail);
      return tail;
    },
    carried: () => [...tails].map((tail) => tail.carried),
  };
}
