/** One authenticated connection or request, from `connect` to its end. There is one for each idle socket: no closures. */
import type { Access, Listening, Principal } from '../core/access/index.ts';
import type { SluiceError } from '../core/errors.ts';
import type { Surface } from '../core/surface/index.ts';
import type { Session } from './ports.ts';

/** What sessions are opened from. */
export interface SessionHost {
  readonly access: Access;
  surfaceOf(principal: Principal): Surface;
  /** Once for each session, when it is given up. */
  closed(door: string): void;
}

export class OpenSession implements Session {
  readonly principal: Principal;
  readonly #host: SessionHost;
  readonly #door: string;
  #listening: Listening | null = null;
  #live = true;

  constructor(principal: Principal, door: string, host: SessionHost) {
    this.principal = principal;
    this.#door = door;
    this.#host = host;
  }

  get surface(): Surface {
    return this.#host.surfaceOf(this.principal);
  }

  onEnded(ended: (error: SluiceError) => void): void {
    // After its subscriptions, which listen for the same, have been told with their cursors.
    this.#listening = this.#host.access.onPrincipalEnded(this.principal, (error) => queueMicrotask(() => ended(error)));
  }

  close(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#listening?.stop();
    this.#listening = null;
    this.#host.closed(this.#door);
  }
}
