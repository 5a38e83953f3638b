/**
 * The records of the state topic `contracts`: JSON text under the keys `contract/<product>`, each with a version `v`. What is kept of a
 * contract is its document, so that whatever a later Sluice makes of it is made of the same words.
 */
import { z } from 'zod';
import type { JournalRecord, JournalWrite } from '../../log/index.ts';

/** Accepted contracts. */
export const contractsTopic = 'contracts';

/** A longer document is refused: a record has to pass any Kafka as it is set up (1 MiB). UTF-16 units. */
export const maxDocument = 300_000;

const record = z.looseObject({
  v: z.literal(1),
  product: z.string().regex(/^[a-z0-9-]{1,100}$/),
  document: z.string().min(1),
  /** Milliseconds since the epoch. */
  acceptedAt: z.int().nonnegative(),
});

export type AcceptedRecord = Readonly<z.infer<typeof record>>;

/** null: of another topic or kind. `is` null: forgotten; `unreadable`: written by a newer Sluice, or by no Sluice. */
export function readAccepted(
  from: JournalRecord,
): { readonly product: string; readonly is: AcceptedRecord | 'unreadable' | null } | null {
  if (from.topic !== contractsTopic || !from.key.startsWith('contract/')) return null;
  const product = from.key.slice('contract/'.length);
  if (from.value === null) return { product, is: null };
  let json: unknown;
  try {
    json = JSON.parse(from.value);
  } catch {
    return { product, is: 'unreadable' };
  }
  const parsed = record.safeParse(json);
  return { product, is: parsed.success && parsed.data.product === product ? parsed.data : 'unreadable' };
}

export function writeAccepted(product: string, document: string, acceptedAt: number): JournalWrite {
  const is: AcceptedRecord = { v: 1, product, document, acceptedAt };
  return { topic: contractsTopic, key: `contract/${product}`, value: JSON.stringify(is) };
}

export function forgetAccepted(product: string): JournalWrite {
  return { topic: contractsTopic, key: `contract/${product}`, value: null };
}
