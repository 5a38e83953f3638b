/**
 * The Fetch request: version 13, by topic id, or 11, by name, of brokers that have no better. Sessions are not used: what
 * is read changes too often. Always read_committed, and from leaders only.
 */
import { Reader, Writer } from './bytes.ts';
import type { Versions, Wire } from './connection.ts';
import { api, versionOf } from './protocol.ts';
import type { AbortedTransaction } from './records.ts';

export interface WantedPartition {
  readonly topic: string;
  readonly topicId: Buffer;
  readonly partition: number;
  /** The leader refuses a reader whose idea of the leadership is older or newer than its own. */
  readonly leaderEpoch: number;
  readonly offset: number;
  /** Epoch of the batch before `offset`, -1 if unknown: lets the leader see that the reader's history is not its own. */
  readonly lastEpoch: number;
  readonly maxBytes: number;
}

export interface FetchedPartition<W extends WantedPartition> {
  readonly wanted: W;
  readonly errorCode: number;
  /** Last stable offset. */
  readonly end: number;
  readonly first: number;
  readonly aborted: readonly AbortedTransaction[];
  /** The reader's history parts from the leader's at `endOffset`. */
  readonly diverging: { readonly epoch: number; readonly endOffset: number } | undefined;
  /** Whole batches, the last one possibly cut: a view of the response. */
  readonly bytes: Buffer;
}

export interface Fetched<W extends WantedPartition> {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition<W>[];
}

/**
 * The last stable offset, as far as this answer lets one know. The leader takes note of it before it reads, so that what
 * was committed in between comes along; and a new leader does not know for a moment how much of its log is stable.
 */
export function endOf(fetched: { readonly end: number }, decoded: { readonly next: number }): number {
  return Math.max(fetched.end, decoded.next);
}

export interface FetchLimits {
  /** How long the leader may wait for a first byte. */
  readonly maxWaitMs: number;
  /** Of the whole response; its first batch comes whatever its size. */
  readonly maxBytes: number;
}

/** 13 or 11; -1 of a broker too old for either (before Kafka 2.3). */
export function fetchVersion(versions: Versions, ceiling: number): 13 | 11 | -1 {
  if (versionOf(versions, api.FETCH, Math.min(ceiling, 13)) === 13) return 13;
  return versionOf(versions, api.FETCH, 11) === 11 ? 11 : -1;
}

/** No two of `wanted` may be of one partition. */
export async function fetchRecords<W extends WantedPartition>(
  wire: Wire,
  version: 13 | 11,
  wanted: readonly W[],
  limits: FetchLimits,
): Promise<Fetched<W>> {
  const topics = new Map<string, Map<number, W>>();
  for (const one of wanted) {
    const key = version === 13 ? one.topicId.toString('latin1') : one.topic;
    const partitions = topics.get(key);
    if (partitions === undefined) topics.set(key, new Map([[one.partition, one]]));
    else partitions.set(one.partition, one);
  }
  const body = version === 13 ? requestById(topics, limits) : requestByName(topics, limits);
  const answer = new Reader(await wire.send(api.FETCH, version, body));
  return version === 13 ? answerById(answer, topics) : answerByName(answer, topics);
}

function requestById<W extends WantedPartition>(topics: Map<string, Map<number, W>>, limits: FetchLimits): Buffer {
  const request = new Writer().int8(0);
  request.int32(-1).int32(limits.maxWaitMs).int32(1).int32(limits.maxBytes).int8(1).int32(0).int32(-1);
  request.uvarint(topics.size + 1);
  for (const [id, partitions] of topics) {
    request.raw(Buffer.from(id, 'latin1')).uvarint(partitions.size + 1);
    for (const { partition, leaderEpoch, offset, lastEpoch, maxBytes } of partitions.values()) {
      request.int32(partition).int32(leaderEpoch).int64(offset).int32(lastEpoch).int64(-1).int32(maxBytes).uvarint(0);
    }
    request.uvarint(0);
  }
  return request.uvarint(1).uvarint(1).uvarint(0).done(); // nothing forgotten, no rack, no tagged fields
}

function requestByName<W extends WantedPartition>(topics: Map<string, Map<number, W>>, limits: FetchLimits): Buffer {
  const request = new Writer();
  request.int32(-1).int32(limits.maxWaitMs).int32(1).int32(limits.maxBytes).int8(1).int32(0).int32(-1);
  request.int32(topics.size);
  for (const [topic, partitions] of topics) {
    request.string(topic).int32(partitions.size);
    for (const { partition, leaderEpoch, offset, maxBytes } of partitions.values()) {
      request.int32(partition).int32(leaderEpoch).int64(offset).int64(-1).int32(maxBytes);
    }
  }
  return request.int32(0).string('').done();
}

function answerById<W extends WantedPartition>(answer: Reader, topics: Map<string, Map<number, W>>): Fetched<W> {
  answer.tags();
  answer.skip(4); // throttle time: the broker has held the answer back already
  const errorCode = answer.int16();
  answer.skip(4); // session
  const partitions: FetchedPartition<W>[] = [];
  for (let n = answer.compactCount(); n > 0; n--) {
    const wanted = topics.get(answer.raw(16).toString('latin1'));
    for (let p = answer.compactCount(); p > 0; p--) {
      const partition = answer.int32();
      const partitionError = answer.int16();
      answer.skip(8); // high watermark
      const end = answer.int64();
      const first = answer.int64();
      const aborted: AbortedTransaction[] = [];
      for (let a = answer.compactCount(); a > 0; a--) {
        aborted.push({ producerId: answer.int64(), firstOffset: answer.int64() });
        answer.tags();
      }
      answer.skip(4); // preferred replica
      const bytes = answer.raw(answer.compactCount());
      let diverging: FetchedPartition<W>['diverging'];
      answer.tags((tag, field) => {
        if (tag === 0) diverging = { epoch: field.int32(), endOffset: field.int64() };
      });
      const one = wanted?.get(partition);
      if (one === undefined) continue;
      partitions.push({ wanted: one, errorCode: partitionError, end, first, aborted, diverging, bytes });
    }
    answer.tags();
  }
  return { errorCode, partitions };
}

function answerByName<W extends WantedPartition>(answer: Reader, topics: Map<string, Map<number, W>>): Fetched<W> {
  answer.skip(4);
  const errorCode = answer.int16();
  answer.skip(4);
  const partitions: FetchedPartition<W>[] = [];
  for (let n = answer.count(); n > 0; n--) {
    const wanted = topics.get(answer.string() ?? '');
    for (let p = answer.count(); p > 0; p--) {
      const partition = answer.int32();
      const partitionError = answer.int16();
      answer.skip(8);
      const end = answer.int64();
      const first = answer.int64();
      const aborted: AbortedTransaction[] = [];
      for (let a = answer.count(); a > 0; a--) {
        aborted.push({ producerId: answer.int64(), firstOffset: answer.int64() });
      }
      answer.skip(4);
      const bytes = answer.raw(answer.count());
      const one = wanted?.get(partition);
      if (one === undefined) continue;
      partitions.push({ wanted: one, errorCode: partitionError, end, first, aborted, diverging: undefined, bytes });
    }
  }
  return { errorCode, partitions };
}
