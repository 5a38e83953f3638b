/**
 * How this door wraps payloads: unmasked server text frames of graphql-transport-ws, and events of GraphQL over SSE as
 * one HTTP chunk. Pure. The payloads are execution results as JSON text, so they hold no raw line breaks.
 */
import {
  type Envelope,
  LARGE_PAYLOAD,
  type Messages,
  type Notice,
  type Template,
} from '../../../core/delivery/index.ts';
import { chunk, headerLength, writeHeader } from '../wire/frames.ts';

const ID_HEAD = '{"id":"';
const ID_TAIL = '","type":"next","payload":';
const NO_SLOTS = new Int32Array(0);
const NOTHING = Buffer.alloc(0);

/** Notices ride in the `extensions` of the first result, an object's JSON text that has none yet. */
function noticed({ payloads: [first = '', ...others], cursors }: Messages, notices: readonly Notice[]): Messages {
  const extensions = JSON.stringify({ sluice: { notices } });
  return { payloads: [`${first.slice(0, -1)},"extensions":${extensions}}`, ...others], cursors };
}

/** One `next` message per payload, each a frame of its own, back to back. */
export const webSocketEnvelope: Envelope = {
  name: 'graphql-transport-ws',
  noticed,
  template(payloads: readonly string[], _cursors: readonly string[], idLength: number): Template {
    const [first] = payloads;
    if (payloads.length === 1 && first !== undefined && first.length >= LARGE_PAYLOAD)
      return largeFrame(first, idLength);
    const frame = ID_HEAD.length + idLength + ID_TAIL.length + 1;
    const lengths = payloads.map((payload) => frame + Buffer.byteLength(payload));
    const total = lengths.reduce((sum, length) => sum + headerLength(length) + length, 0);
    // Unpooled: the buffer may outlive many others while a slow socket holds it.
    const bytes = Buffer.allocUnsafeSlow(total);
    const idSlots = new Int32Array(payloads.length);
    let at = 0;
    payloads.forEach((payload, index) => {
      at = writeHeader(bytes, at, lengths[index] as number);
      at += bytes.write(ID_HEAD, at, 'latin1');
      idSlots[index] = at;
      at += idLength;
      at += bytes.write(ID_TAIL, at, 'latin1');
      at += bytes.write(payload, at, 'utf8');
      bytes[at++] = 0x7d;
    });
    return { bytes, idSlots, shared: null };
  },
};

/** One frame in two parts: its head up to the payload, which is each subscriber's own, and the rest. */
function largeFrame(payload: string, idLength: number): Template {
  const shared = Buffer.from(`${payload}}`);
  const length = ID_HEAD.length + idLength + ID_TAIL.length + shared.length;
  const bytes = Buffer.allocUnsafeSlow(headerLength(length) + length - shared.length);
  const slot = writeHeader(bytes, 0, length) + bytes.write(ID_HEAD, headerLength(length), 'latin1');
  bytes.write(ID_TAIL, slot + idLength, 'latin1');
  return { bytes, idSlots: Int32Array.of(slot), shared };
}

/** One `next` event of the GraphQL over SSE protocol; `id` is what a browser's EventSource sends back as Last-Event-ID. */
export function nextEvent(payload: string, cursor: string | null): string {
  return cursor === null ? `event: next\ndata: ${payload}\n\n` : `event: next\nid: ${cursor}\ndata: ${payload}\n\n`;
}

/** One `next` event per payload with the cursor as its id, together one chunk; there is nothing of the subscriber in it, so all of it is shared. */
export const sseEnvelope: Envelope = {
  name: 'graphql-sse',
  noticed,
  template(payloads: readonly string[], cursors: readonly string[]): Template {
    const events = payloads.map((payload, index) => nextEvent(payload, cursors[index] as string));
    // A chunk of no length would end the stream.
    return { bytes: NOTHING, idSlots: NO_SLOTS, shared: events.length === 0 ? null : chunk(events.join('')) };
  },
};
