import { type AppendRecord, type Header, LogError, type LogRecord, murmur2Partition } from '../../../core/log/index.ts';
import type { Connection } from './file.ts';
import { maxOffset, offsetBits } from './schema.ts';
import { type PartitionRow, partitionRows, type TopicRow } from './topics.ts';

/** So many records are written, or bytes, between two breaths of the event loop. */
const sliceRecords = 500;
const sliceBytes = 4_194_304;

const id = (slot: string, offset: string) => `((${slot} << ${offsetBits}) | ${offset})`;
const offsetOf = `id & ${maxOffset}`;
const within = `id >= ${id('?1', '?2')} AND id < ${id('?1', '?3')}`;
const insert = `INSERT INTO record(id, timestamp, latest, key, value, headers) VALUES (${id('?1', '?2')}, ?3, ?4, ?5, ?6, ?7)`;
const select = `SELECT ${offsetOf}, timestamp, key, value, headers FROM record WHERE ${within} ORDER BY id LIMIT ?4`;
const probe = `SELECT ${offsetOf}, latest FROM record WHERE ${within} ORDER BY id LIMIT 1`;
const firstAtTime = `SELECT ${offsetOf} FROM record WHERE ${within} AND timestamp >= ?4 ORDER BY id LIMIT 1`;
const advance = 'UPDATE partition SET next = ?2, latest = ?3 WHERE slot = ?1';

type Row = [number, number, Uint8Array | null, Uint8Array | null, Uint8Array | null];

export interface Written {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

/** Appends inside a write transaction: offsets are read, given out and stored under its lock. `spread` chooses for records without key. */
export function* writeRecords(
  connection: Connection,
  topic: TopicRow,
  records: readonly AppendRecord[],
  now: number,
  spread: (partitions: number) => number,
): Generator<void, Written[]> {
  const partitions = partitionRows(connection, topic.name).map((row) => ({ ...row }));
  const touched = new Set<PartitionRow>();
  const written: Written[] = [];
  const statement = connection.sql(insert);
  let count = 0;
  let bytes = 0;
  for (const record of records) {
    const number =
      record.partition ??
      (record.key === null ? spread(partitions.length) : murmur2Partition(record.key, partitions.length));
    const partition = partitions[number];
    if (partition === undefined)
      throw new LogError(
        'OUT_OF_RANGE',
        `Topic ${topic.name} has ${partitions.length} partitions, counted from 0: there is no ${number}.`,
      );
    if (partition.next >= maxOffset)
      throw new LogError('UNAVAILABLE', `Partition ${number} of ${topic.name} has given out all its offsets.`);
    if (topic.cleanup === 'compact' && record.key === null) {
      throw new LogError('CORRUPT', `A record without a key cannot go to ${topic.name}, which is compacted by key.`);
    }
    const timestamp = Math.trunc(record.timestamp ?? now);
    const offset = partition.next;
    partition.latest = Math.max(partition.latest, timestamp);
    partition.next = offset + 1;
    statement.run(
      partition.slot,
      offset,
      timestamp,
      partition.latest,
      record.key,
      record.value,
      encodeHeaders(record.headers),
    );
    touched.add(partition);
    written.push({ partition: number, offset, timestamp });
    count += 1;
    bytes += (record.value?.length ?? 0) + (record.key?.length ?? 0);
    if (count >= sliceRecords || bytes >= sliceBytes) {
      count = 0;
      bytes = 0;
      yield;
    }
  }
  for (const partition of touched) connection.sql(advance).run(partition.slot, partition.next, partition.latest);
  return written;
}

/**
 * Examines [from, to) up to about `maxBytes` or `maxRecords`, at least one record. Returns where it stopped: `to`, or the offset
 * after the last record it took.
 */
export function readRecords(
  connection: Connection,
  slot: number,
  from: number,
  to: number,
  bounds: { readonly maxBytes: number; readonly maxRecords: number },
): { readonly records: LogRecord[]; readonly to: number; readonly bytes: number } {
  const statement = connection.sql(select);
  const records: LogRecord[] = [];
  let bytes = 0;
  let next = from;
  // Sizes are known only once read: a small first helping, then as many as the average so far lets expect.
  let helping = Math.min(16, bounds.maxRecords);
  while (next < to) {
    const rows = statement.all(slot, next, to, helping) as unknown as Row[];
    for (const row of rows) {
      const record = {
        offset: row[0],
        timestamp: row[1],
        key: buffer(row[2]),
        value: buffer(row[3]),
        headers: decodeHeaders(row[4]),
      };
      records.push(record);
      bytes += recordBytes(record);
    }
    const last = records.at(-1);
    if (rows.length < helping || last === undefined) return { records, to, bytes };
    next = last.offset + 1;
    if (bytes >= bounds.maxBytes || records.length >= bounds.maxRecords) break;
    const expected = Math.ceil(((bounds.maxBytes - bytes) * records.length) / bytes);
    helping = Math.max(1, Math.min(expected, bounds.maxRecords - records.length, records.length * 8));
  }
  return { records, to: next, bytes };
}

/** The first offset in [first, next) whose timestamp is at or after `timestamp`, else `next`. */
export function offsetAtTime(connection: Connection, { slot, first, next }: PartitionRow, timestamp: number): number {
  let low = first;
  let high = next;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = connection.sql(probe).get(slot, middle, high) as unknown as [number, number] | undefined;
    if (row === undefined || row[1] >= timestamp) high = middle;
    else low = row[0] + 1;
  }
  // `latest` may come from a record that is gone since: from there on the records themselves decide.
  const row = connection.sql(firstAtTime).get(slot, low, next, timestamp) as unknown as [number] | undefined;
  return row === undefined ? next : row[0];
}

/** What a record weighs against every bound in bytes. */
export function recordBytes(record: {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly Header[];
}): number {
  let bytes = 24 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const header of record.headers ?? []) bytes += 8 + Buffer.byteLength(header.name) + (header.value?.length ?? 0);
  return bytes;
}

/** Deletes up to `limit` records of [from, to) of a slot; false when there may be more. */
export function deleteRecords(connection: Connection, slot: number, from: number, to: number, limit: number): boolean {
  const row = connection
    .sql(`SELECT ${offsetOf} FROM record WHERE ${within} ORDER BY id LIMIT 1 OFFSET ?4`)
    .get(slot, from, to, limit) as unknown as [number] | undefined;
  connection.sql(`DELETE FROM record WHERE ${within}`).run(slot, from, row === undefined ? to : row[0]);
  return row === undefined;
}

/** Keys of [from, to) without their values, for compaction. */
export function readKeys(
  connection: Connection,
  slot: number,
  from: number,
  to: number,
  limit: number,
): readonly { readonly offset: number; readonly key: string; readonly tombstone: boolean }[] {
  const rows = connection
    .sql(`SELECT ${offsetOf}, hex(key), value IS NULL FROM record WHERE ${within} ORDER BY id LIMIT ?4`)
    .all(slot, from, to, limit) as unknown as [number, string, number][];
  return rows.map(([offset, key, tombstone]) => ({ offset, key, tombstone: tombstone === 1 }));
}

export function deleteRecord(connection: Connection, slot: number, offset: number): void {
  connection.sql(`DELETE FROM record WHERE id = ${id('?1', '?2')}`).run(slot, offset);
}

const none: readonly Header[] = [];

function buffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Per header: length of the name, name, length of the value or -1, value; lengths are 32-bit big-endian. */
function encodeHeaders(headers: readonly Header[] | undefined): Buffer | null {
  if (headers === undefined || headers.length === 0) return null;
  const parts: Buffer[] = [];
  for (const { name, value } of headers) {
    const text = Buffer.from(name);
    parts.push(int32(text.length), text, int32(value === null ? -1 : value.length));
    if (value !== null) parts.push(value);
  }
  return Buffer.concat(parts);
}

function decodeHeaders(bytes: Uint8Array | null): readonly Header[] {
  const encoded = buffer(bytes);
  if (encoded === null) return none;
  const headers: Header[] = [];
  for (let at = 0; at < encoded.length; ) {
    const nameEnd = at + 4 + encoded.readInt32BE(at);
    const name = encoded.toString('utf8', at + 4, nameEnd);
    const length = encoded.readInt32BE(nameEnd);
    at = nameEnd + 4 + Math.max(0, length);
    headers.push({ name, value: length < 0 ? null : encoded.subarray(nameEnd + 4, at) });
  }
  return headers;
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
