/** The state of record of access, materialised from the journal: applications, keys and grants by the ways they are looked up. */
import type { JournalRecord } from '../log/index.ts';
import type { AccessRecord, ApplicationRecord, GrantRecord, KeyRecord } from './records.ts';
import { applicationsTopic, readRecord } from './records.ts';

export class State {
  readonly applications = new Map<string, ApplicationRecord>();
  readonly keys = new Map<string, KeyRecord>();
  readonly grants = new Map<string, GrantRecord>();
  readonly #byPrefix = new Map<string, KeyRecord>();
  readonly #grantsOf = new Map<string, Map<string, GrantRecord>>();

  /** Takes a record in. Returns what it says, or null for records of other topics; `unreadable` is told why a record is not in force. */
  apply(from: JournalRecord, unreadable: (why: string) => void): AccessRecord | null {
    if (from.topic !== applicationsTopic) return null;
    const read = readRecord(from);
    if (read.unreadable !== null) unreadable(read.unreadable);
    const record = read.record;
    if (record?.kind === 'application') put(this.applications, record.id, record.is);
    if (record?.kind === 'key') this.#putKey(record.id, record.is);
    if (record?.kind === 'grant') this.#putGrant(record.id, record.is);
    return record;
  }

  keyOfPrefix(prefix: string): KeyRecord | undefined {
    return this.#byPrefix.get(prefix);
  }

  /** Every grant of the application, whatever its state, oldest first. */
  grantsOf(application: string): readonly GrantRecord[] {
    const grants = [...(this.#grantsOf.get(application)?.values() ?? [])];
    return grants.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  keysOf(application: string): readonly KeyRecord[] {
    return [...this.keys.values()].filter((key) => key.application === application);
  }

  /** The application where it may act. */
  active(application: string): ApplicationRecord | undefined {
    const found = this.applications.get(application);
    return found?.state === 'ACTIVE' ? found : undefined;
  }

  /** Why the key opens nothing at `now` (epoch ms), or null. */
  keyEnded(id: string, now: number): 'unknown' | 'revoked' | 'expired' | 'closed' | null {
    const key = this.keys.get(id);
    if (key === undefined) return 'unknown';
    if (key.revokedAt !== null) return 'revoked';
    if (this.active(key.application) === undefined) return 'closed';
    return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : null;
  }

  /** Whether the grant gives anything now. */
  inForce(grant: string): boolean {
    const found = this.grants.get(grant);
    return found !== undefined && found.state === 'ACCEPTED' && this.active(found.application) !== undefined;
  }

  #putKey(id: string, key: KeyRecord | null): void {
    const before = this.keys.get(id);
    if (before !== undefined && this.#byPrefix.get(before.prefix) === before) this.#byPrefix.delete(before.prefix);
    put(this.keys, id, key);
    if (key !== null) this.#byPrefix.set(key.prefix, key);
  }

  #putGrant(id: string, grant: GrantRecord | null): void {
    const before = this.grants.get(id);
    if (before !== undefined) this.#forget(before);
    put(this.grants, id, grant);
    if (grant === null) return;
    const ofApplication = this.#grantsOf.get(grant.application) ?? new Map<string, GrantRecord>();
    ofApplication.set(id, grant);
    this.#grantsOf.set(grant.application, ofApplication);
  }

  #forget(grant: GrantRecord): void {
    const ofApplication = this.#grantsOf.get(grant.application);
    ofApplication?.delete(grant.id);
    if (ofApplication?.size === 0) this.#grantsOf.delete(grant.application);
  }
}

function put<Record>(into: Map<string, Record>, id: string, record: Record | null): void {
  if (record === null) into.delete(id);
  else into.set(id, record);
}
