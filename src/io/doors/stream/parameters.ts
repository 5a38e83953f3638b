/** The parameters of a URL: each once, and none that means nothing. */
import { SluiceError } from '../../../core/errors.ts';
import { parseDuration } from '../../../core/surface/index.ts';
import type { StreamOperation } from '../../../core/view/index.ts';

const VIEW = ['topic', 'where', 'fields', 'after', 'since', 'last'] as const;
const POLICY = ['onLag', 'heartbeat', 'access_token'] as const;
const STREAM = [...VIEW, ...POLICY] as const;
/** Fields differ from product to product. */
const STREAMS = ['topic', 'products', 'after', 'since', 'last', ...POLICY] as const;
const HISTORY = [...VIEW, 'limit'] as const;

const LEAST_HEARTBEAT_MS = 1_000;
const MOST_HEARTBEAT_MS = 60_000;
const HEARTBEAT_MS = 10_000;
export const MOST_EVENTS = 1_000;
const EVENTS = 100;

export interface AskedStream {
  readonly operation: StreamOperation;
  readonly heartbeatMs: number;
}

/**
 * `product`: '' for several. `lastEventId`: where an EventSource goes on; it goes before any position of the URL. Errors: BAD_REQUEST
 * naming the parameter.
 */
export function readStreamUrl(product: string, url: URL, lastEventId: string | null): AskedStream {
  const given =
    product === '' ? { ...read(url, STREAMS), where: null, fields: null } : { ...read(url, STREAM), products: null };
  const position = lastEventId === null ? given : { ...given, after: lastEventId, since: null, last: null };
  const { onLag, products } = given;
  return {
    operation: { ...operationOf(product === '' ? null : product, position), products, use: 'subscribe', onLag },
    heartbeatMs: readHeartbeat(given.heartbeat),
  };
}

/** `limit`: events of one answer. Errors: BAD_REQUEST naming the parameter. */
export function readHistoryUrl(
  product: string,
  url: URL,
): { readonly operation: StreamOperation; readonly limit: number } {
  const given = read(url, HISTORY);
  const limit = given.limit === null ? EVENTS : /^\d{1,5}$/.test(given.limit) ? Number(given.limit) : 0;
  if (limit < 1 || limit > MOST_EVENTS) throw bad('limit', `from 1 to ${MOST_EVENTS}.`);
  return { operation: { ...operationOf(product, given), use: 'query', onLag: null }, limit };
}

/** Whether each event of a batch is to have a result of its own. Errors: BAD_REQUEST naming the parameter. */
export function readPublishUrl(url: URL): { readonly isPartial: boolean } {
  const { partial } = read(url, ['partial']);
  if (partial !== null && partial !== 'true' && partial !== 'false') throw bad('partial', 'true or false.');
  return { isPartial: partial === 'true' };
}

function operationOf(
  stream: string | null,
  { topic, where, fields, after, since, last }: Readonly<Record<(typeof VIEW)[number], string | null>>,
): Omit<StreamOperation, 'use' | 'onLag'> {
  return { stream, topic, where, fields, after, since, last };
}

function read<Name extends string>(
  { searchParams }: URL,
  names: readonly Name[],
): Readonly<Record<Name, string | null>> {
  const known: ReadonlySet<string> = new Set(names);
  const given = new Map<string, string>();
  for (const [name, value] of searchParams) {
    if (!known.has(name)) throw bad(name.slice(0, 100), `there is no such parameter; there are ${names.join(', ')}.`);
    if (given.has(name)) throw bad(name, 'it stands here twice.');
    given.set(name, value);
  }
  return Object.fromEntries(names.map((name) => [name, given.get(name) ?? null])) as Record<Name, string | null>;
}

/** ISO 8601, or seconds. */
function readHeartbeat(text: string | null): number {
  if (text === null) return HEARTBEAT_MS;
  const ms = /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) * 1_000 : parseDuration(text);
  if (ms === null || ms < LEAST_HEARTBEAT_MS || ms > MOST_HEARTBEAT_MS)
    throw bad('heartbeat', 'a duration from PT1S to PT60S, or seconds from 1 to 60.');
  return ms;
}

function bad(path: string, message: string): SluiceError {
  return new SluiceError('BAD_REQUEST', `${path}: ${message}`, { details: { path } });
}
