/** Which keys have been appended under, in the file of the records: written in the same transaction, so that one is there with the other. */
import { ONCE_MS, type Once } from '../../../core/log/index.ts';
import type { Connection } from './file.ts';
import type { Written } from './records.ts';

/** Keys of the past that one write sweeps out: more than it adds, so that they become fewer. */
const swept = 64;

const find = 'SELECT digest, memo, uid, positions FROM once WHERE key = ? AND at > ?';
const keep = 'INSERT OR REPLACE INTO once(key, at, digest, memo, uid, positions) VALUES (?, ?, ?, ?, ?, ?)';
const sweep = `DELETE FROM once WHERE key IN (SELECT key FROM once WHERE at <= ? ORDER BY at LIMIT ${swept})`;

export interface KeptOnce {
  readonly digest: string;
  readonly memo: string;
  /** The topic's as it was then. */
  readonly uid: string;
  readonly positions: readonly Written[];
}

export function findOnce(connection: Connection, key: string, now: number): KeptOnce | undefined {
  const row = connection.sql(find).get(key, now - ONCE_MS) as unknown as [string, string, string, string] | undefined;
  if (row === undefined) return undefined;
  const [digest, memo, uid, text] = row;
  const positions = (JSON.parse(text) as [number, number, number][]).map(([partition, offset, timestamp]) => ({
    partition,
    offset,
    timestamp,
  }));
  return { digest, memo, uid, positions };
}

/** Inside the write transaction of the records. */
export function keepOnce(
  connection: Connection,
  { key, digest, memo }: Once,
  now: number,
  uid: string,
  positions: readonly Written[],
): void {
  connection.sql(sweep).run(now - ONCE_MS);
  const text = JSON.stringify(positions.map(({ partition, offset, timestamp }) => [partition, offset, timestamp]));
  connection.sql(keep).run(key, now, digest, memo, uid, text);
}
