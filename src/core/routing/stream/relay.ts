/**
 * The state of record, followed once and handed on: to followings of this process, and over channels to those of others. It keeps what
 * a compacted log keeps, so that who comes later is told the same.
 */
import { SluiceError } from '../../errors.ts';
import {
  type Following,
  type Journal,
  type JournalRecord,
  type JournalTopic,
  type JournalWrite,
  LogError,
} from '../../log/index.ts';
import type { Reply } from './wire.ts';

/** What a moment and a delay are; milliseconds, monotonic. */
export interface StreamClock {
  now(): number;
  /** Runs the task once; what is returned cancels it. */
  after(ms: number, task: () => void): () => void;
}

/** One following at the other end of a channel. */
export interface JournalFeed {
  resume(): void;
  cancel(): void;
  /** Answers how long ago that was up to which all that was written has been told. */
  confirm(reply: Reply): void;
}

const LOOK_MS = 25;
const BATCH_RECORDS = 500;
const BATCH_BYTES = 262_144;

interface Listener {
  changed(record: JournalRecord): void;
  lost(error: Error): void;
}

/** One following of the journal, with what it has applied. */
interface Life {
  /** In order of application: a record that replaces another one goes to the end. */
  readonly records: Map<string, JournalRecord>;
  readonly listeners: Set<Listener>;
  readonly started: Promise<Following>;
  following: Following | null;
  over: boolean;
}

export class JournalRelay implements Journal {
  readonly #journal: Journal;
  readonly #clock: StreamClock;
  readonly #compacted: ReadonlySet<string>;
  #life: Life | null = null;

  /** `clock`: the one that the journal's adapter was given. The journal becomes the relay's to dispose. */
  constructor(journal: Journal, topics: readonly JournalTopic[], clock: StreamClock) {
    this.#journal = journal;
    this.#clock = clock;
    this.#compacted = new Set(topics.filter(({ cleanup }) => cleanup === 'compact').map(({ name }) => name));
  }

  async follow(apply: (record: JournalRecord) => void, lost: (error: Error) => void): Promise<Following> {
    const life = this.#open();
    const listener: Listener = { changed: apply, lost };
    for (const record of life.records.values()) apply(record);
    life.listeners.add(listener);
    try {
      await this.#applied(life, this.#clock.now(), () => false);
    } catch (thrown) {
      life.listeners.delete(listener);
      throw thrown;
    }
    return new RelayedFollowing(life, () => life.listeners.delete(listener));
  }

  async transact<T>(
    following: Following,
    decide: () => { readonly writes: readonly JournalWrite[]; readonly answer: T },
  ): Promise<T> {
    const within = following instanceof RelayedFollowing && following.open ? following.life.following : null;
    if (within === null || this.#life?.following !== within)
      throw new LogError('UNAVAILABLE', 'The following has ended: a transaction needs a live one of its own.');
    return this.#journal.transact(within, decide);
  }

  /** Tells a following at the other end of a channel; `lost` becomes a refusal. */
  feed(reply: Reply): JournalFeed {
    const life = this.#open();
    const feed = new ChannelFeed(life, this.#clock, reply);
    this.#applied(life, this.#clock.now(), () => feed.over).then(
      () => feed.applied(),
      (thrown: unknown) => feed.lost(thrown instanceof Error ? thrown : new Error(String(thrown))),
    );
    return feed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const life = this.#life;
    this.#life = null;
    if (life !== null) life.over = true;
    await life?.following?.[Symbol.asyncDispose]();
    await this.#journal[Symbol.asyncDispose]();
  }

  #open(): Life {
    if (this.#life !== null) return this.#life;
    const lose = (error: Error): void => {
      if (life.over) return;
      life.over = true;
      if (this.#life === life) this.#life = null;
      for (const listener of [...life.listeners]) listener.lost(error);
    };
    const life: Life = {
      records: new Map(),
      listeners: new Set(),
      following: null,
      over: false,
      started: this.#journal.follow((record) => this.#apply(life, record), lose),
    };
    life.started.then(
      (following) => {
        life.following = following;
      },
      // Whoever wanted it is told by its own wait.
      () => {
        life.over = true;
        if (this.#life === life) this.#life = null;
      },
    );
    this.#life = life;
    return life;
  }

  #apply(life: Life, record: JournalRecord): void {
    if (life.over) return;
    const { topic, key, offset } = record;
    const at = `${topic}\n${this.#compacted.has(topic) ? key : offset}`;
    life.records.delete(at);
    life.records.set(at, record);
    for (const listener of life.listeners) listener.changed(record);
  }

  /** Resolves once everything that was written up to then has been applied. Rejects where the following cannot begin, or is lost. */
  async #applied(life: Life, moment: number, isOff: () => boolean): Promise<void> {
    const following = await life.started;
    while (following.confirmedAt < moment && !isOff()) {
      if (life.over) throw new LogError('UNAVAILABLE', 'The following was lost before it began.');
      await new Promise<void>((resolve) => void this.#clock.after(LOOK_MS, resolve));
    }
  }
}

class RelayedFollowing implements Following {
  readonly life: Life;
  readonly #end: () => void;
  open = true;

  constructor(life: Life, end: () => void) {
    this.life = life;
    this.#end = end;
  }

  get confirmedAt(): number {
    return this.life.following?.confirmedAt ?? Number.NEGATIVE_INFINITY;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open = false;
    this.#end();
  }
}

/** Sends as the channel takes it: what has not been sent is what the life still has after the last record that was. */
class ChannelFeed implements JournalFeed, Listener {
  over = false;
  readonly #life: Life;
  readonly #clock: StreamClock;
  readonly #reply: Reply;
  #asked: Reply[] = [];
  /** What is still to be sent, oldest first; it sees what is added meanwhile. */
  #unsent: Iterator<JournalRecord>;
  #isBehind = true;
  #appliedAsOfAsk: 'no' | 'due' | 'told' = 'no';

  constructor(life: Life, clock: StreamClock, reply: Reply) {
    this.#life = life;
    this.#clock = clock;
    this.#reply = reply;
    this.#unsent = life.records.values();
    life.listeners.add(this);
    this.resume();
  }

  changed(record: JournalRecord): void {
    if (this.over || this.#isBehind) return;
    if (!this.#reply.full) return this.#reply.tell({ records: [record] });
    // All the others have been sent: from here on the iterator finds what is new.
    this.#isBehind = true;
    this.#unsent = this.#life.records.values();
    for (let left = this.#life.records.size - 1; left > 0; left -= 1) this.#unsent.next();
  }

  lost(error: Error): void {
    if (this.over) return;
    this.#reply.refuse(new SluiceError('UNAVAILABLE', error.message));
    this.cancel();
  }

  applied(): void {
    this.#appliedAsOfAsk = 'due';
    this.resume();
  }

  confirm(reply: Reply): void {
    this.#asked.push(reply);
    this.resume();
  }

  resume(): void {
    if (this.over) return;
    while (this.#isBehind && !this.#reply.full) this.#sendBatch();
    if (this.#isBehind) return;
    if (this.#appliedAsOfAsk === 'due') {
      this.#appliedAsOfAsk = 'told';
      this.#reply.tell({ applied: true });
    }
    const { following } = this.#life;
    if (following === null) return;
    const ageMs = Math.max(0, this.#clock.now() - following.confirmedAt);
    if (!Number.isFinite(ageMs)) return;
    for (const reply of this.#asked.splice(0)) reply.answer({ ageMs });
  }

  cancel(): void {
    this.over = true;
    this.#life.listeners.delete(this);
    for (const reply of this.#asked.splice(0)) reply.refuse(new SluiceError('UNAVAILABLE'));
  }

  #sendBatch(): void {
    const records: JournalRecord[] = [];
    for (let bytes = 0; records.length < BATCH_RECORDS && bytes < BATCH_BYTES; ) {
      const next = this.#unsent.next();
      if (next.done === true) {
        this.#isBehind = false;
        break;
      }
      records.push(next.value);
      bytes += next.value.key.length + (next.value.value?.length ?? 0);
    }
    if (records.length > 0) this.#reply.tell({ records });
  }
}
