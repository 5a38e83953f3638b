/** What tells a repetition of a request from another one. */
import { createHash } from 'node:crypto';
import type { StreamEvent } from './ports.ts';

/** Of one application and product; nobody else's key is the same, and what partners call their requests is not stored. */
export function onceKey(application: string, product: string, key: string): string {
  return createHash('sha256')
    .update(JSON.stringify([application, product, key]))
    .digest('base64url');
}

/**
 * Of the data as they were given: a contract that changes between two attempts may derive or add something, and the request is the
 * same. Not of traces, which are new with each attempt, and not of ids and sources, which are not kept.
 */
export function onceDigest(events: readonly StreamEvent[]): string {
  const hash = createHash('sha256');
  for (const { data } of events) hash.update(`${ordered(data)}\n`);
  return hash.digest('base64url');
}

/** JSON text in which the order of members does not matter. The data have been checked: they are no deeper than their contract. */
function ordered(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(ordered).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${ordered(member)}`).join(',')}}`;
}
