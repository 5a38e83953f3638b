/**
 * One shard of the keys, and all who append under keys of it: in turns, several at a time in one transaction. Whoever writes fences
 * first and reads what others have written since, so that between fence and commit the shard stands still, and a commit that succeeds
 * was made knowing every key. After a failure it begins anew with the fence; if the transaction had been committed all the same, the
 * reading shows it.
 */
import type { RecordMetadata } from 'kafkajs';
import { type AppendedOnce, type AppendRecord, LogError, type Once } from '../../../core/log/index.ts';
import type { TopicState } from './cluster.ts';
import type { Connections } from './connection.ts';
import { asLogError } from './errors.ts';
import { encodeOnce, OnceKeys, type OnceKeysParts } from './once-keys.ts';
import { type Outgoing, type Placing, Positions } from './placing.ts';
import { FencedWriter } from './transactions.ts';

export interface OnceShardParts extends OnceKeysParts {
  readonly connections: Connections;
  readonly placing: Placing;
}

export interface Call {
  readonly topic: string;
  readonly records: readonly AppendRecord[];
  readonly once: Once;
  readonly resolve: (answer: AppendedOnce | Promise<AppendedOnce>) => void;
  readonly reject: (error: LogError) => void;
}

/** A call, and where its records go. */
interface Placed {
  readonly call: Call;
  readonly state: TopicState;
  readonly messages: readonly Outgoing[];
}

/** For so long it is tried, ms. */
const patience = 20_000;
/** What one transaction takes together. A broker takes about a megabyte for a partition. */
const mostTogether = 64;
const bytesTogether = 262_144;
/** How long an answer waits for readers to see what was appended, ms: then somebody else's transaction holds them back. */
const mostHeldBack = 1_000;

export class OnceShard {
  readonly #parts: OnceShardParts;
  readonly #topic: string;
  readonly #shard: number;
  readonly #keys: OnceKeys;
  readonly #writer: FencedWriter;
  readonly #waiting: Call[] = [];
  #running: Promise<void> | undefined;
  #isClosing = false;
  /** The keys are all there are, unless another writer has fenced since. */
  #isCurrent = false;
  /** Milliseconds from the fence to the commit, last time. */
  #lastTook = 0;

  constructor(parts: OnceShardParts, topic: string, shard: number) {
    this.#parts = parts;
    this.#topic = topic;
    this.#shard = shard;
    this.#keys = new OnceKeys(parts, topic, shard);
    this.#writer = new FencedWriter(parts.connections, {
      transactionalId: `${topic}.${shard}`,
      // Readers of the partitions wait for it where a process ends in the middle.
      timeoutMs: 5_000,
      idleMs: 30_000,
      resends: 0,
    });
  }

  add(call: Call): void {
    this.#waiting.push(call);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** What is under way is finished, or fails at once. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#running;
    await this.#writer.discard();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#settle(this.#take());
    this.#writer.rest();
  }

  /** In the order of coming; two of one key not together, since one of them is a repetition. */
  #take(): Set<Call> {
    const taken = new Map<string, Call>();
    let bytes = 0;
    for (const call of this.#waiting) {
      bytes += bytesOf(call.records);
      if (taken.size > 0 && (taken.size >= mostTogether || bytes > bytesTogether)) break;
      if (!taken.has(call.once.key)) taken.set(call.once.key, call);
    }
    const calls = new Set(taken.values());
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter((call) => !calls.has(call)));
    return calls;
  }

  /** Answers or rejects each of the calls. Never rejects. */
  async #settle(calls: Set<Call>): Promise<void> {
    const until = performance.now() + patience;
    for (let attempt = 1; calls.size > 0; attempt++) {
      try {
        await this.#attempt(calls, attempt);
        return;
      } catch (error) {
        this.#isCurrent = false;
        const failure = asLogError(error, 'append by key');
        if (failure.kind === 'UNAVAILABLE' && performance.now() < until && !this.#isClosing) {
          await this.#writer.discard();
          await this.#pause(Math.random() * Math.min(1_000, 10 * 1.5 ** attempt));
          continue;
        }
        await this.#writer.abandon();
        if (failure.kind !== 'UNAVAILABLE' && calls.size > 1) return this.#oneByOne(calls);
        for (const call of calls) call.reject(failure);
        return;
      }
    }
  }

  /** What one of them did wrong is not the others' to bear. */
  async #oneByOne(calls: Set<Call>): Promise<void> {
    for (const call of calls) await this.#settle(new Set([call]));
  }

  /** Takes out of the calls those that it has answered. */
  async #attempt(calls: Set<Call>, attempt: number): Promise<void> {
    // The bulk before the fence, so that others wait for the last few only.
    if (!this.#keys.isLoaded) await this.#keys.catchUp();
    await this.#answerKnown(calls);
    if (calls.size === 0) return;
    // Whoever writes again at once would fence the others for ever: a pause in which one of them gets through.
    if (attempt === 1 && this.#writer.contended)
      await this.#pause(Math.min(1_000, 20 + this.#lastTook * (2 + 2 * Math.random())));
    const began = performance.now();
    await this.#writer.fence();
    if (this.#writer.contended || !this.#isCurrent) {
      await this.#keys.catchUp();
      this.#isCurrent = true;
      await this.#answerKnown(calls);
    }
    if (calls.size === 0) return;
    if (!this.#keys.hasRoom(calls.size)) {
      for (const call of calls)
        call.reject(new LogError('UNAVAILABLE', `${this.#topic}-${this.#shard} is full of keys`));
      return;
    }
    const answers = await this.#write([...calls]);
    this.#lastTook = performance.now() - began;
    for (const [call, answer] of answers) call.resolve(this.#visible(call.topic, answer));
    calls.clear();
  }

  async #answerKnown(calls: Set<Call>): Promise<void> {
    for (const call of calls) {
      const offset = this.#keys.find(call.once.key);
      if (offset === undefined) continue;
      call.resolve(await this.#keys.read(offset));
      calls.delete(call);
    }
  }

  /** The transaction. */
  async #write(calls: readonly Call[]): Promise<ReadonlyMap<Call, AppendedOnce>> {
    const placed = await Promise.all(
      calls.map(async (call) => ({ call, ...(await this.#parts.placing.place(call.topic, call.records, Date.now())) })),
    );
    const timestamp = this.#parts.now();
    let answers: ReadonlyMap<Call, AppendedOnce>;
    let first: number;
    try {
      const batches = [...Map.groupBy(placed, ({ call }) => call.topic)].map(([topic, its]) => ({ topic, its }));
      await this.#writer.begin([
        ...batches.map(({ topic, its }) => ({ topic, partitions: partitionsOf(its) })),
        { topic: this.#topic, partitions: [this.#shard] },
      ]);
      answers = await this.#sendRecords(batches);
      first = await this.#sendKeys(calls, answers, timestamp);
      await this.#writer.commit();
    } catch (error) {
      const failure = asLogError(error, 'append by key');
      // It was there when its partitions were looked up: the next attempt looks again.
      throw failure.kind === 'UNKNOWN_TOPIC' ? new LogError('UNAVAILABLE', failure.message, { cause: error }) : failure;
    }
    for (const [index, { once }] of calls.entries()) this.#keys.keep(once.key, { offset: first + index, timestamp });
    return answers;
  }

  async #sendRecords(
    batches: readonly { readonly topic: string; readonly its: readonly Placed[] }[],
  ): Promise<ReadonlyMap<Call, AppendedOnce>> {
    const sent = await this.#send(
      batches.map(({ topic, its }) => ({ topic, messages: its.flatMap(({ messages }) => messages) })),
    );
    const answers = new Map<Call, AppendedOnce>();
    for (const { topic, its } of batches) {
      const positions = new Positions(sent.get(topic) ?? []);
      for (const { call, state, messages } of its) {
        const { digest, memo } = call.once;
        answers.set(call, { appended: positions.take(state, messages), digest, memo, isRepeated: false });
      }
    }
    return answers;
  }

  /** Offset of the first. */
  async #sendKeys(
    calls: readonly Call[],
    answers: ReadonlyMap<Call, AppendedOnce>,
    timestamp: number,
  ): Promise<number> {
    const messages = calls.map((call): Outgoing => {
      const value = encodeOnce(call.once, answers.get(call)?.appended ?? []);
      return { key: Buffer.from(call.once.key), value, partition: this.#shard, timestamp: String(timestamp) };
    });
    const [answer] = (await this.#send([{ topic: this.#topic, messages }])).get(this.#topic) ?? [];
    return Number(answer?.baseOffset);
  }

  async #send(
    batches: readonly { readonly topic: string; readonly messages: readonly Outgoing[] }[],
  ): Promise<ReadonlyMap<string, readonly RecordMetadata[]>> {
    const full = batches.filter(({ messages }) => messages.length > 0);
    if (full.length === 0) return new Map();
    const answers = await this.#writer.send(full.map(({ topic, messages }) => ({ topic, messages: [...messages] })));
    return Map.groupBy(answers, ({ topicName }) => topicName);
  }

  /**
   * A commit is answered before the partitions have heard of it: a moment passes until readers see what it has written, and a
   * position after the end is none.
   */
  async #visible(topic: string, answer: AppendedOnce): Promise<AppendedOnce> {
    const until = performance.now() + mostHeldBack;
    try {
      for (let pause = 2; performance.now() < until; pause = Math.min(2 * pause, 100)) {
        const ends = await this.#parts.cluster.ends(topic);
        if (answer.appended.every(({ partition, offset }) => offset < (ends[partition] ?? 0))) break;
        await this.#pause(pause);
      }
    } catch {
      // It has been committed, whatever cannot be looked at now.
    }
    return answer;
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#isClosing) await this.#parts.cluster.pause(ms).catch(() => undefined);
  }
}

function partitionsOf(placed: readonly Placed[]): ReadonlySet<number> {
  return new Set(placed.flatMap(({ messages }) => messages.map(({ partition }) => partition)));
}

function bytesOf(records: readonly AppendRecord[]): number {
  return records.reduce((sum, { key, value }) => sum + 64 + (key?.length ?? 0) + (value?.length ?? 0), 0);
}
