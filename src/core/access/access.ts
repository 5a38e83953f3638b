/**
 * The Access port over the journal's state: every answer is from memory, checked against the present, and refused
 * where the present is not known.
 */
import { createHash } from 'node:crypto';
import type { Contract, OperationKind } from '../contract/index.ts';
import { asSluiceError, SluiceError } from '../errors.ts';
import type { JournalRecord } from '../log/index.ts';
import type { Logger } from '../observe.ts';
import type { Attempts } from './attempts.ts';
import { createAttempts } from './attempts.ts';
import { Listeners, type Listening } from './listeners.ts';
import { allows, covers, isServed, narrowContract } from './narrow.ts';
import type { Access, Application, Grant, Principal } from './principal.ts';
import type { AccessRecord, ApplicationRecord, GrantRecord } from './records.ts';
import { matches, prefixOf } from './secret.ts';
import { State } from './state.ts';

export interface AccessOptions {
  /** Monotonic milliseconds: the clock that `confirmed` is told in. */
  readonly clock: () => number;
  /** Milliseconds since the epoch, for the expiry of keys. */
  readonly wall: () => number;
  /** Milliseconds after which an unconfirmed state is not acted on any more. */
  readonly maxStaleness: number;
  readonly observe: Logger;
  /** Default: in memory. */
  readonly attempts?: Attempts;
}

/** Access, and what the follower of the journal does to it. */
export interface FollowedAccess extends Access {
  /** What is known: deciding functions look at it inside a transaction. */
  readonly state: State;
  /** Takes a record in and tells whom it concerns: those whose grant ended, then those whose key ended, then those who show surfaces. */
  apply(record: JournalRecord): void;
  /** The journal is followed anew from its start: `apply` builds a state aside until `adopt`, and the old one goes on being served. */
  restart(): void;
  /** The new following has reached the end: its state is in force, and whoever lost something by the change is told. */
  adopt(): void;
  /** Everything that was written up to this moment (monotonic ms) has been applied. */
  confirmed(at: number): void;
  /** The state could not be confirmed for `maxStaleness`, or never was: authenticate and authorise refuse with UNAVAILABLE. */
  readonly stale: boolean;
  /** Milliseconds since the last confirmation; Infinity before the first. */
  readonly age: number;
  /** Ends those whose keys have expired since the last call. The caller's timer: four times a second. */
  pulse(): void;
}

/** Narrowed lists that are remembered for one list of contracts, and grants that were warned of. */
const maxRemembered = 10_000;

interface Narrowed {
  readonly byPrincipal: Map<string, readonly Contract[]>;
  readonly byResult: Map<string, readonly Contract[]>;
}

export function createAccess(options: AccessOptions): FollowedAccess {
  return new StateAccess(options);
}

class StateAccess implements FollowedAccess {
  readonly #options: AccessOptions;
  readonly #attempts: Attempts;
  readonly #principals: Listeners<SluiceError>;
  readonly #grants: Listeners<SluiceError>;
  readonly #changed: Listeners<undefined>;
  #state = new State();
  /** Built aside between `restart` and `adopt`. */
  #next: State | null = null;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  /** Digest of what each application is shown, forgotten when anything of it changes. */
  readonly #digests = new Map<string, string>();
  #narrowed = new WeakMap<readonly Contract[], Narrowed>();
  readonly #warnedOf = new Map<string, true>();

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#attempts = options.attempts ?? createAttempts({ clock: options.clock });
    const failed = (thrown: unknown): void =>
      options.observe.error('A listener of access failed', { error: String(thrown) });
    this.#principals = new Listeners(failed);
    this.#grants = new Listeners(failed);
    this.#changed = new Listeners(failed);
  }

  get state(): State {
    return this.#state;
  }

  get age(): number {
    return this.#options.clock() - this.#confirmedAt;
  }

  get stale(): boolean {
    return !(this.age <= this.#options.maxStaleness);
  }

  confirmed(at: number): void {
    this.#confirmedAt = Math.max(this.#confirmedAt, at);
  }

  authenticate(secret: string | null, address: string): Principal {
    this.#refuseStale();
    if (secret === null || secret === '') throw new SluiceError('UNAUTHENTICATED');
    const prefix = prefixOf(secret);
    const wait = this.#attempts.allow(address, prefix);
    if (wait !== null) {
      throw new SluiceError('RATE_LIMITED', 'Too many failed attempts: wait, then send a valid API key.', {
        details: { retryAfterMs: wait },
      });
    }
    // An unknown prefix goes the whole way too, so that the answer's time does not tell which prefixes exist.
    const key = prefix === null ? undefined : this.#state.keyOfPrefix(prefix);
    const right = prefix !== null && matches(secret, key?.hash ?? null);
    if (!right || key === undefined) {
      this.#attempts.failed(address, prefix);
      throw new SluiceError('UNAUTHENTICATED');
    }
    const ended = this.#keyEnded(key.id);
    if (ended !== null) throw ended;
    this.#attempts.succeeded(address, key.prefix);
    const application = this.#state.applications.get(key.application) as ApplicationRecord;
    return new KeyHolder(key.id, application, this);
  }

  narrow(principal: Principal, contracts: readonly Contract[]): readonly Contract[] {
    const digest = this.digestOf(principal.application.id);
    const narrowed = this.#narrowed.get(contracts) ?? { byPrincipal: new Map(), byResult: new Map() };
    this.#narrowed.set(contracts, narrowed);
    const known = narrowed.byPrincipal.get(digest);
    if (known !== undefined) return known;
    const shown: Contract[] = [];
    const grants = this.#inForce(principal.application.id);
    for (const contract of contracts) {
      const grant = grants.find((candidate) => covers(candidate, contract));
      const left = grant === undefined ? null : this.#narrowContract(contract, grant);
      if (left !== null) shown.push(left);
    }
    const result = JSON.stringify(shown.map((contract) => [contract.product, contract.digest]));
    const list = narrowed.byResult.get(result) ?? Object.freeze(shown);
    remember(narrowed.byResult, result, list);
    remember(narrowed.byPrincipal, digest, list);
    return list;
  }

  authorise(principal: Principal, contract: Contract, operation: OperationKind): Grant {
    this.#refuseStale();
    const ended = this.#keyEnded(principal.key);
    if (ended !== null) throw ended;
    const grant = this.#inForce(principal.application.id).find((candidate) => covers(candidate, contract));
    if (grant === undefined || !isServed(contract)) throw new SluiceError('NOT_FOUND');
    if (!allows(grant, contract, operation)) {
      throw new SluiceError(
        'FORBIDDEN',
        `The application's grant does not allow it to ${operation} "${contract.product}".`,
      );
    }
    return grant;
  }

  onPrincipalEnded(principal: Principal, ended: (error: SluiceError) => void): Listening {
    return this.#principals.listen(principal.key, ended, () => this.#keyEnded(principal.key));
  }

  onGrantEnded(grant: Grant, ended: (error: SluiceError) => void): Listening {
    return this.#grants.listen(grant.id, ended, () =>
      this.#state.inForce(grant.id) ? null : new SluiceError('GRANT_ENDED'),
    );
  }

  onChanged(changed: () => void): Listening {
    return this.#changed.listen('', changed, () => null);
  }

  apply(record: JournalRecord): void {
    const { observe } = this.#options;
    const into = this.#next ?? this.#state;
    const applied = into.apply(record, (why) =>
      observe.warn('A record of the state is not in force: it cannot be read', {
        topic: record.topic,
        key: record.key,
        offset: record.offset,
        why,
      }),
    );
    if (applied !== null && into === this.#state) this.#tell(applied);
  }

  restart(): void {
    this.#next = new State();
  }

  adopt(): void {
    if (this.#next === null) return;
    this.#state = this.#next;
    this.#next = null;
    this.#digests.clear();
    this.#narrowed = new WeakMap();
    this.#tellEnded(this.#grants.names(), this.#principals.names());
    this.#changed.tell('', undefined);
  }

  pulse(): void {
    this.#tellEnded([], this.#principals.names());
  }

  #tell(record: AccessRecord): void {
    if (record.kind === 'key') {
      this.#tellEnded([], [record.id]);
      return;
    }
    if (record.kind === 'application') {
      this.#digests.delete(record.id);
      this.#tellEnded(
        this.#state.grantsOf(record.id).map((grant) => grant.id),
        this.#state.keysOf(record.id).map((key) => key.id),
      );
    } else {
      // A grant that was deleted no longer says whose it was.
      if (record.is === null) this.#digests.clear();
      else this.#digests.delete(record.is.application);
      this.#tellEnded([record.id], []);
    }
    this.#changed.tell('', undefined);
  }

  /** Of those named, tells the ones that have ended: grants first, so that subscriptions are told before their connection. */
  #tellEnded(grants: Iterable<string>, keys: Iterable<string>): void {
    for (const grant of grants)
      if (!this.#state.inForce(grant)) this.#grants.end(grant, new SluiceError('GRANT_ENDED'));
    for (const key of keys) {
      const error = this.#keyEnded(key);
      if (error !== null) this.#principals.end(key, error);
    }
  }

  #keyEnded(key: string): SluiceError | null {
    const why = this.#state.keyEnded(key, this.#options.wall());
    if (why === null) return null;
    return why === 'expired' ? new SluiceError('TOKEN_EXPIRED') : new SluiceError('UNAUTHENTICATED');
  }

  #refuseStale(): void {
    if (this.stale) throw new SluiceError('UNAVAILABLE', 'Access cannot be confirmed at the moment: try again.');
  }

  /** Oldest first: of several grants for a product the first shows and is charged, so that a later one changes nothing for what is running. */
  #inForce(application: string): readonly GrantRecord[] {
    return this.#state.grantsOf(application).filter((grant) => this.#state.inForce(grant.id));
  }

  /** Of everything that decides what an application is shown. */
  digestOf(application: string): string {
    const known = this.#digests.get(application);
    if (known !== undefined) return known;
    const grants = this.#inForce(application).map(
      ({ apiProduct, plan, roles, restrictions: { topics, hidden, rows, replay } }) => {
        return [apiProduct, plan, [...roles].sort(), topics ?? null, hidden ?? null, rows ?? null, replay ?? null];
      },
    );
    const salt = this.#state.applications.get(application)?.salt ?? null;
    const digest = createHash('sha256')
      .update(JSON.stringify([salt, grants]))
      .digest('base64url');
    this.#digests.set(application, digest);
    return digest;
  }

  #narrowContract(contract: Contract, grant: GrantRecord): Contract | null {
    const salt = this.#state.applications.get(grant.application)?.salt ?? '';
    try {
      return narrowContract(contract, grant, salt);
    } catch (thrown) {
      const told = `${grant.id} ${contract.digest}`;
      if (!this.#warnedOf.has(told)) {
        this.#options.observe.warn('A grant shows nothing: its restrictions do not fit the contract', {
          grant: grant.id,
          product: contract.product,
          why: asSluiceError(thrown).message,
        });
      }
      remember(this.#warnedOf, told, true);
      return null;
    }
  }
}

/** One for each connection and request. */
class KeyHolder implements Principal {
  readonly key: string;
  readonly application: Application;
  readonly #access: StateAccess;

  constructor(key: string, application: Application, access: StateAccess) {
    this.key = key;
    this.application = application;
    this.#access = access;
  }

  get digest(): string {
    return this.#access.digestOf(this.application.id);
  }
}

/** Adds to a bounded memory; the oldest entries go first. */
function remember<Value>(memory: Map<string, Value>, name: string, value: Value): void {
  memory.set(name, value);
  for (const oldest of memory.keys()) {
    if (memory.size <= maxRemembered) return;
    memory.delete(oldest);
  }
}
