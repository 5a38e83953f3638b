import { createHash } from 'node:crypto';
import type { Incarnation } from '../log/index.ts';

/**
 * What a cursor and a scan carry of an incarnation: 64 bits of SHA-256, base64url. Enough to tell one life of a Kafka topic
 * from another, and it shows a partner nothing of the cluster.
 */
export function incarnationDigest(incarnation: Incarnation): string {
  return createHash('sha256')
    .update(`${incarnation.cluster}\n${incarnation.topic}`)
    .digest()
    .subarray(0, 8)
    .toString('base64url');
}
