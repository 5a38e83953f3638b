/** The public event of a record, as the reader makes it. */
import { hash } from 'node:crypto';
import type { LogRecord } from '../log/index.ts';
import type { ChangeOp, PublicData, PublicEvent } from './model.ts';

const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/**
 * Its conflation key is made when it is first asked for: a hash costs as much as all else that addresses an event, and few
 * subscriptions conflate. Until then the raw key is kept where nothing else can reach it, as a copy, since the record is a
 * view of a whole response. As JSON it is the plain object that every PublicEvent is; other ways of copying (spread, structuredClone)
 * leave the conflation key behind.
 */
export class RecordEvent implements PublicEvent {
  // Only declared: a field that is there before its value costs a second write.
  declare readonly partition: number;
  declare readonly offset: number;
  declare readonly time: number;
  declare readonly op: ChangeOp;
  declare readonly topic: string;
  declare readonly unknownLevels: number;
  declare readonly key: string | null;
  declare readonly traceparent: string | null;
  declare readonly data: PublicData | null;
  declare readonly keyData: PublicData | null;
  /** One character a byte. Null once hashed, and where there is none. */
  #rawKey: string | null;
  #conflationKey: string | null = null;

  constructor(
    partition: number,
    record: LogRecord,
    op: ChangeOp,
    topic: string,
    unknownLevels: number,
    key: string | null,
    data: PublicData | null,
    keyData: PublicData | null,
  ) {
    this.#rawKey = record.key === null ? null : record.key.toString('latin1');
    this.partition = partition;
    this.offset = record.offset;
    this.time = record.timestamp;
    this.op = op;
    this.topic = topic;
    this.unknownLevels = unknownLevels;
    this.key = key;
    this.traceparent = record.headers.length === 0 ? null : traceparent(record);
    this.data = data;
    this.keyData = keyData;
  }

  get conflationKey(): string | null {
    if (this.#rawKey !== null) {
      this.#conflationKey = hash('sha256', Buffer.from(this.#rawKey, 'latin1'), 'base64url').slice(0, 22);
      this.#rawKey = null;
    }
    return this.#conflationKey;
  }

  toJSON(): PublicEvent {
    const { partition, offset, time, op, topic, unknownLevels, key, conflationKey, traceparent, data, keyData } = this;
    return { partition, offset, time, op, topic, unknownLevels, key, conflationKey, traceparent, data, keyData };
  }
}

function traceparent(record: LogRecord): string | null {
  for (const header of record.headers) {
    if (header.name !== 'traceparent' || header.value === null || header.value.length > 128) continue;
    const text = header.value.toString('latin1');
    if (traceparentPattern.test(text)) return text;
  }
  return null;
}
