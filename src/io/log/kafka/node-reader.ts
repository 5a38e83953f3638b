/**
 * Reads from one node all that live tails want of it, in one multi-partition long poll at a time: the *main* lane. What
 * joins while that poll is under way (a new reader, a resumed one, one far behind another of the same partition) is read
 * by the *side* lane, on a connection of its own, until the main lane comes round to it: nobody waits for a long poll that
 * does not include them. The lanes may overlap for a moment; readers drop what they have.
 */
import { LogError } from '../../../core/log/index.ts';
import type { Observe } from '../../../core/observe.ts';
import type { Wire } from './connection.ts';
import { asLogError, code } from './errors.ts';
import { type Fetched, type FetchedPartition, fetchRecords, fetchVersion, type WantedPartition } from './fetch.ts';
import type { PartitionReader } from './reader.ts';
import { decodeBatches } from './records.ts';

export interface NodeReaderContext {
  readonly observe: Observe;
  readonly fetchCeiling: number;
  connect(timeoutMs: number): Promise<Wire>;
  pause(ms: number): Promise<void>;
  /** The leader did not answer for it, or said something that new metadata may explain. */
  troubled(readers: readonly PartitionReader[], errorCode: number | undefined): void;
  /** It answered. */
  answered(readers: readonly PartitionReader[]): void;
  /** The position is not in the leader's log; the reader is held until somebody has looked why. */
  outOfRange(reader: PartitionReader): void;
}

/** Of one response; together with one response per lane, what a node may hold of undecoded bytes. */
const responseBytes = 4 * 1024 * 1024;
const mainWait = 500;
const sideWait = 100;
const requestTimeout = 5_000;
const longestBackoff = 1_000;

interface Lane {
  readonly name: 'main' | 'side';
  readonly maxWaitMs: number;
  wire: Wire | undefined;
  wake: (() => void) | undefined;
  /** What the fetch under way asks for. */
  covers: ReadonlyMap<PartitionReader, number>;
}

export class NodeReader {
  readonly node: number;
  readonly #context: NodeReaderContext;
  readonly #partitions = new Map<string, Set<PartitionReader>>();
  readonly #main: Lane = { name: 'main', maxWaitMs: mainWait, wire: undefined, wake: undefined, covers: new Map() };
  readonly #side: Lane = { name: 'side', maxWaitMs: sideWait, wire: undefined, wake: undefined, covers: new Map() };
  #closed = false;
  #turn = 0;
  #readsByName = false;

  constructor(node: number, context: NodeReaderContext) {
    this.node = node;
    this.#context = context;
    void this.#run(this.#main);
    void this.#run(this.#side);
  }

  /** Whether the node is one that does not read by topic id. */
  get readsByName(): boolean {
    return this.#readsByName;
  }

  add(reader: PartitionReader): void {
    const key = keyOf(reader);
    const readers = this.#partitions.get(key);
    if (readers === undefined) this.#partitions.set(key, new Set([reader]));
    else readers.add(reader);
    this.wake();
  }

  remove(reader: PartitionReader): void {
    const key = keyOf(reader);
    const readers = this.#partitions.get(key);
    readers?.delete(reader);
    if (readers?.size === 0) this.#partitions.delete(key);
  }

  /** Something may be read that could not be before. */
  wake(): void {
    this.#main.wake?.();
    this.#side.wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#main.wire?.close();
    this.#side.wire?.close();
    this.wake();
  }

  async #run(lane: Lane): Promise<void> {
    let failures = 0;
    while (!this.#closed) {
      const asked = lane === this.#main ? this.#forMain() : this.#forSide();
      if (asked.length === 0) {
        await this.#sleep(lane);
        continue;
      }
      try {
        await this.#round(lane, asked);
        failures = 0;
      } catch (error) {
        lane.covers = new Map();
        if (this.#closed) return;
        const failure = asLogError(error, `node ${this.node}`);
        this.#context.observe.debug(`reading from node ${this.node} failed`, {
          lane: lane.name,
          error: failure.message,
        });
        if (failure.kind === 'UNAUTHORISED') for (const reader of asked) reader.fail(failure);
        this.#context.troubled(asked, undefined);
        failures++;
        await this.#context
          .pause(Math.min(longestBackoff, 50 * 2 ** failures) * (0.5 + Math.random() / 2))
          .catch(() => undefined);
      }
    }
  }

  async #round(lane: Lane, asked: readonly PartitionReader[]): Promise<void> {
    const wanted = asked.map((reader) => reader.wanted());
    lane.covers = new Map(asked.map((reader) => [reader, reader.position]));
    if (lane.wire === undefined || lane.wire.closed) lane.wire = await this.#context.connect(requestTimeout);
    if (this.#closed) return lane.wire.close();
    const version = fetchVersion(lane.wire.versions, this.#context.fetchCeiling);
    if (version === -1) throw new LogError('UNAVAILABLE', `node ${this.node} speaks no Fetch that is known here`);
    if (version === 11 && !this.#readsByName) {
      this.#readsByName = true;
      this.#context.observe.warn(
        'a broker does not read by topic id: that a Kafka topic was recreated is noticed only when metadata is refreshed',
        { node: this.node },
      );
    }
    const sentAt = performance.now();
    // Whoever is new gets an answer at once, were it only that there is nothing.
    const maxWaitMs = asked.every(({ placed }) => placed) ? lane.maxWaitMs : 0;
    const limits = { maxWaitMs, maxBytes: responseBytes };
    const fetched = await fetchRecords(lane.wire, version, wanted, limits);
    lane.covers = new Map();
    if (fetched.errorCode !== code.NONE) {
      this.#refused(asked, fetched.errorCode);
      return;
    }
    this.#deal(fetched, sentAt);
  }

  /** Of each partition one position: the foremost, which at the live edge is everybody's. The order turns, so that a full response starves nobody. */
  #forMain(): PartitionReader[] {
    const now = performance.now();
    const chosen: PartitionReader[] = [];
    for (const readers of this.#partitions.values()) {
      let foremost: PartitionReader | undefined;
      for (const reader of readers) {
        if (reader.readable && reader.notBefore <= now && (foremost === undefined || reader.offset > foremost.offset))
          foremost = reader;
      }
      if (foremost !== undefined) chosen.push(foremost);
    }
    const turn = chosen.length === 0 ? 0 : this.#turn++ % chosen.length;
    return [...chosen.slice(turn), ...chosen.slice(0, turn)];
  }

  /** Of each partition one reader that the main lane's poll will not serve: one that never had an answer first, else the hindmost. */
  #forSide(): PartitionReader[] {
    if (this.#main.covers.size === 0 && this.#main.wire !== undefined && !this.#main.wire.closed) return [];
    const now = performance.now();
    const chosen: PartitionReader[] = [];
    for (const readers of this.#partitions.values()) {
      const covered = [...readers].find((reader) => this.#main.covers.has(reader));
      const from = covered === undefined ? undefined : this.#main.covers.get(covered);
      let next: PartitionReader | undefined;
      for (const reader of readers) {
        if (!reader.readable || reader.notBefore > now || this.#main.covers.has(reader)) continue;
        if (reader.placed && reader.position === from) continue;
        const sooner = next === undefined || (next.placed && (!reader.placed || reader.offset < next.offset));
        if (sooner) next = reader;
      }
      if (next !== undefined) chosen.push(next);
    }
    return chosen;
  }

  /** Until woken, or until the first reader that had to wait may be fetched again. */
  #sleep(lane: Lane): Promise<void> {
    const now = performance.now();
    let soonest = Number.POSITIVE_INFINITY;
    for (const readers of this.#partitions.values()) {
      for (const reader of readers) {
        if (reader.readable && reader.notBefore > now) soonest = Math.min(soonest, reader.notBefore - now);
      }
    }
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const wake = () => {
        clearTimeout(timer);
        lane.wake = undefined;
        resolve();
      };
      if (soonest !== Number.POSITIVE_INFINITY) timer = setTimeout(wake, Math.ceil(soonest));
      lane.wake = wake;
    });
  }

  #deal(fetched: Fetched<WantedPartition>, sentAt: number): void {
    const answered: PartitionReader[] = [];
    for (const one of fetched.partitions) {
      const readers = [...(this.#partitions.get(keyOf(one.wanted)) ?? [])].filter(({ readable }) => readable);
      if (one.errorCode !== code.NONE || one.diverging !== undefined) {
        // An error speaks of the position that was asked for: who has moved on, or stands elsewhere, is not meant.
        const meant = readers.filter(({ offset }) => offset === one.wanted.offset);
        if (one.diverging !== undefined) for (const reader of meant) reader.fail(cutBack(one, one.diverging.endOffset));
        else this.#refused(meant, one.errorCode);
        continue;
      }
      const decoded = decodeBatches(one.bytes, one.wanted.offset, one.aborted);
      for (const reader of readers) {
        reader.take(one, decoded, sentAt);
        if (decoded.corrupt !== undefined && reader.position === decoded.next)
          reader.fail(corrupt(one, decoded.corrupt));
      }
      answered.push(...readers);
    }
    if (answered.length > 0) this.#context.answered(answered);
  }

  #refused(readers: readonly PartitionReader[], errorCode: number): void {
    if (readers.length === 0) return;
    for (const reader of readers) {
      switch (errorCode) {
        case code.OFFSET_OUT_OF_RANGE:
          if (reader.stopProbing()) break;
          reader.held = true;
          this.#context.outOfRange(reader);
          break;
        case code.TOPIC_AUTHORIZATION_FAILED:
          reader.fail(new LogError('UNAUTHORISED', `no right to read Kafka topic ${reader.topic}`));
          break;
        default:
          reader.notBefore = performance.now() + 100;
      }
    }
    this.#context.troubled(readers, errorCode);
  }
}

function cutBack({ wanted }: FetchedPartition<WantedPartition>, endOffset: number): LogError {
  return new LogError(
    'RECREATED',
    `${wanted.topic}-${wanted.partition} was cut back to ${endOffset}, behind the position ${wanted.offset}`,
  );
}

function corrupt({ wanted }: FetchedPartition<WantedPartition>, cause: Error): LogError {
  return new LogError('CORRUPT', `${wanted.topic}-${wanted.partition}: ${cause.message}`, { cause });
}

function keyOf(one: { readonly topic: string; readonly topicId: Buffer; readonly partition: number }): string {
  return `${one.topicId.toString('latin1')}/${one.partition}/${one.topic}`;
}
