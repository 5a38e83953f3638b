/** One connection: what its messages mean, and when it is dead. */

import { ConnectionError } from './connection-error.js';
import { type ErrorDetails, errorOf, type Range, retryOf } from './errors.js';
import type { OpenSocket, Socket, SocketEvents } from './socket.js';

/** What every event of a stream has. */
export interface StreamEvent {
  readonly type: string;
  readonly cursor: string;
}

export interface Ready {
  readonly cursor: string;
  readonly heartbeatMs: number;
}

export interface Gap {
  readonly message: string;
  readonly missing: readonly Range[];
}

export interface Notice {
  readonly code: string;
  readonly message: string;
  readonly [detail: string]: unknown;
}

export interface Ended {
  readonly error: Error;
  /** What the gateway said; null: it said nothing. */
  readonly told: { readonly retry: 'now' | 'later'; readonly retryAfterMs: number | undefined } | null;
  readonly cursor?: string | undefined;
  /** Another attempt would end the same way. */
  readonly isFinal: boolean;
}

export interface ConnectionOptions {
  readonly open: OpenSocket;
  readonly url: string;
  readonly key: string | null;
  readonly connectTimeoutMs: number;
  /** `size`: of its text, in characters. */
  event(event: StreamEvent, size: number): void;
  /** There was nothing to send for a while; the position went on. */
  progress(cursor: string): void;
  ready(ready: Ready): void;
  gap(gap: Gap): void;
  notice(notice: Notice): void;
  /** Once, unless `close` was called. */
  ended(end: Ended): void;
  /** The application's own function threw. */
  failed(error: unknown): void;
}

/** As long without a word, and the connection is dead. */
const SILENT_HEARTBEATS = 3;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  #isOver = false;
  #isPaused = false;
  #timeoutMs: number;
  #heardAt = Date.now();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#timeoutMs = options.connectTimeoutMs;
    const events: SocketEvents = {
      message: (text) => this.#message(text),
      closed: ({ code, reason, status }) => this.#end(closedEnd(code, reason, status)),
    };
    this.#socket = options.open(options.url, options.key, events);
    this.#watch(this.#timeoutMs);
  }

  close(): void {
    this.#over();
    this.#socket.close();
  }

  /** false: it cannot. */
  pause(): boolean {
    if (!this.#isPaused && !this.#socket.pause()) return false;
    this.#isPaused = true;
    return true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#heardAt = Date.now();
    this.#socket.resume();
  }

  #message(text: string): void {
    if (this.#isOver) return;
    this.#heardAt = Date.now();
    let event: StreamEvent & { readonly data: unknown };
    try {
      event = JSON.parse(text) as typeof event;
    } catch {
      return this.#end(lost('The peer sent what is no JSON.'));
    }
    try {
      this.#take(event, text.length);
    } catch (error) {
      this.close();
      this.#options.failed(error);
    }
  }

  #take(event: StreamEvent & { readonly data: unknown }, size: number): void {
    const options = this.#options;
    switch (event.type) {
      case 'sluice.ready': {
        const heartbeatMs = durationMs((event.data as { readonly heartbeat: string }).heartbeat);
        this.#timeoutMs = SILENT_HEARTBEATS * heartbeatMs;
        this.#watch(this.#timeoutMs);
        return options.ready({ cursor: event.cursor, heartbeatMs });
      }
      case 'sluice.progress':
        return options.progress(event.cursor);
      case 'sluice.gap':
        return options.gap(event.data as Gap);
      case 'sluice.notice':
        return options.notice(event.data as Notice);
      case 'sluice.error':
        return this.#end(
          toldEnd({ ...(event.data as ErrorDetails), ...(event.cursor ? { cursor: event.cursor } : {}) }),
        );
      default:
        return options.event(event, size);
    }
  }

  #watch(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const leftMs = this.#isPaused ? this.#timeoutMs : this.#heardAt + this.#timeoutMs - Date.now();
      if (leftMs > 0) this.#watch(leftMs);
      else this.#end(lost(`Nothing was heard for ${this.#timeoutMs / 1000} s.`));
    }, ms);
  }

  #end(end: Ended): void {
    if (this.#isOver) return;
    this.close();
    this.#options.ended(end);
  }

  #over(): void {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function lost(message: string, status?: number): Ended {
  return { error: new ConnectionError(message, status), told: null, isFinal: false };
}

function toldEnd(details: ErrorDetails): Ended {
  const { retry, retryAfterMs, cursor } = details;
  const error = errorOf(details);
  if (retry !== 'now' && retry !== 'later') return { error, told: null, cursor, isFinal: true };
  return { error, told: { retry, retryAfterMs }, cursor, isFinal: false };
}

/** A gateway gives its reason as `CODE: text`. What answered with 4xx instead of a WebSocket is none, or none of this product. */
function closedEnd(code: number, reason: string, status: number | undefined): Ended {
  const [word = '', ...rest] = reason.split(': ');
  const retry = retryOf(word);
  if (retry !== undefined) return toldEnd({ code: word, message: rest.join(': ') || word, retry });
  const isRefused = status !== undefined && status >= 400 && status < 500 && ![408, 425, 429].includes(status);
  const end = lost(`The connection was closed with ${code}${reason === '' ? '' : `: ${reason}`}.`, status);
  return isRefused ? { ...end, isFinal: true } : end;
}

/** Of ISO 8601, as far as heartbeats go. */
function durationMs(text: string): number {
  const [, minutes = '0', seconds = '0'] = /^PT(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(text) ?? [];
  return (Number(minutes) * 60 + Number(seconds)) * 1000 || 10_000;
}
