/**
 * The ports of delivery: where bytes go (Sink), how messages are framed (Envelope), who is told what (Outlet), who counts
 * (Gate), and what time it is (Clock). Delivery itself has no socket and no timer.
 */
import type { SluiceError } from '../errors.ts';
import type { Placement } from '../routing/index.ts';
import type { CompiledOperation, View } from '../view/index.ts';

export type Outcome = 'taken' | 'held' | 'closed';

/** A socket as delivery sees it; several subscriptions may share one. */
export interface Sink {
  /**
   * Hands whole messages over, in order: `bytes`, then `shared` where there is any, in one write. `taken`: the kernel has every
   * byte and the caller may reuse `bytes`. `held`: accepted, but `bytes` are the sink's now and nothing more may be written until
   * `onDrain` has fired. `closed`: gone for good. Nobody ever changes `shared`: any number of sinks may hold it.
   */
  write(bytes: Buffer, shared?: Buffer | null): Outcome;
  /** Fires once when everything held has been taken; at once, asynchronously, if nothing is held. */
  onDrain(listener: () => void): void;
  /** Bytes that the kernel has taken since the socket opened: what a ledger charges. */
  readonly taken: number;
}

/** Several payloads framed for one subscriber, with the places where its id goes: `bytes`, then `shared`. */
export interface Template {
  /** What is one subscriber's own once its id is in. */
  readonly bytes: Buffer;
  /** Byte offsets in `bytes` at which the id of `idLength` bytes is written. */
  readonly idSlots: Int32Array;
  /** What follows and is the same for everybody; null: nothing. */
  readonly shared: Buffer | null;
}

/** Characters from which on a payload is large: it is framed alone, and shared by its subscribers instead of copied for each. */
export const LARGE_PAYLOAD = 16_384;

/** Messages in order, each with the cursor that stands behind it; empty: the message has none. */
export interface Messages {
  readonly payloads: readonly string[];
  readonly cursors: readonly string[];
}

/** How a door wraps payloads: WebSocket frames of graphql-transport-ws, SSE events. Pure; part of a cohort's key by `name`, `own` and id length. */
export interface Envelope {
  readonly name: string;
  /** Where what it makes is one subscriber's own, and never twice the same: a number that no other subscriber has. */
  readonly own?: number;
  /** The messages, of which there is at least one, with what their subscriber alone is to be told before, or in, the first. */
  noticed(messages: Messages, notices: readonly Notice[]): Messages;
  /** Of a large payload that comes alone, everything behind the id is `shared`. */
  template(payloads: readonly string[], cursors: readonly string[], idLength: number): Template;
}

/** One subscription's end of a door. */
export interface Outlet {
  readonly sink: Sink;
  readonly envelope: Envelope;
  /** The bytes that fill the id slots, already escaped for the envelope; empty where the envelope has none. */
  readonly id: Buffer;
  /** What is appended from now on is delivered. Once, before the first event. */
  ready(cursor: string): void;
  /** Nothing matched for a while (10 s): where a resume would begin now. */
  progress(cursor: string): void;
  /** The subscription is over, once: with an error that carries the cursor, or null where the client or the door itself ended it. */
  ended(error: SluiceError | null): void;
}

/**
 * Hooks of access and usage. One object for whoever is charged (a grant), shared by all of its subscriptions: it is asked and told
 * once for a batch and a cohort, however many of its subscriptions are in it, never per event. Neither may block.
 */
export interface Gate {
  /** Whose share of the common work it is: those who are behind take turns by partner. */
  readonly partner: string;
  /** Whether its subscriptions may be handed anything now. Where not, they stay at their positions and it is asked again after a while. */
  admits(): boolean;
  /** In this tick, so many events of the view, in so many bytes of complete messages, were handed to the sinks of its subscriptions. */
  charge(view: View, events: number, bytes: number): void;
}

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Runs once after what is being processed now (setImmediate). */
  soon(task: () => void): void;
  /** Runs once after `ms`; the result cancels. */
  after(ms: number, task: () => void): () => void;
}

/** Something to know about a subscription that is no event: its envelope says it with the next event's message. */
export interface Notice {
  readonly code: 'DEPRECATED' | 'GAP' | 'PACED' | 'CONFLATED' | 'SHORT' | 'JOINED' | 'LEFT';
  readonly message: string;
  readonly [key: string]: unknown;
}

export interface SubscribeRequest {
  readonly operation: CompiledOperation;
  /** Notices to begin with. */
  readonly notices?: readonly Notice[];
  readonly start: Placement;
  readonly outlet: Outlet;
  readonly gate: Gate;
  /** Compiles the same operation against the contract now in force; throws SluiceError where it no longer holds. */
  recompile(): View;
}

/** A live subscription as the ways see it. */
export interface Subscription {
  /** Cursor that resumes right after what the sink has been handed. */
  readonly cursor: string;
  /** Ends it: `error` is given the cursor and told to the outlet. Idempotent. */
  end(error: SluiceError | null): void;
}

/** A subscription that delivery has. */
export interface Delivered extends Subscription {
  /** Said with the next event, instead of what was to be said of the same code and product. */
  notify(notice: Notice): void;
}

export interface Delivery {
  /** Joins at the live edge, or catches up first; returns at once. */
  subscribe(request: SubscribeRequest): Delivered;
  /** While held, nothing is delivered and positions are kept (access cannot be confirmed). */
  hold(held: boolean): void;
  /** The product's contract changed (recompile every distinct view, swap at a tick) or went (end with NOT_FOUND and cursor). */
  reload(product: string): void;
  /** Ends every subscription with the error (DRAINING) and its cursor. */
  drain(error: SluiceError): void;
  readonly subscriptions: number;
}
