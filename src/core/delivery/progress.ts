/** Who is due for a word of progress: a wheel of slots, one of which comes up at a time, so that no subscription needs a timer. */
import type { Member } from './member.ts';
import type { Clock } from './ports.ts';

const SLOTS = 10;

export class ProgressWheel {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #look: (members: Iterable<Member>) => void;
  readonly #slots: readonly Set<Member>[] = Array.from({ length: SLOTS }, () => new Set<Member>());
  readonly #slotOf = new Map<Member, Set<Member>>();
  #at = 0;
  #cancel: (() => void) | null = null;

  /** Every member comes up once in `periodMs`. */
  constructor(clock: Clock, periodMs: number, look: (members: Iterable<Member>) => void) {
    this.#clock = clock;
    this.#stepMs = periodMs / SLOTS;
    this.#look = look;
  }

  /** It first comes up a whole period from now. */
  add(member: Member): void {
    const slot = this.#slots[this.#at] as Set<Member>;
    slot.add(member);
    this.#slotOf.set(member, slot);
    this.#start();
  }

  delete(member: Member): void {
    this.#slotOf.get(member)?.delete(member);
    this.#slotOf.delete(member);
    if (this.#slotOf.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #start(): void {
    if (this.#cancel !== null) return;
    this.#cancel = this.#clock.after(this.#stepMs, () => {
      this.#cancel = null;
      this.#at = (this.#at + 1) % SLOTS;
      this.#start();
      this.#look([...(this.#slots[this.#at] as Set<Member>)]);
    });
  }
}
