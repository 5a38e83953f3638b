/**
 * The way of the state of record: follow the journal, apply what it says, confirm how current that is, tell whom it concerns.
 * A following that is lost is begun anew; meanwhile access grows stale, and once it has, deliveries pause.
 */
import type { Decision, FollowedAccess, State } from '../core/access/index.ts';
import type { Clock } from '../core/delivery/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { Following, Journal, JournalRecord } from '../core/log/index.ts';
import type { Observe } from '../core/observe.ts';

export interface StateOptions {
  readonly journal: Journal;
  readonly access: FollowedAccess;
  /** The clock that the journal's adapter tells `confirmedAt` in. */
  readonly clock: Clock;
  readonly observe: Observe;
  /** Told whenever access becomes stale or current again; it is stale at first. */
  onStale(stale: boolean): void;
  /** Other readers of the state: accepted contracts, the secret of the site. */
  readonly also?: readonly StateReader[];
}

/** Builds what it needs of the state, as access does: aside between `restart` and `adopt`, after access has taken a record in. */
export interface StateReader {
  restart(): void;
  apply(record: JournalRecord): void;
  adopt(): void;
}

export interface StateWay extends AsyncDisposable {
  /** Resolves when the state is in force for the first time; never rejects. It waits for a log that cannot be reached, so a node need not wait for it. */
  readonly ready: Promise<void>;
  /** Whether the journal is being followed now. */
  readonly following: boolean;
  /** Decides on the newest state and writes. Errors: UNAVAILABLE while the journal cannot be followed; what `decide` throws; LogError. */
  transact<Answer>(decide: (state: State) => Decision<Answer>): Promise<Answer>;
  /** To be called four times a second: confirms, ends what has expired, notices staleness. Must be called once more after a long stall before anything is delivered. */
  pulse(): void;
}

const firstPauseMs = 250;
const longestPauseMs = 15_000;

export function startState(options: StateOptions): StateWay {
  return new FollowedState(options);
}

class FollowedState implements StateWay {
  readonly ready: Promise<void>;
  readonly #options: StateOptions;
  readonly #isReady = Promise.withResolvers<void>();
  readonly #closing = Promise.withResolvers<null>();
  readonly #age;
  readonly #loop: Promise<void>;
  #current: Following | null = null;
  #stale = true;

  constructor(options: StateOptions) {
    this.#options = options;
    this.#age = options.observe.gauge('sluice_state_age_seconds');
    this.ready = this.#isReady.promise;
    this.#loop = this.#followForEver();
  }

  get following(): boolean {
    return this.#current !== null;
  }

  async transact<Answer>(decide: (state: State) => Decision<Answer>): Promise<Answer> {
    const { journal, access } = this.#options;
    if (this.#current === null) throw new SluiceError('UNAVAILABLE', 'The state cannot be reached: try again.');
    return journal.transact(this.#current, () => decide(access.state));
  }

  pulse(): void {
    const { access, observe, onStale } = this.#options;
    if (this.#current !== null) access.confirmed(this.#current.confirmedAt);
    access.pulse();
    if (Number.isFinite(access.age)) this.#age.set(access.age / 1000);
    if (access.stale === this.#stale) return;
    this.#stale = access.stale;
    if (this.#stale)
      observe.warn('The state of record cannot be confirmed: deliveries pause and new ones are refused', {
        ageMs: access.age,
      });
    else
      observe.info('The state of record is confirmed', {
        applications: access.state.applications.size,
        grants: access.state.grants.size,
      });
    onStale(this.#stale);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.resolve(null);
    await this.#loop;
  }

  async #followForEver(): Promise<void> {
    const { observe } = this.#options;
    let pause = firstPauseMs;
    for (;;) {
      try {
        const lost = await this.#follow();
        if (lost === null) return;
        observe.error('The state of record was lost, probably recreated: it is read anew', { error: lost.message });
        pause = firstPauseMs;
      } catch (thrown) {
        observe.error('The state of record cannot be followed', {
          error: thrown instanceof Error ? thrown.message : String(thrown),
          againInMs: pause,
        });
      }
      await this.#pause(pause);
      pause = Math.min(pause * 2, longestPauseMs);
    }
  }

  /** One following, from its start to its loss; null when this was closed. The state that it builds replaces the one before once it is whole. */
  async #follow(): Promise<Error | null> {
    const { journal, access, also = [] } = this.#options;
    const over = Promise.withResolvers<Error | null>();
    this.#closing.promise.then(over.resolve);
    let listening = true;
    access.restart();
    for (const reader of also) reader.restart();
    const apply = (record: JournalRecord): void => {
      if (!listening) return;
      access.apply(record);
      for (const reader of also) reader.apply(record);
    };
    const started = journal.follow(apply, over.resolve);
    try {
      const first = await Promise.race([started, over.promise]);
      if (first === null || first instanceof Error) {
        // An unreachable log may keep it for ever, so it is not waited for.
        started.then((following) => following[Symbol.asyncDispose]()).catch(() => undefined);
        return first;
      }
      await using following = first;
      this.#current = following;
      access.adopt();
      for (const reader of also) reader.adopt();
      this.pulse();
      this.#isReady.resolve();
      return await over.promise;
    } finally {
      listening = false;
      this.#current = null;
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(ms, resolve);
    await Promise.race([promise, this.#closing.promise]);
    cancel();
  }
}
