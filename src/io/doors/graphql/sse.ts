/**
 * Event streams over SSE, in the distinct connections mode of the GraphQL over SSE protocol: `next` events whose `id` is
 * the cursor, `complete` at the end, comments for what is no event. Chunks go to the socket past the response, which
 * writes only the head and the end.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Outlet, Subscription } from '../../../core/delivery/index.ts';
import { catalogue, SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import { type Operation, OperationError } from '../../../core/view/index.ts';
import type { RequestWay, Session } from '../../../ways/ports.ts';
import { chunk } from '../wire/frames.ts';
import { createSink, type SocketSink } from '../wire/sink.ts';
import { nextEvent, sseEnvelope } from './envelopes.ts';
import { formatThrown } from './errors.ts';

export interface EventStreamOptions {
  readonly ways: RequestWay;
  readonly observe: Observe;
  /** How often a stream is given a comment to stay open; several in a row with nothing taken, and it is cut. */
  readonly probeMs: number;
}

const NO_ID = Buffer.alloc(0);
const COMPLETE = 'event: complete\ndata: \n\n';

export class EventStreams {
  private readonly options: EventStreamOptions;
  private readonly open = new Set<EventStream>();
  private readonly beating: NodeJS.Timeout;

  constructor(options: EventStreamOptions) {
    this.options = options;
    this.beating = setInterval(() => {
      for (const stream of this.open) stream.beat();
    }, options.probeMs).unref();
  }

  /**
   * Serves one subscription until it or the client ends; resolves once it is placed or refused. What a client can mend is
   * told in the stream, as the protocol has it, since a browser's EventSource shows nothing of a failed request.
   * `withdrawn` aborts, with the SluiceError, when the session ends. Errors: those that ask for another attempt, for
   * which the answer is an HTTP status.
   */
  async serve(
    session: Session,
    withdrawn: AbortSignal,
    operation: Operation,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (request.httpVersion === '1.0') throw new SluiceError('BAD_REQUEST', 'Event streams need HTTP/1.1.');
    // A pipelined request gets its socket when it is its turn.
    const socket = response.socket ?? ((await once(response, 'socket')) as [Socket])[0];
    const stream = new EventStream(response, socket, this.options.observe);
    this.open.add(stream);
    response.on('close', () => {
      stream.gone();
      this.open.delete(stream);
    });
    withdrawn.addEventListener('abort', () => stream.fail(withdrawn.reason));
    if (withdrawn.aborted) stream.fail(withdrawn.reason);
    const placing = this.options.ways
      .subscribe(session, operation, stream, stream.signal)
      .then((subscription) => stream.placed(subscription));
    try {
      await Promise.race([placing, stream.givenUp]);
    } catch (error) {
      placing.catch(() => {});
      if (!stream.isOpen) return;
      if (!isMendable(error)) throw error;
      stream.conclude(error);
    }
  }

  /** Ends every stream with DRAINING and its cursor. */
  async drain(): Promise<void> {
    const gone = [...this.open].map((stream) => stream.whenGone);
    for (const stream of this.open) stream.fail(new SluiceError('DRAINING'));
    await Promise.all(gone);
  }

  close(): void {
    clearInterval(this.beating);
    for (const stream of this.open) stream.cut();
  }
}

function isMendable(error: unknown): boolean {
  return error instanceof OperationError || (error instanceof SluiceError && catalogue[error.code].retry === 'changed');
}

class EventStream implements Outlet {
  readonly sink: SocketSink;
  readonly envelope = sseEnvelope;
  readonly id = NO_ID;
  readonly whenGone: Promise<unknown>;
  /** Rejects when the door or the client ends it, which no placing can hold up. */
  readonly givenUp: Promise<never>;
  private readonly response: ServerResponse;
  private readonly socket: Socket;
  private readonly observe: Observe;
  private readonly abort = new AbortController();
  private readonly giveUp: (error: SluiceError) => void;
  private subscription: Subscription | null = null;
  private isOver = false;
  private taken = 0;
  private silent = 0;

  constructor(response: ServerResponse, socket: Socket, observe: Observe) {
    this.response = response;
    this.socket = socket;
    this.observe = observe;
    this.whenGone = once(response, 'close');
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.givenUp = promise;
    this.giveUp = reject;
    socket.setNoDelay(true);
    this.sink = createSink(socket, () => this.isOpen);
  }

  get isOpen(): boolean {
    return !this.isOver && !this.socket.destroyed;
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  placed(subscription: Subscription): void {
    // Over while it was being placed: the way had passed its last look at the signal.
    if (this.isOver) subscription.end(null);
    else this.subscription = subscription;
  }

  ready(cursor: string): void {
    this.begin();
    this.write(`: ready ${cursor}\n\n`);
  }

  /** A block with an id and no data: EventSource remembers the id and shows nothing. */
  progress(cursor: string): void {
    if (this.socket.writableLength === 0) this.write(`: progress\nid: ${cursor}\n\n`);
  }

  ended(error: SluiceError | null): void {
    this.conclude(error);
  }

  /** The door's own end: the subscription adds its cursor to the error. */
  fail(error: SluiceError): void {
    if (this.subscription !== null) return this.subscription.end(error);
    this.giveUp(error);
    this.abort.abort();
  }

  /** Nothing after this. */
  conclude(error: unknown): void {
    if (!this.isOpen) return;
    this.begin();
    if (error !== null) {
      const cursor = error instanceof SluiceError ? (error.details.cursor ?? null) : null;
      this.write(nextEvent(JSON.stringify({ errors: formatThrown(error, this.observe) }), cursor));
    }
    this.write(COMPLETE);
    this.isOver = true;
    this.response.end();
  }

  /** The client went, or the response is finished. */
  gone(): void {
    this.isOver = true;
    this.giveUp(new SluiceError('BAD_REQUEST'));
    this.abort.abort();
    this.subscription?.end(null);
  }

  beat(): void {
    if (!this.isOpen) return;
    if (this.socket.writableLength === 0) {
      this.silent = 0;
      if (this.response.headersSent) this.write(':\n\n');
      return;
    }
    this.silent = this.sink.taken === this.taken ? this.silent + 1 : 0;
    this.taken = this.sink.taken;
    if (this.silent > 2) this.cut();
  }

  cut(): void {
    this.socket.destroy();
  }

  private begin(): void {
    if (this.response.headersSent) return;
    this.response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
      'Transfer-Encoding': 'chunked',
      Connection: 'close',
    });
    this.response.flushHeaders();
  }

  private write(text: string): void {
    if (this.isOpen) this.socket.write(chunk(text));
  }
}
