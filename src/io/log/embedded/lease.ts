import type { Store } from './store.ts';

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
        // A lease that ends later than anybody could have asked for comes from a clock that was set back since.
        const { changes } = connection
          .sql(
            `INSERT INTO lease(name, holder, expires) VALUES (?1, ?2, ?3 + ?4)
             ON CONFLICT(name) DO UPDATE SET holder = ?2, expires = ?3 + ?4 WHERE holder = ?2 OR expires <= ?3 OR expires > ?3 + ?4 + ?4`,
          )
          .run(name, holder, at, ttlMs);
        return Number(changes) > 0;
      }),
    release: () =>
      store.write(function* (connection) {
        connection.sql('DELETE FROM lease WHERE name = ? AND holder = ?').run(name, holder);
      }),
  };
}
