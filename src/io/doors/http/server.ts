/**
 * The HTTP server that doors share: listening, time limits, routing by path, health, draining. What stands at a path is
 * handed in.
 */
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asSluiceError, SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import { answerJson, answerRaw } from '../wire/answers.ts';
import { answerError, secure } from './answers.ts';

/** What stands at one path. */
export interface Route {
  /** Answers; a rejection becomes the catalogue's error, or INTERNAL. */
  handle(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
  /** Takes the socket over; without it upgrades are refused. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Words what keeps requests from `handle`, and its rejections; without it the server does. */
  refuse?(request: IncomingMessage, response: ServerResponse, error: SluiceError): void;
  /** Lets nothing new in, tells what is live, resolves when that is closed. */
  drain?(): Promise<void>;
  /** Ends at once what is left. */
  close?(): void;
}

export interface Health {
  readonly isReady: boolean;
  /** The body of /readyz: what is degraded. */
  readonly body: unknown;
}

export interface HttpServerOptions {
  readonly listen: {
    readonly host: string;
    readonly port: number;
    readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  };
  readonly observe: Observe;
  health(): Health;
  /** By exact path, or, where that ends in `/` and is more than that, for every path below it; `/healthz` and `/readyz` are the server's own. */
  readonly routes: Readonly<Record<string, Route>>;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpLimits {
  /** Sockets of this process; more are cut on arrival. */
  readonly maxSockets: number;
  /** From the first byte to the last header, and to the end of the body. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** An idle connection; above what load balancers keep theirs, so that it is they who close. */
  readonly keepAliveTimeoutMs: number;
  /** After this a drain cuts what is left. */
  readonly drainTimeoutMs: number;
}

export interface HttpServer {
  /** Errors: Node's own, EADDRINUSE and the like. */
  listen(): Promise<{ readonly port: number }>;
  /** Answers 503 to all that is new but health, drains the routes, and stops listening; everything is closed when it resolves, within the drain time-out. */
  drain(): Promise<void>;
  /** At once. */
  close(): Promise<void>;
}

const DEFAULT_LIMITS: HttpLimits = {
  maxSockets: 110_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 72_000,
  drainTimeoutMs: 8_000,
};

export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new RoutedServer(options, { ...DEFAULT_LIMITS, ...options.limits });
}

class RoutedServer implements HttpServer {
  private readonly options: HttpServerOptions;
  private readonly limits: HttpLimits;
  private readonly routes: ReadonlyMap<string, Route>;
  /** Those of the routes that stand for every path below theirs. */
  private readonly prefixes: readonly (readonly [string, Route])[];
  private readonly server: Server;
  /** Node lets go of sockets that were upgraded. */
  private readonly upgraded = new Set<Duplex>();
  /** A listener that all of them share: they may be many and stay long. */
  private readonly forget: (this: Duplex) => void;
  private isDraining = false;

  constructor(options: HttpServerOptions, limits: HttpLimits) {
    this.options = options;
    this.limits = limits;
    this.routes = new Map(Object.entries(options.routes));
    this.prefixes = [...this.routes].filter(([path]) => path !== '/' && path.endsWith('/'));
    const { upgraded } = this;
    this.forget = function forget() {
      upgraded.delete(this);
    };
    const settings: ServerOptions = {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: 5_000,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      // Offers of other protocols (curl's h2c) are passed over, as HTTP has it, not refused.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    };
    const { tls } = options.listen;
    this.server =
      tls === undefined
        ? createPlainServer(settings)
        : createTlsServer({ ...settings, cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' });
    this.server.maxConnections = limits.maxSockets;
    this.server.on('request', (request, response) => void this.route(request, response));
    this.server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseBroken(error, socket));
  }

  listen(): Promise<{ readonly port: number }> {
    const { host, port } = this.options.listen;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, backlog: 4_096 }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) => this.options.observe.error('the HTTP server failed', { error }));
        resolve({ port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  async drain(): Promise<void> {
    this.isDraining = true;
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, this.limits.drainTimeoutMs).unref());
    const drained = Promise.all([...this.routes.values()].map((route) => route.drain?.()));
    await Promise.race([drained, deadline]);
    // Lets requests finish that were answered while the routes drained; idle connections are closed at once.
    const stopped = new Promise<void>((resolve) => this.server.close(() => resolve()));
    await Promise.race([stopped, deadline]);
    this.cut();
    await stopped;
  }

  async close(): Promise<void> {
    this.isDraining = true;
    const stopped = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.cut();
    await stopped;
  }

  private cut(): void {
    for (const route of this.routes.values()) route.close?.();
    for (const socket of this.upgraded) socket.destroy();
    this.server.closeAllConnections();
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that goes away in the middle of its body or our answer is nobody's error.
    request.on('error', () => {});
    response.on('error', () => {});
    secure(response, this.options.listen.tls !== undefined);
    const path = pathOf(request);
    const route = this.find(path);
    try {
      if (path === '/healthz' || path === '/readyz') return this.answerHealth(path, request, response);
      if (this.isDraining) throw new SluiceError('DRAINING');
      if (route === undefined) throw new SluiceError('NOT_FOUND', 'Nothing stands at this path.');
      await route.handle(request, response);
    } catch (thrown) {
      const error = asSluiceError(thrown);
      if (this.isDraining) response.shouldKeepAlive = false;
      if (error.code === 'INTERNAL') this.options.observe.error('a request failed', { error: error.cause ?? error });
      if (route?.refuse === undefined) answerError(request, response, error);
      else route.refuse(request, response, error);
    }
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.isDraining) return answerRaw(socket, 503, new SluiceError('DRAINING'));
    const route = this.find(pathOf(request));
    if (route?.upgrade === undefined)
      return answerRaw(socket, 404, new SluiceError('NOT_FOUND', 'Nothing takes a WebSocket at this path.'));
    this.upgraded.add(socket);
    socket.on('close', this.forget);
    route.upgrade(request, socket, head);
  }

  private find(path: string): Route | undefined {
    return this.routes.get(path) ?? this.prefixes.find(([prefix]) => path.startsWith(prefix))?.[1];
  }

  private answerHealth(path: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': 0 }).end();
    }
    if (path === '/healthz') return answerJson(request, response, 200, { status: 'alive' });
    const { isReady, body } = this.options.health();
    const isServing = isReady && !this.isDraining;
    answerJson(request, response, isServing ? 200 : 503, body);
  }
}

function pathOf(request: IncomingMessage): string {
  const target = request.url as string;
  const end = target.indexOf('?');
  return end === -1 ? target : target.slice(0, end);
}

/** What is no HTTP, or too slow or too large at it. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex | Socket): void {
  if (error.code === 'ECONNRESET') return void socket.destroy();
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  answerRaw(socket, status, new SluiceError('BAD_REQUEST'));
}
