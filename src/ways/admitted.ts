/**
 * One subscription that has been admitted, between its door and delivery: delivery's request and, since it ends with its grant or
 * its key, the door's outlet too. There is one for each live subscription: no closures.
 */
import type { Access, Grant, Listening, Principal } from '../core/access/index.ts';
import type { Envelope, Gate, Notice, Outlet, Sink, SubscribeRequest, Subscription } from '../core/delivery/index.ts';
import type { SluiceError } from '../core/errors.ts';
import type { Placement } from '../core/routing/index.ts';
import type { CompiledOperation, Operation, StreamOperation, View } from '../core/view/index.ts';
import type { ScannedShare } from './scanned-filters.ts';

/** What every subscription is admitted by. */
export interface Admission {
  readonly access: Access;
  /** Compiles the operation as the principal may ask for it now. Errors: those of the request's way. */
  recompile(principal: Principal, operation: Operation | StreamOperation, product: string): View;
}

export interface Placed {
  readonly operation: CompiledOperation;
  readonly start: Placement;
  readonly notices: readonly Notice[];
  /** The grant's. */
  readonly gate: Gate;
  /** Of the filters that are asked of every event: released when it ends. */
  readonly share: ScannedShare;
}

export class Admitted implements SubscribeRequest, Outlet {
  readonly operation: CompiledOperation;
  readonly start: Placement;
  readonly notices: readonly Notice[];
  readonly gate: Gate;
  readonly sink: Sink;
  readonly envelope: Envelope;
  readonly id: Buffer;
  readonly #share: ScannedShare;
  readonly #admission: Admission;
  readonly #principal: Principal;
  /** As it was asked. */
  readonly #asked: Operation | StreamOperation;
  readonly #outlet: Outlet;
  #grant: Listening | null = null;
  #key: Listening | null = null;

  constructor(
    admission: Admission,
    principal: Principal,
    asked: Operation | StreamOperation,
    outlet: Outlet,
    placed: Placed,
  ) {
    this.operation = placed.operation;
    this.start = placed.start;
    this.notices = placed.notices;
    this.gate = placed.gate;
    this.#share = placed.share;
    this.sink = outlet.sink;
    this.envelope = outlet.envelope;
    this.id = outlet.id;
    this.#admission = admission;
    this.#principal = principal;
    this.#asked = asked;
    this.#outlet = outlet;
  }

  /** From now on it ends with the grant and with the key. */
  bind(subscription: Subscription, grant: Grant): void {
    const { access } = this.#admission;
    const end = (error: SluiceError): void => subscription.end(error);
    this.#grant = access.onGrantEnded(grant, end);
    this.#key = access.onPrincipalEnded(this.#principal, end);
  }

  get outlet(): Outlet {
    return this;
  }

  recompile(): View {
    const view = this.#admission.recompile(this.#principal, this.#asked, this.operation.view.contract.product);
    this.#share.change(view);
    return view;
  }

  ready(cursor: string): void {
    this.#outlet.ready(cursor);
  }

  progress(cursor: string): void {
    this.#outlet.progress(cursor);
  }

  ended(error: SluiceError | null): void {
    this.#share.release();
    this.#grant?.stop();
    this.#key?.stop();
    this.#outlet.ended(error);
  }
}
