import type { Store } from './store.ts';

/** A lease taken further in the future than this was taken before the clock was set back, by somebody who may be dead. */
const clockStepMs = 60_000;

/** Held by at most one holder at a time, across processes, until it runs out. For efficiency, as all leases here: never for correctness. */
export interface Lease {
  /** Takes the lease or prolongs it by its time to live. False while another holds it. Errors: UNAVAILABLE. */
  acquire(): Promise<boolean>;
  /** Gives it up, if held. */
  release(): Promise<void>;
}

/** `now`: milliseconds of the clock that all processes of the machine share. */
export function createLease(store: Store, name: string, holder: string, ttlMs: number, now: () => number): Lease {
  return {
    acquire: () =>
      store.write(function* (connection) {
        const at = now();
        const { changes } = connection
          .sql(
            `INSERT INTO lease(name, holder, taken, expires) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT(name) DO UPDATE SET holder = ?2, taken = ?3, expires = ?4
             WHERE holder = ?2 OR expires <= ?3 OR taken > ?3 + ${clockStepMs}`,
          )
          .run(name, holder, at, at + ttlMs);
        return Number(changes) > 0;
      }),
    release: () =>
      store.write(function* (connection) {
        connection.sql('DELETE FROM lease WHERE name = ? AND holder = ?').run(name, holder);
      }),
  };
}
