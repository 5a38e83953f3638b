/**
 * One end of a scan stream: asks and what comes of them, over a channel. What is malformed closes this channel and touches no other.
 */
import type { z } from 'zod';
import { asSluiceError, SluiceError } from '../../errors.ts';
import type { Observe } from '../../observe.ts';
import type { Channel } from './channel.ts';
import {
  type Ask,
  decodeMessage,
  encodeCredit,
  encodeHead,
  encodeHello,
  encodeJson,
  encodeRefusal,
  type Message,
  parsed,
  STREAM_VERSION,
  StreamError,
} from './messages.ts';

/** Asks of one channel that may be open at a time; more are refused one by one. */
const MAX_OPEN_ASKS = 4_096;

/** What the asking end is told. Called synchronously. A StreamError that is thrown closes the channel. */
export interface Asking {
  answer?(value: unknown): void;
  scan?(body: Buffer): void;
  told?(value: unknown): void;
  /** There is no more. */
  end?(): void;
  /** Refused, or ended by an error. */
  refused(error: SluiceError): void;
  /** The channel has closed. Default: refused with UNAVAILABLE. */
  lost?(): void;
}

/** The asking end's hold on an ask that is open. */
export interface Question {
  readonly id: number;
  credit(partition: number, bytes: number): void;
  /** Nothing is told any more. Idempotent. */
  cancel(): void;
}

/** How the asked end speaks to one ask. Once the ask is over nothing is sent. */
export interface Reply {
  readonly id: number;
  /** The channel wants nothing that can wait: `Serving.resume` is called when it does. */
  readonly full: boolean;
  answer(value: unknown): void;
  scan(body: Buffer): void;
  tell(value: unknown): void;
  end(): void;
  refuse(error: SluiceError): void;
}

/** What serves an ask that stays open. */
export interface Serving {
  credit?(partition: number, bytes: number): void;
  /** The channel has room again. */
  resume?(): void;
  /** The asking end wants no more, or is gone. Not called after an answer, end or refusal. */
  cancel(): void;
}

/** Serves an ask; null where nothing of it can be cancelled. Errors become refusals. */
export type Serve = (ask: Ask, reply: Reply) => Serving | null;

export class Wire {
  /** Resolves once the channel has closed; null: in order. */
  readonly closed: Promise<Error | null>;
  readonly #channel: Channel;
  readonly #observe: Observe;
  readonly #serve: Serve | null;
  readonly #asking = new Map<number, Asking>();
  /** Asks of the other end that are open; null until it is known what serves them, and where nothing can be cancelled. */
  readonly #serving = new Map<number, Serving | null>();
  readonly #closing = Promise.withResolvers<Error | null>();
  #asked = 0;
  #greeted = false;
  #full = false;
  #over = false;

  /** `serve`: null where this end only asks. */
  constructor(channel: Channel, serve: Serve | null, observe: Observe) {
    this.#channel = channel;
    this.#serve = serve;
    this.#observe = observe;
    this.closed = this.#closing.promise;
    channel.receive({
      message: (bytes) => this.#message(bytes),
      drained: () => this.#drained(),
      closed: (error) => this.#closed(error),
    });
    this.#send([encodeHello()]);
  }

  ask(ask: Ask, asking: Asking): Question {
    const id = this.#asked;
    this.#asked = (this.#asked + 1) >>> 0;
    if (this.#over) {
      queueMicrotask(() => lost(asking));
      return { id, credit() {}, cancel() {} };
    }
    this.#asking.set(id, asking);
    this.#send([encodeHead('ask', id), encodeJson(ask)]);
    const isOpen = (): boolean => this.#asking.get(id) === asking;
    return {
      id,
      credit: (partition, bytes) => {
        if (isOpen()) this.#send([encodeCredit(id, partition, bytes)]);
      },
      cancel: () => {
        if (!isOpen()) return;
        this.#asking.delete(id);
        this.#send([encodeHead('cancel', id)]);
      },
    };
  }

  /** Asks what has one answer, of this shape. Rejects with what it is refused with; UNAVAILABLE where the channel closes. */
  request<T>(ask: Ask, shape: z.ZodType<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = (value: unknown): void => {
        try {
          resolve(parsed(shape, value, `answer to ${ask.ask}`));
        } catch (thrown) {
          reject(new SluiceError('UNAVAILABLE', undefined, { cause: thrown }));
          throw thrown;
        }
      };
      this.ask(ask, { answer, refused: reject });
    });
  }

  close(error?: Error): void {
    this.#channel.close(error);
  }

  #send(parts: readonly Uint8Array[]): void {
    if (!this.#channel.send(parts)) this.#full = true;
  }

  #message(bytes: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#take(decodeMessage(bytes));
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) this.#observe.error('a message of a channel failed', { error: thrown });
      this.#channel.close(thrown instanceof Error ? thrown : new Error(String(thrown)));
      this.#closed(thrown instanceof Error ? thrown : null);
    }
  }

  #take(message: Message): void {
    if (!this.#greeted) {
      if (message.kind !== 'hello') throw new StreamError(`a ${message.kind} before the hello`);
      if (message.version !== STREAM_VERSION)
        throw new StreamError(`the other end speaks version ${message.version}, this one ${STREAM_VERSION}`);
      this.#greeted = true;
      return;
    }
    switch (message.kind) {
      case 'hello':
        throw new StreamError('a second hello');
      case 'ask':
        return this.#asks(message.id, message.ask);
      case 'credit':
        return void this.#serving.get(message.id)?.credit?.(message.partition, message.bytes);
      case 'cancel': {
        const serving = this.#serving.get(message.id);
        this.#serving.delete(message.id);
        return serving?.cancel();
      }
      default:
        return this.#reply(message);
    }
  }

  /** One who has cancelled is still told what was under way. */
  #reply(message: Exclude<Message, { kind: 'hello' | 'ask' | 'credit' | 'cancel' }>): void {
    const { id } = message;
    if (id >= this.#asked) throw new StreamError(`a ${message.kind} to an ask that was never made`);
    const asking = this.#asking.get(id);
    if (asking === undefined) return;
    if (message.kind === 'scan') {
      if (asking.scan === undefined) throw new StreamError('a scan where none was asked for');
      return asking.scan(message.body);
    }
    if (message.kind === 'told') return asking.told?.(message.value);
    this.#asking.delete(id);
    if (message.kind === 'answer') return asking.answer?.(message.value);
    if (message.kind === 'end') return asking.end?.();
    return asking.refused(message.error);
  }

  #asks(id: number, ask: Ask): void {
    if (this.#serve === null) throw new StreamError('an ask where nothing is served');
    if (this.#serving.has(id)) throw new StreamError(`two asks with the number ${id}`);
    this.#serving.set(id, null);
    const reply = this.#replyTo(id, ask);
    if (this.#serving.size > MAX_OPEN_ASKS)
      return reply.refuse(new SluiceError('UNAVAILABLE', 'Too much is asked for at a time: try again.'));
    try {
      const serving = this.#serve(ask, reply);
      if (this.#serving.has(id)) this.#serving.set(id, serving);
    } catch (thrown) {
      reply.refuse(asSluiceError(thrown));
    }
  }

  #replyTo(id: number, ask: Ask): Reply {
    const wire = this;
    const say = (kind: 'answer' | 'refusal' | 'scan' | 'told' | 'end', body?: Uint8Array): void => {
      if (!wire.#serving.has(id)) return;
      if (kind !== 'scan' && kind !== 'told') wire.#serving.delete(id);
      wire.#send(body === undefined ? [encodeHead(kind, id)] : [encodeHead(kind, id), body]);
    };
    return {
      id,
      get full() {
        return wire.#full;
      },
      answer: (value) => say('answer', encodeJson(value)),
      scan: (body) => say('scan', body),
      tell: (value) => say('told', encodeJson(value)),
      end: () => say('end'),
      refuse(error) {
        // The other end is told nothing of the inside.
        if (error.code === 'INTERNAL')
          wire.#observe.error('what was asked over a channel failed', { ask: ask.ask, error: error.cause ?? error });
        say('refusal', encodeRefusal(error));
      },
    };
  }

  #drained(): void {
    this.#full = false;
    for (const serving of [...this.#serving.values()]) {
      if (this.#full) return;
      serving?.resume?.();
    }
  }

  #closed(error: Error | null): void {
    if (this.#over) return;
    this.#over = true;
    for (const serving of this.#serving.values()) serving?.cancel();
    this.#serving.clear();
    const waiting = [...this.#asking.values()];
    this.#asking.clear();
    for (const asking of waiting) lost(asking);
    this.#closing.resolve(error);
  }
}

function lost(asking: Asking): void {
  if (asking.lost !== undefined) asking.lost();
  else asking.refused(new SluiceError('UNAVAILABLE'));
}
