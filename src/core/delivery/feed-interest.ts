/** What the subscriptions of a feed want, and what those wanted that left a moment ago: whoever resumes soon finds the window warm. */
import { Interest } from '../routing/index.ts';
import type { Filter } from '../view/index.ts';
import type { Clock } from './ports.ts';

export class FeedInterest {
  readonly interest = new Interest();
  readonly #clock: Clock;
  readonly #lingerMs: number;
  /** In order of leaving. */
  readonly #leaving: { readonly filter: Filter; readonly at: number }[] = [];
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, lingerMs: number) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /** The version from which on the filter is contained. */
  add(filter: Filter): number {
    return this.interest.add(filter);
  }

  leave(filter: Filter): void {
    this.#leaving.push({ filter, at: this.#clock.now() + this.#lingerMs });
    this.#cancel ??= this.#clock.after(this.#lingerMs, () => this.#sweep());
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #sweep(): void {
    const now = this.#clock.now();
    const first = this.#leaving.findIndex(({ at }) => at > now);
    for (const { filter } of this.#leaving.splice(0, first < 0 ? this.#leaving.length : first))
      this.interest.remove(filter);
    const [next] = this.#leaving;
    this.#cancel = next === undefined ? null : this.#clock.after(next.at - now, () => this.#sweep());
  }
}
