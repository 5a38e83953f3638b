/**
 * Reads of a bounded range. They have connections of their own, a few per node, each lent for one request at a time in the
 * order of asking: neither a live read's long poll nor another replay holds one up for longer than that.
 */
import { type Incarnation, LogError, type LogScan, sameIncarnation } from '../../../core/log/index.ts';
import { type Cluster, topicIdOf } from './cluster.ts';
import type { Wire } from './connection.ts';
import { asLogError, code, protocolError } from './errors.ts';
import { endOf, type FetchedPartition, fetchRecords, fetchVersion, type WantedPartition } from './fetch.ts';
import { decodeBatches } from './records.ts';
import { outOfRange } from './tails.ts';

const wiresPerNode = 4;
const requestTimeout = 10_000;
/** Failures and empty answers in a row after which a range gives up, waiting longer before each. */
const patience = 8;

interface NodeWires {
  readonly idle: Wire[];
  lent: number;
  readonly waiting: (() => void)[];
}

export interface RangeRequest {
  readonly topic: string;
  readonly incarnation: Incarnation;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly maxBytes: number;
}

export class Ranges {
  readonly #cluster: Cluster;
  readonly #nodes = new Map<number, NodeWires>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  close(): void {
    for (const { idle } of this.#nodes.values()) for (const wire of idle) wire.close();
    this.#nodes.clear();
  }

  async *read(request: RangeRequest): AsyncGenerator<LogScan, void, void> {
    const { incarnation, partition } = request;
    let position = request.from;
    let target = request.to;
    let lastEpoch = -1;
    let refusals = 0;
    let capped = false;
    while (position < target) {
      let fetched: FetchedPartition<WantedPartition>;
      try {
        fetched = await this.#fetch(request, position, lastEpoch);
      } catch (thrown) {
        const error = asLogError(thrown, `range of ${request.topic}-${partition}`);
        if (error.kind !== 'UNAVAILABLE' || ++refusals >= patience) throw error;
        await this.#cluster.pause(25 * 2 ** refusals);
        continue;
      }
      const decoded = decodeBatches(fetched.bytes, position, fetched.aborted);
      const end = endOf(fetched, decoded);
      if (!capped) target = Math.min(target, end);
      capped = true;
      const from = position;
      const to = Math.min(decoded.next, target);
      if (to > from) {
        refusals = 0;
        position = to;
        if (decoded.epoch >= 0) lastEpoch = decoded.epoch;
        const records =
          decoded.next > target ? decoded.records.filter(({ offset }) => offset < target) : decoded.records;
        yield { incarnation, partition, from, to, records, end, first: Math.max(fetched.first, 0) };
      } else if (position < target && decoded.corrupt === undefined) {
        // A leader may answer with nothing (a quota, remote storage that is slow): never taken for an empty range.
        if (++refusals >= patience)
          throw new LogError('UNAVAILABLE', `${request.topic}-${partition} answers nothing at ${position}`);
        await this.#cluster.pause(25 * 2 ** refusals);
      }
      if (decoded.corrupt !== undefined && position < target) {
        throw new LogError('CORRUPT', `${request.topic}-${partition}: ${decoded.corrupt.message}`, {
          cause: decoded.corrupt,
        });
      }
    }
  }

  async #fetch(request: RangeRequest, offset: number, lastEpoch: number): Promise<FetchedPartition<WantedPartition>> {
    const { topic, incarnation, partition } = request;
    const state = await this.#placeOf(topic, incarnation);
    const place = state.partitions[partition];
    if (place === undefined) throw new LogError('UNKNOWN_TOPIC', `${topic} has no partition ${partition}`);
    if (place.leader < 0)
      throw await this.#stale(topic, new LogError('UNAVAILABLE', `${topic}-${partition} has no leader`));
    const wanted: WantedPartition = {
      topic,
      topicId: topicIdOf(incarnation),
      partition,
      leaderEpoch: place.leaderEpoch,
      offset,
      lastEpoch,
      maxBytes: request.maxBytes,
    };
    const fetched = await this.#lend(place.leader, async (wire) => {
      const version = fetchVersion(wire.versions, this.#cluster.ceilings.fetch);
      if (version === -1) throw new LogError('UNAVAILABLE', `node ${place.leader} speaks no Fetch that is known here`);
      return fetchRecords(wire, version, [wanted], { maxWaitMs: 100, maxBytes: request.maxBytes });
    }).catch(async (error: unknown) => {
      throw await this.#stale(topic, asLogError(error, `node ${place.leader}`));
    });
    const answer = fetched.partitions[0];
    const errorCode =
      fetched.errorCode === code.NONE ? (answer?.errorCode ?? code.UNKNOWN_TOPIC_ID) : fetched.errorCode;
    if (answer !== undefined && errorCode === code.NONE && answer.diverging === undefined) return answer;
    throw await this.#refused(request, wanted, errorCode, answer);
  }

  async #refused(
    request: RangeRequest,
    { offset, lastEpoch }: WantedPartition,
    errorCode: number,
    answer: FetchedPartition<WantedPartition> | undefined,
  ): Promise<LogError> {
    const { topic, partition } = request;
    if (answer?.diverging !== undefined) {
      const { endOffset } = answer.diverging;
      return new LogError(
        'RECREATED',
        `${topic}-${partition} was cut back to ${endOffset}, behind the position ${offset}`,
      );
    }
    if (errorCode === code.OFFSET_OUT_OF_RANGE) {
      const extent = (await this.#cluster.extents(topic))[partition];
      if (extent !== undefined) return outOfRange(topic, offset, extent, lastEpoch >= 0);
    }
    const error = protocolError(errorCode, `${topic}-${partition}`);
    if (error.kind === 'UNAUTHORISED') return error;
    // A node that does not know the id may merely be late: what the metadata says decides, on the next attempt.
    return this.#stale(topic, new LogError('UNAVAILABLE', error.message));
  }

  /** The Kafka topic as remembered, if it is the right one; another one is believed only when seen twice. */
  async #placeOf(topic: string, incarnation: Incarnation) {
    const known = await this.#cluster.topic(topic, 60_000).catch(recreatedIfUnknown);
    if (sameIncarnation(known.incarnation, incarnation)) return known;
    await this.#cluster.pause(100);
    const now = await this.#cluster.topic(topic).catch(recreatedIfUnknown);
    if (sameIncarnation(now.incarnation, incarnation)) return now;
    throw new LogError('RECREATED', `Kafka topic ${topic} was recreated`);
  }

  /** Has the next attempt look at the metadata anew. */
  async #stale(topic: string, error: LogError): Promise<LogError> {
    await this.#cluster.topic(topic).catch(() => undefined);
    return error;
  }

  async #lend<T>(node: number, use: (wire: Wire) => Promise<T>): Promise<T> {
    let wires = this.#nodes.get(node);
    if (wires === undefined) {
      wires = { idle: [], lent: 0, waiting: [] };
      this.#nodes.set(node, wires);
    }
    // Who finds somebody waiting waits too, or a busy replay would overtake for ever.
    if (wires.lent >= wiresPerNode || wires.waiting.length > 0) {
      await new Promise<void>((resolve) => wires.waiting.push(resolve));
    }
    wires.lent++;
    let wire: Wire | undefined;
    try {
      do wire = wires.idle.pop();
      while (wire?.closed);
      wire ??= await this.#cluster.connect(node, requestTimeout);
      return await use(wire);
    } finally {
      wires.lent--;
      if (wire !== undefined && !wire.closed) {
        if (this.#cluster.closed.aborted) wire.close();
        else wires.idle.push(wire);
      }
      wires.waiting.shift()?.();
    }
  }
}

/** Of a position in it one can only say that its Kafka topic is gone. */
function recreatedIfUnknown(error: unknown): never {
  if (error instanceof LogError && error.kind === 'UNKNOWN_TOPIC') {
    throw new LogError('RECREATED', error.message, { cause: error });
  }
  throw error;
}
