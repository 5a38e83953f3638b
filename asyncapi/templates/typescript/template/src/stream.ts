/**
 * The life of a subscription: connects, gives events to whoever iterates, and connects again where it broke off, as the errors of the
 * gateway say. Whoever iterates pulls: what is not asked for waits in a bounded buffer, and then in the socket.
 */
import { Backoff, type BackoffOptions } from './backoff.js';
import { Connection, type Ended, type Gap, type Notice, type Ready, type StreamEvent } from './connection.js';
import { type CursorStore, memoryCursorStore } from './cursor-store.js';
import { Keeper } from './keeper.js';
import { type Asked, urlOf } from './request.js';
import type { OpenSocket } from './socket.js';

export type { Gap, Notice, Ready, StreamEvent } from './connection.js';
export { ConnectionError } from './connection-error.js';

/** An event of which only the fields that were asked for are there. */
export type Projected<E> = E extends { readonly data: infer D } ? Omit<E, 'data'> & { readonly data: Partially<D> } : E;
type Partially<T> = T extends readonly (infer I)[]
  ? readonly Partially<I>[]
  : T extends object
    ? { readonly [K in keyof T]?: Partially<T[K]> }
    : T;

/** A connection that broke, and when the next is tried. */
export interface Lost {
  readonly error: Error;
  /** How many attempts in a row brought nothing. */
  readonly attempt: number;
  readonly delayMs: number;
}

export interface StreamOptions extends Asked, BackoffOptions {
  readonly url: string;
  /** The secret, or what gives one for each connection. */
  readonly apiKey?: string | (() => string | Promise<string>);
  /** Where the position is kept. A cursor in it goes before `after`, `since` and `last`. Default: in memory. */
  readonly store?: CursorStore;
  /** Events that may wait for the application; beyond that, the socket is paused. Default: 1000. */
  readonly maxBuffered?: number;
  /** Attempts in a row that bring nothing, before the iterator ends with the last error. Default: no end. */
  readonly maxAttempts?: number;
  /** From connecting to being placed. Default: 15 s. */
  readonly connectTimeoutMs?: number;
  readonly onReady?: (ready: Ready) => void;
  readonly onGap?: (gap: Gap) => void;
  readonly onNotice?: (notice: Notice) => void;
  readonly onLost?: (lost: Lost) => void;
  /** Closes the stream. */
  readonly signal?: AbortSignal;
}

export interface EventStream<E> extends AsyncIterableIterator<E, undefined> {
  /** Right after the last event that was given to the application. */
  readonly cursor: string | null;
  /** Keeps the position of the last event as dealt with; asking for the next one does so, too. Resolves once the store has it. */
  commit(): Promise<void>;
  /** Ends the iteration. What waited is dropped, and comes again to whoever resumes. Resolves once the store has what it was given. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Text that may wait, in characters: large events fill the buffer before there are many. */
const MAX_BUFFERED_CHARS = 16 * 1024 * 1024;

interface Waiter<E> {
  resolve(result: IteratorResult<E, undefined>): void;
  reject(error: unknown): void;
}

export function openStream<E extends StreamEvent>(open: OpenSocket, options: StreamOptions): EventStream<E> {
  return new Stream<E>(open, options);
}

class Stream<E extends StreamEvent> implements EventStream<E> {
  cursor: string | null = null;
  readonly #open: OpenSocket;
  readonly #options: StreamOptions;
  readonly #backoff: Backoff;
  readonly #keeper: Keeper;
  readonly #maxBuffered: number;
  readonly #buffer: { readonly event: E; readonly size: number }[] = [];
  readonly #waiters: Waiter<E>[] = [];
  readonly #closed = new AbortController();
  #chars = 0;
  #isDone = false;
  #failure: unknown = null;
  /** Where the next connection resumes: right after the last message that arrived. */
  #position: string | null = null;
  #connection: Connection | null = null;
  /** Called once there is room again, where the socket could not be paused and was left. */
  #whenRoom: (() => void) | null = null;

  constructor(open: OpenSocket, options: StreamOptions) {
    this.#open = open;
    this.#options = options;
    this.#backoff = new Backoff(options);
    this.#keeper = new Keeper(options.store ?? memoryCursorStore(), (error) => this.#finish(error));
    this.#maxBuffered = Math.max(1, options.maxBuffered ?? 1000);
    if (options.signal?.aborted) this.#finish(null);
    options.signal?.addEventListener('abort', () => void this.close(), { signal: this.#closed.signal });
    void this.#run().catch((error) => this.#finish(error));
  }

  next(): Promise<IteratorResult<E, undefined>> {
    if (this.cursor !== null) this.#keeper.keep(this.cursor);
    const waiting = this.#buffer.shift();
    if (waiting !== undefined) {
      this.#chars -= waiting.size;
      this.#makeRoom();
      this.cursor = waiting.event.cursor;
      return Promise.resolve({ done: false, value: waiting.event });
    }
    if (!this.#isDone) return new Promise((resolve, reject) => void this.#waiters.push({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = null;
    return failure === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(failure);
  }

  async return(): Promise<IteratorResult<E, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  commit(): Promise<void> {
    if (this.cursor !== null) this.#keeper.keep(this.cursor);
    return this.#keeper.idle();
  }

  close(): Promise<void> {
    this.#buffer.length = 0;
    this.#finish(null);
    this.#failure = null;
    return this.#keeper.idle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #run(): Promise<void> {
    this.#position = await this.#keeper.load();
    while (!this.#isDone) {
      const ended = await this.#connect();
      if (this.#isDone) return;
      if (ended === 'full') {
        await this.#room();
        continue;
      }
      const delayMs = this.#delayAfter(ended);
      this.#options.onLost?.({ error: ended.error, attempt: this.#backoff.attempt, delayMs });
      await sleep(delayMs, this.#closed.signal);
    }
  }

  /** One connection, until it has ended; `full`: it was left because nobody takes its events. */
  async #connect(): Promise<Ended | 'full'> {
    const { apiKey, url, connectTimeoutMs = 15_000 } = this.#options;
    const key = typeof apiKey === 'function' ? await apiKey() : (apiKey ?? null);
    if (this.#isDone) return 'full';
    return new Promise((resolve) => {
      const connection = new Connection({
        open: this.#open,
        url: urlOf(url, this.#options, this.#position),
        key,
        connectTimeoutMs,
        event: (event, size) => {
          this.#received(event as E, size);
          if (this.#isFull() && !connection.pause()) {
            connection.close();
            resolve('full');
          }
        },
        progress: (cursor) => {
          this.#backoff.reset();
          this.#moved(cursor);
        },
        ready: (ready) => {
          this.#moved(ready.cursor);
          this.#options.onReady?.(ready);
        },
        gap: (gap) => this.#options.onGap?.(gap),
        notice: (notice) => this.#options.onNotice?.(notice),
        ended: resolve,
        failed: (error) => this.#finish(error),
      });
      this.#connection = connection;
    });
  }

  #received(event: E, size: number): void {
    this.#position = event.cursor;
    this.#backoff.reset();
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#buffer.push({ event, size });
      this.#chars += size;
    } else {
      this.cursor = event.cursor;
      waiter.resolve({ done: false, value: event });
    }
  }

  /** The stream has passed positions without an event. They are dealt with once all events before them are. */
  #moved(cursor: string): void {
    this.#position = cursor;
    if (this.#waiters.length > 0) this.#keeper.keep(cursor);
  }

  #isFull(): boolean {
    return this.#buffer.length >= this.#maxBuffered || this.#chars >= MAX_BUFFERED_CHARS;
  }

  /** Half of the buffer is free. */
  #hasRoom(): boolean {
    return this.#buffer.length <= this.#maxBuffered / 2 && this.#chars <= MAX_BUFFERED_CHARS / 2;
  }

  #room(): Promise<void> {
    if (this.#hasRoom() || this.#isDone) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenRoom = resolve;
    });
  }

  #makeRoom(): void {
    if (!this.#hasRoom()) return;
    this.#connection?.resume();
    this.#whenRoom?.();
    this.#whenRoom = null;
  }

  /** How long to wait after a connection ended. Throws where another would end the same way. */
  #delayAfter({ error, told, cursor, isFinal }: Ended): number {
    if (cursor !== undefined) this.#position = cursor;
    if (isFinal) throw error;
    const delayMs = this.#backoff.next(told?.retry ?? null, told?.retryAfterMs);
    if (this.#backoff.attempt > (this.#options.maxAttempts ?? Number.POSITIVE_INFINITY)) throw error;
    return delayMs;
  }

  /** Nothing is received any more. What waits is still given, and then the failure, where there is one. */
  #finish(failure: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#failure = failure;
    this.#closed.abort();
    this.#connection?.close();
    this.#whenRoom?.();
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#failure === null) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(this.#failure);
      this.#failure = null;
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake);
  });
}
