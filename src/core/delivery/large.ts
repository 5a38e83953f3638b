/**
 * Large messages for those who catch up: who stands at the same position gets the same text, so a large one is framed once and shared
 * by whoever comes to it while it is among the last few. In the live path the cohort sees to that.
 */
import type { Envelope, Template } from './ports.ts';

/** Each holds one message: memory is bounded by that many of the largest. */
const KEPT = 8;

export class LargeMessages {
  /** By what is in the message and how it is framed; the oldest use first. */
  readonly #kept = new Map<string, Template>();

  /** A template of one's own, whose `shared` part is everybody's who is to get the same payload with the same cursor, framed alike. */
  template(envelope: Envelope, payload: string, cursor: string, idLength: number): Template {
    // The text itself: a cursor alone does not tell the event, since two partitions may come to one vector from either side.
    const key = `${envelope.name} ${idLength} ${cursor} ${payload}`;
    const kept = this.#kept.get(key) ?? envelope.template([payload], [cursor], idLength);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    return { ...kept, bytes: Buffer.from(kept.bytes) };
  }
}
