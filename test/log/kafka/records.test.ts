import { gzipSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxUnfolded } from '../../../src/io/log/kafka/compression.ts';
import { decodeBatches } from '../../../src/io/log/kafka/records.ts';
import { type Codec, encodeBatch, type TestBatch, type TestRecord } from './batches.ts';

const codecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'xerial', 'lz4', 'zstd'];

const bytes = fc.option(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  { nil: null },
);
const headers = fc.array(fc.record({ name: fc.string({ maxLength: 20, unit: 'grapheme' }), value: bytes }), {
  maxLength: 3,
});
const timestamps = fc.integer({ min: 0, max: 4_102_444_800_000 });

interface Plan {
  readonly batch: TestBatch;
  readonly aborted: boolean;
}

/** A partition's batches, with gaps between and within, transactions of three producers, and empty batches. */
const partition: fc.Arbitrary<readonly TestBatch[]> = fc
  .array(
    fc.record({
      gap: fc.nat(5),
      spread: fc.array(fc.tuple(fc.nat(3), timestamps, bytes, bytes, headers), { maxLength: 6 }),
      slack: fc.nat(4),
      codec: fc.constantFrom(...codecs),
      producer: fc.integer({ min: -1, max: 3 }),
      epoch: fc.nat(9),
      end: fc.constantFrom('none', 'none', 'abort', 'commit'),
      appendTime: fc.option(timestamps, { nil: undefined }),
    }),
    { maxLength: 12 },
  )
  .map((steps) => {
    const batches: TestBatch[] = [];
    let next = 0;
    for (const step of steps) {
      const baseOffset = next + step.gap;
      let offset = baseOffset - 1;
      const records = step.spread.map(([skip, timestamp, key, value, itsHeaders]): TestRecord => {
        offset += 1 + skip;
        return { offset, timestamp, key, value, headers: itsHeaders };
      });
      const lastOffsetDelta = Math.max(0, offset - baseOffset) + step.slack;
      const transactional = step.producer >= 0;
      batches.push({
        baseOffset,
        lastOffsetDelta,
        records,
        codec: step.codec,
        producerId: step.producer,
        epoch: step.epoch,
        transactional,
        ...(step.appendTime === undefined ? {} : { appendTime: step.appendTime }),
      });
      next = baseOffset + lastOffsetDelta + 1;
      if (transactional && step.end !== 'none') {
        const marker = step.end as 'abort' | 'commit';
        batches.push({
          baseOffset: next,
          lastOffsetDelta: 0,
          records: [],
          producerId: step.producer,
          epoch: step.epoch,
          marker,
        });
        next += 1;
      }
    }
    return batches;
  });

/** Which data batches belong to aborted transactions, and the index of those as a broker keeps it: by abort marker. */
function judge(batches: readonly TestBatch[]): {
  readonly plans: readonly Plan[];
  readonly index: { producerId: number; firstOffset: number; marker: number }[];
} {
  const index: { producerId: number; firstOffset: number; marker: number }[] = [];
  const open = new Map<number, { readonly firstOffset: number; readonly members: TestBatch[] }>();
  const gone = new Set<TestBatch>();
  for (const batch of batches) {
    const producerId = batch.producerId ?? -1;
    const under = open.get(producerId);
    if (batch.marker !== undefined) {
      if (batch.marker === 'abort' && under !== undefined) {
        index.push({ producerId, firstOffset: under.firstOffset, marker: batch.baseOffset });
        for (const member of under.members) gone.add(member);
      }
      open.delete(producerId);
    } else if (batch.transactional === true) {
      if (under === undefined) open.set(producerId, { firstOffset: batch.baseOffset, members: [batch] });
      else under.members.push(batch);
    }
  }
  return { plans: batches.map((batch) => ({ batch, aborted: gone.has(batch) })), index };
}

describe('decoding record batches', () => {
  test('what was encoded comes back: every codec, gaps, empty batches, transactions, from any offset', () => {
    fc.assert(
      fc.property(partition, fc.nat(120), fc.nat(200), (batches, from, cut) => {
        const { plans, index } = judge(batches);
        // A fetch begins with the batch that its offset lies in, lists the aborted transactions that overlap, and may be cut short.
        const sent = plans.filter(({ batch }) => batch.baseOffset + batch.lastOffsetDelta >= from);
        const encoded = sent.map(({ batch }) => encodeBatch(batch));
        const last = encoded.at(-1);
        const isCut = last !== undefined && cut > 0 && cut < last.length && encoded.length > 1;
        const whole = isCut ? sent.slice(0, -1) : sent;
        const received = isCut ? Buffer.concat(encoded).subarray(0, -cut) : Buffer.concat(encoded);
        const decoded = decodeBatches(
          received,
          from,
          index.filter(({ marker }) => marker >= from),
        );
        const expected = whole
          .filter(({ batch, aborted }) => batch.marker === undefined && !aborted)
          .flatMap(({ batch }) =>
            batch.records.map((record) => ({ ...record, timestamp: batch.appendTime ?? record.timestamp })),
          )
          .filter(({ offset }) => offset >= from);
        expect(decoded.corrupt).toBeUndefined();
        expect(decoded.records).toEqual(expected);
        const end = whole.at(-1)?.batch;
        expect(decoded.next).toBe(end === undefined ? from : Math.max(from, end.baseOffset + end.lastOffsetDelta + 1));
        expect(decoded.epoch).toBe(end === undefined ? -1 : (end.epoch ?? 0));
      }),
      { numRuns: 400 },
    );
  });

  test('no byte of a batch can change without being noticed, and what came before stays', () => {
    const good = encodeBatch({ baseOffset: 5, lastOffsetDelta: 1, records: two(5) });
    const next = encodeBatch({ baseOffset: 7, lastOffsetDelta: 1, records: two(7), codec: 'lz4' });
    // Behind the base offset, length and leader epoch, which the checksum does not cover.
    for (let at = 16; at < next.length; at++) {
      const broken = Buffer.from(next);
      broken.writeUInt8(broken.readUInt8(at) ^ 0x10, at);
      const decoded = decodeBatches(Buffer.concat([good, broken]), 5, []);
      expect(decoded.corrupt?.message, `byte ${at}`).toContain('batch at offset 7');
      expect(decoded.records.map(({ offset }) => offset)).toEqual([5, 6]);
      expect(decoded.next).toBe(7);
    }
  });

  test("rubbish with a right checksum is corrupt, not an endless loop or somebody else's memory", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        (body, codec, count) => {
          const batch = Buffer.concat([encodeBatch({ baseOffset: 0, lastOffsetDelta: 9, records: [] }), body]);
          batch.writeInt32BE(batch.length - 12, 8);
          batch.writeInt16BE(codec, 21);
          batch.writeInt32BE(count, 57);
          batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
          const decoded = decodeBatches(batch, 0, []);
          for (const { key, value } of decoded.records)
            for (const view of [key, value]) expect((view ?? '').length).toBeLessThanOrEqual(200);
          expect(decoded.corrupt !== undefined || decoded.records.length === count).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a batch that unfolds to more than its bound is corrupt', () => {
    const bomb = gzipSync(Buffer.alloc(maxUnfolded + 1));
    const batch = Buffer.concat([encodeBatch({ baseOffset: 0, lastOffsetDelta: 0, records: [] }), bomb]);
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeInt16BE(1, 21);
    batch.writeInt32BE(1, 57);
    batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
    expect(decodeBatches(batch, 0, []).corrupt).toBeDefined();
  });

  test('aborted transactions that were both open before the fetch do not leak', () => {
    const data = (baseOffset: number, producerId: number): TestBatch => ({
      baseOffset,
      lastOffsetDelta: 0,
      records: two(baseOffset).slice(0, 1),
      producerId,
      transactional: true,
    });
    const marker = (baseOffset: number, producerId: number, which: 'abort' | 'commit'): TestBatch => ({
      baseOffset,
      lastOffsetDelta: 0,
      records: [],
      producerId,
      marker: which,
    });
    const bytesOf = [
      data(10, 2),
      data(11, 1),
      marker(12, 1, 'abort'),
      marker(13, 2, 'abort'),
      data(14, 1),
      marker(15, 1, 'commit'),
    ].map(encodeBatch);
    const aborted = [
      { producerId: 1, firstOffset: 3 },
      { producerId: 2, firstOffset: 5 },
    ];
    expect(decodeBatches(Buffer.concat(bytesOf), 10, aborted).records.map(({ offset }) => offset)).toEqual([14]);
  });

  test('a batch of an older format is corrupt', () => {
    const old = encodeBatch({ baseOffset: 0, lastOffsetDelta: 1, records: two(0) });
    old.writeInt8(1, 16);
    expect(decodeBatches(old, 0, []).corrupt?.message).toContain('v1');
  });

  test('keys and values are views of what was received, not copies', () => {
    const received = encodeBatch({ baseOffset: 0, lastOffsetDelta: 1, records: two(0) });
    const [record] = decodeBatches(received, 0, []).records;
    expect(record?.value?.buffer).toBe(received.buffer);
  });
});

function two(offset: number): TestRecord[] {
  return [0, 1].map((n) => ({
    offset: offset + n,
    timestamp: 1_700_000_000_000 + n,
    key: Buffer.from('k'),
    value: Buffer.from(`value ${n}`),
    headers: [],
  }));
}
