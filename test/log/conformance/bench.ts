import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';

import {
  type AppendRecord,
  type Incarnation,
  type Log,
  LogError,
  type LogErrorKind,
  type LogRecord,
  type LogScan,
  type Tail,
} from '../../../src/core/log/index.ts';
import { collect, Recorder, scanFaults } from '../recorder.ts';

/** A log and what a test must be able to do to its storage. Every hook resolves when the storage has done it. */
export interface LogUnderTest extends AsyncDisposable {
  readonly log: Log;
  /** One more adapter on the same storage, as another process would have it. The test disposes it. `now`: its wall clock, ms. */
  readonly another: (now?: () => number) => Promise<Log>;
  readonly deleteTopic: (topic: string) => Promise<void>;
  readonly addPartitions: (topic: string, partitions: number) => Promise<void>;
  /** Retention passes the partition: its first offset is `before` now. */
  readonly expire: (topic: string, partition: number, before: number) => Promise<void>;
  /** A value of so many bytes is more than the log takes. */
  readonly tooLarge: number;
}

interface Watching extends AsyncDisposable {
  readonly recorder: Recorder;
  readonly tail: Tail;
}

/** What the cases of the suite work with. */
export class Bench {
  #under: LogUnderTest | undefined;

  set(under: LogUnderTest): void {
    this.#under = under;
  }

  get under(): LogUnderTest {
    if (this.#under === undefined) throw new Error('the log under test has not been opened');
    return this.#under;
  }

  get log(): Log {
    return this.under.log;
  }

  /** A topic of a new name. */
  async make(partitions = 1): Promise<string> {
    const topic = `conformance-${randomUUID()}`;
    await this.log.create(topic, { partitions, cleanup: 'delete' });
    return topic;
  }

  async recreate(topic: string, partitions: number): Promise<void> {
    await this.under.deleteTopic(topic);
    await this.log.create(topic, { partitions, cleanup: 'delete' });
  }

  watch(
    topic: string,
    incarnation: Incarnation,
    from: ReadonlyMap<number, number>,
    { log = this.log, fixed = false }: { readonly log?: Log; readonly fixed?: boolean } = {},
  ): Watching {
    const recorder = new Recorder(from);
    const tail = log.tail(topic, incarnation, from, recorder, { fixed });
    return { recorder, tail, [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose]() };
  }
}

/** Records whose values are the numbers from `start`, in one partition. */
export function numbered(partition: number, count: number, start = 0): AppendRecord[] {
  return texts(start, count).map((text) => plain(partition, text));
}

export function plain(partition: number, text: string): AppendRecord {
  return { partition, key: null, value: Buffer.from(text) };
}

export function texts(start: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${start + index}`);
}

/** `rounds` appends of `count` records of `bytes` each to partition 0, so that no single one is larger than a log takes. */
export async function fill(log: Log, topic: string, rounds: number, count: number, bytes: number): Promise<void> {
  const value = Buffer.alloc(bytes, 'x');
  for (let round = 0; round < rounds; round += 1) {
    await log.append(
      topic,
      Array.from({ length: count }, () => ({ partition: 0, key: null, value })),
    );
  }
}

export async function read(log: Log, topic: string, partition: number, from: number, to: number): Promise<LogRecord[]> {
  const { incarnation } = await log.describe(topic);
  return (await collect(log.range(topic, incarnation, partition, from, to))).flatMap(({ records }) => records);
}

/** What is wrong with scans that should be consecutive from `from`. */
export function faults(scans: readonly LogScan[], from: number): string[] {
  let next = from;
  return scans.flatMap((scan) => {
    const found = scanFaults(scan, next);
    next = scan.to;
    return found;
  });
}

export async function refused(attempt: Promise<unknown>, kind: LogErrorKind): Promise<LogError> {
  const error = await attempt.then(
    (value) => expect.fail(`${kind} was expected, but it answered ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LogError);
  expect((error as LogError).kind, (error as LogError).message).toBe(kind);
  return error as LogError;
}
