/** A channel within a process, whose ends a test can have read nothing. It keeps what a Channel promises (memory-channel.test.ts). */
import type { Channel, ChannelReceiver } from '../../src/core/routing/index.ts';

const HIGH_WATER_BYTES = 50_000;

export class MemoryChannel implements Channel {
  /** Messages, as the parts that they were sent in, that wait to be read at this end. */
  readonly inbox: (readonly Uint8Array[])[] = [];
  /** Most bytes that ever waited to be read at this end. */
  mostBytes = 0;
  /** Every message that was ever sent from this end. */
  readonly sent: (readonly Uint8Array[])[] = [];
  #peer: MemoryChannel | null = null;
  #receiver: ChannelReceiver | null = null;
  #bytes = 0;
  #held = false;
  #full = false;
  #over = false;
  #reading = false;

  static pair(): readonly [MemoryChannel, MemoryChannel] {
    const [one, other] = [new MemoryChannel(), new MemoryChannel()];
    one.#peer = other;
    other.#peer = one;
    return [one, other];
  }

  send(parts: readonly Uint8Array[]): boolean {
    const peer = this.#peer as MemoryChannel;
    if (this.#over) return true;
    this.sent.push(parts);
    peer.inbox.push(parts);
    peer.#bytes += parts.reduce((sum, { length }) => sum + length, 0);
    peer.mostBytes = Math.max(peer.mostBytes, peer.#bytes);
    peer.#wake();
    if (peer.#bytes <= HIGH_WATER_BYTES) return true;
    this.#full = true;
    return false;
  }

  receive(receiver: ChannelReceiver): void {
    this.#receiver = receiver;
    this.#wake();
  }

  close(error?: Error): void {
    if (this.#over) return;
    for (const [end, why] of [
      [this, error ?? null],
      [this.#peer as MemoryChannel, null],
    ] as const) {
      end.#over = true;
      setImmediate(() => end.#receiver?.closed(why));
    }
  }

  /** Reads nothing from now on. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#wake();
  }

  #wake(): void {
    if (this.#reading) return;
    this.#reading = true;
    setImmediate(() => {
      this.#reading = false;
      while (!this.#held && !this.#over && this.#receiver !== null) {
        const parts = this.inbox.shift();
        if (parts === undefined) break;
        const message = Buffer.concat(parts);
        this.#bytes -= message.length;
        this.#receiver.message(message);
      }
      const peer = this.#peer as MemoryChannel;
      if (this.inbox.length > 0 || !peer.#full || peer.#over) return;
      peer.#full = false;
      peer.#receiver?.drained();
    });
  }
}
