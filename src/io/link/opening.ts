/** A WebSocket whose ends have not proved who they are yet, at either end: little is read of it, and not for long. */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { StreamClock } from '../../core/routing/index.ts';
import { MAX_HANDSHAKE_BYTES } from './handshake.ts';
import { LinkRefused, plain, refusals, refusedBy } from './refusal.ts';

/** Heads of frames, beside the messages. */
const MARGIN_BYTES = 64;
/** How long the other end has to read why. */
const CLOSE_MS = 1_000;
/** As long as a WebSocket's close reason may be. */
const MAX_REASON_BYTES = 123;

export class Opening {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #clock: StreamClock;
  readonly #take: (message: Buffer) => void;
  readonly #failed: (refused: LinkRefused, whose: 'ours' | 'theirs') => void;
  #bytes = 0;
  #over = false;
  #cancel: () => void;

  /**
   * `take` is handed each message; what it throws refuses the link. `failed` is told once, unless it is `done` before: this end has refused
   * (ours), or the other end has, or is gone (theirs).
   */
  constructor(
    ws: WebSocket,
    socket: Socket,
    options: {
      readonly clock: StreamClock;
      readonly timeoutMs: number;
      readonly take: (message: Buffer) => void;
      readonly failed: (refused: LinkRefused, whose: 'ours' | 'theirs') => void;
    },
  ) {
    this.#ws = ws;
    this.#socket = socket;
    this.#clock = options.clock;
    this.#take = options.take;
    this.#failed = options.failed;
    ws.on('message', this.#message);
    ws.on('error', this.#error);
    ws.on('close', this.#close);
    socket.on('data', this.#data);
    this.#cancel = this.#clock.after(options.timeoutMs, () => this.refuse(new LinkRefused('late')));
  }

  /** The handshake is finished: whoever goes on with the WebSocket listens to it from now on. */
  done(): void {
    this.#over = true;
    this.#cancel();
    this.#ws.off('message', this.#message);
    this.#ws.off('error', this.#error);
    this.#ws.off('close', this.#close);
    this.#socket.off('data', this.#data);
  }

  refuse(refused: LinkRefused): void {
    if (!this.#end(refused, 'ours')) return;
    const reason = Buffer.from(refused.message).subarray(0, MAX_REASON_BYTES);
    if (refused.close === null) return this.#ws.terminate();
    this.#ws.close(refused.close, reason);
    this.#clock.after(CLOSE_MS, () => this.#ws.terminate());
  }

  readonly #message = (data: RawData, isBinary: boolean): void => {
    if (this.#over) return;
    const message = data as Buffer;
    try {
      if (!isBinary) throw new LinkRefused('text');
      if (message.length > MAX_HANDSHAKE_BYTES) throw new LinkRefused('too_large');
      this.#take(message);
    } catch (thrown) {
      this.refuse(
        thrown instanceof LinkRefused ? thrown : new LinkRefused('malformed', refusals.malformed.text, thrown),
      );
    }
  };

  /** A frame that is not whole yet counts as well. */
  readonly #data = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (!this.#over && this.#bytes > MAX_HANDSHAKE_BYTES + MARGIN_BYTES) this.refuse(new LinkRefused('too_large'));
  };

  /** ws closes by itself what is no WebSocket frame. */
  readonly #error = (error: Error & { code?: string }): void => {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.#end(new LinkRefused('too_large'), 'ours');
    else if (error.code?.startsWith('WS_ERR_')) this.#end(new LinkRefused('frame', plain(error.message)), 'ours');
    else this.#end(new LinkRefused('unreachable', plain(error.message), error), 'theirs');
  };

  readonly #close = (code: number, reason: Buffer): void => {
    const refused = code === 1006 ? new LinkRefused('unreachable') : refusedBy(code, reason.toString());
    this.#end(refused, 'theirs');
  };

  #end(refused: LinkRefused, whose: 'ours' | 'theirs'): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#cancel();
    this.#failed(refused, whose);
    return true;
  }
}
