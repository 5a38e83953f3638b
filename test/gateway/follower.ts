/** A subscriber as the README's resume code has it: keeps the cursor of its last event and comes back with it. */
import type { Client } from 'graphql-ws';

interface Shown {
  readonly cursor: string;
}

export interface GraphqlProblem {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly cursor?: string; readonly [key: string]: unknown };
}

/** How a subscription ended. */
export interface Ending {
  readonly kind: 'complete' | 'errors' | 'closed' | 'stopped';
  readonly errors: readonly GraphqlProblem[];
  readonly close: { readonly code: number; readonly reason: string } | null;
}

/**
 * Subscribes and hands each event to `take`, which returns true to stop. Resolves with how it ended; never rejects.
 */
export function subscribe<T extends Shown>(
  client: Client,
  query: string,
  variables: Record<string, unknown>,
  take: (event: T, extensions: unknown) => boolean | undefined,
): Promise<Ending> {
  return new Promise((resolve) => {
    let stopped = false;
    const stop = client.subscribe<Record<string, T>>(
      { query, variables },
      {
        next({ data, errors, extensions }) {
          if (stopped) return;
          if (errors !== undefined) {
            resolve({ kind: 'errors', errors: errors as readonly GraphqlProblem[], close: null });
            return;
          }
          const event = Object.values(data ?? {})[0];
          if (event !== undefined && take(event, extensions) === true) {
            stopped = true;
            stop();
            resolve({ kind: 'stopped', errors: [], close: null });
          }
        },
        error(thrown) {
          if (Array.isArray(thrown)) resolve({ kind: 'errors', errors: thrown, close: null });
          else {
            const { code = 0, reason = String(thrown) } = thrown as { code?: number; reason?: string };
            resolve({ kind: 'closed', errors: [], close: { code, reason } });
          }
        },
        complete: () => resolve({ kind: 'complete', errors: [], close: null }),
      },
    );
  });
}
