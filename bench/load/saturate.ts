/** The driver of both servers in the generated form: a tick is `k` events at once, and the next comes as soon as the sockets took the last. */
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const sockets = new Set<Socket>();

/** Call before a server listens: from then on the sockets of this process are known. */
export function watchSockets(): void {
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { readonly socket: Socket };
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
}

export interface Saturated {
  readonly events: number;
  readonly ticks: number;
  /** How often a tick had to wait for a socket. */
  readonly waits: number;
}

export function saturate(publish: (k: number) => void, k: number, ms: number): Promise<Saturated> {
  return new Promise((resolve) => {
    const end = performance.now() + ms;
    let ticks = 0;
    let waits = 0;
    const next = (): void => {
      if (isHolding()) {
        waits += 1;
        setTimeout(next, 1);
      } else if (performance.now() >= end) {
        resolve({ events: ticks * k, ticks, waits });
      } else {
        publish(k);
        ticks += 1;
        setImmediate(next);
      }
    };
    next();
  });
}

/** Whether bytes wait in this process for a socket that does not take them. */
function isHolding(): boolean {
  for (const socket of sockets) {
    if (socket.writableLength > 0) return true;
  }
  return false;
}
