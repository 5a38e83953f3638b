/**
 * What the doors are handed: the ways as functions. Doors import these types and nothing else of the ways.
 */
import type { Principal } from '../core/access/index.ts';
import type { Outlet, Subscription } from '../core/delivery/index.ts';
import type { SluiceError } from '../core/errors.ts';
import type { Surface } from '../core/surface/index.ts';
import type { Operation, StreamOperation } from '../core/view/index.ts';

/** One authenticated connection or request. */
export interface Session {
  readonly principal: Principal;
  /** What this principal is shown now; follows reloads and grants. */
  readonly surface: Surface;
  /** Told once when the connection must end: key revoked, token expired. Its subscriptions have been told before. */
  onEnded(ended: (error: SluiceError) => void): void;
  /** The connection is gone: everything of it is released. Idempotent. */
  close(): void;
}

/** The request's way, in the steps that a door can see. */
export interface RequestWay {
  /** Errors: UNAUTHENTICATED, RATE_LIMITED, CONNECTION_LIMIT, UNAVAILABLE, DRAINING. */
  connect(secret: string | null, peer: { readonly address: string; readonly door: string }): Session;
  /**
   * Authorise, compile, admit, position, subscribe. Errors: OperationError for invalid GraphQL, SluiceError for everything else.
   * Rejects, without leaving anything behind, when `signal` aborts before it is placed.
   */
  subscribe(
    session: Session,
    operation: Operation | StreamOperation,
    outlet: Outlet,
    signal: AbortSignal,
  ): Promise<Subscription>;
}

/** The context with which doors execute queries and mutations. */
export interface ExecutionContext {
  readonly session: Session;
  readonly traceparent: string | null;
}

/** A page of the past, as messages. */
export interface StreamPage {
  /** JSON texts of CloudEvents, oldest first. */
  readonly events: readonly string[];
  /** Where the next page begins, or a live stream; advances on empty pages too. */
  readonly cursor: string;
  readonly hasMore: boolean;
}

/** The events of a query, `limit` at most. Errors: those of RequestWay.subscribe, and FORBIDDEN. */
export type StreamHistory = (session: Session, operation: StreamOperation, limit: number) => Promise<StreamPage>;

export interface PublishReceipt {
  /** Resumes right after the event. */
  readonly cursor: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** Something wrong with one event that is to be published. */
export interface StreamViolation {
  /** Which of the events, from 0 on. */
  readonly event: number;
  /** Attributes of the event, and below `data` names and indexes. */
  readonly path: readonly (string | number)[];
  readonly reason: string;
}

/** An event that is to be published. */
export interface StreamEvent {
  /** Public fields, unchecked. */
  readonly data: unknown;
  readonly traceparent: string | null;
  /** What the door has found wrong with its envelope. */
  readonly violations: readonly StreamViolation[];
}

/** For each event its receipt, or why it was refused (PAYLOAD_INVALID). */
export type PublishedEvents = readonly (PublishReceipt | SluiceError)[];

export interface StreamPublishOptions {
  /** Those that are valid are appended and the others refused one by one; else one that is invalid refuses all. */
  readonly isPartial: boolean;
  /** What the application calls this request: within 24 h the same is published once. */
  readonly once: { readonly key: string } | null;
}

/** `isRepeated`: it had been published before under this key, and these are the receipts of then. */
export interface StreamPublished {
  readonly events: PublishedEvents;
  readonly isRepeated: boolean;
}

/**
 * All events are checked before the first is appended. Resolves with null, having appended nothing, where the key of `once` was
 * that of other events. Errors: NOT_FOUND, FORBIDDEN, PAYLOAD_INVALID with `violations`, UNAVAILABLE.
 */
export type StreamPublish = (
  session: Session,
  product: string,
  events: readonly StreamEvent[],
  options: StreamPublishOptions,
) => Promise<StreamPublished | null>;
