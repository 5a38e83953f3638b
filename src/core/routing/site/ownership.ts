/**
 * Who owns a partition: rendezvous hashing. Each node gives the partition a weight of its own, and the heaviest owns it; so whoever
 * comes takes only what is theirs, and what whoever goes had is spread over all who stay.
 */
import { hash } from 'node:crypto';

/** The owner of a product's partition among nodes, in any order and at least one. Ties go to the first id in code unit order. */
export function ownerOf(product: string, partition: number, nodes: readonly string[]): string {
  let owner = '';
  let most = '';
  for (const node of nodes) {
    const weight = hash('sha256', `${node}\n${partition}\n${product}`, 'hex');
    if (weight < most || (weight === most && node > owner)) continue;
    owner = node;
    most = weight;
  }
  return owner;
}
