/** The bound on filters that the match index cannot tell apart, each of which costs something for every event of its product. */
import { SluiceError } from '../core/errors.ts';
import { isSelective } from '../core/routing/index.ts';
import type { View } from '../core/view/index.ts';

export class ScannedFilters {
  readonly #most: number;
  /** How many subscriptions have each filter, by application and product. */
  readonly #held = new Map<string, Map<string, number>>();

  /** `most`: distinct filters of one application on one product. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Errors: SUBSCRIPTION_LIMIT. */
  take(application: string, view: View): ScannedShare {
    const share = new ScannedShare(this, application);
    share.change(view);
    return share;
  }

  /** The place that the view's filter takes; null: none. Errors: SUBSCRIPTION_LIMIT. */
  hold(application: string, { contract, filter }: View): Place | null {
    if (isSelective(filter, contract)) return null;
    const name = `${application}\n${contract.product}`;
    const filters = this.#held.get(name) ?? new Map<string, number>();
    if (!filters.has(filter.key) && filters.size >= this.#most) throw this.#refusal(contract.product);
    this.#held.set(name, filters);
    filters.set(filter.key, (filters.get(filter.key) ?? 0) + 1);
    return { name, filter: filter.key };
  }

  drop({ name, filter }: Place): void {
    const filters = this.#held.get(name);
    const others = (filters?.get(filter) ?? 0) - 1;
    if (others > 0) filters?.set(filter, others);
    else filters?.delete(filter);
    if (filters?.size === 0) this.#held.delete(name);
  }

  #refusal(product: string): SluiceError {
    const message =
      `Too many different filters on "${product}" that neither a topic nor an equality narrows; at most ${this.#most}: ` +
      'add an equality (eq, in) that must hold to "where", or a "topic" that names a level which not all topics have.';
    return new SluiceError('SUBSCRIPTION_LIMIT', message);
  }
}

interface Place {
  readonly name: string;
  readonly filter: string;
}

/** The share of one subscription, being placed or live. */
export class ScannedShare {
  readonly #of: ScannedFilters;
  readonly #application: string;
  #place: Place | null = null;

  constructor(of: ScannedFilters, application: string) {
    this.#of = of;
    this.#application = application;
  }

  /** The subscription goes on with this view. Errors: SUBSCRIPTION_LIMIT; nothing is held then. */
  change(view: View): void {
    this.release();
    this.#place = this.#of.hold(this.#application, view);
  }

  /** Idempotent. */
  release(): void {
    if (this.#place !== null) this.#of.drop(this.#place);
    this.#place = null;
  }
}
