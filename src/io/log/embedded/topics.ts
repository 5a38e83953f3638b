import { randomBytes } from 'node:crypto';

import { type Extent, type Incarnation, LogError, type TopicConfig } from '../../../core/log/index.ts';
import type { Connection } from './file.ts';

const maxPartitions = 1_024;

export interface TopicRow {
  readonly name: string;
  /** Minted with each creation: 16 random bytes as base64url. */
  readonly uid: string;
  readonly cleanup: TopicConfig['cleanup'];
  readonly retentionMs: number;
}

/** A partition as the file has it. `next` is the offset that the next record gets, `latest` the highest timestamp so far. */
export interface PartitionRow {
  readonly slot: number;
  readonly number: number;
  readonly first: number;
  next: number;
  latest: number;
  /** Compaction: keys below were seen by a pass; tombstones below `passed` may go `tombstoneMs` after `passedAt`. */
  readonly cleaned: number;
  readonly passed: number;
  readonly passedAt: number | null;
}

export function findTopic(connection: Connection, name: string): TopicRow | undefined {
  const row = connection.sql('SELECT name, uid, cleanup, retention FROM topic WHERE name = ?').get(name);
  return row === undefined ? undefined : topicRow(row);
}

export function allTopics(connection: Connection): TopicRow[] {
  return connection.sql('SELECT name, uid, cleanup, retention FROM topic ORDER BY name').all().map(topicRow);
}

export function needTopic(connection: Connection, name: string): TopicRow {
  const topic = findTopic(connection, name);
  if (topic === undefined) throw new LogError('UNKNOWN_TOPIC', `There is no topic ${name}.`);
  return topic;
}

/** The topic if it is still the one that `incarnation` names. */
export function sameTopic(connection: Connection, name: string, cluster: string, incarnation: Incarnation): TopicRow {
  const topic = findTopic(connection, name);
  if (topic === undefined || topic.uid !== incarnation.topic || cluster !== incarnation.cluster) {
    throw new LogError(
      'RECREATED',
      `Topic ${name} was ${topic === undefined ? 'deleted' : 'created anew'}: offsets of the one before mean nothing.`,
    );
  }
  return topic;
}

/** In order of partition. */
export function partitionRows(connection: Connection, topic: string): PartitionRow[] {
  const rows = connection
    .sql(
      'SELECT slot, number, first, next, latest, cleaned, passed, passed_at FROM partition WHERE topic = ? ORDER BY number',
    )
    .all(topic) as unknown as [number, number, number, number, number, number, number, number | null][];
  return rows.map(([slot, number, first, next, latest, cleaned, passed, passedAt]) => ({
    slot,
    number,
    first,
    next,
    latest,
    cleaned,
    passed,
    passedAt,
  }));
}

export function needPartition(connection: Connection, topic: string, number: number): PartitionRow {
  const partition = partitionRows(connection, topic)[number];
  if (partition === undefined) throw new LogError('OUT_OF_RANGE', `Topic ${topic} has no partition ${number}.`);
  return partition;
}

export function extentOf(partition: PartitionRow): Extent {
  return { partition: partition.number, first: partition.first, end: partition.next };
}

export function* createTopic(
  connection: Connection,
  name: string,
  config: TopicConfig,
  retentionMs: number,
): Generator<void, void> {
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(name))
    throw new LogError('UNKNOWN_TOPIC', `"${name}" cannot name a topic: use up to 249 letters, digits, ".", "_", "-".`);
  if (!Number.isInteger(config.partitions) || config.partitions < 1 || config.partitions > maxPartitions) {
    throw new LogError('OUT_OF_RANGE', `A topic has 1 to ${maxPartitions} partitions, not ${config.partitions}.`);
  }
  if (findTopic(connection, name) !== undefined) throw new LogError('EXISTS', `Topic ${name} exists.`);
  connection
    .sql('INSERT INTO topic(name, uid, cleanup, retention) VALUES (?, ?, ?, ?)')
    .run(name, randomBytes(16).toString('base64url'), config.cleanup, config.retentionMs ?? retentionMs);
  growTopic(connection, name, config.partitions);
}

/** Up to `partitions` in all; never fewer than there are. */
export function growTopic(connection: Connection, name: string, partitions: number): void {
  needTopic(connection, name);
  if (partitions > maxPartitions)
    throw new LogError('OUT_OF_RANGE', `A topic has 1 to ${maxPartitions} partitions, not ${partitions}.`);
  for (let number = partitionRows(connection, name).length; number < partitions; number += 1) {
    connection.sql('INSERT INTO partition(topic, number) VALUES (?, ?)').run(name, number);
  }
}

/** At once for every reader; the records themselves are swept up by the compactor. */
export function deleteTopic(connection: Connection, name: string): void {
  needTopic(connection, name);
  connection.sql('INSERT INTO orphan(slot) SELECT slot FROM partition WHERE topic = ?').run(name);
  connection.sql('DELETE FROM partition WHERE topic = ?').run(name);
  connection.sql('DELETE FROM topic WHERE name = ?').run(name);
}

function topicRow(row: unknown): TopicRow {
  const [name, uid, cleanup, retentionMs] = row as [string, string, TopicConfig['cleanup'], number];
  return { name, uid, cleanup, retentionMs };
}
