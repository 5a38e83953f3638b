/**
 * A socket with the subscriptions that share it: one write a tick for all of them, nothing while the socket holds bytes that
 * the kernel has not taken, and whom to wake when it has.
 */
import type { Outcome, Sink, Template } from './ports.ts';

/** A subscription as its socket sees it. */
export interface Rider {
  readonly id: Buffer;
  readonly ended: boolean;
  end(error: null): void;
  /** Its bytes are held: it leaves the live path where it stands. */
  stall(): void;
  /** The socket takes bytes again. */
  wake(): void;
  count(events: number, bytes: number): void;
  blame(what: string, thrown: unknown): void;
}

/** What a socket is written from: one for all, since a write that the kernel takes at once leaves it free again. */
export class Scratch {
  #buffer = Buffer.alloc(0);

  /** At least so many bytes, to be filled and written at once. */
  take(size: number): Buffer {
    if (this.#buffer.length < size) this.#buffer = Buffer.allocUnsafeSlow(Math.max(size, MIN_SCRATCH));
    return this.#buffer;
  }

  /** A socket holds what was taken last: it is that socket's now. */
  give(): void {
    this.#buffer = Buffer.alloc(0);
  }
}

const MIN_SCRATCH = 16_384;

export class Line {
  readonly sink: Sink;
  readonly #maxBytes: number;
  readonly #dirty: Line[];
  readonly #scratch: Scratch;
  /** Subscriptions on this socket. */
  members = 0;
  #held = false;
  /** What waits for the tick's end: subscriptions, their frames, and how many events are in those. */
  #riders: Rider[] = [];
  #templates: Template[] = [];
  #events: number[] = [];
  #bytes = 0;
  /** Those who have something to write and may not; in the order of their wish. */
  #waiting: Set<Rider> | null = null;
  /** Those whose bytes are held: they come after the waiting ones, so that nobody on the socket is always first. */
  #wrote: Set<Rider> | null = null;

  /** `dirty`: where the line puts itself while frames wait for the tick's end. `maxBytes`: most that one write holds, unless one message is larger. */
  constructor(sink: Sink, maxBytes: number, dirty: Line[], scratch: Scratch) {
    this.sink = sink;
    this.#maxBytes = maxBytes;
    this.#dirty = dirty;
    this.#scratch = scratch;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Writes at once. On `held` the bytes are the socket's and the member is woken when it has drained. */
  write(member: Rider, bytes: Buffer, shared: Buffer | null): Outcome {
    const outcome = this.#write(member, bytes, shared);
    if (outcome === 'held') this.#holds(member);
    return outcome;
  }

  /** Queues a member's frames, which share nothing, for the tick's one write; false where the socket takes no more. */
  add(member: Rider, template: Template, events: number): boolean {
    const size = template.bytes.length;
    if (this.#bytes > 0 && this.#bytes + size > this.#maxBytes) this.flush();
    if (this.#held) return false;
    if (this.#bytes === 0) this.#dirty.push(this);
    this.#riders.push(member);
    this.#templates.push(template);
    this.#events.push(events);
    this.#bytes += size;
    return true;
  }

  /** The tick's one write. */
  flush(): void {
    const size = this.#bytes;
    if (size === 0) return;
    const riders = this.#riders;
    const templates = this.#templates;
    const events = this.#events;
    this.#riders = [];
    this.#templates = [];
    this.#events = [];
    this.#bytes = 0;
    const scratch = this.#scratch.take(size);
    let at = 0;
    for (let i = 0; i < riders.length; i++) {
      const { bytes, idSlots } = templates[i] as Template;
      scratch.set(bytes, at);
      fill(scratch, idSlots, (riders[i] as Rider).id, at);
      at += bytes.length;
    }
    const outcome = this.#write(riders[0] as Rider, scratch.subarray(0, size), null);
    if (outcome === 'held') this.#scratch.give();
    for (let i = 0; i < riders.length; i++) {
      const member = riders[i] as Rider;
      if (member.ended) continue;
      if (outcome === 'closed') {
        member.end(null);
        continue;
      }
      if (outcome === 'held') {
        member.stall();
        this.#holds(member);
      }
      member.count(events[i] as number, (templates[i] as Template).bytes.length);
    }
  }

  /** The member has something to write once the socket has drained. */
  wait(member: Rider): void {
    this.#waiting ??= new Set();
    this.#waiting.add(member);
  }

  forget(member: Rider): void {
    this.#waiting?.delete(member);
    this.#wrote?.delete(member);
  }

  #holds(member: Rider): void {
    this.#wrote ??= new Set();
    this.#wrote.add(member);
  }

  #write(member: Rider, bytes: Buffer, shared: Buffer | null): Outcome {
    try {
      const outcome = this.sink.write(bytes, shared);
      if (outcome === 'held') {
        this.#held = true;
        this.sink.onDrain(this.#drained);
      }
      return outcome;
    } catch (thrown) {
      member.blame('a socket failed', thrown);
      return 'closed';
    }
  }

  readonly #drained = (): void => {
    this.#held = false;
    const next = [...(this.#waiting ?? []), ...(this.#wrote ?? [])];
    this.#waiting = null;
    this.#wrote = null;
    for (const member of next) member.wake();
  };
}

/** Writes the id into its slots, `shift` bytes on. */
export function fill(bytes: Buffer, slots: Int32Array, id: Buffer, shift = 0): void {
  for (let i = 0; i < slots.length; i++) bytes.set(id, (slots[i] as number) + shift);
}
