/**
 * One subscription of a WebSocket. To graphql-ws it is a *parked* iterator: it yields nothing, since events go to the
 * socket past it, and its one pending `next()` settles when the subscription is over: done (graphql-ws sends `complete`
 * unless the client did) or rejected (it sends `error`). To delivery it is the outlet.
 */
import type { Envelope, Outlet, Sink, Subscription } from '../../../core/delivery/index.ts';
import type { SluiceError } from '../../../core/errors.ts';
import type { Operation } from '../../../core/view/index.ts';
import { webSocketEnvelope } from './envelopes.ts';

/** The connection, as its subscriptions see it. */
export interface LiveHost {
  readonly sink: Sink;
  place(outlet: Outlet, operation: Operation, signal: AbortSignal): Promise<Subscription>;
  /** Writes a control message; `needed` ones are sent whatever waits on the socket. */
  tell(message: string, needed: boolean): void;
  /** The subscription is over, and its placing too: it counts no longer. */
  released(live: LiveSubscription): void;
}

type Never = IteratorResult<never, undefined>;

const DONE: Never = { done: true, value: undefined };

export class LiveSubscription implements Outlet, AsyncIterableIterator<never, undefined> {
  /** As JSON escapes it, without quotes. */
  readonly id: Buffer;
  /** Its neighbours in the connection's list. */
  before: LiveSubscription | null = null;
  after: LiveSubscription | null = null;
  private readonly host: LiveHost;
  /** Both are let go of when it is placed: it may stay for days. */
  private operation: Operation | null;
  private abort: AbortController | null = null;
  private subscription: Subscription | null = null;
  /** Settles the pending `next()`. */
  private finish: ((outcome: Never | Promise<never>) => void) | null = null;
  /** How it ended before graphql-ws asked. */
  private outcome: Promise<Never> | null = null;
  private isOver = false;
  private isPlacing = false;

  constructor(host: LiveHost, id: Buffer, operation: Operation) {
    this.host = host;
    this.id = id;
    this.operation = operation;
  }

  get sink(): Sink {
    return this.host.sink;
  }

  get envelope(): Envelope {
    return webSocketEnvelope;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The first call places the subscription; graphql-ws makes no second one while this is pending. */
  next(): Promise<Never> {
    if (this.outcome !== null) return this.outcome;
    const { operation } = this;
    this.operation = null;
    const pending = new Promise<Never>((resolve) => {
      this.finish = resolve;
    });
    if (operation !== null) void this.place(operation);
    return pending;
  }

  /** The client's `complete`, or the end of the connection. The pending `next()` must settle, or graphql-ws keeps its handler for good. */
  return(): Promise<Never> {
    this.settle(null);
    this.subscription?.end(null);
    return Promise.resolve(DONE);
  }

  /** Ends it from the door's side: with its cursor where it has been placed. */
  fail(error: SluiceError): void {
    this.subscription?.end(error);
    this.settle(error);
  }

  ready(cursor: string): void {
    this.host.tell(this.pong('ready', cursor), true);
  }

  progress(cursor: string): void {
    this.host.tell(this.pong('progress', cursor), false);
  }

  ended(error: SluiceError | null): void {
    this.settle(error);
  }

  private async place(operation: Operation): Promise<void> {
    this.isPlacing = true;
    this.abort = new AbortController();
    try {
      const subscription = await this.host.place(this, operation, this.abort.signal);
      // Aborted too late to matter to the way: it is placed, so it is ended.
      if (this.isOver) subscription.end(null);
      else this.subscription = subscription;
    } catch (error) {
      this.settle(error);
    } finally {
      this.isPlacing = false;
      this.abort = null;
      if (this.isOver) this.host.released(this);
    }
  }

  private settle(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.operation = null;
    this.abort?.abort();
    if (this.finish !== null) this.finish(error === null ? DONE : Promise.reject(error));
    else {
      this.outcome = error === null ? Promise.resolve(DONE) : Promise.reject(error);
      // graphql-ws may never ask.
      this.outcome.catch(() => {});
    }
    if (!this.isPlacing) this.host.released(this);
  }

  private pong(kind: 'ready' | 'progress', cursor: string): string {
    return `{"type":"pong","payload":{"sluice":{"${kind}":{"${this.id.toString()}":${JSON.stringify(cursor)}}}}}`;
  }
}

/** The subscriptions of one connection: most have one or none, some have thousands, and each may go at any time. */
export class LiveList {
  size = 0;
  private first: LiveSubscription | null = null;

  add(live: LiveSubscription): void {
    live.after = this.first;
    if (this.first !== null) this.first.before = live;
    this.first = live;
    this.size += 1;
  }

  /** It is in the list. */
  remove(live: LiveSubscription): void {
    if (live.before === null) this.first = live.after;
    else live.before.after = live.after;
    if (live.after !== null) live.after.before = live.before;
    live.before = null;
    live.after = null;
    this.size -= 1;
  }

  /** Those that are there now, whoever goes meanwhile; the oldest first. */
  all(): readonly LiveSubscription[] {
    const all: LiveSubscription[] = [];
    for (let live = this.first; live !== null; live = live.after) all.push(live);
    return all.reverse();
  }
}
