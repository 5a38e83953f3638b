import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LARGE_PAYLOAD } from '../../src/core/delivery/index.ts';
import { EventStreamEnvelope, WebSocketEnvelope } from '../../src/io/doors/stream/envelopes.ts';

/** Payloads as JSON text, and the same number of cursors. */
const messages = fc
  .array(fc.tuple(fc.jsonValue(), fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/)), { minLength: 1, maxLength: 20 })
  .map((pairs) => ({
    payloads: pairs.map(([data]) => JSON.stringify({ data })),
    cursors: pairs.map(([, text]) => text),
  }));

/** The texts of frames, as a reader of RFC 6455 finds them. */
function framesOf(bytes: Buffer): readonly string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    expect(bytes[at]).toBe(0x81);
    const short = bytes[at + 1] as number;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    const length =
      short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    texts.push(bytes.toString('utf8', at + head, at + head + length));
    at += head + length;
  }
  return texts;
}

/** The text of the one chunk that the bytes are. */
function chunkOf(bytes: Buffer): string {
  const end = bytes.indexOf('\r\n');
  const length = Number.parseInt(bytes.toString('latin1', 0, end), 16);
  expect(bytes.length).toBe(end + 2 + length + 2);
  return bytes.toString('utf8', end + 2, end + 2 + length);
}

const socket = new WebSocketEnvelope('things');
const events = new EventStreamEnvelope('things');

describe('CloudEvents on the wire', () => {
  test('are frames, and events of SSE whose id is the cursor, with nothing of the subscriber in them', () => {
    fc.assert(
      fc.property(messages, ({ payloads, cursors }) => {
        const frames = socket.template(payloads);
        expect(framesOf(frames.shared as Buffer)).toEqual(payloads);
        const blocks = events.template(payloads, cursors);
        const text = payloads.map((payload, index) => `id: ${cursors[index]}\ndata: ${payload}\n\n`).join('');
        expect(chunkOf(blocks.shared as Buffer)).toBe(text);
        for (const { bytes, idSlots } of [frames, blocks]) expect([bytes.length, idSlots.length]).toEqual([0, 0]);
      }),
    );
  });

  test.each([0, 125, 126, 65_535, 65_536, LARGE_PAYLOAD, 1_000_000])('are whole at %i characters', (length) => {
    const payload = JSON.stringify({ data: 'ü'.repeat(length) });
    expect(framesOf(socket.template([payload, '{}']).shared as Buffer)).toEqual([payload, '{}']);
    expect(chunkOf(events.template([payload], ['c']).shared as Buffer)).toBe(`id: c\ndata: ${payload}\n\n`);
  });

  test('of none are no bytes: a chunk of no length would end the stream', () => {
    expect(socket.template([]).shared).toBeNull();
    expect(events.template([], []).shared).toBeNull();
  });

  test('come after what the subscriber is told, each of it a message of its own without a cursor', () => {
    const gap = { code: 'GAP', message: 'passed over', missing: [{ partition: 0, from: 1, to: 5 }] } as const;
    const notices = [gap, { code: 'CONFLATED', message: 'newest only', superseded: 3 }] as const;
    const plain = { payloads: ['{"data":1}', '{"data":2}'], cursors: ['c1', 'c2'] };
    for (const envelope of [socket, events]) {
      const { payloads, cursors } = envelope.noticed(plain, notices);
      expect(cursors).toEqual(['', '', 'c1', 'c2']);
      expect(payloads.slice(2)).toEqual(plain.payloads);
      const [first, second] = payloads.slice(0, 2).map((payload) => JSON.parse(payload));
      const { code: _code, ...data } = gap;
      expect(first).toMatchObject({ specversion: '1.0', source: '/v1/streams/things', type: 'sluice.gap', data });
      expect(second).toMatchObject({ type: 'sluice.notice', data: { code: 'CONFLATED', superseded: 3 } });
      expect(first.id).not.toBe(second.id);
    }
    const { payloads, cursors } = events.noticed(plain, [gap]);
    const text = chunkOf(events.template(payloads, cursors).shared as Buffer);
    expect(text.split('\n\n')[0]).toBe(`event: sluice.gap\ndata: ${payloads[0]}`);
  });
});
