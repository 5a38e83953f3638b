/**
 * The records of the state topic `applications`: JSON text under the keys `application/<id>`, `key/<id>` and `grant/<id>`, each
 * with a version `v`. Fields that a reader does not know are kept when it writes the record again, so a field that an older
 * reader may overlook needs no new version; one that it must not overlook raises `v`, or is a restriction (those are strict).
 */
import { z } from 'zod';
import { contractsTopic } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import type { JournalRecord, JournalTopic, JournalWrite } from '../log/index.ts';

/** Applications, keys and grants. */
export const applicationsTopic = 'applications';
/** Secrets that a site makes for itself: that of its links. */
export const secretsTopic = 'secrets';
/** Every state topic of the journal, to be given to its adapter: every process follows all of the state, accepted contracts too. */
export const journalTopics: readonly JournalTopic[] = [
  { name: applicationsTopic, cleanup: 'compact' },
  { name: contractsTopic, cleanup: 'compact' },
  { name: secretsTopic, cleanup: 'compact' },
];

const id = z.string().regex(/^[a-z0-9-]{1,64}$/);
/** Milliseconds since the epoch. */
const time = z.int().nonnegative();
const name = z.string().min(1).max(100);

const application = z.looseObject({
  v: z.literal(1),
  id,
  name,
  salt: z.string().min(16).max(128),
  state: z.enum(['ACTIVE', 'CLOSED']),
  createdAt: time,
});

const key = z.looseObject({
  v: z.literal(1),
  id,
  application: id,
  /** The visible beginning of the secret. */
  prefix: z.string().min(1).max(64),
  /** SHA-256 of the whole secret, base64url. */
  hash: z.string().length(43),
  createdAt: time,
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
});

/** At most so many filters, fields or roles in one grant. */
export const maxListed = 100;
const path = z.string().min(1).max(500);

const restrictions = z.strictObject({
  /** Topic filters of which one must match. */
  topics: z.exactOptional(z.array(path).min(1).max(maxListed)),
  /** Public paths, dotted, of fields that do not exist for this application. */
  hidden: z.exactOptional(z.array(path).max(maxListed)),
  /** A `where` as JSON text; sees unmasked values. */
  rows: z.exactOptional(z.string().min(1).max(10_000)),
  /** ISO 8601 duration. */
  replay: z.exactOptional(z.string().min(1).max(50)),
});

const grant = z.looseObject({
  v: z.literal(1),
  id,
  application: id,
  apiProduct: id,
  plan: id,
  roles: z.array(name).max(maxListed),
  restrictions,
  state: z.enum(['PENDING', 'ACCEPTED', 'REJECTED', 'PAUSED', 'CLOSED']),
  createdAt: time,
  /** When it became REJECTED or CLOSED. */
  endedAt: time.nullable(),
});

export type ApplicationRecord = Readonly<z.infer<typeof application>>;
export type KeyRecord = Readonly<z.infer<typeof key>>;
export type GrantRecord = Readonly<z.infer<typeof grant>>;

const kinds = { application, key, grant } as const;

export type AccessKind = keyof typeof kinds;

/** What a record of the topic says of the thing named by its key. */
export type AccessRecord =
  | { readonly kind: 'application'; readonly id: string; readonly is: ApplicationRecord | null }
  | { readonly kind: 'key'; readonly id: string; readonly is: KeyRecord | null }
  | { readonly kind: 'grant'; readonly id: string; readonly is: GrantRecord | null };

/**
 * Reads a record; `is` null where it was deleted or cannot be read. What cannot be read is not in force: a record of
 * a newer version may take away what an older one gave, and a process that starts after compaction never sees the older one.
 * `unreadable` says why, without the content. A key of no known kind gives no record at all.
 */
export function readRecord(from: JournalRecord): {
  readonly record: AccessRecord | null;
  readonly unreadable: string | null;
} {
  const slash = from.key.indexOf('/');
  const kind = from.key.slice(0, Math.max(slash, 0)) as AccessKind;
  const named = from.key.slice(slash + 1);
  if (!Object.hasOwn(kinds, kind)) return { record: null, unreadable: 'the key names no known kind of record' };
  const gone = { kind, id: named, is: null } as AccessRecord;
  if (from.value === null) return { record: gone, unreadable: null };
  let json: unknown;
  try {
    json = JSON.parse(from.value);
  } catch {
    return { record: gone, unreadable: 'the value is not JSON' };
  }
  const parsed = kinds[kind].safeParse(json);
  if (!parsed.success) {
    const paths = parsed.error.issues.map((issue) => issue.path.join('.') || 'the value');
    return { record: gone, unreadable: `not a ${kind} of version 1: ${[...new Set(paths)].slice(0, 5).join(', ')}` };
  }
  if (parsed.data.id !== named) return { record: gone, unreadable: 'the id is not the one in the key' };
  return { record: { kind, id: named, is: parsed.data } as AccessRecord, unreadable: null };
}

/** Throws BAD_REQUEST for what could not be read again. */
export function writeRecord(kind: AccessKind, is: ApplicationRecord | KeyRecord | GrantRecord): JournalWrite {
  const parsed = kinds[kind].safeParse(is);
  if (!parsed.success) {
    const paths = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new SluiceError('BAD_REQUEST', `The ${kind} cannot be kept: ${paths.slice(0, 5).join('; ')}`);
  }
  return { topic: applicationsTopic, key: `${kind}/${is.id}`, value: JSON.stringify(is) };
}
