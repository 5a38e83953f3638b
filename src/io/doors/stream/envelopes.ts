/**
 * How this door wraps CloudEvents: one text frame of WebSocket each, or one event of SSE whose id is the cursor. There is nothing of the
 * subscriber in either, so that all of it is shared. The payloads are JSON text and hold no raw line breaks. One envelope for each
 * stream, since a notice names its product.
 */
import type { Envelope, Messages, Notice, Template } from '../../../core/delivery/index.ts';
import { chunk, headerLength, writeHeader } from '../wire/frames.ts';
import { noticeEvent } from './control.ts';

const NO_SLOTS = new Int32Array(0);
const NOTHING = Buffer.alloc(0);

abstract class CloudEvents {
  private readonly product: string;

  constructor(product: string) {
    this.product = product;
  }

  /** Notices are messages of their own, before the first, without a cursor: what they tell is about no position. */
  noticed({ payloads, cursors }: Messages, notices: readonly Notice[]): Messages {
    return {
      payloads: [...notices.map((notice) => noticeEvent(this.product, notice)), ...payloads],
      cursors: [...notices.map(() => ''), ...cursors],
    };
  }
}

export class WebSocketEnvelope extends CloudEvents implements Envelope {
  get name(): string {
    return 'sluice-ws';
  }

  template(payloads: readonly string[]): Template {
    const lengths = payloads.map((payload) => Buffer.byteLength(payload));
    const total = lengths.reduce((sum, length) => sum + headerLength(length) + length, 0);
    // Unpooled: the buffer may outlive many others while a slow socket holds it.
    const shared = Buffer.allocUnsafeSlow(total);
    let at = 0;
    payloads.forEach((payload, index) => {
      at = writeHeader(shared, at, lengths[index] as number);
      at += shared.write(payload, at, 'utf8');
    });
    return { bytes: NOTHING, idSlots: NO_SLOTS, shared: total === 0 ? null : shared };
  }
}

export class EventStreamEnvelope extends CloudEvents implements Envelope {
  get name(): string {
    return 'sluice-sse';
  }

  template(payloads: readonly string[], cursors: readonly string[]): Template {
    const events = payloads.map((payload, index) => {
      const cursor = cursors[index] as string;
      return cursor === '' ? controlBlock(payload, null) : `id: ${cursor}\ndata: ${payload}\n\n`;
    });
    // A chunk of no length would end the stream.
    return { bytes: NOTHING, idSlots: NO_SLOTS, shared: events.length === 0 ? null : chunk(events.join('')) };
  }
}

/** A control event on SSE: an event of its type, and of an id where it has a cursor. */
export function controlBlock(payload: string, cursor: string | null): string {
  const { type } = JSON.parse(payload) as { readonly type: string };
  return `event: ${type}\n${cursor === null ? '' : `id: ${cursor}\n`}data: ${payload}\n\n`;
}
