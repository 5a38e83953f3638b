/**
 * A scan as bytes, made once however many channels it goes to. It names all that coverage is judged by, so that it can be passed on
 * without reading its events:
 *
 *     u32 partition, f64 from, f64 to, f64 end, f64 first, f64 interest, f64 bytes,
 *     u8 length and text of the incarnation's digest, u8 length and text of the projection's digest,
 *     the events: a JSON list of lists [offset, time, isDelete, topic, unknownLevels, key, conflationKey, traceparent, data, keyData]
 *
 * What product it is of is said by the ask that it answers.
 */
import type { PublicData, PublicEvent } from '../../contract/index.ts';
import { SluiceError } from '../../errors.ts';
import type { Scan } from '../source.ts';
import { json, MAX_MESSAGE_BYTES, StreamError } from './messages.ts';

const FIXED_BYTES = 4 + 6 * 8;
const EVENT_FIELDS = 10;
/** A scan whose events take about more than this in memory travels as several. */
const PIECE_BYTES = 1_048_576;
/** Of a message, beside the scan. */
const MARGIN_BYTES = 64;

/** A scan, or a piece of one, and its bytes. */
export interface EncodedScan {
  readonly from: number;
  readonly to: number;
  readonly body: Buffer;
}

/** Consecutive pieces that cover the scan exactly. Throws INTERNAL where a single event is larger than a message. */
export function encodeScan(scan: Scan): readonly EncodedScan[] {
  const { events, from, to } = scan;
  if (events.length < 2 || scan.bytes <= PIECE_BYTES) {
    const body = encodePiece(scan);
    if (body.length + MARGIN_BYTES <= MAX_MESSAGE_BYTES) return [{ from, to, body }];
    if (events.length < 2) {
      const cause = new Error(`event ${from} of partition ${scan.partition} has ${body.length} bytes as a message`);
      throw new SluiceError('INTERNAL', undefined, { cause });
    }
  }
  const half = events.length >>> 1;
  const middle = (events[half] as PublicEvent).offset;
  const bytes = Math.round(scan.bytes / 2);
  return [
    ...encodeScan({ ...scan, to: middle, events: events.slice(0, half), bytes }),
    ...encodeScan({ ...scan, from: middle, events: events.slice(half), bytes }),
  ];
}

/** What of a scan lies at or after the position; the scan must reach to it. */
export function trimScan(scan: Scan, from: number): Scan {
  const events = scan.events.filter(({ offset }) => offset >= from);
  const share = scan.events.length === 0 ? 1 : events.length / scan.events.length;
  return { ...scan, from, events, bytes: Math.ceil(scan.bytes * share) };
}

function encodePiece(scan: Scan): Buffer {
  const incarnation = Buffer.from(scan.incarnation);
  const projection = Buffer.from(scan.projection);
  const head = Buffer.allocUnsafe(FIXED_BYTES + 2 + incarnation.length + projection.length);
  let at = head.writeUInt32BE(scan.partition, 0);
  for (const number of [scan.from, scan.to, scan.end, scan.first, scan.interest, scan.bytes])
    at = head.writeDoubleBE(number, at);
  for (const text of [incarnation, projection]) {
    at = head.writeUInt8(text.length, at);
    at += text.copy(head, at);
  }
  return Buffer.concat([head, Buffer.from(JSON.stringify(scan.events.map(toList)))]);
}

/** Throws StreamError: a range that runs backwards, an event outside of it or out of order, a value of the wrong kind. */
export function decodeScan(product: string, body: Buffer): Scan {
  if (body.length < FIXED_BYTES + 2) throw new StreamError('a scan that ends in its head');
  const partition = body.readUInt32BE(0);
  const [from, to, end, first, interest, bytes] = [0, 1, 2, 3, 4, 5].map((i) => count(body.readDoubleBE(4 + i * 8)));
  if (from === undefined || to === undefined || to < from) throw new StreamError(`a scan from ${from} to ${to}`);
  let at = FIXED_BYTES;
  const text = (): string => {
    const length = body[at] ?? 0;
    const found = body.toString('utf8', at + 1, at + 1 + length);
    at += 1 + length;
    return found;
  };
  const [incarnation, projection] = [text(), text()];
  const lists = at < body.length ? json('scan', body.subarray(at)) : null;
  if (!Array.isArray(lists)) throw new StreamError('a scan without a list of events');
  let next = from;
  const events = lists.map((list: unknown) => {
    const event = toEvent(partition, list);
    if (event.offset < next || event.offset >= to)
      throw new StreamError(`an event at ${event.offset} where one in [${next}, ${to}) belongs`);
    next = event.offset + 1;
    return event;
  });
  return {
    product,
    incarnation,
    partition,
    from,
    to,
    interest: interest as number,
    projection,
    events,
    end: end as number,
    first: first as number,
    bytes: bytes as number,
  };
}

function toList(event: PublicEvent): readonly unknown[] {
  return [
    event.offset,
    event.time,
    event.op === 'DELETE',
    event.topic,
    event.unknownLevels,
    event.key,
    event.conflationKey,
    event.traceparent,
    event.data,
    event.keyData,
  ];
}

function toEvent(partition: number, list: unknown): PublicEvent {
  if (!Array.isArray(list) || list.length !== EVENT_FIELDS) throw new StreamError('an event that is no list of ten');
  const [offset, time, isDelete, topic, unknownLevels, key, conflationKey, traceparent, data, keyData] = list;
  const isWell =
    Number.isSafeInteger(offset) &&
    typeof time === 'number' &&
    typeof isDelete === 'boolean' &&
    typeof topic === 'string' &&
    Number.isSafeInteger(unknownLevels) &&
    [key, conflationKey, traceparent].every((value) => value === null || typeof value === 'string') &&
    [data, keyData].every(isData) &&
    (data === null) === isDelete;
  if (!isWell) throw new StreamError('an event with a value of the wrong kind');
  return {
    partition,
    offset,
    time,
    op: isDelete ? 'DELETE' : 'UPSERT',
    topic,
    unknownLevels,
    key,
    conflationKey,
    traceparent,
    data,
    keyData,
  };
}

function isData(value: unknown): value is PublicData | null {
  return typeof value === 'object' && !Array.isArray(value);
}

function count(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new StreamError(`a scan with the number ${value}`);
  return value;
}
