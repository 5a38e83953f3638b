/**
 * A GraphQL door on a free port, with a request's way of the tests' own behind it: real surfaces, real compiling, but
 * whoever tests says when a subscription is placed and what it is sent.
 */
import type { Principal } from '../../src/core/access/index.ts';
import type { Outlet, Subscription } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import type { Observe } from '../../src/core/observe.ts';
import { createSurface, type EventNode } from '../../src/core/surface/index.ts';
import { createCompiler, type Operation, type OperationLimits } from '../../src/core/view/index.ts';
import { createGraphqlDoor, type GraphqlDoor, type GraphqlDoorOptions } from '../../src/io/doors/graphql/index.ts';
import { createHttpServer, type HttpServer } from '../../src/io/doors/http/index.ts';
import type { ExecutionContext, RequestWay, Session } from '../../src/ways/ports.ts';
import { contract, field } from '../surface/contracts.ts';

export const KEY = 'a-key-that-is-known';
export const LIVE = 'subscription { flights { cursor topic } }';

export const operations: OperationLimits = {
  maxDepth: 10,
  maxAliases: 15,
  maxTokens: 1_000,
  maxCost: 5_000,
  maxDirectives: 50,
};

const flights = contract({
  name: 'flights',
  typeName: 'Flight',
  fields: [field('origin', 'string', { required: true }), field('delay', 'int')],
  operations: { subscribe: { roles: [] }, query: { roles: [] }, publish: { roles: [] } },
});

const principal: Principal = {
  application: { id: 'app', name: 'tests', salt: 'salt', createdAt: 0 },
  key: 'key',
  digest: 'tests',
};

/** One subscription as the way sees it. */
export class Placed {
  readonly operation: Operation;
  readonly outlet: Outlet;
  /** What it was ended with; undefined while it lives. */
  ended: SluiceError | null | undefined;
  readonly whenEnded: Promise<void>;
  readonly subscription: Subscription;
  private offset = 0;

  constructor(operation: Operation, outlet: Outlet) {
    this.operation = operation;
    this.outlet = outlet;
    const over = Promise.withResolvers<void>();
    this.whenEnded = over.promise;
    this.subscription = {
      cursor: 'c0',
      end: (error) => {
        if (this.ended !== undefined) return;
        const told = error?.with({ cursor: this.cursor }) ?? null;
        this.ended = told;
        outlet.ended(told);
        over.resolve();
      },
    };
  }

  get cursor(): string {
    return `c${this.offset}`;
  }

  /** Sends the next `count` events in one write; resolves when the sink may be written to again. */
  async emit(count = 1, topic = 'a/b'): Promise<'taken' | 'held' | 'closed'> {
    const cursors = Array.from({ length: count }, () => `c${++this.offset}`);
    const payloads = cursors.map((cursor) => JSON.stringify({ data: { flights: { cursor, topic } } }));
    const { sink, envelope, id } = this.outlet;
    const { bytes, idSlots, shared } = envelope.template(payloads, cursors, id.length);
    for (const slot of idSlots) id.copy(bytes, slot);
    const outcome = sink.write(bytes, shared);
    if (outcome === 'held') await new Promise<void>((resolve) => sink.onDrain(resolve));
    return outcome;
  }
}

export class TestWay implements RequestWay {
  /** Live ones, in the order of their placing. */
  readonly placed: Placed[] = [];
  readonly sessions = new Set<{
    readonly peer: { readonly address: string; readonly door: string };
    end(error: SluiceError): void;
  }>();
  /** Sources opened: subscriptions that got as far as being placed. */
  opened = 0;
  aborted = 0;
  /** Placing waits for this. */
  gate: Promise<void> = Promise.resolve();
  /** History waits for this. */
  historyGate: Promise<void> = Promise.resolve();
  /** Pages of history that were asked for. */
  asked = 0;
  /** What `connect` refuses everybody with. */
  refusal: SluiceError | null = null;
  private waiting: (() => void)[] = [];
  private readonly compiler = createCompiler({ limits: operations, cacheSize: 100 });
  private readonly surface = createSurface<ExecutionContext>([flights], {
    history: async (_contract, args) => {
      this.asked++;
      await this.historyGate;
      if (args.topic === 'boom') throw new Error('host kafka-1:9092 said no');
      if (args.topic !== undefined && args.topic !== null)
        throw new SluiceError('BAD_FILTER', `topic: "${args.topic}" is no filter.`);
      const node: EventNode = {
        product: 'flights',
        cursor: 'c1',
        topic: 'a/b',
        key: null,
        time: 0,
        op: 'UPSERT',
        data: { origin: 'LAX', delay: 3 },
      };
      return {
        edges: [{ cursor: 'c1', node }],
        pageInfo: {
          hasNextPage: false,
          hasPreviousPage: false,
          startCursor: 'c1',
          endCursor: 'c1',
          examined: 1,
          examinedUntil: 0,
        },
      };
    },
    publish: async () => ({ cursor: 'c1', time: 0 }),
  });

  connect(secret: string | null, peer: { readonly address: string; readonly door: string }): Session {
    if (this.refusal !== null) throw this.refusal;
    if (secret !== KEY) throw new SluiceError('UNAUTHENTICATED');
    const listeners: ((error: SluiceError) => void)[] = [];
    const entry = {
      peer,
      end: (error: SluiceError) => {
        for (const listener of listeners) listener(error);
      },
    };
    this.sessions.add(entry);
    this.wake();
    return {
      principal,
      surface: this.surface,
      onEnded: (listener) => void listeners.push(listener),
      close: () => {
        this.sessions.delete(entry);
        this.wake();
      },
    };
  }

  async subscribe(session: Session, operation: Operation, outlet: Outlet, signal: AbortSignal): Promise<Subscription> {
    this.compiler.compile(session.surface, operation);
    signal.addEventListener('abort', () => {
      this.aborted++;
      this.wake();
    });
    await this.gate;
    if (signal.aborted) throw new SluiceError('BAD_REQUEST');
    this.opened++;
    const placed = new Placed(operation, outlet);
    this.placed.push(placed);
    void placed.whenEnded.then(() => {
      this.placed.splice(this.placed.indexOf(placed), 1);
      this.wake();
    });
    outlet.ready(placed.cursor);
    this.wake();
    return placed.subscription;
  }

  /** Resolves as soon as the condition holds; it is looked at whenever something changes here. */
  async until(holds: (way: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  async next(): Promise<Placed> {
    const count = this.opened;
    await this.until(() => this.opened > count || this.placed.length > 0);
    return this.placed.at(-1) as Placed;
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** What the door logged as errors; a test that expects none says so. */
export function createRecorder(): Observe & { readonly errors: string[] } {
  const errors: string[] = [];
  return {
    errors,
    debug: () => {},
    info: () => {},
    warn: (message) => void errors.push(message),
    error: (message, fields) => void errors.push(`${message} ${fields?.['error']}`),
    counter: () => ({ add: () => {} }),
    gauge: () => ({ set: () => {} }),
  };
}

export class TestDoor implements AsyncDisposable {
  readonly way: TestWay;
  readonly observe: ReturnType<typeof createRecorder>;
  readonly port: number;
  readonly server: HttpServer;
  readonly door: GraphqlDoor;
  readonly isTls: boolean;

  private constructor(
    port: number,
    server: HttpServer,
    door: GraphqlDoor,
    way: TestWay,
    observe: TestDoor['observe'],
    isTls: boolean,
  ) {
    this.port = port;
    this.server = server;
    this.door = door;
    this.way = way;
    this.observe = observe;
    this.isTls = isTls;
  }

  static async open(
    options: Partial<GraphqlDoorOptions> & {
      readonly tls?: { readonly cert: string; readonly key: string };
      readonly isReady?: () => boolean;
    } = {},
  ): Promise<TestDoor> {
    const way = new TestWay();
    const observe = createRecorder();
    const door = createGraphqlDoor({ ways: way, observe, operations, ...options });
    const server = createHttpServer({
      listen: { host: '127.0.0.1', port: 0, ...(options.tls === undefined ? {} : { tls: options.tls }) },
      observe,
      health: () => {
        const isReady = options.isReady?.() ?? true;
        return { isReady, body: { status: isReady ? 'ready' : 'starting' } };
      },
      routes: { '/graphql': door },
      limits: { drainTimeoutMs: 5_000 },
    });
    const { port } = await server.listen();
    return new TestDoor(port, server, door, way, observe, options.tls !== undefined);
  }

  get url(): string {
    return `${this.isTls ? 'https' : 'http'}://127.0.0.1:${this.port}/graphql`;
  }

  get socketUrl(): string {
    return `${this.isTls ? 'wss' : 'ws'}://127.0.0.1:${this.port}/graphql`;
  }

  post(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': KEY, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}
