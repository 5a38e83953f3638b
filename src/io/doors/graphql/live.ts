/**
 * One subscription of a WebSocket. To graphql-ws it is a *parked* iterator: it yields nothing, since events go to the
 * socket past it, and its one pending `next()` settles when the subscription is over: done (graphql-ws sends `complete`
 * unless the client did) or rejected (it sends `error`). To delivery it is the outlet.
 */
import type { Envelope, Outlet, Sink, Subscription } from '../../../core/delivery/index.ts';
import type { SluiceError } from '../../../core/errors.ts';
import { webSocketEnvelope } from './envelopes.ts';

export interface LiveOptions {
  readonly sink: Sink;
  /** As JSON escapes it, without quotes. */
  readonly id: Buffer;
  place(outlet: Outlet, signal: AbortSignal): Promise<Subscription>;
  /** Writes a control message; `needed` ones are sent whatever waits on the socket. */
  tell(message: string, needed: boolean): void;
  /** The subscription is over, and its placing too: it counts no longer. */
  released(): void;
}

type Never = IteratorResult<never, undefined>;

export class LiveSubscription implements Outlet, AsyncIterableIterator<never, undefined> {
  readonly sink: Sink;
  readonly envelope: Envelope = webSocketEnvelope;
  readonly id: Buffer;
  private readonly options: LiveOptions;
  private readonly over = Promise.withResolvers<Never>();
  private readonly abort = new AbortController();
  private subscription: Subscription | null = null;
  private isOver = false;
  private isPlacing = false;

  constructor(options: LiveOptions) {
    this.options = options;
    this.sink = options.sink;
    this.id = options.id;
    // graphql-ws may have let go of the iterator before it fails.
    this.over.promise.catch(() => {});
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The first call places the subscription; graphql-ws makes no second one while this is pending. */
  next(): Promise<Never> {
    if (!this.isPlacing && this.subscription === null && !this.isOver) void this.place();
    return this.over.promise;
  }

  /** The client's `complete`, or the end of the connection. The pending `next()` must settle, or graphql-ws keeps its handler for good. */
  return(): Promise<Never> {
    this.settle(null);
    this.subscription?.end(null);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends it from the door's side: with its cursor where it has been placed. */
  fail(error: SluiceError): void {
    this.subscription?.end(error);
    this.settle(error);
  }

  ready(cursor: string): void {
    this.options.tell(this.pong('ready', cursor), true);
  }

  progress(cursor: string): void {
    this.options.tell(this.pong('progress', cursor), false);
  }

  ended(error: SluiceError | null): void {
    this.settle(error);
  }

  private async place(): Promise<void> {
    this.isPlacing = true;
    try {
      const subscription = await this.options.place(this, this.abort.signal);
      // Aborted too late to matter to the way: it is placed, so it is ended.
      if (this.isOver) subscription.end(null);
      else this.subscription = subscription;
    } catch (error) {
      this.settle(error);
    } finally {
      this.isPlacing = false;
      if (this.isOver) this.options.released();
    }
  }

  private settle(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.abort.abort();
    if (error === null) this.over.resolve({ done: true, value: undefined });
    else this.over.reject(error);
    if (!this.isPlacing) this.options.released();
  }

  private pong(kind: 'ready' | 'progress', cursor: string): string {
    return `{"type":"pong","payload":{"sluice":{"${kind}":{"${this.id.toString()}":${JSON.stringify(cursor)}}}}}`;
  }
}
