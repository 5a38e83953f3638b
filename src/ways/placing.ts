/** The last steps of the request's way, for one product: admit -> position -> subscribe. */
import type { Access, Grant, Principal } from '../core/access/index.ts';
import type { Delivered, Delivery, Gate, Notice, Outlet } from '../core/delivery/index.ts';
import type { Position, Source } from '../core/routing/index.ts';
import type { CompiledOperation, Operation, StreamOperation } from '../core/view/index.ts';
import { type Admission, Admitted } from './admitted.ts';
import { namedPosition, positionOf } from './position.ts';
import type { ScannedFilters, ScannedShare } from './scanned-filters.ts';

export interface Asking {
  readonly principal: Principal;
  /** As it was asked. */
  readonly operation: Operation | StreamOperation;
}

/** A subscription that may begin: begin it, or release its share. */
export interface Place {
  readonly compiled: CompiledOperation;
  readonly position: Position;
  readonly share: ScannedShare;
}

export interface Placing {
  /** Errors: those of RequestWay.subscribe. Nothing is held then. `found`: where its position is looked up with others'. */
  place(asking: Asking, compiled: CompiledOperation, found?: Promise<Position>): Promise<Place>;
  /** Throws, holding nothing, where access has ended while the position was looked up. */
  begin(asking: Asking, place: Place, outlet: Outlet, notices?: readonly Notice[]): Delivered;
}

const NO_NOTICES: readonly Notice[] = [];

export function createPlacing(options: {
  readonly access: Access;
  readonly delivery: Delivery;
  readonly source: Source;
  readonly admission: Admission;
  readonly scanned: ScannedFilters;
  readonly gateOf: (grant: Grant) => Gate;
  readonly wall: () => number;
}): Placing {
  const { access, delivery, source, admission, scanned, gateOf } = options;
  return {
    async place({ principal, operation }, compiled, found) {
      const { from, view } = compiled;
      const { contract } = view;
      const wall = options.wall();
      const named = namedPosition(operation, from, wall);
      access.authorise(principal, contract, 'subscribe');
      const share = scanned.take(principal.application.id, view);
      try {
        const position = await (found ?? positionOf(source, { contract, from, wall, matches: view.matches, ...named }));
        return { compiled, position, share };
      } catch (thrown) {
        share.release();
        throw thrown;
      }
    },

    begin({ principal, operation }, { compiled, position, share }, outlet, notices = NO_NOTICES) {
      try {
        const grant = access.authorise(principal, compiled.view.contract, 'subscribe');
        const admitted = new Admitted(admission, principal, operation, outlet, {
          operation: compiled,
          start: position.placement,
          notices: position.short === null ? notices : [...notices, short(position.short)],
          gate: gateOf(grant),
          share,
        });
        const subscription = delivery.subscribe(admitted);
        admitted.bind(subscription, grant);
        return subscription;
      } catch (thrown) {
        share.release();
        throw thrown;
      }
    },
  };
}

function short(found: number): Notice {
  return { code: 'SHORT', message: `The bounded look-back ended after ${found} matching events.`, found };
}
