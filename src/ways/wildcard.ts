/**
 * Subscriptions of several products: choose -> place each -> begin all at once, as one. What the subscriber is granted, or what is
 * published, later joins; what is taken away leaves.
 */
import type { Access } from '../core/access/index.ts';
import { type Clock, Joint, type Notice, type Outlet, type Subscription } from '../core/delivery/index.ts';
import { asSluiceError, SluiceError } from '../core/errors.ts';
import type { Observe } from '../core/observe.ts';
import type { Source } from '../core/routing/index.ts';
import type { Surface } from '../core/surface/index.ts';
import {
  type CompiledWildcard,
  type Compiler,
  MAX_PRODUCTS,
  type Operation,
  OperationError,
  type ReplayFrom,
  type StreamOperation,
  type View,
} from '../core/view/index.ts';
import { checkCursor, joined, lastOf, newest, partsOf, placeAll } from './parts.ts';
import type { Asking, Place, Placing } from './placing.ts';
import type { Session } from './ports.ts';

export interface Wildcards {
  /** `stillWanted` throws where it has been given up meanwhile. Errors: those of RequestWay.subscribe. */
  subscribe(
    session: Session,
    operation: Operation | StreamOperation,
    compiled: CompiledWildcard,
    outlet: Outlet,
    stillWanted: () => void,
  ): Promise<Subscription>;
  /** How many more subscriptions delivery has for them than they are. */
  readonly surplus: number;
  /** Contracts have changed. */
  look(): void;
}

/** A subscription as this way keeps it. */
interface Live {
  readonly session: Session;
  readonly asking: Asking;
  readonly joint: Joint;
  /** What it was shown when it was last looked at. */
  surface: Surface | null;
  isLooking: boolean;
  parts: number;
}

const RETRY_MS = 1_000;

export function createWildcards(options: {
  readonly access: Access;
  readonly compiler: Compiler;
  readonly steps: Placing;
  readonly source: Source;
  readonly wall: () => number;
  readonly clock: Clock;
  readonly observe: Observe;
}): Wildcards {
  const { access, compiler, steps, source, clock, observe } = options;
  const all = new Set<Live>();
  let surplus = 0;

  const changed = (live: Live, parts: number): void => {
    surplus += Math.max(0, parts - 1) - Math.max(0, live.parts - 1);
    live.parts = parts;
    if (parts === 0) all.delete(live);
  };

  const begin = ({ asking, joint }: Live, place: Place, notices: readonly Notice[]): void => {
    const { name, product } = place.compiled.view.contract;
    joint.add(name, product, (outlet) => steps.begin(asking, place, outlet, notices));
  };

  /** Looks for products that may join, one after the other. */
  const look = async (live: Live): Promise<void> => {
    const { session, asking, joint } = live;
    while (!joint.ended && live.surface !== session.surface) {
      live.surface = session.surface;
      const compiled = compiledAnew(compiler, live.surface, asking.operation);
      const missing = newest(compiled?.views ?? [], joint.names).filter(
        ({ contract }) => !joint.names.has(contract.name),
      );
      for (const view of missing) {
        if (joint.names.size + joint.left.size >= MAX_PRODUCTS && !joint.left.has(view.contract.name)) continue;
        await join(live, view, compiled as CompiledWildcard);
      }
    }
  };

  const join = async (live: Live, view: View, { onLag }: CompiledWildcard): Promise<void> => {
    const { asking, joint } = live;
    const { product, name } = view.contract;
    const left = joint.left.get(name);
    const from: ReplayFrom = left === undefined ? { kind: 'latest' } : { kind: 'cursor', cursor: left };
    const at = (from: ReplayFrom): Promise<Place> => steps.place(asking, { view, from, onLag, batch: null });
    try {
      let lost: SluiceError | null = null;
      const place = await at(from).catch((thrown: unknown) => {
        lost = asSluiceError(thrown);
        if (left === undefined || lost.code === 'UNAVAILABLE') throw lost;
        return at({ kind: 'latest' });
      });
      if (joint.ended) place.share.release();
      else begin(live, place, [joined(product, left !== undefined, lost)]);
    } catch (thrown) {
      const { code } = asSluiceError(thrown);
      if (joint.ended || code !== 'UNAVAILABLE') return;
      observe.warn('a product cannot join yet', { product, code });
      clock.after(RETRY_MS, () => {
        live.surface = null;
        lookAt(live);
      });
    }
  };

  const lookAt = (live: Live): void => {
    if (live.isLooking) return;
    live.isLooking = true;
    void look(live).finally(() => {
      live.isLooking = false;
    });
  };

  const lookAtAll = (): void => {
    for (const live of all) lookAt(live);
  };
  access.onChanged(lookAtAll);

  return {
    get surplus() {
      return surplus;
    },
    look: lookAtAll,

    async subscribe(session, operation, compiled, outlet, stillWanted) {
      const asking = { principal: session.principal, operation };
      const { surface } = session;
      const asked = partsOf(compiled, operation);
      const found = lastOf(source, asked, operation, options.wall());
      const places = await placeAll(asked, (part, index) => steps.place(asking, part, found[index]));
      try {
        stillWanted();
        checkCursor(places, asked.left);
        // Whatever is not allowed is found before the first begins.
        for (const { compiled: part } of places) access.authorise(session.principal, part.view.contract, 'subscribe');
      } catch (thrown) {
        for (const { share } of places) share.release();
        throw thrown;
      }
      const joint = new Joint(outlet, asked.left, { changed: (parts) => changed(live, parts) });
      const live: Live = { session, asking, joint, surface, isLooking: false, parts: 0 };
      all.add(live);
      for (const [index, place] of places.entries()) begin(live, place, index === 0 ? asked.notices : []);
      return joint;
    },
  };
}

/** null where the operation no longer holds: nothing joins, and what is there goes on. */
function compiledAnew(
  compiler: Compiler,
  surface: Surface,
  operation: Operation | StreamOperation,
): CompiledWildcard | null {
  try {
    return compiler.wildcard(surface, operation);
  } catch (thrown) {
    if (thrown instanceof OperationError || thrown instanceof SluiceError) return null;
    throw thrown;
  }
}
