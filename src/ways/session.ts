/** One authenticated connection or request, from `connect` to its end. */
import type { Access, Principal } from '../core/access/index.ts';
import type { Surface } from '../core/surface/index.ts';
import type { Session } from './ports.ts';

/** `closed` is called once, when the session is given up. */
export function openSession(
  principal: Principal,
  surfaceOf: (principal: Principal) => Surface,
  access: Access,
  closed: () => void,
): Session {
  const listening: (() => void)[] = [];
  let live = true;
  return {
    principal,
    get surface() {
      return surfaceOf(principal);
    },
    onEnded(ended) {
      // After its subscriptions, which listen for the same, have been told with their cursors.
      listening.push(access.onPrincipalEnded(principal, (error) => queueMicrotask(() => ended(error))));
    },
    close() {
      if (!live) return;
      live = false;
      for (const stop of listening.splice(0)) stop();
      closed();
    },
  };
}
