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
