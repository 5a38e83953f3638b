/** GraphQL over WebSocket (`graphql-transport-ws`): the handshake, the connections, and graphql-ws between them. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { handleProtocols, makeServer } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import { SluiceError } from '../../../core/errors.ts';
import { Connection, type ConnectionOptions, type SocketContext } from './connection.ts';
import { formatThrown } from './errors.ts';
import type { LiveSubscription } from './live.ts';

export interface WebSocketOptions extends ConnectionOptions {
  readonly maxFrameBytes: number;
  readonly connectionInitTimeoutMs: number;
  readonly maxConnections: number;
  /** How often a sign of life is asked for; two intervals in a row without any, and the connection is cut. */
  readonly probeMs: number;
  /** How long a close may take: what is unsent, and the peer's answer. */
  readonly closeTimeoutMs: number;
}

type Extra = Record<PropertyKey, unknown> & { readonly connection: Connection };

export class WebSockets {
  private readonly options: WebSocketOptions;
  private readonly handshake: WebSocketServer;
  private readonly protocol: ReturnType<typeof makeServer<Record<string, unknown>, Extra>>;
  private readonly connections = new Map<Connection, { silent: number }>();
  private readonly probing: NodeJS.Timeout;
  private isDraining = false;
  private onEmpty: (() => void) | null = null;

  constructor(options: WebSocketOptions) {
    this.options = options;
    this.handshake = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      handleProtocols,
      maxPayload: options.maxFrameBytes,
      // 219 KiB a connection once used.
      perMessageDeflate: false,
      // One message per turn of the event loop: a flood on one socket takes turns with the others, and graphql-ws has settled
      // `complete` before it sees a `subscribe` of the same id that came in the same segment (else it loses the latter).
      allowSynchronousEvents: false,
      ...{ closeTimeout: options.closeTimeoutMs },
    });
    this.protocol = makeServer<Record<string, unknown>, Extra>({
      connectionInitWaitTimeout: options.connectionInitTimeoutMs,
      onConnect: ({ connectionParams, extra }) => {
        try {
          extra.connection.authenticate(connectionParams);
        } catch (error) {
          // Never `false`: graphql-ws would close with 4403, which stock clients retry.
          extra.connection.refuse(error);
        }
      },
      onSubscribe: ({ extra }, id, payload) => extra.connection.accept(id, payload),
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
    this.handshake.handleUpgrade(request, socket, head, (ws) => {
      const connection = new Connection(ws, socket as Socket, request, this.options);
      this.connections.set(connection, { silent: 0 });
      const closed = this.open(connection);
      // Broken frames: ws closes with 1002, 1007 or 1009 by itself.
      ws.on('error', (error) => this.options.observe.debug('a WebSocket broke', { error }));
      ws.on('close', (code, reason) => {
        closed(code, reason.toString())
          .catch((error) => this.options.observe.error('a connection did not end well', { error }))
          .finally(() => {
            connection.closed();
            this.connections.delete(connection);
            if (this.connections.size === 0) this.onEmpty?.();
          });
      });
    });
  }

  /** Ends every subscription with DRAINING, then every connection with 1012; resolves when all are gone, by force after the close time-out. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const gone =
      this.connections.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (this.onEmpty = resolve));
    for (const connection of this.connections.keys()) connection.end(new SluiceError('DRAINING'));
    await gone;
  }

  close(): void {
    this.isDraining = true;
    clearInterval(this.probing);
    for (const { ws } of this.connections.keys()) ws.terminate();
  }

  get size(): number {
    return this.connections.size;
  }

  /** Translates between ws and graphql-ws. */
  private open(connection: Connection): (code: number, reason: string) => Promise<void> {
    const { ws } = connection;
    return this.protocol.opened(
      {
        protocol: ws.protocol,
        send: (message) => connection.send(message),
        close: (code, reason) => connection.close(code ?? 1000, reason ?? ''),
        onMessage: (receive) => {
          ws.on('message', (data, isBinary) => {
            if (!connection.isOpen) return;
            if (isBinary) return connection.close(1003, 'Only text frames are understood');
            receive(data.toString()).catch((error) => connection.refuse(asBadRequest(error)));
          });
        },
      },
      { connection },
    );
  }

  private probe(): void {
    for (const [connection, life] of this.connections) {
      life.silent = connection.probe() ? 0 : life.silent + 1;
      if (life.silent > 2) connection.ws.terminate();
    }
  }
}

/** graphql-ws throws for well-formed messages that are not a client's to send. */
function asBadRequest(error: unknown): unknown {
  const isUnexpected = error instanceof Error && error.message.startsWith('Unexpected message of type');
  return isUnexpected ? new SluiceError('BAD_REQUEST', error.message) : error;
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
