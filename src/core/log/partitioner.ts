/**
 * Where a keyed record goes: the partition that Kafka's own producers choose, so that events which Sluice writes and
 * events which others write under one key stay in one order.
 */

/** 32-bit murmur2 with Kafka's seed, as a signed integer (org.apache.kafka.common.utils.Utils.murmur2). */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  let h = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = at(data, i) | (at(data, i + 1) << 8) | (at(data, i + 2) << 16) | (at(data, i + 3) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length - i;
  if (rest >= 3) h ^= at(data, i + 2) << 16;
  if (rest >= 2) h ^= at(data, i + 1) << 8;
  if (rest >= 1) {
    h ^= at(data, i);
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}

/** The partition of a key among `partitions` (at least 1). An empty key is a key. */
export function murmur2Partition(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

function at(data: Uint8Array, index: number): number {
  return data[index] ?? 0;
}
