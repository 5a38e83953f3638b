/**
 * The request's way (cold), as a list of steps:
 *
 *   connect -> authenticate -> authorise -> compile the view -> admit -> position -> subscribe
 */
import type { Access, Principal } from '../core/access/index.ts';
import type { Contract } from '../core/contract/index.ts';
import type { Delivery, Notice } from '../core/delivery/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { Observe } from '../core/observe.ts';
import type { Source } from '../core/routing/index.ts';
import { createSurface, type Surface, type SurfaceHandlers } from '../core/surface/index.ts';
import type { Compiler } from '../core/view/index.ts';
import { type Admission, Admitted } from './admitted.ts';
import { createGates } from './event.ts';
import type { RequestWay } from './ports.ts';
import { namedPosition, positionOf } from './position.ts';
import { ScannedFilters } from './scanned-filters.ts';
import { OpenSession, type SessionHost } from './session.ts';

export interface RequestWayOptions {
  readonly access: Access;
  readonly delivery: Delivery;
  readonly source: Source;
  readonly compiler: Compiler;
  readonly handlers: SurfaceHandlers;
  readonly observe: Observe;
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

const NO_NOTICES: readonly Notice[] = [];

export function createRequestWay(options: RequestWayOptions): RequestWay {
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
      const { view } = compiler.compile(surfaceOf(principal), operation);
      access.authorise(principal, view.contract, 'subscribe');
      return view;
    },
  };

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
      const compiled = compiler.compile(session.surface, operation);
      const { contract } = compiled.view;
      const wall = options.wall();
      const named = namedPosition(operation, compiled.from, wall);
      const grant = access.authorise(session.principal, contract, 'subscribe');
      if (delivery.subscriptions + placing >= limits.maxSubscriptions) throw new SluiceError('SUBSCRIPTION_LIMIT');
      const share = scanned.take(session.principal.application.id, compiled.view);
      placing += 1;
      try {
        const { from, view } = compiled;
        const position = await positionOf(source, { contract, from, wall, matches: view.matches, ...named });
        if (signal.aborted) throw new SluiceError('BAD_REQUEST', 'The subscription was given up before it was placed.');
        refuseWhileClosed();
        // Access may have ended while the position was looked up.
        access.authorise(session.principal, contract, 'subscribe');
        const admitted = new Admitted(admission, session.principal, operation, outlet, {
          operation: compiled,
          start: position.placement,
          notices: position.short === null ? NO_NOTICES : [short(position.short)],
          gate: gateOf(grant),
          share,
        });
        const subscription = delivery.subscribe(admitted);
        admitted.bind(subscription, grant);
        return subscription;
      } catch (thrown) {
        share.release();
        throw thrown;
      } finally {
        placing -= 1;
      }
    },
  };
}

function short(found: number): { readonly code: 'SHORT'; readonly message: string; readonly found: number } {
  return { code: 'SHORT', message: `The bounded look-back ended after ${found} matching events.`, found };
}
