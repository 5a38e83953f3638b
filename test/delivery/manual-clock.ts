/** A clock that the test turns: nothing happens on its own. */
import type { Clock } from '../../src/core/delivery/index.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  #order = 0;
  #soon: (() => void)[] = [];
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  soon(task: () => void): void {
    this.#soon.push(task);
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + ms, order: this.#order++, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  get idle(): boolean {
    return this.#soon.length === 0;
  }

  /** One turn: what was asked for before it. */
  turn(): void {
    const tasks = this.#soon;
    this.#soon = [];
    for (const task of tasks) task();
  }

  /** Turns until nothing is left to do, promises included. */
  async settle(): Promise<void> {
    for (let quiet = 0, turns = 0; quiet < 3; turns++) {
      if (turns > 100_000) throw new Error('it never settles');
      await drained();
      quiet = this.idle ? quiet + 1 : 0;
      this.turn();
    }
  }

  /** Lets time pass, timers in order, everything settled in between. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.settle();
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined || next.at > until) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.task();
      await this.settle();
    }
    this.#now = until;
  }
}

/** Every promise that can settle has. */
async function drained(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}
