/**
 * A client's socket as delivery sees it. Plain sockets tell at once whether the kernel has everything: nothing is left
 * in `writableLength`. TLS never does, so there bytes are copied out of the caller's buffer and the socket is full at a
 * high-water mark.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Sink } from '../../../core/delivery/index.ts';

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

  protected abstract put(bytes: Buffer): 'taken' | 'held';

  write(bytes: Buffer): 'taken' | 'held' | 'closed' {
    if (this.socket.destroyed || this.socket.writableEnded || !this.isOpen()) return 'closed';
    return this.put(bytes);
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
  protected put(bytes: Buffer): 'taken' | 'held' {
    this.socket.write(bytes);
    if (this.socket.writableLength === 0) {
      this.taken += bytes.length;
      return 'taken';
    }
    this.held++;
    // The 'drain' event comes only past the stream's own high-water mark; an empty write is called back in its turn, always.
    const length = bytes.length;
    this.socket.write(NOTHING, (error) => {
      if (!error) this.taken += length;
      if (--this.held === 0) this.drained();
    });
    return 'held';
  }
}

class TlsSink extends BaseSink {
  protected put(bytes: Buffer): 'taken' | 'held' {
    const length = bytes.length;
    this.socket.write(Buffer.from(bytes), (error) => {
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
