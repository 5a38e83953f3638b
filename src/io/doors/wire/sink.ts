/**
 * A client's socket as delivery sees it. Plain sockets tell at once whether the kernel has everything: nothing is left
 * in `writableLength`. TLS never does, so there bytes are copied out of the caller's buffer (what is shared is not) and the socket
 * is full at a high-water mark.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Outcome, Sink } from '../../../core/delivery/index.ts';

const NOTHING = Buffer.alloc(0);

/** Cleartext that a TLS socket may hold before its subscriptions wait. */
const TLS_HIGH_WATER = 65_536;

export interface SocketSink extends Sink {
  /** Whether bytes of deliveries wait in the process. */
  readonly holding: boolean;
}

/** `isOpen`: false from the moment on at which nothing may follow what was written, since the door or the peer has begun to close. */
export function createSink(socket: Socket, isOpen: () => boolean): SocketSink {
  return socket instanceof TLSSocket ? new TlsSink(socket, isOpen) : new PlainSink(socket, isOpen);
}

abstract class BaseSink implements SocketSink {
  protected readonly socket: Socket;
  private readonly isOpen: () => boolean;
  taken = 0;
  /** Writes that are held: one, as long as callers wait for the drain. */
  protected held = 0;
  private listeners: (() => void)[] = [];

  constructor(socket: Socket, isOpen: () => boolean) {
    this.socket = socket;
    this.isOpen = isOpen;
  }

  get holding(): boolean {
    return this.held > 0;
  }

  protected abstract put(bytes: Buffer, shared: Buffer | null): 'taken' | 'held';

  write(bytes: Buffer, shared: Buffer | null = null): Outcome {
    if (this.socket.destroyed || this.socket.writableEnded || !this.isOpen()) return 'closed';
    return this.put(bytes, shared);
  }

  onDrain(listener: () => void): void {
    if (this.holding) this.listeners.push(listener);
    else setImmediate(listener);
  }

  protected drained(): void {
    const listeners = this.listeners;
    this.listeners = [];
    for (const listener of listeners) listener();
  }
}

class PlainSink extends BaseSink {
  protected put(bytes: Buffer, shared: Buffer | null): 'taken' | 'held' {
    const { socket } = this;
    let { length } = bytes;
    if (shared === null) {
      socket.write(bytes);
    } else if (length === 0) {
      length = shared.length;
      socket.write(shared);
    } else {
      // One writev: the shared part is copied for nobody.
      length += shared.length;
      socket.cork();
      socket.write(bytes);
      socket.write(shared);
      socket.uncork();
    }
    if (socket.writableLength === 0) {
      this.taken += length;
      return 'taken';
    }
    this.held++;
    // The 'drain' event comes only past the stream's own high-water mark; an empty write is called back in its turn, always.
    socket.write(NOTHING, (error) => {
      if (!error) this.taken += length;
      if (--this.held === 0) this.drained();
    });
    return 'held';
  }
}

class TlsSink extends BaseSink {
  protected put(bytes: Buffer, shared: Buffer | null): 'taken' | 'held' {
    const length = bytes.length + (shared === null ? 0 : shared.length);
    if (shared !== null && bytes.length > 0) this.socket.write(Buffer.from(bytes));
    this.socket.write(shared ?? Buffer.from(bytes), (error) => {
      if (!error) this.taken += length;
      if (this.held > 0 && (error || this.socket.writableLength < TLS_HIGH_WATER)) {
        this.held = 0;
        this.drained();
      }
    });
    if (this.socket.writableLength < TLS_HIGH_WATER) return 'taken';
    this.held = 1;
    return 'held';
  }
}
