export interface BackoffOptions {
  /** The longest delay of the first attempt. Default: 250 ms. */
  readonly minDelayMs?: number;
  /** The longest delay of any attempt. Default: 30 s. */
  readonly maxDelayMs?: number;
}

/** How long to wait before an attempt: exponential, with full jitter, so that many clients do not come back in step. */
export class Backoff {
  /** Attempts since something arrived. */
  attempt = 0;
  readonly #minMs: number;
  readonly #maxMs: number;

  constructor({ minDelayMs = 250, maxDelayMs = 30_000 }: BackoffOptions) {
    this.#minMs = minDelayMs;
    this.#maxMs = maxDelayMs;
  }

  /** Something arrived: the next attempt is a first one. */
  reset(): void {
    this.attempt = 0;
  }

  /** In ms. `now` is at once, but only once in a row; `afterMs` is what the gateway asked for, and a little more. */
  next(retry: 'now' | 'later' | null, afterMs: number | undefined): number {
    this.attempt += 1;
    if (retry === 'now' && this.attempt === 1) return 0;
    const spread = Math.random() * Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.attempt - 1, 20));
    return retry === 'later' && afterMs !== undefined ? afterMs + Math.min(spread, afterMs / 10) : spread;
  }
}
