/** The network between a client and a gateway, to be watched and cut: bytes pass both ways until it is. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Wire implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #passed = '';

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a port of its own for what is to go to the other one. */
  static async to(port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, other] of [
        [near, far],
        [far, near],
      ] as const) {
        wire.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          wire.#sockets.delete(from);
          other.destroySoon();
        });
        from.on('data', (bytes) => {
          other.write(bytes);
          if (from === far) wire.#saw(bytes);
        });
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves once the gateway has sent this text, whenever that was. */
  async carried(text: string): Promise<void> {
    while (!this.#passed.includes(text)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Every connection ends, without a word on the protocol above; what has passed still arrives. New ones are let through. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroySoon();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #saw(bytes: Buffer): void {
    // What has passed is of interest only around its end; a text sought may lie across two pieces.
    this.#passed = (this.#passed + bytes.toString('latin1')).slice(-1_000_000);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
