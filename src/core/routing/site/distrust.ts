/** Which nodes are not asked for a product for a while, because they were silent, refused, or told something that is of no use here. */
import type { StreamClock } from '../stream/index.ts';

const FIRST_MS = 10_000;
const MOST_MS = 300_000;

interface Grudge {
  until: number;
  lastMs: number;
}

export class Distrust {
  readonly #clock: StreamClock;
  readonly #grudges = new Map<string, Grudge>();

  constructor(clock: StreamClock) {
    this.#clock = clock;
  }

  holds(node: string, product: string): boolean {
    const grudge = this.#grudges.get(`${node}\n${product}`);
    return grudge !== undefined && this.#clock.now() < grudge.until;
  }

  /** For longer each time, until they have been good for as long as the last time took. Answers for how many milliseconds. */
  add(node: string, product: string): number {
    const key = `${node}\n${product}`;
    const now = this.#clock.now();
    const before = this.#grudges.get(key);
    if (before !== undefined && now < before.until) return before.until - now;
    const isForgotten = before === undefined || now > before.until + before.lastMs;
    const lastMs = isForgotten ? FIRST_MS : Math.min(before.lastMs * 2, MOST_MS);
    this.#grudges.set(key, { until: now + lastMs, lastMs });
    return lastMs;
  }
}
