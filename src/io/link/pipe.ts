/**
 * A channel over a byte stream between two processes of one machine: a socket pair, which only they hold. Each message is preceded by
 * its length (u32, big-endian).
 */
import type { Duplex } from 'node:stream';
import { type Channel, type ChannelReceiver, MAX_MESSAGE_BYTES, StreamError } from '../../core/routing/index.ts';

const LENGTH_BYTES = 4;
/** More than this waits only for a moment: `send` answers false from here on. */
const HIGH_WATER_BYTES = 1_048_576;

export function createPipeChannel(stream: Duplex): Channel {
  return new PipeChannel(stream);
}

class PipeChannel implements Channel {
  readonly #stream: Duplex;
  readonly #frames = new Frames();
  #receiver: ChannelReceiver | null = null;
  #error: Error | null = null;
  #full = false;
  #over = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    // The other end may be killed in the middle of anything: that is an end like any other.
    stream.on('error', () => {});
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#over) return true;
    const head = Buffer.allocUnsafe(LENGTH_BYTES);
    head.writeUInt32BE(
      parts.reduce((sum, { length }) => sum + length, 0),
      0,
    );
    this.#stream.cork();
    this.#stream.write(head);
    for (const part of parts) this.#stream.write(part);
    // All that one turn sends goes in one write.
    process.nextTick(() => this.#stream.uncork());
    if (this.#stream.writableLength <= HIGH_WATER_BYTES) return true;
    this.#full = true;
    return false;
  }

  receive(receiver: ChannelReceiver): void {
    this.#receiver = receiver;
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => this.#data(chunk));
    stream.on('drain', () => {
      if (!this.#full || this.#over) return;
      this.#full = false;
      receiver.drained();
    });
    stream.on('end', () => this.close());
    stream.on('close', () => {
      this.#over = true;
      this.#receiver?.closed(this.#error);
      this.#receiver = null;
    });
  }

  close(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error ?? null;
    this.#stream.destroy();
  }

  #data(chunk: Buffer): void {
    this.#frames.push(chunk);
    try {
      for (let frame = this.#frames.next(); frame !== null && !this.#over; frame = this.#frames.next())
        this.#receiver?.message(frame);
    } catch (thrown) {
      this.close(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }
}

/** Cuts a stream of bytes into messages; one that lies in a single chunk is not copied. */
class Frames {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Length of the message that is awaited; null: its length is. */
  #length: number | null = null;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Throws StreamError where a message is longer than any may be. */
  next(): Buffer | null {
    if (this.#length === null) {
      if (this.#bytes < LENGTH_BYTES) return null;
      const length = this.#take(LENGTH_BYTES).readUInt32BE(0);
      if (length > MAX_MESSAGE_BYTES) throw new StreamError(`a message of ${length} bytes`);
      this.#length = length;
    }
    if (this.#bytes < this.#length) return null;
    const message = this.#take(this.#length);
    this.#length = null;
    return message;
  }

  #take(bytes: number): Buffer {
    if (bytes === 0) return Buffer.alloc(0);
    let first = this.#chunks[0] as Buffer;
    if (first.length < bytes) {
      first = Buffer.concat(this.#chunks);
      this.#chunks = [first];
    }
    if (first.length === bytes) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(bytes);
    this.#bytes -= bytes;
    return first.subarray(0, bytes);
  }
}
