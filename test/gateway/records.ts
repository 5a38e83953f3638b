/** Everything that a Kafka topic holds, read as any log is read. */
import type { Log, LogRecord } from '../../src/core/log/index.ts';

export interface Placed extends LogRecord {
  readonly partition: number;
}

export async function recordsOf(log: Log, topic: string): Promise<readonly Placed[]> {
  const { incarnation } = await log.describe(topic);
  const records: Placed[] = [];
  for (const { partition, first, end } of await log.extents(topic)) {
    if (first === end) continue;
    for await (const scan of log.range(topic, incarnation, partition, first, end)) {
      for (const record of scan.records) records.push({ ...record, partition });
    }
  }
  return records;
}
