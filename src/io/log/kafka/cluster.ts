/** What is known of a cluster: its nodes, the leaders of partitions, and a control connection to each node. */
import { type Extent, type Incarnation, LogError, type TopicDescription } from '../../../core/log/index.ts';
import type { Address, Connections, Wire } from './connection.ts';
import { asLogError, code, protocolError } from './errors.ts';
import {
  EARLIEST,
  LATEST,
  listOffsets,
  type Metadata,
  metadata,
  noTopicId,
  type PartitionMetadata,
  type TopicMetadata,
} from './protocol.ts';

/** The highest versions to speak, whatever the brokers offer: an older cluster for tests, or a service that says more than it can. */
export interface Ceilings {
  readonly fetch: number;
  readonly metadata: number;
}

export interface TopicState {
  readonly topic: string;
  readonly id: Buffer;
  readonly incarnation: Incarnation;
  readonly partitions: readonly PartitionMetadata[];
}

/** How long a control request may take. */
const controlTimeout = 5_000;
const attempts = 6;

export class Cluster {
  readonly ceilings: Ceilings;
  readonly #connections: Connections;
  readonly #closing = new AbortController();
  readonly #wires = new Map<string, Promise<Wire>>();
  #nodes = new Map<number, Address>();
  readonly #described = new Map<string, TopicDescription>();
  readonly #topics = new Map<string, { readonly state: TopicState; readonly at: number }>();

  constructor(connections: Connections, ceilings: Ceilings) {
    this.#connections = connections;
    this.ceilings = ceilings;
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.#closing.abort();
    for (const wire of this.#wires.values()) {
      wire.then(
        (open) => open.close(),
        () => undefined,
      );
    }
    this.#wires.clear();
  }

  /** A connection of the caller's own to a node; the caller closes it. Rejects with LogError. */
  async connect(node: number, timeoutMs: number): Promise<Wire> {
    const address = this.#nodes.get(node);
    if (address === undefined) throw new LogError('UNAVAILABLE', `node ${node} is not known`);
    const wire = await this.#connections.open(address, timeoutMs);
    if (!this.closed.aborted) return wire;
    wire.close();
    throw closedError();
  }

  /** Asks whichever node answers first, known ones before the configured ones. What it says of nodes and topics is remembered. */
  async ask(topics: readonly string[]): Promise<Metadata> {
    const known = [...this.#nodes.values()];
    let failure: unknown;
    for (const address of [...shuffled(known), ...shuffled(this.#connections.bootstrap)]) {
      if (this.closed.aborted) throw closedError();
      try {
        const answer = await metadata(await this.#wire(address), topics, this.ceilings.metadata);
        if (answer.nodes.length > 0)
          this.#nodes = new Map(answer.nodes.map(({ id, host, port }) => [id, { host, port }]));
        for (const topic of answer.topics) {
          const state = stateOf(answer.cluster, topic);
          if (state !== undefined) this.#topics.set(topic.topic, { state, at: performance.now() });
        }
        return answer;
      } catch (error) {
        failure = error;
        if (error instanceof LogError && error.kind === 'UNAUTHORISED') break;
      }
    }
    throw asLogError(failure, 'metadata');
  }

  /** The Kafka topic as it stands now, or as it stood at most `maxAgeMs` ago. UNKNOWN_TOPIC, UNAUTHORISED, UNAVAILABLE. */
  async topic(topic: string, maxAgeMs = 0): Promise<TopicState> {
    if (this.closed.aborted) throw closedError();
    const kept = this.#topics.get(topic);
    if (kept !== undefined && performance.now() - kept.at <= maxAgeMs) return kept.state;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.ask([topic]);
      const found = answer.topics.find((one) => one.topic === topic);
      const state = found && stateOf(answer.cluster, found);
      if (state !== undefined) return state;
      const errorCode = found?.errorCode ?? code.UNKNOWN_TOPIC_OR_PARTITION;
      const error = protocolError(errorCode, `Kafka topic ${topic}`);
      // A node may learn of a new Kafka topic a moment after the one that created it: unknown is asked a few times.
      const patience = error.kind === 'UNAVAILABLE' ? attempts : 4;
      if (error.kind === 'UNKNOWN_TOPIC') this.#topics.delete(topic);
      if (attempt >= patience || error.kind === 'UNAUTHORISED') throw error;
      await this.pause(100 * attempt);
    }
  }

  /**
   * Resolves when a Kafka topic that was just created is seen by about all nodes, rather than one of the same name that
   * was deleted just before: who creates it and describes it at once would otherwise meet a node that is late.
   */
  async appeared(topic: string, former: Buffer | undefined): Promise<void> {
    let sightings = 0;
    for (let attempt = 1; attempt <= 200; attempt++) {
      const { nodes, topics } = await this.ask([topic]);
      const found = topics[0];
      const isNew = former === undefined || former.equals(noTopicId) || found?.id.equals(former) === false;
      const isThere = found?.errorCode === code.NONE && found.partitions.every(({ leader }) => leader >= 0);
      if (isNew && isThere && ++sightings >= Math.min(nodes.length, 3)) return;
      if (!isThere || !isNew) await this.pause(25);
    }
    throw new LogError('UNAVAILABLE', `Kafka topic ${topic} was created but does not appear`);
  }

  /** What was last known, if anything. */
  known(topic: string): TopicState | undefined {
    return this.#topics.get(topic)?.state;
  }

  /** What a caller was last told: whatever partitions there are beyond are news to it. */
  described(topic: string): TopicDescription | undefined {
    return this.#described.get(topic);
  }

  async describe(topic: string): Promise<TopicDescription> {
    const { partitions, incarnation } = await this.topic(topic);
    const description = { topic, partitions: partitions.length, incarnation };
    this.#described.set(topic, description);
    return description;
  }

  async extents(topic: string): Promise<readonly Extent[]> {
    const [first, end] = await Promise.all([this.#offsets(topic, EARLIEST), this.#offsets(topic, LATEST)]);
    return end.map((offset, partition) => ({ partition, first: Math.min(first[partition] ?? 0, offset), end: offset }));
  }

  async offsetsAt(topic: string, timestamp: number): Promise<readonly number[]> {
    const [at, end] = await Promise.all([this.#offsets(topic, timestamp), this.#offsets(topic, LATEST)]);
    return end.map((last, partition) => {
      const found = at[partition] ?? -1;
      return found < 0 ? last : Math.min(found, last);
    });
  }

  /** Last stable offsets, per partition. */
  ends(topic: string): Promise<readonly number[]> {
    return this.#offsets(topic, LATEST);
  }

  /** Last stable offset of one partition. */
  async end(topic: string, partition: number): Promise<number> {
    const [end] = await this.#offsets(topic, LATEST, partition);
    if (end === undefined) throw new LogError('UNKNOWN_TOPIC', `${topic} has no partition ${partition}`);
    return end;
  }

  /** Per partition, or of one alone, from its leader. Leaders that move or rest are waited for, bounded. */
  async #offsets(topic: string, timestamp: number, only?: number): Promise<readonly number[]> {
    const wanted = ({ partitions }: TopicState) =>
      only === undefined ? partitions : partitions.filter(({ partition }) => partition === only);
    let state = await this.topic(topic, 500);
    const offsets = new Map<number, number>();
    for (let attempt = 1; ; attempt++) {
      const missing = wanted(state).filter(({ partition }) => !offsets.has(partition));
      const failure = await this.#offsetsOnce(topic, missing, timestamp, offsets);
      if (offsets.size >= wanted(state).length) break;
      if (attempt === attempts || failure.kind === 'UNAUTHORISED') throw failure;
      await this.pause(50 * 2 ** attempt);
      state = await this.topic(topic);
    }
    return wanted(state).map(({ partition }) => offsets.get(partition) as number);
  }

  async #offsetsOnce(
    topic: string,
    missing: readonly PartitionMetadata[],
    timestamp: number,
    into: Map<number, number>,
  ): Promise<LogError> {
    let failure = new LogError('UNAVAILABLE', `Kafka topic ${topic} has partitions without a leader`);
    const leaders = Map.groupBy(
      missing.filter(({ leader }) => leader >= 0),
      ({ leader }) => leader,
    );
    await Promise.all(
      [...leaders].map(async ([node, partitions]) => {
        try {
          const answer = await listOffsets(await this.#control(node), topic, partitions, timestamp);
          for (const { partition, errorCode, offset } of answer) {
            if (errorCode === code.NONE) into.set(partition, offset);
            else failure = protocolError(errorCode, `offsets of ${topic}-${partition}`);
          }
        } catch (error) {
          failure = asLogError(error, `offsets of ${topic}`);
        }
      }),
    );
    return failure;
  }

  /** Resolves after `ms`, or rejects when the log is closed. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => {
        clearTimeout(timer);
        reject(closedError());
      };
      const timer = setTimeout(() => {
        this.closed.removeEventListener('abort', closed);
        resolve();
      }, ms);
      if (this.closed.aborted) closed();
      else this.closed.addEventListener('abort', closed, { once: true });
    });
  }

  async #control(node: number): Promise<Wire> {
    const address = this.#nodes.get(node);
    if (address === undefined) throw new LogError('UNAVAILABLE', `node ${node} is not known`);
    return this.#wire(address);
  }

  async #wire(address: Address): Promise<Wire> {
    if (this.closed.aborted) throw closedError();
    const key = `${address.host}:${address.port}`;
    const kept = this.#wires.get(key);
    if (kept !== undefined) {
      const wire = await kept.catch(() => undefined);
      if (wire !== undefined && !wire.closed) return wire;
      if (this.#wires.get(key) === kept) this.#wires.delete(key);
      return this.#wire(address);
    }
    const opening = this.#connections.open(address, controlTimeout);
    this.#wires.set(key, opening);
    try {
      const wire = await opening;
      if (this.closed.aborted) wire.close();
      return wire;
    } catch (error) {
      if (this.#wires.get(key) === opening) this.#wires.delete(key);
      throw error;
    }
  }
}

const byName = 'name:';

/** The id to fetch by: all zero where there are no topic ids, and for a text that never was one, which no broker knows. */
export function topicIdOf(incarnation: Incarnation): Buffer {
  const id = Buffer.from(incarnation.topic, 'base64url');
  return incarnation.topic.startsWith(byName) || id.length !== noTopicId.length ? noTopicId : id;
}

/** Undefined of a Kafka topic that the answer says nothing good of. A partition without a leader is not that. */
function stateOf(cluster: string, { errorCode, topic, id, partitions }: TopicMetadata): TopicState | undefined {
  if (errorCode !== code.NONE || partitions.length === 0) return undefined;
  // Without topic ids the name stands in for one, and recreation shows only in leader epochs that run backwards.
  const identity = id.equals(noTopicId) ? byName + topic : id.toString('base64url');
  return { topic, id, incarnation: { cluster, topic: identity }, partitions };
}

function closedError(): LogError {
  return new LogError('UNAVAILABLE', 'the log is closed');
}

function shuffled<T>(all: readonly T[]): T[] {
  const mixed = [...all];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
  }
  return mixed;
}
