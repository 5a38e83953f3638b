/**
 * All live tails of one cluster: which node reads which partition now. Leaders that move, partitions that are added,
 * Kafka topics that are deleted or recreated show in the metadata, which is looked at every few seconds and at once when a
 * node says something unexpected.
 */
import {
  type Extent,
  type Incarnation,
  LogError,
  sameIncarnation,
  type Tail,
  type TailHandler,
  type TailOptions,
} from '../../../core/log/index.ts';
import type { Observe } from '../../../core/observe.ts';
import { type Cluster, type TopicState, topicIdOf } from './cluster.ts';
import { asLogError, code } from './errors.ts';
import { NodeReader } from './node-reader.ts';
import { noTopicId } from './protocol.ts';
import { PartitionReader, type ReaderEvents } from './reader.ts';

/** Looks at the metadata while anything is read. */
const refreshEvery = 3_000;
/** Where Fetch goes by name, only the metadata shows that a Kafka topic was recreated. */
const refreshEveryByName = 1_000;
/** A leader that says nothing for this long counts as unreachable: long polls end each half second. */
const silence = 2_500;
/** A Kafka topic that nobody knows any more is given this many looks before its tails are told that it was deleted. */
const deletedLooks = 4;

export interface TailEvents extends ReaderEvents, Pick<TailHandler, 'grown' | 'reachable'> {}

interface LiveTail {
  readonly topic: string;
  readonly incarnation: Incarnation;
  readonly events: TailEvents;
  readonly readers: Map<number, PartitionReader>;
  readonly paused: Set<number>;
  /** How many partitions the Kafka topic had when last looked at; 0 before the first look. */
  partitions: number;
  /** New partitions are told of, and not read. */
  readonly fixed: boolean;
  /** Looks in a row that showed another incarnation, or none. */
  strange: number;
  /** Highest leader epoch seen, by partition: where there are no topic ids, one that runs backwards gives recreation away. */
  readonly epochs: Map<number, number>;
  readonly silent: Set<PartitionReader>;
  ended: boolean;
}

export class Tails {
  readonly #cluster: Cluster;
  readonly #observe: Observe;
  readonly #tails = new Set<LiveTail>();
  readonly #nodes = new Map<number, NodeReader>();
  readonly #home = new Map<PartitionReader, NodeReader>();
  readonly #owner = new Map<PartitionReader, LiveTail>();
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #refreshing = false;
  #failures = 0;

  constructor(cluster: Cluster, observe: Observe) {
    this.#cluster = cluster;
    this.#observe = observe;
  }

  open(
    topic: string,
    incarnation: Incarnation,
    from: ReadonlyMap<number, number>,
    events: TailEvents,
    options: TailOptions = {},
  ): Tail {
    const known = this.#cluster.known(topic);
    const told = this.#cluster.described(topic);
    const tail: LiveTail = {
      topic,
      incarnation,
      events,
      readers: new Map(),
      paused: new Set(),
      partitions:
        options.known ?? (told !== undefined && sameIncarnation(told.incarnation, incarnation) ? told.partitions : 0),
      fixed: options.fixed === true,
      strange: 0,
      epochs: new Map(),
      silent: new Set(),
      ended: false,
    };
    const id = topicIdOf(incarnation);
    for (const [partition, position] of from) this.#start(tail, id, partition, position);
    this.#tails.add(tail);
    if (known !== undefined) this.#place(tail, known);
    this.#lookIn(known === undefined ? 0 : refreshEvery);
    return {
      pause: (partition) => {
        tail.paused.add(partition);
        const reader = tail.readers.get(partition);
        if (reader !== undefined) reader.paused = true;
      },
      resume: (partition) => {
        tail.paused.delete(partition);
        const reader = tail.readers.get(partition);
        if (reader === undefined) return;
        reader.paused = false;
        reader.answeredAt = performance.now();
        this.#home.get(reader)?.wake();
      },
      [Symbol.asyncDispose]: async () => this.#end(tail),
    };
  }

  close(): void {
    for (const tail of [...this.#tails]) this.#end(tail);
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
    clearTimeout(this.#timer);
  }

  #start(tail: LiveTail, id: Buffer, partition: number, position: number): PartitionReader {
    const topic = { topic: tail.topic, id, incarnation: tail.incarnation };
    const reader = new PartitionReader(topic, partition, position, {
      scan: (scan, sentAt) => {
        if (!tail.ended) tail.events.scan(scan, sentAt);
      },
      failed: (failed, error) => {
        this.#drop(tail, reader);
        if (!tail.ended) tail.events.failed(failed, error);
      },
    });
    reader.paused = tail.paused.has(partition);
    tail.readers.set(partition, reader);
    this.#owner.set(reader, tail);
    return reader;
  }

  #end(tail: LiveTail): void {
    tail.ended = true;
    this.#tails.delete(tail);
    for (const reader of [...tail.readers.values()]) this.#drop(tail, reader);
  }

  #drop(tail: LiveTail, reader: PartitionReader): void {
    reader.ended = true;
    this.#home.get(reader)?.remove(reader);
    this.#home.delete(reader);
    this.#owner.delete(reader);
    tail.readers.delete(reader.partition);
    this.#heard(tail, reader, true);
  }

  /** Sets the next look to at most `ms` from now. */
  #lookIn(ms: number): void {
    const at = performance.now() + ms;
    if (this.#refreshing || (at >= this.#dueAt && this.#timer !== undefined)) {
      this.#dueAt = Math.min(this.#dueAt, at);
      return;
    }
    clearTimeout(this.#timer);
    this.#dueAt = at;
    this.#timer = setTimeout(() => void this.#look(), ms);
  }

  async #look(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    this.#dueAt = Number.POSITIVE_INFINITY;
    try {
      const topics = [...new Set([...this.#tails].map(({ topic }) => topic))];
      if (topics.length > 0) {
        const answer = await this.#cluster.ask(topics);
        this.#failures = 0;
        for (const tail of [...this.#tails]) {
          const found = answer.topics.find(({ topic }) => topic === tail.topic);
          const known = found?.errorCode === code.NONE ? this.#cluster.known(tail.topic) : undefined;
          if (known !== undefined) this.#place(tail, known);
          else this.#missing(tail, found?.errorCode ?? code.UNKNOWN_TOPIC_OR_PARTITION);
        }
      }
    } catch (error) {
      this.#failures++;
      const failure = asLogError(error, 'metadata');
      this.#observe.debug('metadata could not be had', { error: failure.message });
      this.#dueAt = performance.now() + Math.min(1_000, 50 * 2 ** this.#failures);
    } finally {
      this.#refreshing = false;
      this.#timer = undefined;
      this.#listen();
      const wait = this.#dueAt - performance.now();
      const byName = [...this.#nodes.values()].some(({ readsByName }) => readsByName);
      const usual = byName ? refreshEveryByName : refreshEvery;
      if (this.#tails.size > 0 && !this.#cluster.closed.aborted) this.#lookIn(Math.max(0, Math.min(wait, usual)));
    }
  }

  /** Who has not been answered for long counts as silent, whatever the connection looks like. */
  #listen(): void {
    const now = performance.now();
    for (const [reader, tail] of this.#owner) {
      if (reader.readable && now - reader.answeredAt > silence) this.#heard(tail, reader, false);
    }
  }

  #heard(tail: LiveTail, reader: PartitionReader, heard: boolean): void {
    const before = tail.silent.size;
    if (heard) tail.silent.delete(reader);
    else if (!reader.ended) tail.silent.add(reader);
    if (tail.ended || (before === 0) === (tail.silent.size === 0)) return;
    tail.events.reachable(tail.silent.size === 0);
  }

  #missing(tail: LiveTail, errorCode: number): void {
    if (errorCode === code.TOPIC_AUTHORIZATION_FAILED) {
      this.#failAll(tail, new LogError('UNAUTHORISED', `no right to read Kafka topic ${tail.topic}`));
    } else if (errorCode === code.UNKNOWN_TOPIC_OR_PARTITION && ++tail.strange >= deletedLooks) {
      this.#failAll(tail, new LogError('RECREATED', `Kafka topic ${tail.topic} was deleted`));
    } else {
      this.#lookIn(500);
    }
  }

  /** Brings every reader of the tail to its partition's leader. */
  #place(tail: LiveTail, state: TopicState): void {
    if (!sameIncarnation(state.incarnation, tail.incarnation) || this.#ranBackwards(tail, state)) {
      // One look may come from a node that has not heard of the newest incarnation yet.
      if (++tail.strange >= 2)
        this.#failAll(tail, new LogError('RECREATED', `Kafka topic ${tail.topic} was recreated`));
      else this.#lookIn(200);
      return;
    }
    tail.strange = 0;
    const before = tail.partitions;
    tail.partitions = Math.max(before, state.partitions.length);
    if (before > 0 && tail.partitions > before) {
      tail.events.grown(tail.partitions);
      for (let partition = before; partition < tail.partitions && !tail.fixed; partition++) {
        this.#start(tail, state.id, partition, 0).fromFirst = true;
      }
    }
    for (const { partition, leader, leaderEpoch } of state.partitions) {
      const reader = tail.readers.get(partition);
      if (reader === undefined) continue;
      const node = leader < 0 ? undefined : this.#nodeReader(leader);
      const home = this.#home.get(reader);
      if (leaderEpoch > reader.leaderEpoch || home === undefined) reader.notBefore = 0;
      reader.leaderEpoch = Math.max(reader.leaderEpoch, leaderEpoch);
      if (node === undefined && reader.placed) this.#heard(tail, reader, false);
      if (node === home) continue;
      home?.remove(reader);
      this.#home.delete(reader);
      if (node === undefined) continue;
      this.#home.set(reader, node);
      node.add(reader);
    }
    if (state.partitions.some(({ leader }) => leader < 0)) this.#lookIn(250);
    for (const node of this.#nodes.values()) node.wake();
  }

  #ranBackwards(tail: LiveTail, state: TopicState): boolean {
    let backwards = false;
    for (const { partition, leaderEpoch } of state.partitions) {
      const seen = tail.epochs.get(partition) ?? -1;
      if (leaderEpoch >= seen) tail.epochs.set(partition, leaderEpoch);
      else if (state.id.equals(noTopicId)) backwards = true;
    }
    return backwards;
  }

  #failAll(tail: LiveTail, error: LogError): void {
    for (const reader of [...tail.readers.values()]) reader.fail(error);
  }

  #nodeReader(node: number): NodeReader {
    const open = this.#nodes.get(node);
    if (open !== undefined) return open;
    const reader = new NodeReader(node, {
      observe: this.#observe,
      fetchCeiling: this.#cluster.ceilings.fetch,
      connect: (timeoutMs) => this.#cluster.connect(node, timeoutMs),
      pause: (ms) => this.#cluster.pause(ms),
      troubled: (readers, errorCode) => {
        if (errorCode === undefined) this.#all(readers, false);
        this.#lookIn(errorCode === code.OFFSET_OUT_OF_RANGE ? refreshEvery : 50);
      },
      answered: (readers) => this.#all(readers, true),
      outOfRange: (held) => void this.#whyOutOfRange(held),
    });
    this.#nodes.set(node, reader);
    return reader;
  }

  #all(readers: readonly PartitionReader[], heard: boolean): void {
    for (const reader of readers) {
      const tail = this.#owner.get(reader);
      if (tail !== undefined) this.#heard(tail, reader, heard);
    }
  }

  async #whyOutOfRange(reader: PartitionReader): Promise<void> {
    try {
      const extent = (await this.#cluster.extents(reader.topic))[reader.partition];
      if (extent === undefined) return;
      if (reader.position < extent.first && reader.fromFirst) reader.position = extent.first;
      else if (reader.position >= extent.first && reader.position <= extent.end && ++reader.outOfRange < 5) return;
      else reader.fail(outOfRange(reader.topic, reader.position, extent, reader.lastEpoch >= 0));
    } catch (error) {
      this.#observe.debug('extents could not be had', { error: asLogError(error, 'extents').message });
    } finally {
      reader.held = false;
      reader.notBefore = performance.now() + 100;
      this.#home.get(reader)?.wake();
    }
  }
}

/**
 * A position that its leader refuses. One that was read up to and lies before the end, or after it, is of a history that
 * the leader does not have: its log was cut back. One that was merely asked for is out of range.
 */
export function outOfRange(topic: string, position: number, extent: Extent, readUpTo: boolean): LogError {
  const held = `${topic}-${extent.partition} holds ${extent.first} to ${extent.end}, not ${position}`;
  return readUpTo && position >= extent.first
    ? new LogError('RECREATED', `${held}: its log was cut back`, { extent })
    : new LogError('OUT_OF_RANGE', held, { extent });
}
