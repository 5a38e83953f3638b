/** What lies between the two ends of a link, and can stand still, be cut, and be written into. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

type Way = 'there' | 'back';

export class Line implements AsyncDisposable {
  /** Bytes that went each way. */
  readonly passed: Record<Way, number> = { there: 0, back: 0 };
  /** How long each byte is under way, in either direction. */
  delayMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #still = new Set<Way>();
  readonly #streams: { readonly way: Way; readonly from: Socket; readonly to: Socket }[] = [];
  /** How many bytes more may go back before it is cut. */
  #left = Number.POSITIVE_INFINITY;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Leads to that port, from a port of its own. */
  static async to(port: number): Promise<Line> {
    const server = createServer();
    const line = new Line(server);
    server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1');
      line.#lead('there', near, far);
      line.#lead('back', far, near);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return line;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Nothing goes this way until what is returned is called; nothing is closed. */
  hold(...ways: readonly Way[]): () => void {
    for (const way of ways) this.#still.add(way);
    for (const { way, from } of this.#streams) if (ways.includes(way)) from.pause();
    return () => {
      for (const way of ways) this.#still.delete(way);
      for (const { way, from } of this.#streams) if (ways.includes(way)) from.resume();
    };
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cut once so many bytes more have gone back to who dialled. */
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }

  #lead(way: Way, from: Socket, to: Socket): void {
    let lastDue = 0;
    this.#sockets.add(from);
    this.#streams.push({ way, from, to });
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on('data', (bytes: Buffer) => {
      const some = way === 'back' ? bytes.subarray(0, this.#left) : bytes;
      this.passed[way] += some.length;
      const now = performance.now();
      lastDue = Math.max(lastDue, now + this.delayMs);
      if (lastDue > now) setTimeout(() => to.write(some), lastDue - now);
      else if (!to.write(some)) {
        from.pause();
        to.once('drain', () => {
          if (!this.#still.has(way)) from.resume();
        });
      }
      if (way !== 'back') return;
      this.#left -= some.length;
      if (this.#left === 0) this.cut();
    });
    if (this.#still.has(way)) from.pause();
  }
}
