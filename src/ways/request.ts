/**
 * The request's way (cold), as a list of steps:
 *
 *   connect -> authenticate -> authorise -> compile the view -> admit -> position -> subscribe
 */
import type { Access, Principal } from '../core/access/index.ts';
import type { Contract } from '../core/contract/index.ts';
import type { Clock, Delivery } from '../core/delivery/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { Observe } from '../core/observe.ts';
import type { Source } from '../core/routing/index.ts';
import { createSurface, type Surface, type SurfaceHandlers } from '../core/surface/index.ts';
import type { Compiler } from '../core/view/index.ts';
import type { Admission } from './admitted.ts';
import { createGates } from './event.ts';
import { createPlacing } from './placing.ts';
import type { RequestWay } from './ports.ts';
import { ScannedFilters } from './scanned-filters.ts';
import { OpenSession, type SessionHost } from './session.ts';
import { createWildcards } from './wildcard.ts';

export interface RequestWayOptions {
  readonly access: Access;
  readonly delivery: Delivery;
  readonly source: Source;
  readonly compiler: Compiler;
  readonly handlers: SurfaceHandlers;
  readonly observe: Observe;
  readonly clock: Clock;
  /** Contracts in force, the same array until they change. */
  readonly contracts: () => readonly Contract[];
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly limits: {
    readonly maxConnections: number;
    readonly maxSubscriptions: number;
    /** Of one application on one product. */
    readonly maxScannedFilters: number;
  };
  /** Not null while nothing new is taken: not ready yet, or draining. */
  readonly refusing: () => SluiceError | null;
}

export interface FollowedRequestWay extends RequestWay {
  /** Contracts have changed: what may join those who asked for several products joins them. */
  look(): void;
}

export function createRequestWay(options: RequestWayOptions): FollowedRequestWay {
  const { access, delivery, source, compiler, observe, limits } = options;
  const gateOf = createGates();
  const scanned = new ScannedFilters(limits.maxScannedFilters);
  const connections = new Map<string, number>();
  let open = 0;
  let placing = 0;
  const surfaces = new WeakMap<readonly Contract[], Surface>();

  const count = (door: string, by: number): void => {
    open += by;
    connections.set(door, (connections.get(door) ?? 0) + by);
    observe.gauge('sluice_connections', { door }).set(connections.get(door) ?? 0);
  };

  /** Access gives principals that may see the same the same array of contracts, so they share a surface. */
  const surfaceOf = (principal: Principal): Surface => {
    const contracts = access.narrow(principal, options.contracts());
    let surface = surfaces.get(contracts);
    if (surface === undefined) {
      surface = createSurface(contracts, options.handlers);
      surfaces.set(contracts, surface);
    }
    return surface;
  };

  const refuseWhileClosed = (): void => {
    const refusal = options.refusing();
    if (refusal !== null) throw refusal;
  };

  const sessions: SessionHost = { access, surfaceOf, closed: (door) => count(door, -1) };
  const admission: Admission = {
    access,
    recompile(principal, operation, product) {
      // Said before the operation is looked at: a schema without the product finds other faults with it.
      if (!options.contracts().some((contract) => contract.product === product))
        throw new SluiceError('NOT_FOUND', `The product "${product}" has been withdrawn.`);
      const surface = surfaceOf(principal);
      const wildcard = compiler.wildcard(surface, operation);
      const view =
        wildcard === null
          ? compiler.compile(surface, operation).view
          : wildcard.views.find(({ contract }) => contract.product === product);
      if (view === undefined) throw new SluiceError('NOT_FOUND', `"${product}" has no topics any more that match.`);
      access.authorise(principal, view.contract, 'subscribe');
      return view;
    },
  };

  const { wall } = options;
  const steps = createPlacing({ access, delivery, source, admission, scanned, gateOf, wall });
  const wildcards = createWildcards({ access, compiler, steps, source, wall, clock: options.clock, observe });

  return {
    connect(secret, peer) {
      refuseWhileClosed();
      if (open >= limits.maxConnections)
        throw new SluiceError('CONNECTION_LIMIT', undefined, { details: { retryAfterMs: 5_000 } });
      const principal = access.authenticate(secret, peer.address);
      count(peer.door, 1);
      return new OpenSession(principal, peer.door, sessions);
    },

    async subscribe(session, operation, outlet, signal) {
      refuseWhileClosed();
      const wildcard = compiler.wildcard(session.surface, operation);
      const compiled = wildcard ?? compiler.compile(session.surface, operation);
      // Said before it is too many: it would not be had later either.
      if ('view' in compiled) access.authorise(session.principal, compiled.view.contract, 'subscribe');
      if (delivery.subscriptions - wildcards.surplus + placing >= limits.maxSubscriptions)
        throw new SluiceError('SUBSCRIPTION_LIMIT');
      const stillWanted = (): void => {
        if (signal.aborted) throw new SluiceError('BAD_REQUEST', 'The subscription was given up before it was placed.');
        refuseWhileClosed();
      };
      placing += 1;
      try {
        if ('views' in compiled) return await wildcards.subscribe(session, operation, compiled, outlet, stillWanted);
        const asking = { principal: session.principal, operation };
        const place = await steps.place(asking, compiled);
        try {
          stillWanted();
        } catch (thrown) {
          place.share.release();
          throw thrown;
        }
        return steps.begin(asking, place, outlet);
      } finally {
        placing -= 1;
      }
    },

    look: () => wildcards.look(),
  };
}
