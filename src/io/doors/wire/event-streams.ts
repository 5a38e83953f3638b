/**
 * Event streams over SSE as every door has them. Chunks go to the socket past the response, which writes only the head and the
 * end. What is said in one is its door's wording.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Envelope, Outlet, Subscription } from '../../../core/delivery/index.ts';
import { SluiceError } from '../../../core/errors.ts';
import { chunk } from './frames.ts';
import { createSink, type SocketSink } from './sink.ts';

/** Texts of whole SSE blocks, blank line included. */
export interface Wording {
  readonly envelope: Envelope;
  /** What keeps a silent stream open; null: the door sees to that. */
  readonly keepAlive: string | null;
  ready(cursor: string): string;
  /** What delivery's own word of progress becomes; null: nothing. */
  progress(cursor: string): string | null;
  /** The last of the stream; `thrown` is null where the door or the client ended it. */
  ended(thrown: unknown): string;
  /** Whether a refusal is told in the stream; any other is for HTTP to answer. */
  tells(thrown: unknown): boolean;
}

type Place = (outlet: Outlet, signal: AbortSignal) => Promise<Subscription>;

const NO_ID = Buffer.alloc(0);

export class EventStreams {
  private readonly open = new Set<EventStream>();
  private readonly beating: NodeJS.Timeout;

  /** `probeMs`: how often streams are looked after; several looks in a row with nothing taken of what waits, and one is cut. */
  constructor(probeMs: number) {
    this.beating = setInterval(() => {
      for (const stream of this.open) stream.beat();
    }, probeMs).unref();
  }

  /**
   * Serves one subscription until it or the client ends; resolves once it is placed, or over, with the stream. `withdrawn` aborts, with the
   * SluiceError, when the session ends. Errors: those of `place` that the wording does not tell.
   */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    withdrawn: AbortSignal,
    wording: Wording,
    place: Place,
  ): Promise<EventStream> {
    if (request.httpVersion === '1.0') throw new SluiceError('BAD_REQUEST', 'Event streams need HTTP/1.1.');
    // A pipelined request gets its socket when it is its turn.
    const socket = response.socket ?? ((await once(response, 'socket')) as [Socket])[0];
    const stream = new EventStream(response, socket, wording);
    this.open.add(stream);
    response.on('close', () => {
      stream.gone();
      this.open.delete(stream);
    });
    withdrawn.addEventListener('abort', () => stream.fail(withdrawn.reason));
    if (withdrawn.aborted) stream.fail(withdrawn.reason);
    const placing = place(stream, stream.signal).then((subscription) => stream.placed(subscription));
    try {
      await Promise.race([placing, stream.givenUp]);
    } catch (error) {
      placing.catch(() => {});
      if (!stream.isOpen) return stream;
      if (!wording.tells(error)) throw error;
      stream.conclude(error);
    }
    return stream;
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

export class EventStream implements Outlet {
  readonly sink: SocketSink;
  readonly id = NO_ID;
  readonly whenGone: Promise<unknown>;
  /** Rejects when the door or the client ends it, which no placing can hold up. */
  readonly givenUp: Promise<never>;
  private readonly response: ServerResponse;
  private readonly socket: Socket;
  private readonly wording: Wording;
  private readonly abort = new AbortController();
  private readonly giveUp: (error: SluiceError) => void;
  private subscription: Subscription | null = null;
  private isOver = false;
  private taken = 0;
  private silent = 0;

  constructor(response: ServerResponse, socket: Socket, wording: Wording) {
    this.response = response;
    this.socket = socket;
    this.wording = wording;
    this.whenGone = once(response, 'close');
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.givenUp = promise;
    this.giveUp = reject;
    socket.setNoDelay(true);
    this.sink = createSink(socket, () => this.isOpen);
  }

  get envelope(): Envelope {
    return this.wording.envelope;
  }

  get isOpen(): boolean {
    return !this.isOver && !this.socket.destroyed;
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Where a resume would begin; null until it is ready, and while the socket takes nothing. */
  get idleAt(): string | null {
    const isIdle = this.isOpen && this.response.headersSent && this.socket.writableLength === 0;
    return isIdle ? (this.subscription?.cursor ?? null) : null;
  }

  placed(subscription: Subscription): void {
    // Over while it was being placed: the way had passed its last look at the signal.
    if (this.isOver) subscription.end(null);
    else this.subscription = subscription;
  }

  ready(cursor: string): void {
    this.begin();
    this.write(this.wording.ready(cursor));
  }

  progress(cursor: string): void {
    if (this.socket.writableLength !== 0) return;
    const text = this.wording.progress(cursor);
    if (text !== null) this.write(text);
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
  conclude(thrown: unknown): void {
    if (!this.isOpen) return;
    this.begin();
    this.write(this.wording.ended(thrown));
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
      if (this.response.headersSent && this.wording.keepAlive !== null) this.write(this.wording.keepAlive);
      return;
    }
    this.silent = this.sink.taken === this.taken ? this.silent + 1 : 0;
    this.taken = this.sink.taken;
    if (this.silent > 2) this.cut();
  }

  cut(): void {
    this.socket.destroy();
  }

  /** Whole blocks, between those of delivery. */
  write(text: string): void {
    if (this.isOpen && text !== '') this.socket.write(chunk(text));
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
}
