/** A client's end of a connection, down to its bytes: it can stop reading, and be cut in the middle of a message. */
import { randomBytes } from 'node:crypto';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { frame, opcodes, text } from '../doors/raw.ts';

export interface At {
  readonly port: number;
  readonly isTls: boolean;
}

/** A message of graphql-transport-ws, or what an event stream says in its terms. */
export interface WireMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
  /** Of an event stream. */
  readonly cursor?: string;
}

export interface WireOptions {
  readonly at: At;
  readonly key: string;
  readonly onMessage: (message: WireMessage) => void;
}

export abstract class Wire {
  readonly closed: Promise<void>;
  isOpen = true;
  /** By this end, or after the server's close frame. */
  wasCut = false;
  /** It was cut while a message had come in part. */
  wasCutWithin = false;
  protected readonly markClosed: () => void;
  #cutsWithin = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.markClosed = () => {
      this.isOpen = false;
      resolve();
    };
  }

  abstract pause(): void;
  abstract resume(): void;
  protected abstract destroy(): void;
  /** A message has come in part. */
  protected abstract get isWithin(): boolean;

  /** Cuts it: at once, or as soon as a message has come in part, which may never be. */
  cut(when: 'now' | 'within'): void {
    if (when === 'within' && !this.isWithin) {
      this.#cutsWithin = true;
      return;
    }
    this.wasCut = true;
    this.wasCutWithin = this.isWithin;
    // Nothing more comes, whatever has been received already.
    this.isOpen = false;
    this.destroy();
  }

  /** To be called whenever all whole messages have been taken. */
  protected received(): void {
    if (this.#cutsWithin && this.isWithin && this.isOpen) this.cut('now');
  }
}

export class WebSocketWire extends Wire {
  readonly acknowledged: Promise<void>;
  readonly #socket: Socket;
  readonly #onMessage: (message: WireMessage) => void;
  readonly #acknowledge: () => void;
  #parts: Buffer[] = [];
  #length = 0;
  #needed = 0;
  #isUpgraded = false;
  /** Why the server closed it. */
  close: { readonly code: number; readonly reason: string } | null = null;

  constructor({ at, key, onMessage }: WireOptions) {
    super();
    this.#onMessage = onMessage;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {});
    this.acknowledged = promise;
    this.#acknowledge = resolve;
    const to = { port: at.port, host: '127.0.0.1' };
    this.#socket = at.isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    this.#socket.on('data', (bytes) => this.#receive(bytes as Buffer));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.markClosed();
      reject(new Error('the connection was closed before it was acknowledged'));
    });
    this.#socket.write(
      'GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
    );
    this.send({ type: 'connection_init', payload: { apiKey: key } });
  }

  /** All in one segment. */
  send(...messages: readonly object[]): void {
    if (this.isOpen) this.#socket.write(Buffer.concat(messages.map(text)));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  protected destroy(): void {
    this.#socket.destroy();
  }

  protected get isWithin(): boolean {
    return this.#isUpgraded && this.#length > 0;
  }

  #receive(bytes: Buffer): void {
    if (!this.isOpen) return;
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#needed) return this.received();
    const all = this.#parts.length === 1 ? bytes : Buffer.concat(this.#parts);
    let at = 0;
    if (!this.#isUpgraded) {
      const end = all.indexOf('\r\n\r\n');
      if (end >= 0) {
        if (!all.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) throw new Error(all.toString('latin1', 0, end));
        this.#isUpgraded = true;
        at = end + 4;
      }
    }
    this.#needed = this.#length + 1;
    while (this.#isUpgraded && this.isOpen) {
      const end = frameEnd(all, at);
      if (end > all.length) {
        this.#needed = end - at;
        break;
      }
      const head = headLength(all[at + 1] as number);
      this.#take((all[at] as number) & 0x0f, all.subarray(at + head, end));
      at = end;
    }
    this.#parts = at === all.length ? [] : [all.subarray(at)];
    this.#length = all.length - at;
    this.received();
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.ping) this.#socket.write(frame(opcodes.pong, payload));
    else if (opcode === opcodes.close) {
      this.close = { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
      this.cut('now');
    } else if (opcode === opcodes.text) {
      const message = JSON.parse(payload.toString()) as WireMessage;
      if (message.type === 'connection_ack') this.#acknowledge();
      else this.#onMessage(message);
    } else if (opcode !== opcodes.pong) throw new Error(`a frame with opcode ${opcode}`);
  }
}

function headLength(second: number): number {
  if (second & 0x80) throw new Error('a server masks no frame');
  return second === 126 ? 4 : second === 127 ? 10 : 2;
}

/** Where the frame at `at` ends, or beyond the bytes where not enough have come to tell. */
function frameEnd(bytes: Buffer, at: number): number {
  if (bytes.length < at + 2) return at + 2;
  const second = bytes[at + 1] as number;
  const head = headLength(second);
  if (bytes.length < at + head) return at + head;
  const length = head === 2 ? second : head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return at + head + length;
}

/** One subscription over SSE, told in the terms of the other transport: `ready` and `progress` as pongs of the id ''. */
export class EventStreamWire extends Wire {
  readonly #request: ClientRequest;
  readonly #onMessage: (message: WireMessage) => void;
  #response: IncomingMessage | null = null;
  #isPaused = false;
  #text = '';
  /** The server has said `complete`. */
  isComplete = false;

  constructor(
    { at, key, onMessage }: WireOptions,
    operation: { readonly query: string; readonly variables: Record<string, unknown> },
    lastEventId: string | null,
  ) {
    super();
    this.#onMessage = onMessage;
    const send = at.isTls ? httpsRequest : httpRequest;
    this.#request = send({
      host: '127.0.0.1',
      port: at.port,
      path: '/graphql',
      method: 'POST',
      agent: false,
      ...(at.isTls ? { rejectUnauthorized: false } : {}),
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        'x-api-key': key,
        ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }),
      },
    });
    this.#request.on('error', () => {});
    this.#request.on('close', () => this.markClosed());
    this.#request.on('response', (response) => {
      if (response.statusCode !== 200) throw new Error(`an event stream was answered with ${response.statusCode}`);
      this.#response = response;
      response.setEncoding('utf8');
      response.on('data', (part: string) => this.#receive(part));
      response.on('error', () => {});
      if (this.#isPaused) response.pause();
    });
    this.#request.end(JSON.stringify(operation));
  }

  pause(): void {
    this.#isPaused = true;
    this.#response?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#response?.resume();
  }

  protected destroy(): void {
    this.#request.destroy();
  }

  protected get isWithin(): boolean {
    return this.#text !== '';
  }

  #receive(part: string): void {
    if (!this.isOpen) return;
    this.#text += part;
    // What came before has no end of a block, unless it came between its two characters.
    let from = Math.max(0, this.#text.length - part.length - 1);
    let at = 0;
    for (let end = this.#text.indexOf('\n\n', from); end >= 0 && this.isOpen; end = this.#text.indexOf('\n\n', from)) {
      this.#take(this.#text.slice(at, end));
      at = end + 2;
      from = at;
    }
    if (at > 0) this.#text = this.#text.slice(at);
    this.received();
  }

  #take(block: string): void {
    let event = '';
    let data = '';
    let cursor: string | undefined;
    for (const line of block.split('\n')) {
      if (line.startsWith(': ready ')) this.#tell('ready', line.slice(8));
      else if (line.startsWith('event: ')) event = line.slice(7);
      else if (line.startsWith('data: ')) data = line.slice(6);
      else if (line.startsWith('id: ')) cursor = line.slice(4);
    }
    const id = cursor === undefined ? {} : { cursor };
    if (event === 'next') this.#onMessage({ type: 'next', id: '', payload: JSON.parse(data), ...id });
    else if (event === 'complete') {
      this.isComplete = true;
      this.#onMessage({ type: 'complete', id: '' });
    } else if (cursor !== undefined) this.#tell('progress', cursor);
  }

  #tell(kind: 'ready' | 'progress', cursor: string): void {
    this.#onMessage({ type: 'pong', payload: { sluice: { [kind]: { '': cursor } } } });
  }
}
