/** Members that try again after a while: all of them together, ever more seldom while nothing comes of it. */
import type { Member } from './member.ts';
import type { Clock } from './ports.ts';

export class Waiting {
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #longestMs: number;
  readonly #wake: (member: Member) => void;
  readonly #members = new Set<Member>();
  #nextMs: number;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, firstMs: number, longestMs: number, wake: (member: Member) => void) {
    this.#clock = clock;
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#wake = wake;
    this.#nextMs = firstMs;
  }

  add(member: Member): void {
    this.#members.add(member);
    this.#cancel ??= this.#clock.after(this.#nextMs, () => {
      this.#cancel = null;
      this.#nextMs = Math.min(this.#nextMs * 2, this.#longestMs);
      const members = [...this.#members];
      this.#members.clear();
      for (const each of members) this.#wake(each);
    });
  }

  /** Leaves no timer behind the last one. */
  delete(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  /** It worked: the next wait is short again. */
  worked(): void {
    this.#nextMs = this.#firstMs;
  }
}
