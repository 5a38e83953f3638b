/**
 * The way of contracts into the state: files offer -> compared with what was accepted -> accepted in one transaction, or refused -> in
 * force. What breaks a promise is refused, and what was accepted stays in force, on every node of the site and after a restart too.
 */
import type { Decision } from '../core/access/index.ts';
import {
  AcceptedContracts,
  acceptContracts,
  type BrokenFile,
  type Contract,
  type ContractSet,
  formatFindings,
  type OfferedContract,
  type Settlement,
  type SettleOptions,
  settleContracts,
} from '../core/contract/index.ts';
import type { Clock } from '../core/delivery/index.ts';
import type { Observe } from '../core/observe.ts';
import type { StateReader } from './state.ts';

/** The contracts to be in force, as they stand now. */
export interface ContractSupply {
  current(): ContractSet;
  /** Has `changed` called after each change. */
  watch(changed: () => void): void;
  /** Has the files read now. */
  reload(): void;
}

/** Contracts as the files have them: nobody has compared them with what was accepted. */
export interface OfferedContracts extends ContractSupply {
  textOf(contract: Contract): string;
}

export interface Acceptance extends ContractSupply {
  /** Resolves once everything that the files offered at first has been accepted or refused. It waits for a state that cannot be written. */
  readonly settled: Promise<void>;
  /** To be given to the way of the state. */
  readonly reader: StateReader;
  close(): void;
}

export interface AcceptanceOptions {
  readonly offered: OfferedContracts;
  /** The state way's. */
  readonly transact: <Answer>(decide: () => Decision<Answer>) => Promise<Answer>;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  readonly observe: Observe;
  readonly clusters: readonly string[];
  /** The embedded default promises nothing: its contracts are whatever Sluice comes with. */
  readonly isForced: boolean;
}

const firstPauseMs = 250;
const longestPauseMs = 15_000;

export function createAcceptance(options: AcceptanceOptions): Acceptance {
  return new StateAcceptance(options);
}

class StateAcceptance implements Acceptance {
  readonly settled: Promise<void>;
  readonly reader: StateReader;
  readonly #options: AcceptanceOptions;
  readonly #isSettled = Promise.withResolvers<void>();
  /** Of each product the digest that the file offered when it was accepted last: another text in its place has superseded that one. */
  readonly #taken = new Map<string, string>();
  #accepted = new AcceptedContracts();
  /** Built aside between `restart` and `adopt`. */
  #next: AcceptedContracts | null = null;
  #settlement: Settlement | null = null;
  /** Until then what the files offer stands in for what is in force, and nobody is served. */
  #hasSettled = false;
  #isReviewing = false;
  #isAccepting = false;
  #pauseMs = firstPauseMs;
  #cancel = (): void => {};
  #changed = (): void => {};
  #isClosed = false;

  constructor(options: AcceptanceOptions) {
    this.#options = options;
    this.settled = this.#isSettled.promise;
    this.reader = {
      restart: () => {
        this.#next = new AcceptedContracts();
      },
      apply: (record) => {
        const into = this.#next ?? this.#accepted;
        if (into.apply(record) !== null && into === this.#accepted) this.#reviewSoon();
      },
      adopt: () => {
        if (this.#next === null) return;
        this.#accepted = this.#next;
        this.#next = null;
        this.#review();
      },
    };
    options.offered.watch(() => this.#review());
  }

  current(): ContractSet {
    const files = this.#options.offered.current();
    if (this.#settlement === null || !this.#hasSettled) return files;
    const { contracts, refused } = this.#settlement;
    return { contracts, broken: [...files.broken, ...refused] };
  }

  watch(changed: () => void): void {
    this.#changed = changed;
  }

  reload(): void {
    this.#options.offered.reload();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** Records come one by one, and one review does for all that come at once. */
  #reviewSoon(): void {
    if (this.#isReviewing) return;
    this.#isReviewing = true;
    queueMicrotask(() => {
      this.#isReviewing = false;
      this.#review();
    });
  }

  #settle(): Settlement {
    const { offered, clusters, isForced } = this.#options;
    const offers = offered.current().contracts.map((contract): OfferedContract => {
      return { contract, text: offered.textOf(contract) };
    });
    for (const { contract } of offers) {
      const { product, digest } = contract;
      if (this.#accepted.get(product)?.contract?.digest === digest) this.#taken.set(product, digest);
      // Another text than the one that was superseded is an offer of its own, also where it is an old one again.
      else if (this.#taken.get(product) !== digest) this.#taken.delete(product);
    }
    const isSuperseded: SettleOptions['isSuperseded'] = ({ product, digest }) => this.#taken.get(product) === digest;
    return settleContracts(this.#accepted, offers, { clusters, isSuperseded, isForced });
  }

  /** Settles anew what is offered, says what is new of it, and has accepted what is to be. */
  #review(): void {
    if (this.#isClosed || this.#next !== null) return;
    const before = this.#settlement;
    const now = this.#settle();
    this.#settlement = now;
    this.#tell(before, now);
    if (now.pending.length === 0) this.#hasSettled = true;
    if (this.#hasSettled) this.#changed();
    if (now.pending.length === 0) this.#isSettled.resolve();
    else if (!this.#isAccepting) void this.#accept();
  }

  async #accept(): Promise<void> {
    const { transact, observe, clock } = this.#options;
    this.#isAccepting = true;
    try {
      for (let written: readonly Contract[] = []; ; ) {
        written = await transact(() => this.#decide());
        for (const { product, version, digest } of written) {
          // Another text may have taken its place before anybody has looked: two nodes that answer each other would never end.
          this.#taken.set(product, digest);
          observe.info('contract accepted', { product, version });
        }
        if (written.length === 0) break;
      }
      this.#pauseMs = firstPauseMs;
    } catch (thrown) {
      if (this.#isClosed) return;
      observe.error('Contracts cannot be accepted: the state of record cannot be written. What was in force stays.', {
        products: this.#settlement?.pending.map(({ contract }) => contract.product) ?? [],
        error: thrown instanceof Error ? thrown.message : String(thrown),
        againInMs: this.#pauseMs,
      });
      this.#cancel = clock.after(this.#pauseMs, () => this.#review());
      this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
      return;
    } finally {
      this.#isAccepting = false;
    }
    this.#review();
  }

  /** Inside the transaction, on the newest state: another node may have been quicker, or have gone further. */
  #decide(): Decision<readonly Contract[]> {
    // What is being read anew is not known yet.
    if (this.#next !== null) return { writes: [], answer: [] };
    return acceptContracts(this.#settle().pending, this.#options.wall());
  }

  #tell(before: Settlement | null, now: Settlement): void {
    const { observe, offered } = this.#options;
    observe.gauge('sluice_contracts_broken').set(offered.current().broken.length + now.refused.length);
    const known = new Set((before?.refused ?? []).map(textOf));
    for (const entry of now.refused) {
      if (known.has(textOf(entry))) continue;
      const consequence = entry.serving ? 'what was accepted stays in force' : 'it is not served';
      observe.error(`The contract ${entry.file} is refused; ${consequence}.`, {
        file: entry.file,
        findings: formatFindings(entry.findings),
      });
    }
    for (const { file } of before?.refused ?? [])
      if (!now.refused.some((entry) => entry.file === file))
        observe.info(`The contract ${file} is no longer refused.`, { file });
    for (const product of now.kept)
      if (before?.kept.includes(product) !== true)
        observe.warn(
          'A product without a file stays in force beside its later major until it is retired, or forgotten.',
          {
            product,
          },
        );
  }
}

function textOf(entry: BrokenFile): string {
  return JSON.stringify(entry);
}
