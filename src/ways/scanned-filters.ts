/** The bound on filters that the match index cannot tell apart, each of which costs something for every event of its product. */
import { SluiceError } from '../core/errors.ts';
import { isSelective } from '../core/routing/index.ts';
import type { View } from '../core/view/index.ts';

/** The share of one subscription, being placed or live. */
export interface Scanned {
  /** The subscription goes on with this view. Errors: SUBSCRIPTION_LIMIT; nothing is held then. */
  change(view: View): void;
  /** Idempotent. */
  release(): void;
}

export class ScannedFilters {
  readonly #most: number;
  /** How many subscriptions have each filter, by application and product. */
  readonly #held = new Map<string, Map<string, number>>();

  /** `most`: distinct filters of one application on one product. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Errors: SUBSCRIPTION_LIMIT. */
  take(application: string, view: View): Scanned {
    let drop = this.#hold(application, view);
    const release = (): void => {
      drop();
      drop = nothing;
    };
    return {
      change: (next) => {
        release();
        drop = this.#hold(application, next);
      },
      release,
    };
  }

  #hold(application: string, { contract, filter }: View): () => void {
    if (isSelective(filter, contract)) return nothing;
    const place = `${application}\n${contract.product}`;
    const filters = this.#held.get(place) ?? new Map<string, number>();
    if (!filters.has(filter.key) && filters.size >= this.#most) throw this.#refusal(contract.product);
    this.#held.set(place, filters);
    filters.set(filter.key, (filters.get(filter.key) ?? 0) + 1);
    return () => {
      const others = (filters.get(filter.key) ?? 0) - 1;
      if (others > 0) filters.set(filter.key, others);
      else filters.delete(filter.key);
      if (filters.size === 0) this.#held.delete(place);
    };
  }

  #refusal(product: string): SluiceError {
    const message =
      `Too many different filters on "${product}" that neither a topic nor an equality narrows; at most ${this.#most}: ` +
      'add an equality (eq, in) that must hold to "where", or a "topic" that names a level which not all topics have.';
    return new SluiceError('SUBSCRIPTION_LIMIT', message);
  }
}

function nothing(): void {}
