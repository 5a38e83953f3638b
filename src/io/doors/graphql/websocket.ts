/** GraphQL over WebSocket (`graphql-transport-ws`): the handshake, the connections, and graphql-ws between them. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { handleProtocols, makeServer } from 'graphql-ws';
import WebSocket, { type PerMessageDeflateOptions, type RawData, type Server, WebSocketServer } from 'ws';
import { SluiceError } from '../../../core/errors.ts';
import { secretOfHeaders } from '../wire/credentials.ts';
import { Deadlines } from '../wire/deadlines.ts';
import { Connection, type ConnectionOptions, type SocketContext } from './connection.ts';
import { formatThrown } from './errors.ts';
import type { LiveSubscription } from './live.ts';

export interface WebSocketOptions extends ConnectionOptions {
  readonly maxFrameBytes: number;
  readonly connectionInitTimeoutMs: number;
  readonly maxConnections: number;
  /** How often a sign of life is asked for; two intervals in a row without any, and the connection is cut. */
  readonly probeMs: number;
  /** Whether permessage-deflate is agreed on with clients that offer it. */
  readonly compression: boolean;
  /** How long a close may take: what is unsent, and the peer's answer. */
  readonly closeTimeoutMs: number;
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

/** What graphql-ws calls `extra` is the connection itself. */
type Extra = Connection & Record<PropertyKey, unknown>;

/** A WebSocket that knows its connection, so that all share their listeners. */
class ServedWebSocket extends WebSocket {
  declare connection: Connection;
  declare host: WebSockets;
}

/** An offer by which the client's window may be ours. */
const SMALL_WINDOW = /^\s*permessage-deflate\b[^,]*;\s*client_max_window_bits\b(?!\s*=\s*"?(8|9|10|11)\b)/;

export class WebSockets {
  private readonly options: WebSocketOptions;
  private readonly handshake: Server<typeof ServedWebSocket>;
  /** Agrees on compression; null where none is configured. */
  private readonly compressing: Server<typeof ServedWebSocket> | null;
  private readonly protocol: ReturnType<typeof makeServer<Record<string, unknown>, Extra>>;
  private readonly connections = new Set<Connection>();
  /** Those that have not sent connection_init. */
  private readonly uninitialised: Deadlines<Connection>;
  private readonly probing: NodeJS.Timeout;
  private isDraining = false;
  private onEmpty: (() => void) | null = null;

  constructor(options: WebSocketOptions) {
    this.options = options;
    this.handshake = createHandshake(options, false);
    this.compressing = options.compression ? createHandshake(options, COMPRESSION) : null;
    this.uninitialised = new Deadlines(options.connectionInitTimeoutMs, (connection) =>
      connection.close(4408, 'Connection initialisation timeout'),
    );
    this.protocol = makeServer<Record<string, unknown>, Extra>({
      // Ours: graphql-ws would keep a timer for each connection.
      connectionInitWaitTimeout: 0,
      onConnect: (context) => {
        const { connectionParams, extra } = context;
        // The secret is needed once.
        (context as { connectionParams?: unknown }).connectionParams = undefined;
        this.uninitialised.delete(extra);
        try {
          extra.authenticate(connectionParams);
        } catch (error) {
          // Never `false`: graphql-ws would close with 4403, which stock clients retry.
          extra.refuse(error);
        }
      },
      onSubscribe: ({ extra }, id, payload) => extra.accept(id, payload),
      subscribe: ({ contextValue }) => contextValue as LiveSubscription,
      execute: (args) => (args.contextValue as SocketContext).connection.execute(args),
      onNext: (_context, _id, _payload, _args, { errors, data }) => {
        if (errors === undefined) return undefined;
        return {
          ...(data === undefined ? {} : { data }),
          errors: errors.flatMap((error) => formatThrown(error, options.observe)),
        };
      },
      onError: (_context, _id, _payload, errors) => errors.flatMap((error) => formatThrown(error, options.observe)),
    });
    this.probing = setInterval(() => this.probe(), options.probeMs).unref();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refused = this.isDraining
      ? 'DRAINING'
      : this.connections.size >= this.options.maxConnections
        ? 'CONNECTION_LIMIT'
        : null;
    if (refused !== null) return refuseUpgrade(socket, new SluiceError(refused));
    // ws would refuse an offer that it cannot accept; such a client is served uncompressed.
    const offer = request.headers['sec-websocket-extensions'] ?? '';
    const handshake = this.compressing !== null && SMALL_WINDOW.test(offer) ? this.compressing : this.handshake;
    handshake.handleUpgrade(request, socket, head, (ws) => {
      const traceparent = request.headers['traceparent'];
      const upgraded = {
        secret: secretOfHeaders(request),
        traceparent: typeof traceparent === 'string' ? traceparent : null,
      };
      this.open(ws, new Connection(ws, socket as Socket, upgraded, this.options));
    });
  }

  /** Ends every subscription with DRAINING, then every connection with 1012; resolves when all are gone, by force after the close time-out. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const gone =
      this.connections.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (this.onEmpty = resolve));
    for (const connection of this.connections) connection.end(new SluiceError('DRAINING'));
    await gone;
  }

  close(): void {
    this.isDraining = true;
    clearInterval(this.probing);
    this.uninitialised.close();
    for (const { ws } of this.connections) ws.terminate();
  }

  get size(): number {
    return this.connections.size;
  }

  /** Broken frames: ws closes with 1002, 1007, 1008 or 1009 by itself. */
  broke(error: Error): void {
    this.options.observe.debug('a WebSocket broke', { error });
  }

  async closed(connection: Connection, code: number, reason: string): Promise<void> {
    this.uninitialised.delete(connection);
    await connection.closed(code, reason);
    this.connections.delete(connection);
    if (this.connections.size === 0) this.onEmpty?.();
  }

  /** Translates between ws and graphql-ws. */
  private open(ws: ServedWebSocket, connection: Connection): void {
    ws.connection = connection;
    ws.host = this;
    this.connections.add(connection);
    this.uninitialised.add(connection);
    ws.on('message', onMessage);
    ws.on('ping', onPing);
    ws.on('error', onError);
    ws.on('close', onClose);
    connection.onEnded(this.protocol.opened(connection, connection as Extra));
  }

  private probe(): void {
    for (const connection of this.connections) {
      connection.silent = connection.probe() ? 0 : connection.silent + 1;
      if (connection.silent > 2) connection.ws.terminate();
    }
  }
}

function createHandshake(
  options: WebSocketOptions,
  perMessageDeflate: PerMessageDeflateOptions | false,
): Server<typeof ServedWebSocket> {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    handleProtocols,
    maxPayload: options.maxFrameBytes,
    maxBufferedChunks: MAX_PARTS,
    maxFragments: MAX_PARTS,
    perMessageDeflate,
    // Pings are answered by the connection, which minds what is unread.
    autoPong: false,
    WebSocket: ServedWebSocket,
    // One message per turn of the event loop: a flood on one socket takes turns with the others, and graphql-ws has settled
    // `complete` before it sees a `subscribe` of the same id that came in the same segment (else it loses the latter).
    allowSynchronousEvents: false,
    ...{ closeTimeout: options.closeTimeoutMs },
  });
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const { connection } = this as ServedWebSocket;
  if (!connection.isOpen) return;
  if (isBinary) return connection.close(1003, 'Only text frames are understood');
  connection.message(data.toString());
}

function onPing(this: WebSocket, data: Buffer): void {
  (this as ServedWebSocket).connection.ping(data);
}

function onError(this: WebSocket, error: Error): void {
  (this as ServedWebSocket).host.broke(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const { host, connection } = this as ServedWebSocket;
  void host.closed(connection, code, reason.toString());
}

/** An answer to an upgrade that is none: plain HTTP on the raw socket. */
function refuseUpgrade(socket: Duplex, error: SluiceError): void {
  const body = JSON.stringify({ errors: [error.toPublic()] });
  socket.on('error', () => {});
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n${body}`,
  );
}
