/**
 * A socket with the subscriptions that share it: one write a tick for all of them, nothing while the socket holds bytes that
 * the kernel has not taken, and whom to wake when it has.
 */
import type { Sink, Template } from './ports.ts';

/** A subscription as its socket sees it. */
export interface Rider {
  readonly id: Buffer;
  readonly ended: boolean;
  end(error: null): void;
  /** Its bytes are held: it leaves the live path where it stands. */
  stall(): void;
  /** The socket takes bytes again. */
  wake(): void;
  charge(events: number, bytes: number): void;
  blame(what: string, thrown: unknown): void;
}

interface Part {
  readonly member: Rider;
  readonly template: Template;
  readonly events: number;
}

export class Line {
  readonly sink: Sink;
  readonly #maxBytes: number;
  readonly #dirty: Set<Line>;
  /** Subscriptions on this socket. */
  members = 0;
  #held = false;
  #parts: Part[] = [];
  #bytes = 0;
  /** Those who have something to write and may not; in the order of their wish. */
  #waiting = new Set<Rider>();
  /** Those whose bytes are held: they come after the waiting ones, so that nobody on the socket is always first. */
  #wrote = new Set<Rider>();

  /** `dirty`: where the line puts itself while parts wait for the tick's end. `maxBytes`: most that one write holds, unless one message is larger. */
  constructor(sink: Sink, maxBytes: number, dirty: Set<Line>) {
    this.sink = sink;
    this.#maxBytes = maxBytes;
    this.#dirty = dirty;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Writes at once. On `held` the buffer is the socket's and the member is woken when it has drained. */
  write(member: Rider, bytes: Buffer): 'taken' | 'held' | 'closed' {
    const outcome = this.#write(member, bytes);
    if (outcome === 'held') this.#wrote.add(member);
    return outcome;
  }

  /** Queues a member's frames for the tick's one write; false where the socket takes no more. */
  add(member: Rider, template: Template, events: number): boolean {
    if (this.#bytes > 0 && this.#bytes + template.bytes.length > this.#maxBytes) this.flush();
    if (this.#held) return false;
    this.#parts.push({ member, template, events });
    this.#bytes += template.bytes.length;
    this.#dirty.add(this);
    return true;
  }

  /** The tick's one write. */
  flush(): void {
    if (this.#parts.length === 0) return;
    const parts = this.#parts;
    const bytes = Buffer.allocUnsafe(this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    this.#dirty.delete(this);
    let at = 0;
    for (const { member, template } of parts) {
      bytes.set(template.bytes, at);
      fill(bytes, template.idSlots, member.id, at);
      at += template.bytes.length;
    }
    const first = parts[0]?.member as Rider;
    const outcome = this.#write(first, bytes);
    for (const { member, template, events } of parts) {
      if (member.ended) continue;
      if (outcome === 'closed') {
        member.end(null);
        continue;
      }
      if (outcome === 'held') {
        member.stall();
        this.#wrote.add(member);
      }
      member.charge(events, template.bytes.length);
    }
  }

  /** The member has something to write once the socket has drained. */
  wait(member: Rider): void {
    this.#waiting.add(member);
  }

  forget(member: Rider): void {
    this.#waiting.delete(member);
    this.#wrote.delete(member);
  }

  #write(member: Rider, bytes: Buffer): 'taken' | 'held' | 'closed' {
    let outcome: 'taken' | 'held' | 'closed';
    try {
      outcome = this.sink.write(bytes);
      if (outcome === 'held') {
        this.#held = true;
        this.sink.onDrain(this.#drained);
      }
    } catch (thrown) {
      member.blame('a socket failed', thrown);
      return 'closed';
    }
    return outcome;
  }

  readonly #drained = (): void => {
    this.#held = false;
    const next = [...this.#waiting, ...this.#wrote];
    this.#waiting = new Set();
    this.#wrote = new Set();
    for (const member of next) member.wake();
  };
}

/** Writes the id into its slots, `shift` bytes on. */
export function fill(bytes: Buffer, slots: Int32Array, id: Buffer, shift = 0): void {
  for (let i = 0; i < slots.length; i++) bytes.set(id, (slots[i] as number) + shift);
}
