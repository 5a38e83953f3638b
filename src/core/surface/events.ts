/** What events are called outside GraphQL: the names that CloudEvents and AsyncAPI documents share. */
import type { Contract } from '../contract/index.ts';

/** The CloudEvents `type`: `acme.orders.OrderEvent.v1`. It changes with the major version only. */
export function eventTypeOf({ tenant, domain, name, typeName, major }: Contract): string {
  const owner = tenant ?? domain;
  // From the second major on the type's name ends in it.
  const base = major > 1 && typeName.endsWith(`V${major}`) ? typeName.slice(0, -`V${major}`.length) : typeName;
  return [...(owner === null ? [] : [owner]), name, `${base}Event`, `v${major}`].join('.');
}

/** Where a product's stream is, below the gateway's address. */
export function streamPath(product: string): string {
  return `/v1/streams/${product}`;
}

/** The CloudEvents `source` less the partition's number, which follows: with `id` it tells every event from every other. */
export function partitionSource(product: string): string {
  return `${streamPath(product)}/partitions/`;
}
