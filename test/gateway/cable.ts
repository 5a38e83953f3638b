/** What stands between a client and the gateway, and can be cut or go silent. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../bed/index.ts';

export class Cable {
  readonly port: number;
  /** Bytes that the gateway sent and the cable took. */
  received = 0;
  /** How many bytes of the gateway's each of the next connections carries before it is cut, in the middle of whatever it was. */
  readonly allowances: number[] = [];
  /** Those that were used up. */
  cuts = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, server: Server, sockets: Set<Socket>) {
    this.port = port;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async to(target: number): Promise<Cable> {
    const sockets = new Set<Socket>();
    const port = await freePort();
    const server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      let left = cable.allowances.shift() ?? Number.POSITIVE_INFINITY;
      far.on('data', (chunk) => {
        cable.received += chunk.length;
        left -= chunk.length;
        if (left >= 0) return;
        cable.cuts += 1;
        left = Number.POSITIVE_INFINITY;
        far.unpipe();
        near.end(() => far.destroy());
      });
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.pipe(other);
        one.on('error', () => {});
        one.on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      }
    });
    const cable = new Cable(port, server, sockets);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return cable;
  }

  /** From now on nothing that is on a socket goes on, and nothing is closed; those that come later are as good as new. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
