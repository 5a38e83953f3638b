/**
 * The GraphQL door, all at one path: GraphiQL for people, queries and mutations by graphql-yoga, event streams over
 * WebSocket and SSE by delivery's own frames.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import type { Operation, OperationLimits } from '../../../core/view/index.ts';
import type { RequestWay, Session } from '../../../ways/ports.ts';
import { answerText, errorHeaders } from '../wire/answers.ts';
import { headerOf, readBody, urlOf } from '../wire/bodies.ts';
import { secretOfHeaders, secretOfUrl } from '../wire/credentials.ts';
import { EventStreams, type Wording } from '../wire/event-streams.ts';
import { DEFAULT_PEER_LIMITS, type PeerLimits, type Peers } from '../wire/peers.ts';
import type { Connection } from './connection.ts';
import { Documents } from './documents.ts';
import { formatThrown, statusOf } from './errors.ts';
import { Execution } from './execution.ts';
import { type GraphiQLOptions, GraphiQLPage } from './graphiql.ts';
import { createRequests, type Requests } from './requests.ts';
import { resumeAt } from './resume.ts';
import { sseWording } from './sse.ts';
import { createWebSockets } from './websocket.ts';

export interface GraphqlDoorOptions {
  readonly ways: RequestWay;
  readonly observe: Observe;
  /** Bounds on queries and mutations; subscriptions are checked by the request's way. */
  readonly operations: OperationLimits;
  readonly graphiql?: GraphiQLOptions;
  readonly limits?: Partial<GraphqlDoorLimits>;
}

/** `maxFrameBytes` bounds request bodies too. */
export interface GraphqlDoorLimits extends PeerLimits {
  /** Operations of one WebSocket at a time. */
  readonly maxSubscriptions: number;
}

const DEFAULT_LIMITS: GraphqlDoorLimits = { ...DEFAULT_PEER_LIMITS, maxSubscriptions: 100 };

export interface GraphqlDoor {
  /** Answers in any case; never rejects for what a client did. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Nothing new is let in; what is live ends with DRAINING and its cursor; resolves when every event stream is closed. */
  drain(): Promise<void>;
  /** At once, without a word. */
  close(): void;
}

export function createGraphqlDoor(options: GraphqlDoorOptions): GraphqlDoor {
  return new Door(options, { ...DEFAULT_LIMITS, ...options.limits });
}

class Door implements GraphqlDoor {
  private readonly options: GraphqlDoorOptions;
  private readonly limits: GraphqlDoorLimits;
  private readonly documents: Documents;
  private readonly requests: Requests;
  private readonly page: GraphiQLPage;
  private readonly streams: EventStreams;
  private readonly wording: Wording;
  private readonly sockets: Peers<Connection>;
  private isDraining = false;

  constructor(options: GraphqlDoorOptions, limits: GraphqlDoorLimits) {
    const { ways, observe } = options;
    this.options = options;
    this.limits = limits;
    this.documents = new Documents(options.operations);
    const execution = new Execution(this.documents, options.operations);
    this.requests = createRequests(execution, observe);
    this.page = new GraphiQLPage(options.graphiql ?? {});
    this.streams = new EventStreams(limits.probeMs);
    this.wording = sseWording(observe);
    this.sockets = createWebSockets({ ways, observe, execution, ...limits });
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let session: Session | null = null;
    try {
      if (this.isDraining) throw new SluiceError('DRAINING');
      if (isForPeople(request)) return await this.page.serve(request, response);
      if (request.method !== 'GET' && request.method !== 'POST') return refuseMethod(response);
      session = this.connect(request);
      // The client may go while something is waited for.
      response.once('close', session.close.bind(session));
      const withdrawn = new AbortController();
      session.onEnded((error) => withdrawn.abort(error));
      await this.answer(session, withdrawn.signal, request, response);
    } catch (error) {
      this.refuse(request, response, error);
    } finally {
      if (response.writableEnded) session?.close();
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.sockets.upgrade(request, socket, head);
  }

  async drain(): Promise<void> {
    this.isDraining = true;
    await Promise.all([this.sockets.drain(), this.streams.drain()]);
  }

  close(): void {
    this.sockets.close();
    this.streams.close();
  }

  private connect(request: IncomingMessage): Session {
    const forUrl = request.method === 'GET' && wantsEvents(request) ? secretOfUrl(urlOf(request)) : null;
    const peer = { address: request.socket.remoteAddress ?? '', door: 'graphql' };
    return this.options.ways.connect(secretOfHeaders(request) ?? forUrl, peer);
  }

  private async answer(
    session: Session,
    withdrawn: AbortSignal,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = request.method === 'POST' ? (await readBody(request, this.limits.maxFrameBytes)).toString() : '';
    const operation = wantsEvents(request) ? operationOf(request, body) : null;
    if (operation !== null && this.documents.kindOf(operation.query, operation.operationName) === 'subscription') {
      const resumed = this.resumed(operation, request);
      await this.streams.serve(request, response, withdrawn, this.wording, (outlet, signal) =>
        this.options.ways.subscribe(session, resumed, outlet, signal),
      );
      return;
    }
    const {
      status,
      headers,
      body: text,
    } = await this.requests(request, body, {
      session,
      traceparent: headerOf(request, 'traceparent'),
    });
    answerText(request, response, status, text, headers);
  }

  /** Last-Event-ID goes before the operation's own `from`. */
  private resumed(operation: Operation, request: IncomingMessage): Operation {
    const cursor = request.headers['last-event-id'];
    if (typeof cursor !== 'string' || cursor === '') return operation;
    return resumeAt(operation, this.documents.parse(operation.query), cursor);
  }

  private refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const isGraphqlJson = String(request.headers.accept).includes('application/graphql-response+json');
    const body = JSON.stringify({ errors: formatThrown(thrown, this.options.observe) });
    answerText(request, response, statusOf(thrown), body, {
      'Content-Type': `${isGraphqlJson ? 'application/graphql-response+json' : 'application/json'}; charset=utf-8`,
      ...(thrown instanceof SluiceError ? errorHeaders(thrown) : {}),
    });
  }
}

function refuseMethod(response: ServerResponse): void {
  response.writeHead(405, { Allow: 'GET, POST', 'Content-Length': 0 }).end();
}

function isForPeople(request: IncomingMessage): boolean {
  return (
    (request.method === 'GET' || request.method === 'HEAD') && String(request.headers.accept).includes('text/html')
  );
}

function wantsEvents(request: IncomingMessage): boolean {
  return String(request.headers.accept).includes('text/event-stream');
}

/** The operation of a request for events; null where it cannot be made out, which yoga then says. */
function operationOf(request: IncomingMessage, body: string): Operation | null {
  const given: unknown = request.method === 'GET' ? Object.fromEntries(urlOf(request).searchParams) : parseJson(body);
  if (!isObject(given) || typeof given['query'] !== 'string') return null;
  const variables = typeof given['variables'] === 'string' ? parseJson(given['variables']) : given['variables'];
  const name = given['operationName'];
  if (variables !== undefined && variables !== null && !isObject(variables)) return null;
  return {
    query: given['query'],
    operationName: typeof name === 'string' && name !== '' ? name : null,
    variables: variables ?? null,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
