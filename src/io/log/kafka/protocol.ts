/**
 * The requests of the read path that kafkajs has not, or not in a version that goes by topic id: Metadata, ListOffsets.
 * (Fetch has a file of its own.) Flexible versions end every structure in tagged fields; their request header has one
 * more byte (its own tagged fields) in front of the body, their response header one in front of the answer.
 */
import { Reader, Writer } from './bytes.ts';
import type { Api, Versions, Wire } from './connection.ts';

export const api = {
  FETCH: { key: 1, name: 'Fetch' },
  LIST_OFFSETS: { key: 2, name: 'ListOffsets' },
  METADATA: { key: 3, name: 'Metadata' },
} as const satisfies Record<string, Api>;

export const noTopicId = Buffer.alloc(16);

export interface NodeMetadata {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface PartitionMetadata {
  readonly partition: number;
  readonly errorCode: number;
  /** Node id, -1 while there is none. */
  readonly leader: number;
  /** -1 where the broker does not say. */
  readonly leaderEpoch: number;
}

export interface TopicMetadata {
  readonly errorCode: number;
  readonly topic: string;
  /** All zero of brokers that have no topic ids. */
  readonly id: Buffer;
  readonly partitions: readonly PartitionMetadata[];
}

export interface Metadata {
  readonly cluster: string;
  readonly nodes: readonly NodeMetadata[];
  readonly topics: readonly TopicMetadata[];
}

/** The newest version that both sides speak, no higher than `ceiling`; -1 if there is none. */
export function versionOf(versions: Versions, which: Api, ceiling: number): number {
  const range = versions[which.key];
  return range === undefined || range.minVersion > ceiling ? -1 : Math.min(range.maxVersion, ceiling);
}

/** Metadata of the named Kafka topics (none: the brokers only). From version 10 with topic ids; 7 is the oldest asked for. */
export async function metadata(wire: Wire, topics: readonly string[], ceiling: number): Promise<Metadata> {
  const newest = versionOf(wire.versions, api.METADATA, ceiling);
  return newest >= 10 ? flexible(wire, newest, topics) : plain(wire, topics);
}

async function flexible(wire: Wire, version: number, topics: readonly string[]): Promise<Metadata> {
  const request = new Writer().int8(0).uvarint(topics.length + 1);
  for (const topic of topics) request.raw(noTopicId).compactString(topic).uvarint(0);
  request.int8(0); // no automatic creation
  if (version === 10) request.int8(0); // no authorised operations of the cluster
  request.int8(0).uvarint(0); // none of the topics

  const answer = new Reader(await wire.send(api.METADATA, version, request.done()));
  answer.tags();
  answer.skip(4); // throttle time
  const nodes: NodeMetadata[] = [];
  for (let n = answer.compactCount(); n > 0; n--) {
    nodes.push({ id: answer.int32(), host: answer.compactString() ?? '', port: answer.int32() });
    answer.compactString(); // rack
    answer.tags();
  }
  const cluster = answer.compactString() ?? '';
  answer.skip(4); // controller
  const described: TopicMetadata[] = [];
  for (let n = answer.compactCount(); n > 0; n--) {
    const errorCode = answer.int16();
    const topic = answer.compactString() ?? '';
    const id = answer.raw(16);
    answer.skip(1); // internal
    const partitions: PartitionMetadata[] = [];
    for (let p = answer.compactCount(); p > 0; p--) {
      partitions.push(partitionOf(answer));
      for (let list = 0; list < 3; list++) answer.skip(4 * answer.compactCount()); // replicas, in sync, offline
      answer.tags();
    }
    answer.skip(4); // authorised operations
    answer.tags();
    described.push({ errorCode, topic, id: Buffer.from(id), partitions: inOrder(partitions) });
  }
  return { cluster, nodes, topics: described };
}

async function plain(wire: Wire, topics: readonly string[]): Promise<Metadata> {
  const request = new Writer().int32(topics.length);
  for (const topic of topics) request.string(topic);
  request.int8(0);
  const answer = new Reader(await wire.send(api.METADATA, 7, request.done()));
  answer.skip(4);
  const nodes: NodeMetadata[] = [];
  for (let n = answer.count(); n > 0; n--) {
    nodes.push({ id: answer.int32(), host: answer.string() ?? '', port: answer.int32() });
    answer.string();
  }
  const cluster = answer.string() ?? '';
  answer.skip(4);
  const described: TopicMetadata[] = [];
  for (let n = answer.count(); n > 0; n--) {
    const errorCode = answer.int16();
    const topic = answer.string() ?? '';
    answer.skip(1);
    const partitions: PartitionMetadata[] = [];
    for (let p = answer.count(); p > 0; p--) {
      partitions.push(partitionOf(answer));
      for (let list = 0; list < 3; list++) answer.skip(4 * answer.count());
    }
    described.push({ errorCode, topic, id: noTopicId, partitions: inOrder(partitions) });
  }
  return { cluster, nodes, topics: described };
}

function partitionOf(answer: Reader): PartitionMetadata {
  const errorCode = answer.int16();
  return { errorCode, partition: answer.int32(), leader: answer.int32(), leaderEpoch: answer.int32() };
}

function inOrder(partitions: readonly PartitionMetadata[]): PartitionMetadata[] {
  return partitions.toSorted((a, b) => a.partition - b.partition);
}

/** What ListOffsets may be asked for beside a time. */
export const LATEST = -1;
export const EARLIEST = -2;

export interface ListedOffset {
  readonly partition: number;
  readonly errorCode: number;
  /** -1: no record at or after the time. */
  readonly offset: number;
}

/** ListOffsets v5, read_committed: LATEST is the last stable offset. The wire must be to the partitions' leader. */
export async function listOffsets(
  wire: Wire,
  topic: string,
  partitions: readonly { readonly partition: number; readonly leaderEpoch: number }[],
  timestamp: number,
): Promise<readonly ListedOffset[]> {
  const request = new Writer().int32(-1).int8(1).int32(1).string(topic).int32(partitions.length);
  for (const { partition, leaderEpoch } of partitions) request.int32(partition).int32(leaderEpoch).int64(timestamp);
  const answer = new Reader(await wire.send(api.LIST_OFFSETS, 5, request.done()));
  answer.skip(4);
  const offsets: ListedOffset[] = [];
  for (let n = answer.count(); n > 0; n--) {
    answer.string();
    for (let p = answer.count(); p > 0; p--) {
      const partition = answer.int32();
      const errorCode = answer.int16();
      answer.skip(8); // timestamp
      offsets.push({ partition, errorCode, offset: answer.int64() });
      answer.skip(4); // leader epoch
    }
  }
  return offsets;
}
