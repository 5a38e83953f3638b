/**
 * One WebSocket: who it is, what runs on it, and what it may cost. graphql-ws keeps the protocol; data frames go past it
 * through the sink. `ws` writes each of its own frames in one go, so frames of both only ever meet whole.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import type WebSocket from 'ws';
import { asSluiceError, SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import type { ExecutionContext, RequestWay, Session } from '../../../ways/ports.ts';
import { secretOfHeaders, secretOfInit } from './credentials.ts';
import { asGraphQLError, closeReason } from './errors.ts';
import type { Execution } from './execution.ts';
import { LiveSubscription } from './live.ts';
import { createSink, type SocketSink } from './sink.ts';

/** A query's or mutation's context over this door. */
export interface SocketContext extends ExecutionContext {
  readonly connection: Connection;
}

export interface ConnectionOptions {
  readonly ways: RequestWay;
  readonly execution: Execution;
  readonly observe: Observe;
  /** Operations of one connection at a time, those being placed or given up included. */
  readonly maxSubscriptions: number;
}

/** Bytes of an id as JSON escapes it; it is repeated in every frame. */
const MAX_ID_BYTES = 256;
/** Made once: a flood is refused without a stack trace for each. */
const TOO_MANY = 'This connection has as many operations as it may: complete one first, or open another connection.';
const TOO_MANY_QUERIES = [asGraphQLError(new SluiceError('RATE_LIMITED', TOO_MANY))];
const TOO_MANY_SUBSCRIPTIONS = [asGraphQLError(new SluiceError('SUBSCRIPTION_LIMIT', TOO_MANY))];
/** Answers that a client leaves unread, in bytes, before its own messages are read no further. */
const MAX_UNREAD = 1_048_576;

export class Connection {
  readonly ws: WebSocket;
  readonly sink: SocketSink;
  private readonly socket: Socket;
  private readonly request: IncomingMessage;
  private readonly options: ConnectionOptions;
  private readonly live = new Set<LiveSubscription>();
  private executing = 0;
  private session: Session | null = null;
  private signs = 0;

  constructor(ws: WebSocket, socket: Socket, request: IncomingMessage, options: ConnectionOptions) {
    this.ws = ws;
    this.socket = socket;
    this.request = request;
    this.options = options;
    this.sink = createSink(socket, () => ws.readyState === ws.OPEN);
    ws.on('ping', () => this.checkUnread());
  }

  get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  /** Errors: whatever `connect` refuses with. A secret in the payload goes before one in the upgrade's headers. */
  authenticate(payload: Readonly<Record<string, unknown>> | undefined): void {
    const secret = secretOfInit(payload) ?? secretOfHeaders(this.request);
    const session = this.options.ways.connect(secret, { address: this.socket.remoteAddress ?? '', door: 'graphql-ws' });
    if (!this.isOpen) return session.close();
    this.session = session;
    session.onEnded((error) => this.end(error));
  }

  /** What graphql-ws executes for `subscribe`: a subscription's iterator is already in the context, a query is validated here. */
  accept(id: string, payload: SubscribePayload): ExecutionArgs | readonly GraphQLError[] {
    const escaped = Buffer.from(JSON.stringify(id).slice(1, -1));
    if (escaped.length > MAX_ID_BYTES) {
      this.close(4400, `The id is longer than ${MAX_ID_BYTES} bytes`);
      return [asGraphQLError(new SluiceError('BAD_REQUEST'))];
    }
    const session = this.session as Session;
    const operation = {
      query: payload.query,
      operationName: payload.operationName ?? null,
      variables: payload.variables ?? null,
    };
    const { execution, maxSubscriptions } = this.options;
    const kind = execution.documents.kindOf(payload.query, payload.operationName);
    const isQuery = kind === 'query' || kind === 'mutation';
    if (this.live.size + this.executing >= maxSubscriptions) return isQuery ? TOO_MANY_QUERIES : TOO_MANY_SUBSCRIPTIONS;
    if (isQuery) {
      const traceparent = this.request.headers['traceparent'];
      const context: SocketContext = {
        session,
        traceparent: typeof traceparent === 'string' ? traceparent : null,
        connection: this,
      };
      return execution.prepare(operation, context);
    }
    // Everything else, also what cannot be parsed, is refused or placed by the request's way.
    const live = new LiveSubscription({
      sink: this.sink,
      id: escaped,
      place: (outlet, signal) => this.options.ways.subscribe(session, operation, outlet, signal),
      tell: (message, needed) => this.tell(message, needed),
      released: () => this.live.delete(live),
    });
    this.live.add(live);
    return {
      schema: session.surface.schema,
      document: execution.documents.parse('subscription { parked }'),
      contextValue: live,
    };
  }

  async execute(args: ExecutionArgs): Promise<ExecutionResult> {
    this.executing++;
    try {
      return await this.options.execution.run(args);
    } finally {
      this.executing--;
    }
  }

  /** graphql-ws's messages. Resolves at once: how much waits is bounded by reading no further, not by waiting here. */
  send(message: string): void {
    if (!this.isOpen) return;
    this.ws.send(message);
    this.checkUnread();
  }

  /** Ends every subscription with the error, each with its cursor, then the connection with the error's close code. */
  end(error: SluiceError): void {
    for (const live of [...this.live]) live.fail(error);
    // graphql-ws sends the errors from promises that have just settled.
    setImmediate(() => this.close(error.close, closeReason(error)));
  }

  refuse(thrown: unknown): void {
    const error = asSluiceError(thrown);
    if (error.code === 'INTERNAL') this.options.observe.error('a connection failed', { error: error.cause ?? error });
    this.options.observe.counter('sluice_errors_total', { code: error.code }).add(1);
    this.close(error.close, closeReason(error));
  }

  close(code: number, reason: string): void {
    // Back to reading, or the peer's close frame would not be seen.
    if (this.ws.isPaused) this.ws.resume();
    this.ws.close(code, Buffer.byteLength(reason) <= 123 ? reason : '');
  }

  /** The socket is gone. graphql-ws has ended what it knows of; what it lost is ended here. */
  closed(): void {
    for (const live of [...this.live]) void live.return();
    this.session?.close();
    this.session = null;
  }

  /** Asks for a sign of life; `false` when there has been none, either way, since the last call. */
  probe(): boolean {
    const signs = this.socket.bytesRead + this.sink.taken;
    const isAlive = signs !== this.signs;
    this.signs = signs;
    if (this.isOpen && this.socket.writableLength === 0) this.ws.ping();
    return isAlive;
  }

  private tell(message: string, needed: boolean): void {
    if (needed || this.socket.writableLength === 0) this.send(message);
  }

  private checkUnread(): void {
    if (this.socket.writableLength <= MAX_UNREAD || this.ws.isPaused) return;
    this.ws.pause();
    this.socket.write('', () => {
      if (this.isOpen) this.ws.resume();
    });
  }
}
