import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LARGE_PAYLOAD } from '../../src/core/delivery/index.ts';
import { sseEnvelope, webSocketEnvelope } from '../../src/io/doors/graphql/envelopes.ts';

/** The frames of a server's bytes, read by the letter of RFC 6455. */
function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    expect(bytes[at]).toBe(0x81);
    const short = bytes[at + 1] as number;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    // The shortest form is the only legal one.
    expect(head === 2 || length > (head === 4 ? 125 : 65_535)).toBe(true);
    frames.push(bytes.subarray(at + head, at + head + length));
    at += head + length;
  }
  return frames;
}

const payloads = fc.array(
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.integer({ min: 5_400, max: 5_700 }).map((length) => '\u20ac'.repeat(3 * length)),
    fc.integer({ min: 0, max: 70_000 }).map((length) => 'x'.repeat(length)),
  ),
  { minLength: 1, maxLength: 8 },
);

test('a template of WebSocket frames, ids put in, is the messages as any JSON and frame reader sees them', () => {
  fc.assert(
    fc.property(payloads, fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }), (values, id) => {
      const slot = Buffer.from(JSON.stringify(id).slice(1, -1));
      const {
        bytes: own,
        idSlots,
        shared,
      } = webSocketEnvelope.template(
        values.map((value) => JSON.stringify({ data: value })),
        values.map(() => 'c'),
        slot.length,
      );
      for (const at of idSlots) slot.copy(own, at);
      // A large payload that stands alone is nobody's own.
      expect(shared !== null).toBe(values.length === 1 && JSON.stringify({ data: values[0] }).length >= LARGE_PAYLOAD);
      const bytes = Buffer.concat([own, shared ?? Buffer.alloc(0)]);
      expect(framesOf(bytes).map((frame) => JSON.parse(frame.toString()))).toEqual(
        values.map((value) => ({ id, type: 'next', payload: { data: value } })),
      );
    }),
    { numRuns: 100 },
  );
});

test('a template of SSE is one chunk with an event per payload', () => {
  fc.assert(
    fc.property(payloads, (values) => {
      const cursors = values.map((_, index) => `c${index}`);
      const {
        bytes: own,
        idSlots,
        shared,
      } = sseEnvelope.template(
        values.map((value) => JSON.stringify({ data: value })),
        cursors,
        0,
      );
      expect([idSlots.length, own.length]).toEqual([0, 0]);
      const bytes = shared as Buffer;
      const text = bytes.toString();
      const end = text.indexOf('\r\n');
      const body = bytes.subarray(end + 2, -2);
      expect(Number.parseInt(text.slice(0, end), 16)).toBe(body.length);
      expect(bytes.subarray(-2).toString()).toBe('\r\n');
      const events = values.map(
        (value, index) => `event: next\nid: c${index}\ndata: ${JSON.stringify({ data: value })}\n\n`,
      );
      expect(body.toString()).toBe(events.join(''));
    }),
    { numRuns: 100 },
  );
});

test('no payload is no byte: an empty chunk would end the stream', () => {
  for (const envelope of [sseEnvelope, webSocketEnvelope]) {
    const { bytes, shared } = envelope.template([], [], 1);
    expect([bytes.length, shared]).toEqual([0, null]);
  }
});
