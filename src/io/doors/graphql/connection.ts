/**
 * One WebSocket: who it is, what runs on it, and what it may cost. graphql-ws keeps the protocol; data frames go past it
 * through the sink. What is needed once is let go of.
 */
import type { Socket } from 'node:net';
import { type ExecutionArgs, type ExecutionResult, type GraphQLError, parse } from 'graphql';
import { MessageType, type WebSocket as ProtocolSocket, parseMessage, type SubscribePayload } from 'graphql-ws';
import type WebSocket from 'ws';
import type { Outlet, Subscription } from '../../../core/delivery/index.ts';
import { asSluiceError, SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import type { Operation } from '../../../core/view/index.ts';
import type { ExecutionContext, RequestWay, Session } from '../../../ways/ports.ts';
import { closeReason } from '../wire/answers.ts';
import { secretOfInit } from '../wire/credentials.ts';
import { Peer } from '../wire/peers.ts';
import { asGraphQLError } from './errors.ts';
import type { Execution } from './execution.ts';
import { idBytes, MAX_ID_BYTES } from './ids.ts';
import { type LiveHost, LiveList, LiveSubscription } from './live.ts';

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

/** What the upgrade request brought and is needed later. */
export interface Upgraded {
  readonly secret: string | null;
  readonly traceparent: string | null;
}

/** What graphql-ws is told to execute for every subscription: the iterator in the context. */
const PARKED = parse('subscription { parked }');
/** Made once: a flood is refused without a stack trace for each. */
const TOO_MANY = 'This connection has as many operations as it may: complete one first, or open another connection.';
const TOO_MANY_QUERIES = [asGraphQLError(new SluiceError('RATE_LIMITED', TOO_MANY))];
const TOO_MANY_SUBSCRIPTIONS = [asGraphQLError(new SluiceError('SUBSCRIPTION_LIMIT', TOO_MANY))];
/** Queries of one connection that are answered at once; the others wait. Answers may be large and are made whole. */
const MAX_ANSWERING = 4;

export class Connection extends Peer implements ProtocolSocket, LiveHost {
  private readonly host: ConnectionOptions;
  /** Until it has been presented. */
  private secret: string | null;
  private readonly traceparent: string | null;
  private readonly live = new LiveList();
  private executing = 0;
  private answering = 0;
  /** Queries that wait for their turn, first come first served. */
  private waiting: (() => void)[] | null = null;
  private session: Session | null = null;
  private receive: ((message: never) => Promise<void>) | null = null;
  private ended: ((code: number, reason: string) => Promise<void>) | null = null;

  constructor(ws: WebSocket, socket: Socket, upgraded: Upgraded, host: ConnectionOptions) {
    super(ws, socket);
    this.secret = upgraded.secret;
    this.traceparent = upgraded.traceparent;
    this.host = host;
  }

  get protocol(): string {
    return this.ws.protocol;
  }

  /** graphql-ws: where messages go. */
  onMessage(receive: (message: string) => Promise<void>): void {
    this.receive = receive as (message: never) => Promise<void>;
  }

  /** graphql-ws: what to call when the socket is closed. */
  onEnded(ended: (code: number, reason: string) => Promise<void>): void {
    this.ended = ended;
  }

  /**
   * A text frame. graphql-ws keeps the message that began an operation as long as that lives, and would keep the frame's text: it is
   * given the message alone, and of it what it knows.
   */
  message(text: string): void {
    let message: ReturnType<typeof parseMessage>;
    try {
      message = parseMessage(text);
    } catch {
      return this.close(4400, 'Invalid message received');
    }
    if (message.type === MessageType.Subscribe) {
      const { id, type, payload } = message;
      const { query, operationName, variables } = payload;
      message = { id, type, payload: { query, operationName, variables } };
    }
    this.receive?.(message as never).catch(this.failed);
  }

  binary(): void {
    this.close(1003, 'Only text frames are understood');
  }

  /** Errors: whatever `connect` refuses with. A secret in the payload goes before one in the upgrade's headers. */
  authenticate(payload: Readonly<Record<string, unknown>> | undefined): void {
    const secret = secretOfInit(payload) ?? this.secret;
    this.secret = null;
    const peer = { address: this.socket.remoteAddress ?? '', door: 'graphql-ws' };
    const session = this.host.ways.connect(secret, peer);
    if (!this.isOpen) return session.close();
    this.session = session;
    session.onEnded((error) => this.end(error));
  }

  /** What graphql-ws executes for `subscribe`: a subscription's iterator is already in the context, a query is validated here. */
  accept(id: string, payload: SubscribePayload): ExecutionArgs | readonly GraphQLError[] {
    const { execution, maxSubscriptions } = this.host;
    const operation = taken(payload, execution);
    const bytes = idBytes(id);
    if (bytes === null) {
      this.close(4400, `The id is longer than ${MAX_ID_BYTES} bytes`);
      return [asGraphQLError(new SluiceError('BAD_REQUEST'))];
    }
    const session = this.session as Session;
    const kind = execution.documents.kindOf(operation.query, operation.operationName);
    const isQuery = kind === 'query' || kind === 'mutation';
    if (this.live.size + this.executing >= maxSubscriptions) return isQuery ? TOO_MANY_QUERIES : TOO_MANY_SUBSCRIPTIONS;
    if (isQuery) {
      const context: SocketContext = { session, traceparent: this.traceparent, connection: this };
      return execution.prepare(operation, context);
    }
    // Everything else, also what cannot be parsed, is refused or placed by the request's way.
    const live = new LiveSubscription(this, bytes, operation);
    this.live.add(live);
    return { schema: session.surface.schema, document: PARKED, contextValue: live };
  }

  async execute(args: ExecutionArgs): Promise<ExecutionResult> {
    this.executing++;
    if (this.mayAnswer) this.answering++;
    else await this.turn();
    try {
      return this.isOpen ? await this.host.execution.run(args) : { data: null };
    } finally {
      this.executing--;
      this.answering--;
      this.nextTurn();
    }
  }

  place(outlet: Outlet, operation: Operation, signal: AbortSignal): Promise<Subscription> {
    return this.host.ways.subscribe(this.session as Session, operation, outlet, signal);
  }

  tell(message: string, needed: boolean): void {
    if (needed || this.socket.writableLength === 0) this.send(message);
  }

  released(live: LiveSubscription): void {
    this.live.remove(live);
  }

  /** Ends every subscription with the error, each with its cursor, then the connection with the error's close code. */
  end(error: SluiceError): void {
    for (const live of this.live.all()) live.fail(error);
    // graphql-ws sends the errors from promises that have just settled.
    setImmediate(() => this.close(error.close, closeReason(error)));
  }

  refuse(thrown: unknown): void {
    const error = asSluiceError(thrown);
    if (error.code === 'INTERNAL') this.host.observe.error('a connection failed', { error: error.cause ?? error });
    this.host.observe.counter('sluice_errors_total', { code: error.code }).add(1);
    this.close(error.close, closeReason(error));
  }

  /** The socket is gone. graphql-ws ends what it knows of; what it lost is ended here. */
  async closed(code: number, reason: string): Promise<void> {
    try {
      await this.ended?.(code, reason);
    } catch (error) {
      this.host.observe.error('a connection did not end well', { error });
    }
    for (const live of this.live.all()) void live.return();
    this.nextTurn();
    this.session?.close();
    this.session = null;
  }

  /** None of its queries is begun while it leaves answers unread. */
  protected override caughtUp(): void {
    this.nextTurn();
  }

  private get mayAnswer(): boolean {
    return !this.isOpen || (this.answering < MAX_ANSWERING && !this.ws.isPaused);
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting ??= [];
      this.waiting.push(resolve);
    });
  }

  private nextTurn(): void {
    while (this.waiting !== null && this.mayAnswer) {
      this.answering++;
      this.waiting.shift()?.();
      if (this.waiting.length === 0) this.waiting = null;
    }
  }

  private readonly failed = (thrown: unknown): void => this.refuse(asBadRequest(thrown));
}

/**
 * What was asked, taken out of the payload, which graphql-ws keeps. The text is the one that is cached where it is known: many
 * clients send the same, and each subscription keeps its own to be compiled anew.
 */
function taken(payload: SubscribePayload, execution: Execution): Operation {
  const { query, operationName, variables } = payload;
  const kept = payload as { query: string; variables?: unknown };
  kept.query = '';
  kept.variables = null;
  const isEmpty = variables === null || variables === undefined || Object.keys(variables).length === 0;
  return {
    query: execution.documents.interned(query),
    operationName: operationName ?? null,
    variables: isEmpty ? null : variables,
  };
}

/** graphql-ws throws for well-formed messages that are not a client's to send. */
function asBadRequest(error: unknown): unknown {
  const isUnexpected = error instanceof Error && error.message.startsWith('Unexpected message of type');
  return isUnexpected ? new SluiceError('BAD_REQUEST', error.message) : error;
}
