/** A chunk: what one subscription outside the live path is handed in one write. */
import type { PublicEvent } from '../contract/index.ts';
import type { Vector } from '../routing/index.ts';
import { batchOf } from './cohort.ts';
import { CursorWriter } from './cursor.ts';
import { fill } from './line.ts';
import type { Member } from './member.ts';
import { conflatedNotice, withNotices } from './notices.ts';
import type { Template } from './ports.ts';

const MAX_MESSAGES = 256;
const MAX_CHARS = 65_536;

export class Chunk {
  readonly #member: Member;
  readonly #writer: CursorWriter;
  readonly #maxChars: number;
  readonly #maxBatch: number;
  readonly #payloads: string[] = [];
  readonly #cursors: string[] = [];
  #collected: PublicEvent[] = [];
  #collectedCursors: string[] = [];
  #chars = 0;
  #events = 0;
  /** Events that gave way to newer ones of their key. */
  superseded = 0;

  constructor(member: Member, incarnation: string, maxBytes: number) {
    member.writer ??= new CursorWriter(member.view.contract.name, incarnation);
    this.#member = member;
    this.#writer = member.writer;
    this.#maxChars = Math.min(maxBytes, MAX_CHARS);
    this.#maxBatch = batchOf(member)?.maxEvents ?? 0;
  }

  get events(): number {
    return this.#events;
  }

  get full(): boolean {
    return (
      this.#payloads.length >= MAX_MESSAGES || this.#chars >= this.#maxChars || this.#collected.length >= MAX_MESSAGES
    );
  }

  /** Adds an event of the view; `vector` is the position before it. Throws what the view throws, and is unchanged then. */
  add(event: PublicEvent, vector: Vector): void {
    const cursor = this.#writer.text(vector, event.partition, event.offset + 1);
    if (this.#maxBatch > 0) {
      this.#collected.push(event);
      this.#collectedCursors.push(cursor);
      this.#events += 1;
      if (this.#collected.length >= this.#maxBatch) this.#complete();
      return;
    }
    const payload = this.#member.view.serialise(event, cursor);
    this.#message(payload, cursor);
    this.#events += 1;
  }

  /** All that was added, framed, with the member's notices in the first message. Throws what the view and the envelope throw. */
  template(): Template {
    if (this.#collected.length > 0) this.#complete();
    const { notices, request } = this.#member;
    const { envelope, id } = request.outlet;
    const said = this.superseded === 0 ? notices : [...notices, conflatedNotice(this.superseded)];
    const payloads = [...this.#payloads];
    if (said.length > 0) payloads[0] = withNotices(payloads[0] as string, said);
    const template = envelope.template(payloads, this.#cursors, id.length);
    fill(template.bytes, template.idSlots, id);
    return template;
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
  }
}
