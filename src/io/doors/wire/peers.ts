/**
 * WebSockets as every door has them: the handshake, what one message may cost, signs of life, time-outs, draining. What is said on
 * one is its door's. There may be a hundred thousand at rest, so what all of them share is in their host.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import WebSocket, { type PerMessageDeflateOptions, type RawData, type Server, WebSocketServer } from 'ws';
import { SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import { answerRaw } from './answers.ts';
import { Deadlines } from './deadlines.ts';
import { createSink, type SocketSink } from './sink.ts';

export interface PeerLimits {
  /** A message of a WebSocket. */
  readonly maxFrameBytes: number;
  /** How long a peer may take to say who it is. */
  readonly connectionInitTimeoutMs: number;
  /** WebSockets of one door of this process. */
  readonly maxConnections: number;
  /** How often a sign of life is asked for; one that gives none for about three intervals is cut. */
  readonly probeMs: number;
  /** Whether permessage-deflate is agreed on with clients that offer it. */
  readonly compression: boolean;
  /** How long a close may take: what is unsent, and the peer's answer. */
  readonly closeTimeoutMs: number;
}

export const DEFAULT_PEER_LIMITS: PeerLimits = {
  maxFrameBytes: 1_048_576,
  connectionInitTimeoutMs: 3_000,
  maxConnections: 100_000,
  probeMs: 30_000,
  compression: false,
  closeTimeoutMs: 5_000,
};

export interface PeersOptions extends PeerLimits {
  readonly observe: Observe;
}

/** What a door makes of a WebSocket. */
export interface Spoken<P extends Peer> {
  /** One of the subprotocols that a client offers; false: none of them. Asked only where it offers any. */
  choose(offered: Set<string>): string | false;
  create(ws: WebSocket, socket: Socket, request: IncomingMessage): P;
  /** The peer is heard from now on. */
  begin(peer: P): void;
}

/** Parts that one message, or the frame that is being read, may come in: each costs some hundred bytes however small it is. */
const MAX_PARTS = 4_096;

/**
 * What may be agreed on where compression is configured. Only what clients send is ever compressed. A window of 4 KiB and none of it kept
 * from one message to the next bound what a connection holds; whoever will not have it so is served uncompressed.
 */
const COMPRESSION: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  clientMaxWindowBits: 12,
  zlibInflateOptions: { chunkSize: 4_096 },
};

/** An offer by which the client's window may be ours. */
const SMALL_WINDOW = /^\s*permessage-deflate\b[^,]*;\s*client_max_window_bits\b(?!\s*=\s*"?(8|9|10|11)\b)/;

/** Bytes that a client leaves unread before its own messages are read no further. */
const MAX_UNREAD = 1_048_576;

/** One WebSocket. `ws` writes each of its own frames in one go, so that they only ever meet whole with those that go past it. */
export abstract class Peer {
  readonly ws: WebSocket;
  readonly sink: SocketSink;
  /** Probes in a row without a sign of life. */
  silent = 0;
  protected readonly socket: Socket;
  private signs = 0;

  constructor(ws: WebSocket, socket: Socket) {
    this.ws = ws;
    this.socket = socket;
    this.sink = createSink(socket, () => ws.readyState === ws.OPEN);
  }

  /** A text frame. */
  abstract message(text: string): void;
  /** A binary frame, which no door understands. */
  abstract binary(): void;
  /** Tells what lives on it of its end, each with its cursor, then closes with the error's close code. */
  abstract end(error: SluiceError): void;
  /** The socket is gone. */
  abstract closed(code: number, reason: string): void | Promise<void>;

  get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  ping(data: Buffer): void {
    if (!this.isOpen) return;
    this.ws.pong(data);
    this.checkUnread();
  }

  /** A message of the door's own; how much of it waits is bounded by reading no further, not by waiting here. */
  send(message: string): void {
    if (!this.isOpen) return;
    // Compressing takes its time elsewhere, and a message that waits for it would come after data frames it must come before.
    this.ws.send(message, { compress: false });
    this.checkUnread();
  }

  close(code = 1000, reason = ''): void {
    // Back to reading, or the peer's close frame would not be seen.
    if (this.ws.isPaused) this.ws.resume();
    this.ws.close(code, Buffer.byteLength(reason) <= 123 ? reason : '');
  }

  /** Asks for a sign of life; `false` when there has been none, either way, since the last call. */
  probe(): boolean {
    const signs = this.socket.bytesRead + this.sink.taken;
    const isAlive = signs !== this.signs;
    this.signs = signs;
    if (this.isOpen && this.socket.writableLength === 0) this.ws.ping();
    return isAlive;
  }

  /** What the client had left unread has been taken. */
  protected caughtUp(): void {}

  private checkUnread(): void {
    if (this.socket.writableLength <= MAX_UNREAD || this.ws.isPaused) return;
    this.ws.pause();
    this.socket.write('', () => {
      if (this.isOpen) this.ws.resume();
      this.caughtUp();
    });
  }
}

/** A WebSocket that knows its peer, so that all share their listeners. */
class ServedWebSocket extends WebSocket {
  declare peer: Peer;
  declare host: Peers<Peer>;
}

export class Peers<P extends Peer> {
  private readonly options: PeersOptions;
  private readonly spoken: Spoken<P>;
  private readonly handshake: Server<typeof ServedWebSocket>;
  /** Agrees on compression; null where none is configured. */
  private readonly compressing: Server<typeof ServedWebSocket> | null;
  private readonly open = new Set<P>();
  /** Those that have not said who they are. */
  private readonly unknown: Deadlines<P>;
  private readonly probing: NodeJS.Timeout;
  private isDraining = false;
  private onEmpty: (() => void) | null = null;

  constructor(options: PeersOptions, spoken: Spoken<P>) {
    this.options = options;
    this.spoken = spoken;
    this.handshake = createHandshake(options, spoken, false);
    this.compressing = options.compression ? createHandshake(options, spoken, COMPRESSION) : null;
    this.unknown = new Deadlines(options.connectionInitTimeoutMs, (peer) =>
      peer.close(4408, 'Connection initialisation timeout'),
    );
    this.probing = setInterval(() => this.probe(), options.probeMs).unref();
  }

  get size(): number {
    return this.open.size;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refused = this.isDraining
      ? 'DRAINING'
      : this.open.size >= this.options.maxConnections
        ? 'CONNECTION_LIMIT'
        : null;
    if (refused !== null) {
      const error = new SluiceError(refused);
      return answerRaw(socket, error.status, error);
    }
    // ws would refuse an offer that it cannot accept; such a client is served uncompressed.
    const offer = request.headers['sec-websocket-extensions'] ?? '';
    const handshake = this.compressing !== null && SMALL_WINDOW.test(offer) ? this.compressing : this.handshake;
    handshake.handleUpgrade(request, socket, head, (ws) => {
      const peer = this.spoken.create(ws, socket as Socket, request);
      ws.peer = peer;
      ws.host = this as unknown as Peers<Peer>;
      this.open.add(peer);
      this.unknown.add(peer);
      ws.on('message', onMessage);
      ws.on('ping', onPing);
      ws.on('error', onError);
      ws.on('close', onClose);
      this.spoken.begin(peer);
    });
  }

  /** It has said who it is. */
  known(peer: P): void {
    this.unknown.delete(peer);
  }

  /** Ends everything with DRAINING, then every connection with 1012; resolves when all are gone, by force after the close time-out. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const gone = this.open.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (this.onEmpty = resolve));
    for (const peer of this.open) peer.end(new SluiceError('DRAINING'));
    await gone;
  }

  /** At once, without a word. */
  close(): void {
    this.isDraining = true;
    clearInterval(this.probing);
    this.unknown.close();
    for (const { ws } of this.open) ws.terminate();
  }

  /** Broken frames: ws closes with 1002, 1007, 1008 or 1009 by itself. */
  broke(error: Error): void {
    this.options.observe.debug('a WebSocket broke', { error });
  }

  async closed(peer: P, code: number, reason: string): Promise<void> {
    this.unknown.delete(peer);
    await peer.closed(code, reason);
    this.open.delete(peer);
    if (this.open.size === 0) this.onEmpty?.();
  }

  private probe(): void {
    for (const peer of this.open) {
      peer.silent = peer.probe() ? 0 : peer.silent + 1;
      if (peer.silent > 2) peer.ws.terminate();
    }
  }
}

function createHandshake(
  options: PeersOptions,
  { choose }: Pick<Spoken<Peer>, 'choose'>,
  perMessageDeflate: PerMessageDeflateOptions | false,
): Server<typeof ServedWebSocket> {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => choose(offered),
    maxPayload: options.maxFrameBytes,
    maxBufferedChunks: MAX_PARTS,
    maxFragments: MAX_PARTS,
    perMessageDeflate,
    // Pings are answered by the peer, which minds what is unread.
    autoPong: false,
    WebSocket: ServedWebSocket,
    // One message per turn of the event loop: a flood on one socket takes turns with the others, and graphql-ws has settled
    // `complete` before it sees a `subscribe` of the same id that came in the same segment (else it loses the latter).
    allowSynchronousEvents: false,
    ...{ closeTimeout: options.closeTimeoutMs },
  });
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const { peer } = this as ServedWebSocket;
  if (!peer.isOpen) return;
  if (isBinary) peer.binary();
  else peer.message(data.toString());
}

function onPing(this: WebSocket, data: Buffer): void {
  (this as ServedWebSocket).peer.ping(data);
}

function onError(this: WebSocket, error: Error): void {
  (this as ServedWebSocket).host.broke(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const { host, peer } = this as ServedWebSocket;
  void host.closed(peer, code, reason.toString());
}
