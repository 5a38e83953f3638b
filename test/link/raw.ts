/**
 * An end of a link in the hands of a test: it says what it is told to, by the tables of docs/PROTOCOL.md and with nothing of the product's
 * own code.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import WebSocket, { type ClientOptions, WebSocketServer } from 'ws';

export interface Says {
  readonly site?: string;
  readonly node?: string;
  readonly incarnation?: string;
  readonly features?: number;
  readonly nonce?: Buffer;
}

function greeting(kind: number, says: Says): Buffer {
  const { site = 'us', node = 'raw-1', incarnation = 'one', features = 0, nonce = randomBytes(32) } = says;
  const head = Buffer.concat([Buffer.of(kind), Buffer.from('SLLK'), Buffer.of(1, 0, 0, 0, features)]);
  const names = [site, node, incarnation].flatMap((name) => [Buffer.of(name.length), Buffer.from(name)]);
  return Buffer.concat([head, nonce, ...names]);
}

export const hello = (says: Says = {}): Buffer => greeting(1, says);
export const challenge = (says: Says = {}): Buffer => greeting(2, { site: 'eu', node: 'eu-1', ...says });

export function hmac(role: 'dialler' | 'listener', secret: string, ...messages: readonly Buffer[]): Buffer {
  const keyed = createHmac('sha256', secret).update(Buffer.from(`sluice.link.1 ${role}\0`));
  for (const message of messages) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(message.length);
    keyed.update(Buffer.concat([length, message]));
  }
  return keyed.digest();
}

export const proof = (secret: string, ...messages: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(3, 1), hmac('dialler', secret, ...messages)]);
export const welcome = (secret: string, ...messages: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(4, 1), hmac('listener', secret, ...messages)]);

export class RawEnd {
  readonly ws: WebSocket;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** Below the WebSocket: whatever is written here goes as it is. */
  socket: Socket | null = null;
  readonly #messages: Buffer[] = [];
  #wake: () => void = () => {};

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('error', () => {});
    ws.on('upgrade', ({ socket }) => {
      this.socket = socket;
    });
    ws.on('message', (data) => {
      this.#messages.push(data as Buffer);
      this.#wake();
    });
    this.closed = new Promise((resolve) =>
      ws.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      }),
    );
  }

  static async dial(port: number, options: ClientOptions = {}): Promise<RawEnd> {
    const { protocol = 'sluice.link.1', ...more } = options;
    const end = new RawEnd(new WebSocket(`ws://127.0.0.1:${port}/v1/link`, protocol, more));
    await once(end.ws, 'open');
    return end;
  }

  /** Dials, and goes through the handshake. */
  static async proved(port: number, secret: string, says: Says = {}, options: ClientOptions = {}): Promise<RawEnd> {
    const end = await RawEnd.dial(port, options);
    const said = hello(says);
    end.ws.send(said);
    const asked = await end.next();
    const proved = proof(secret, said, asked);
    end.ws.send(proved);
    const greeted = await end.next();
    if (!greeted.equals(welcome(secret, said, asked, proved))) throw new Error('the welcome is no proof');
    return end;
  }

  /** The next message; rejects where it closes first. */
  async next(): Promise<Buffer> {
    for (;;) {
      const first = this.#messages.shift();
      if (first !== undefined) return first;
      if (this.ws.readyState === WebSocket.CLOSED) {
        const { code, reason } = await this.closed;
        throw new Error(`closed with ${code} ${reason}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A listener that says what the test has it say, to each who dials. */
export class RawListener implements AsyncDisposable {
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
  }

  static async open(talk: (end: RawEnd) => Promise<void>): Promise<RawListener> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (ws) => talk(new RawEnd(ws)).catch(() => {}));
    await once(server, 'listening');
    return new RawListener(server);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ws of this.#server.clients) ws.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
