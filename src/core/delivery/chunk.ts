/** A chunk: what one subscription outside the live path is handed in one write. */
import type { PublicEvent } from '../contract/index.ts';
import type { Vector } from '../routing/index.ts';
import { batchOf } from './cohort.ts';
import { CursorWriter } from './cursor.ts';
import type { LargeMessages } from './large.ts';
import { fill } from './line.ts';
import type { Member } from './member.ts';
import { conflatedNotice } from './notices.ts';
import { type Envelope, LARGE_PAYLOAD, type Notice, type Template } from './ports.ts';

const MAX_MESSAGES = 256;
const MAX_CHARS = 65_536;

export class Chunk {
  readonly #member: Member;
  readonly #writer: CursorWriter;
  readonly #large: LargeMessages;
  readonly #maxChars: number;
  readonly #maxBatch: number;
  readonly #payloads: string[] = [];
  readonly #cursors: string[] = [];
  #collected: PublicEvent[] = [];
  #collectedCursors: string[] = [];
  #chars = 0;
  /** A large message stands alone: nothing follows it, and it follows nothing. */
  #closed = false;
  #events = 0;
  /** Events that gave way to newer ones of their key. */
  superseded = 0;

  constructor(member: Member, incarnation: string, maxBytes: number, large: LargeMessages) {
    member.writer ??= new CursorWriter(member.view.contract.name, incarnation);
    this.#member = member;
    this.#large = large;
    this.#writer = member.writer;
    this.#maxChars = Math.min(maxBytes, MAX_CHARS);
    this.#maxBatch = batchOf(member)?.maxEvents ?? 0;
  }

  get events(): number {
    return this.#events;
  }

  get full(): boolean {
    return (
      this.#closed ||
      this.#payloads.length >= MAX_MESSAGES ||
      this.#chars >= this.#maxChars ||
      this.#collected.length >= MAX_MESSAGES
    );
  }

  /**
   * Adds an event of the view; `vector` is the position before it. False where it must wait for the next chunk. Throws what the view
   * throws, and is unchanged then.
   */
  add(event: PublicEvent, vector: Vector): boolean {
    const cursor = this.#writer.text(vector, event.partition, event.offset + 1);
    if (this.#maxBatch > 0) {
      this.#collected.push(event);
      this.#collectedCursors.push(cursor);
      this.#events += 1;
      if (this.#collected.length >= this.#maxBatch) this.#complete();
      return true;
    }
    const payload = this.#member.view.serialise(event, cursor, this.#writer.incarnation);
    if (payload.length >= LARGE_PAYLOAD && this.#payloads.length > 0) {
      this.#closed = true;
      return false;
    }
    this.#message(payload, cursor);
    this.#events += 1;
    return true;
  }

  /** All that was added, framed, with the member's notices in the first message. Throws what the view and the envelope throw. */
  template(): Template {
    if (this.#collected.length > 0) this.#complete();
    const { notices, request } = this.#member;
    const { envelope, id } = request.outlet;
    const said = this.superseded === 0 ? notices : [...notices, conflatedNotice(this.superseded)];
    const template =
      this.#closed && said.length === 0 && envelope.own === undefined
        ? this.#largeTemplate(envelope, id.length)
        : this.#noticedTemplate(envelope, said, id.length);
    fill(template.bytes, template.idSlots, id);
    return template;
  }

  #largeTemplate(envelope: Envelope, idLength: number): Template {
    const [payload = '', ...others] = this.#payloads;
    if (others.length > 0 || payload.length < LARGE_PAYLOAD || this.#maxBatch > 0)
      return envelope.template(this.#payloads, this.#cursors, idLength);
    return this.#large.template(envelope, payload, this.#cursors[0] as string, idLength);
  }

  #noticedTemplate(envelope: Envelope, notices: readonly Notice[], idLength: number): Template {
    const plain = { payloads: this.#payloads, cursors: this.#cursors };
    const { payloads, cursors } = notices.length === 0 ? plain : envelope.noticed(plain, notices);
    return envelope.template(payloads, cursors, idLength);
  }

  #complete(): void {
    const payload = this.#member.view.serialiseBatch(this.#collected, this.#collectedCursors);
    const cursor = this.#collectedCursors.at(-1) as string;
    this.#collected = [];
    this.#collectedCursors = [];
    this.#message(payload, cursor);
  }

  #message(payload: string, cursor: string): void {
    this.#payloads.push(payload);
    this.#cursors.push(cursor);
    this.#chars += payload.length;
    this.#closed = payload.length >= LARGE_PAYLOAD;
  }
}
