/** A WebSocket client that does what stock ones never would: frames of any bytes, half ones, and not reading. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { KEY } from './door.ts';

export interface Frame {
  readonly opcode: number;
  /** FIN and the three reserved bits, where they stand in the first byte. */
  readonly flags: number;
  readonly payload: Buffer;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export function frame(
  opcode: number,
  payload: Buffer | string,
  how: { readonly isLast?: boolean; readonly isMasked?: boolean } = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const { isLast = true, isMasked = true } = how;
  const length =
    bytes.length < 126
      ? Buffer.of(bytes.length)
      : bytes.length < 65_536
        ? Buffer.of(126, bytes.length >> 8, bytes.length & 255)
        : big(bytes.length);
  (length as Buffer)[0] = (length[0] as number) | (isMasked ? 0x80 : 0);
  const mask = isMasked ? randomBytes(4) : Buffer.alloc(0);
  const masked = isMasked ? Buffer.from(bytes.map((byte, index) => byte ^ (mask[index % 4] as number))) : bytes;
  return Buffer.concat([Buffer.of((isLast ? 0x80 : 0) | opcode), length, mask, masked]);
}

function big(length: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 127;
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

export function text(message: unknown): Buffer {
  return frame(opcodes.text, typeof message === 'string' ? message : JSON.stringify(message));
}

/** Where a door is: a TestDoor, or any gateway. */
interface At {
  readonly port: number;
  readonly isTls: boolean;
}

export class RawSocket {
  readonly socket: Socket;
  /** Status line and headers of the answer to the upgrade. */
  readonly answer: Promise<string>;
  readonly frames: Frame[] = [];
  /** The text frames among them. */
  readonly messages: Record<string, unknown>[] = [];
  readonly gone: Promise<void>;
  private rest = Buffer.alloc(0);
  private isUpgraded = false;
  private waiting: (() => void)[] = [];
  private readonly answered = Promise.withResolvers<string>();

  private constructor(socket: Socket) {
    this.socket = socket;
    this.answer = this.answered.promise;
    socket.on('data', (bytes) => this.receive(bytes as Buffer));
    socket.on('error', () => {});
    this.gone = new Promise((resolve) =>
      socket.once('close', () => {
        resolve();
        this.wake();
      }),
    );
  }

  static async open(
    door: At,
    options: { readonly protocol?: string | null; readonly headers?: string; readonly path?: string } = {},
  ): Promise<RawSocket> {
    const { protocol = 'graphql-transport-ws', headers = '', path = '/graphql' } = options;
    const to = { port: door.port, host: '127.0.0.1' };
    const raw = new RawSocket(door.isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to));
    raw.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
        `${protocol === null ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`}${headers}\r\n`,
    );
    await raw.answer;
    return raw;
  }

  /** Opened, with the key presented and acknowledged. */
  static async ready(door: At, key = KEY): Promise<RawSocket> {
    const raw = await RawSocket.open(door);
    raw.send({ type: 'connection_init', payload: { apiKey: key } });
    await raw.message((message) => message['type'] === 'connection_ack');
    return raw;
  }

  send(...messages: unknown[]): void {
    this.socket.write(Buffer.concat(messages.map(text)));
  }

  /** The first message that fits, now or later. Rejects when the socket closes before. */
  async message(fits: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (let seen = 0; ; ) {
      for (; seen < this.messages.length; seen++) {
        const message = this.messages[seen] as Record<string, unknown>;
        if (fits(message)) return message;
      }
      if (this.socket.destroyed) throw new Error(`closed with ${this.closeCode} before the message came`);
      await this.change();
    }
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.socket.destroyed) throw new Error(`closed with ${this.closeCode} before it held`);
      await this.change();
    }
  }

  get closeCode(): number | null {
    const close = this.frames.find(({ opcode }) => opcode === opcodes.close);
    return close === undefined || close.payload.length < 2 ? null : close.payload.readUInt16BE(0);
  }

  /** The server's close code, once it has said it. */
  async closed(): Promise<number | null> {
    while (this.closeCode === null && !this.socket.destroyed) await this.change();
    this.socket.destroy();
    return this.closeCode;
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private receive(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (!this.isUpgraded) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = this.rest.subarray(0, end).toString('latin1');
      this.isUpgraded = head.startsWith('HTTP/1.1 101');
      if (this.isUpgraded) this.rest = this.rest.subarray(end + 4);
      this.answered.resolve(head);
    }
    while (this.isUpgraded && this.takeFrame()) {}
    this.wake();
  }

  private takeFrame(): boolean {
    const { rest } = this;
    if (rest.length < 2) return false;
    const short = (rest[1] as number) & 0x7f;
    if ((rest[1] as number) & 0x80) throw new Error('a server masks no frame');
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (rest.length < head) return false;
    const length = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
    if (rest.length < head + length) return false;
    const [opcode, flags] = [(rest[0] as number) & 0x0f, (rest[0] as number) & 0xf0];
    const frame = { opcode, flags, payload: Buffer.from(rest.subarray(head, head + length)) };
    this.frames.push(frame);
    if (frame.opcode === opcodes.text) this.messages.push(JSON.parse(frame.payload.toString()));
    this.rest = rest.subarray(head + length);
    return true;
  }
}
