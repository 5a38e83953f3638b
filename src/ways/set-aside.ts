/**
 * Where rejected records are told: the Kafka topic `rejected` beside the state of record, keyed by position, compacted.
 * Bounded in rate and queue, and never in the partition's way: what exceeds the bound is counted by the metric alone.
 */
import type { Clock } from '../core/delivery/index.ts';
import { type AppendRecord, type Log, LogError } from '../core/log/index.ts';
import type { Observe } from '../core/observe.ts';
import type { SetAside } from './event.ts';

const MAX_QUEUED = 1_000;
const PER_SECOND = 100;
const FLUSH_MS = 200;

export function createSetAside(options: {
  readonly log: Log;
  /** Full name of the Kafka topic. */
  readonly topic: string;
  readonly clock: Clock;
  readonly observe: Observe;
}): SetAside {
  const { log, topic, clock, observe } = options;
  let queue: AppendRecord[] = [];
  let flushing = false;
  let created = false;
  let window = { since: 0, count: 0, dropped: 0 };

  const flush = async (): Promise<void> => {
    const batch = queue;
    queue = [];
    try {
      if (!created) {
        await log.create(topic, { partitions: 1, cleanup: 'compact' }).catch((error: unknown) => {
          if (!(error instanceof LogError && error.kind === 'EXISTS')) throw error;
        });
        created = true;
      }
      await log.append(topic, batch);
    } catch (error) {
      observe.warn('rejected records could not be set aside', { records: batch.length, error });
    } finally {
      flushing = false;
      if (queue.length > 0) schedule();
    }
  };

  const schedule = (): void => {
    if (flushing) return;
    flushing = true;
    clock.after(FLUSH_MS, () => void flush());
  };

  return (rejection) => {
    const now = clock.now();
    if (now - window.since >= 1_000) {
      if (window.dropped > 0) observe.warn('more records were rejected than are told', { dropped: window.dropped });
      window = { since: now, count: 0, dropped: 0 };
    }
    if (window.count >= PER_SECOND || queue.length >= MAX_QUEUED) {
      window.dropped += 1;
      return;
    }
    window.count += 1;
    const { product, partition, offset, reason } = rejection;
    observe.warn('record rejected', { product, partition, offset, reason });
    const key = `${rejection.topic}/${rejection.incarnation}/${partition}/${offset}`;
    queue.push({ key: Buffer.from(key), value: Buffer.from(JSON.stringify({ v: 1, ...rejection })) });
    schedule();
  };
}
