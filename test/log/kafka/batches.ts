/** Writes record batches as the format's description says, apart from the decoder: what the decoder is tested with. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as snap } from 'snappy';

export interface TestRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly name: string; readonly value: Buffer | null }[];
}

export type Codec = 'none' | 'gzip' | 'snappy' | 'xerial' | 'lz4' | 'zstd';

export interface TestBatch {
  readonly baseOffset: number;
  readonly lastOffsetDelta: number;
  readonly records: readonly TestRecord[];
  readonly codec?: Codec;
  readonly producerId?: number;
  readonly epoch?: number;
  readonly transactional?: boolean;
  /** Makes a control batch with this one record. */
  readonly marker?: 'abort' | 'commit';
  readonly appendTime?: number;
}

const numbers: Record<Codec, number> = { none: 0, gzip: 1, snappy: 2, xerial: 2, lz4: 3, zstd: 4 };

export function encodeBatch(batch: TestBatch): Buffer {
  const baseTimestamp = batch.records[0]?.timestamp ?? 0;
  const records = batch.marker === undefined ? batch.records : [markerRecord(batch.baseOffset, batch.marker)];
  const base = batch.marker === undefined ? baseTimestamp : 0;
  const body = Buffer.concat(records.map((record) => encodeRecord(record, batch.baseOffset, base)));
  const payload = compress(batch.codec ?? 'none', body);
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(BigInt(batch.baseOffset), 0);
  head.writeInt32BE(49 + payload.length, 8);
  head.writeInt32BE(batch.epoch ?? 0, 12);
  head.writeInt8(2, 16);
  let attributes = numbers[batch.codec ?? 'none'];
  if (batch.appendTime !== undefined) attributes |= 0x08;
  if (batch.transactional === true || batch.marker !== undefined) attributes |= 0x10;
  if (batch.marker !== undefined) attributes |= 0x20;
  head.writeInt16BE(attributes, 21);
  head.writeInt32BE(batch.lastOffsetDelta, 23);
  head.writeBigInt64BE(BigInt(base), 27);
  head.writeBigInt64BE(BigInt(batch.appendTime ?? Math.max(base, ...records.map(({ timestamp }) => timestamp))), 35);
  head.writeBigInt64BE(BigInt(batch.producerId ?? -1), 43);
  head.writeInt16BE(0, 51);
  head.writeInt32BE(0, 53);
  head.writeInt32BE(records.length, 57);
  const whole = Buffer.concat([head, payload]);
  whole.writeUInt32BE(crc32c(whole.subarray(21)), 17);
  return whole;
}

function markerRecord(offset: number, marker: 'abort' | 'commit'): TestRecord {
  return {
    offset,
    timestamp: 0,
    key: Buffer.from([0, 0, 0, marker === 'abort' ? 0 : 1]),
    value: Buffer.alloc(6),
    headers: [],
  };
}

function encodeRecord(record: TestRecord, baseOffset: number, baseTimestamp: number): Buffer {
  const parts = [Buffer.of(0), zigzag(record.timestamp - baseTimestamp), zigzag(record.offset - baseOffset)];
  parts.push(...bytes(record.key), ...bytes(record.value), zigzag(record.headers.length));
  for (const { name, value } of record.headers) parts.push(...bytes(Buffer.from(name)), ...bytes(value));
  const body = Buffer.concat(parts);
  return Buffer.concat([zigzag(body.length), body]);
}

function bytes(value: Buffer | null): Buffer[] {
  return value === null ? [zigzag(-1)] : [zigzag(value.length), value];
}

function zigzag(value: number): Buffer {
  const big = BigInt(value);
  let rest = BigInt.asUintN(64, (big << 1n) ^ (big >> 63n));
  const out: number[] = [];
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Buffer.from(out);
}

function compress(codec: Codec, body: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return body;
    case 'gzip':
      return gzipSync(body);
    case 'zstd':
      return zstdCompressSync(body);
    case 'lz4':
      return compressFrameSync(body);
    case 'snappy':
      return snap(body);
    case 'xerial': {
      const parts: Buffer[] = [Buffer.from('82534e41505059000000000100000001', 'hex')];
      for (let at = 0; at < body.length || parts.length === 1; at += 100) {
        const block = snap(body.subarray(at, at + 100));
        const length = Buffer.alloc(4);
        length.writeUInt32BE(block.length);
        parts.push(length, block);
      }
      return Buffer.concat(parts);
    }
  }
}
