/**
 * The journal over Kafka. One transactional.id per prefix, whoever writes: taking it fences the others, so that between
 * the fence and the commit the state stands still, and a commit that succeeds was decided on the newest state.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Following,
  type Journal,
  type JournalRecord,
  type JournalTopic,
  type JournalWrite,
  LogError,
} from '../../../core/log/index.ts';
import type { Observe } from '../../../core/observe.ts';
import type { Ceilings } from './cluster.ts';
import { createIfMissing } from './creating.ts';
import { asLogError } from './errors.ts';
import { KafkaFollowing } from './following.ts';
import type { KafkaOptions } from './options.ts';
import { createKafkaLogParts, type KafkaLogParts } from './parts.ts';
import { FencedWriter, type TopicMessages } from './transactions.ts';

export interface KafkaJournalConfig {
  /** The cluster's name. */
  readonly name: string;
  readonly options: KafkaOptions;
  readonly clientId: string;
  /** Before the name of each state topic, e.g. `_sluice.`; the writers' transactional.id is `<prefix>writer`. */
  readonly prefix: string;
  readonly topics: readonly JournalTopic[];
  /** Monotonic milliseconds, for `confirmedAt`. */
  readonly clock: () => number;
  readonly observe: Observe;
  readonly ceilings?: Ceilings;
}

/** How often a writer that was fenced starts over. Writers step aside for longer each time, so that somebody gets through. */
const attempts = 40;
const mostWaiting = 1_000;
const retryMs = 250;

export function createKafkaJournal(config: KafkaJournalConfig): Journal {
  return new KafkaJournal(config);
}

class KafkaJournal implements Journal {
  readonly #config: KafkaJournalConfig;
  readonly #parts: KafkaLogParts;
  readonly #writer: FencedWriter;
  readonly #followings = new Set<KafkaFollowing>();
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Milliseconds from the fence to the answer, last time. */
  #lastTook = 0;

  constructor(config: KafkaJournalConfig) {
    this.#config = config;
    this.#parts = createKafkaLogParts(config);
    this.#writer = new FencedWriter(this.#parts.connections, {
      transactionalId: `${config.prefix}writer`,
      timeoutMs: 15_000,
      idleMs: 5_000,
    });
  }

  async follow(apply: (record: JournalRecord) => void, lost: (error: Error) => void): Promise<Following> {
    let said = '';
    for (;;) {
      try {
        await this.#createMissing();
        const following = new KafkaFollowing(this.#parts, this.#config, apply, lost, () =>
          this.#followings.delete(following),
        );
        this.#followings.add(following);
        await following.begin();
        return following;
      } catch (error) {
        const failure = asLogError(error, 'state of record');
        if (this.#closing.signal.aborted || failure.kind !== 'UNAVAILABLE') throw failure;
        // Said once: it is tried four times a second for as long as it takes.
        if (failure.message !== said) {
          const { name: cluster, observe } = this.#config;
          observe.warn('The state of record cannot be reached; waiting.', { cluster, error: failure.message });
        }
        said = failure.message;
        await this.#pause(retryMs);
      }
    }
  }

  transact<T>(
    following: Following,
    decide: () => { readonly writes: readonly JournalWrite[]; readonly answer: T },
  ): Promise<T> {
    if (this.#waiting >= mostWaiting) return Promise.reject(new LogError('UNAVAILABLE', 'too many transactions wait'));
    this.#waiting++;
    const mine = this.#last
      .then(() => this.#transact(this.#mine(following), decide))
      .finally(() => {
        this.#waiting--;
        if (this.#waiting === 0) this.#writer.rest();
      });
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const following of [...this.#followings]) await following[Symbol.asyncDispose]();
    await this.#last;
    await this.#writer.discard();
    await this.#parts.log[Symbol.asyncDispose]();
  }

  #mine(following: Following): KafkaFollowing {
    if (following instanceof KafkaFollowing && this.#followings.has(following)) return following;
    throw new LogError('UNAVAILABLE', 'the following has ended, or is of another journal');
  }

  async #transact<T>(
    following: KafkaFollowing,
    decide: () => { readonly writes: readonly JournalWrite[]; readonly answer: T },
  ): Promise<T> {
    let began = performance.now();
    for (let attempt = 1; ; attempt++) {
      let failure: LogError;
      try {
        // Whoever writes again at once would fence the others for ever: a pause in which one of them gets through, who
        // may have more to do than this one had last time.
        if (attempt === 1 && this.#writer.contended)
          await this.#pause(Math.min(1_000, 20 + this.#lastTook * (2 + 2 * Math.random())));
        began = performance.now();
        await this.#writer.fence();
        await following.catchUp();
      } catch (error) {
        await this.#writer.discard();
        failure = asLogError(error, 'fencing');
        if (!this.#mayTry(following, attempt, failure)) throw failure;
        await this.#stepAside(attempt);
        continue;
      }
      // What decide throws is the caller's own and passes as it is.
      const { writes, answer } = decide();
      this.#lastTook = performance.now() - began;
      const batches = this.#batches(writes);
      if (batches.length === 0) return answer;
      let offsets: ReadonlyMap<string, number> | undefined;
      try {
        offsets = await this.#send(batches);
        await this.#writer.commit();
        await following.applied(offsets);
        this.#lastTook = performance.now() - began;
        return answer;
      } catch (error) {
        await this.#writer.discard();
        failure = asLogError(error, 'transaction');
      }
      // Nobody was told to commit before everything was sent. After that a lost answer leaves it open: ask the log.
      if (offsets !== undefined && (await this.#committed(following, offsets))) return answer;
      if (!this.#mayTry(following, attempt, failure)) throw failure;
      await this.#stepAside(attempt);
    }
  }

  #mayTry(following: KafkaFollowing, attempt: number, failure: LogError): boolean {
    return attempt < attempts && failure.kind === 'UNAVAILABLE' && this.#followings.has(following);
  }

  /** By state topic, in the order of writing. Throws on a topic that the journal does not have. */
  #batches(writes: readonly JournalWrite[]): TopicMessages[] {
    const { prefix, topics } = this.#config;
    const foreign = writes.find(({ topic }) => !topics.some(({ name }) => name === topic));
    if (foreign !== undefined) throw new LogError('UNKNOWN_TOPIC', `the journal has no topic ${foreign.topic}`);
    return [...Map.groupBy(writes, ({ topic }) => topic)].map(([topic, its]) => ({
      topic: prefix + topic,
      messages: its.map(({ key, value }) => ({
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        partition: 0,
      })),
    }));
  }

  /** Offset of the last record by state topic. */
  async #send(batches: readonly TopicMessages[]): Promise<ReadonlyMap<string, number>> {
    await this.#writer.begin(batches.map(({ topic }) => ({ topic, partitions: [0] })));
    const answers = await this.#writer.send(batches);
    const { prefix } = this.#config;
    return new Map(
      batches.map(({ topic, messages }) => {
        const answer = answers.find(({ topicName }) => topicName === topic);
        if (answer?.baseOffset === undefined) throw new LogError('UNAVAILABLE', `no answer for ${topic}`);
        return [topic.slice(prefix.length), Number(answer.baseOffset) + messages.length - 1];
      }),
    );
  }

  /** Another fence ends the transaction one way or the other; then the log shows which. Waits while it cannot be reached. */
  async #committed(following: KafkaFollowing, offsets: ReadonlyMap<string, number>): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#writer.fence();
        await following.catchUp();
        return following.has(offsets);
      } catch (error) {
        await this.#writer.discard();
        const failure = asLogError(error, 'outcome of a transaction');
        if (!this.#mayTry(following, attempt, failure)) throw failure;
        await this.#stepAside(attempt);
      }
    }
  }

  async #createMissing(): Promise<void> {
    const { prefix, topics } = this.#config;
    await Promise.all(
      topics.map(({ name, cleanup, retentionMs }) =>
        createIfMissing(this.#parts.log, prefix + name, {
          partitions: 1,
          cleanup,
          ...(retentionMs === undefined ? {} : { retentionMs }),
        }),
      ),
    );
  }

  #stepAside(attempt: number): Promise<void> {
    return this.#pause(Math.random() * Math.min(1_000, 10 * 1.5 ** attempt));
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}
