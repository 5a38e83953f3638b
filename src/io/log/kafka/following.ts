/** What one `follow` of the journal builds: each state topic's records applied in order, and how current that is. */
import {
  type Following,
  type JournalRecord,
  type JournalTopic,
  LogError,
  type LogScan,
  type Tail,
} from '../../../core/log/index.ts';
import type { KafkaLogParts } from './parts.ts';

/** Offsets of the last so many records applied are remembered by topic, for a writer that lost the answer to its commit. */
const remembered = 10_000;

interface FollowedTopic {
  readonly name: string;
  /** The next offset to apply. */
  position: number;
  confirmedAt: number;
  readonly applied: Set<number>;
}

export class KafkaFollowing implements Following {
  readonly #parts: KafkaLogParts;
  readonly #config: { readonly prefix: string; readonly topics: readonly JournalTopic[]; readonly clock: () => number };
  readonly #apply: (record: JournalRecord) => void;
  readonly #lost: (error: Error) => void;
  readonly #onEnd: () => void;
  readonly #topics: FollowedTopic[];
  readonly #tails: Tail[] = [];
  readonly #waiting = new Set<() => void>();
  #ended: LogError | undefined;

  constructor(
    parts: KafkaLogParts,
    config: { readonly prefix: string; readonly topics: readonly JournalTopic[]; readonly clock: () => number },
    apply: (record: JournalRecord) => void,
    lost: (error: Error) => void,
    onEnd: () => void,
  ) {
    this.#parts = parts;
    this.#config = config;
    this.#apply = apply;
    this.#lost = lost;
    this.#onEnd = onEnd;
    this.#topics = config.topics.map(({ name }) => ({
      name,
      position: 0,
      confirmedAt: Number.NEGATIVE_INFINITY,
      applied: new Set(),
    }));
  }

  get confirmedAt(): number {
    return this.#topics.reduce((earliest, { confirmedAt }) => Math.min(earliest, confirmedAt), this.#config.clock());
  }

  /** Resolves when every topic was read to an end that was one after the call. */
  async begin(): Promise<void> {
    try {
      const places = await Promise.all(
        this.#topics.map(async (topic) => {
          const name = this.#config.prefix + topic.name;
          const { incarnation } = await this.#parts.log.describe(name);
          const [extent] = await this.#parts.log.extents(name);
          return { topic, name, incarnation, first: extent?.first ?? 0 };
        }),
      );
      for (const { topic, name, incarnation, first } of places) {
        topic.position = first;
        const events = {
          scan: (scan: LogScan, sentAt: number) => this.#take(topic, scan, sentAt),
          failed: (_partition: number, error: LogError) => this.#lose(error),
          grown: () => undefined,
          reachable: () => undefined,
        };
        this.#tails.push(this.#parts.tail(name, incarnation, new Map([[0, first]]), events));
      }
    } catch (error) {
      this.#end(new LogError('UNAVAILABLE', 'the following did not begin'));
      throw error;
    }
    await this.#until(() => this.#topics.every(({ confirmedAt }) => confirmedAt > Number.NEGATIVE_INFINITY));
  }

  /** Resolves when the ends as of the call have been applied. */
  async catchUp(): Promise<void> {
    const ends = await Promise.all(
      this.#topics.map(async (topic) => ({
        topic,
        end: (await this.#parts.log.extents(this.#config.prefix + topic.name))[0]?.end ?? 0,
      })),
    );
    await this.#until(() => ends.every(({ topic, end }) => topic.position >= end));
  }

  /** Resolves when the record at the offset of each topic has been applied; also when the following ends before. */
  async applied(offsets: ReadonlyMap<string, number>): Promise<void> {
    await this.#until(() => this.#topics.every(({ name, position }) => position > (offsets.get(name) ?? -1))).catch(
      () => undefined,
    );
  }

  /** Whether these records, whose offsets have been passed, were among those applied: aborted ones are not. */
  has(offsets: ReadonlyMap<string, number>): boolean {
    return this.#topics.every(({ name, applied }) => {
      const offset = offsets.get(name);
      return offset === undefined || applied.has(offset);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new LogError('UNAVAILABLE', 'the following has ended'));
  }

  #take(topic: FollowedTopic, scan: LogScan, sentAt: number): void {
    if (this.#ended !== undefined) return;
    for (const { key, value, offset, timestamp } of scan.records) {
      if (key === null) continue; // nobody of ours writes that
      try {
        this.#apply({ topic: topic.name, key: key.toString(), value: value?.toString() ?? null, offset, timestamp });
      } catch (error) {
        this.#lose(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      topic.applied.add(offset);
      if (topic.applied.size > remembered) for (const oldest of topic.applied) if (topic.applied.delete(oldest)) break;
    }
    topic.position = scan.to;
    // What the answer says of the end was true when the request left, if not later.
    if (scan.to >= scan.end) topic.confirmedAt = this.#config.clock() - (performance.now() - sentAt);
    for (const look of [...this.#waiting]) look();
  }

  #lose(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#end(error instanceof LogError ? error : new LogError('UNAVAILABLE', error.message, { cause: error }));
    this.#lost(error);
  }

  #end(error: LogError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const tail of this.#tails) void tail[Symbol.asyncDispose]();
    this.#onEnd();
    for (const look of [...this.#waiting]) look();
  }

  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#ended === undefined && !holds()) return;
        this.#waiting.delete(look);
        if (this.#ended === undefined) resolve();
        else reject(this.#ended);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
