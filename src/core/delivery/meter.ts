/**
 * The meter: what was handed over, gathered per view and gate, and told once a tick. Members only add to a tally that they
 * share, so that counting costs a delivery two additions, and asking whether a gate is open one comparison.
 */
import type { View } from '../view/index.ts';
import type { Gate } from './ports.ts';

/** What one gate is to be charged for one view. */
export interface Tally {
  readonly gate: Gate;
  readonly view: View;
  events: number;
  bytes: number;
  /** The tick in which the gate was last asked, and what it said. */
  asked: number;
  admitted: boolean;
}

export class Meter {
  readonly #blame: (what: string, thrown: unknown) => void;
  readonly #tallies = new WeakMap<Gate, WeakMap<View, Tally>>();
  #due: Tally[] = [];
  #tick = 0;

  /** `blame` logs what a gate throws: a gate that fails loses its count, nobody anything else. */
  constructor(blame: (what: string, thrown: unknown) => void) {
    this.#blame = blame;
  }

  /** The tally of a gate and a view: everybody who has both shares it. */
  of(gate: Gate, view: View): Tally {
    let views = this.#tallies.get(gate);
    if (views === undefined) {
      views = new WeakMap();
      this.#tallies.set(gate, views);
    }
    let tally = views.get(view);
    if (tally === undefined) {
      tally = { gate, view, events: 0, bytes: 0, asked: -1, admitted: true };
      views.set(view, tally);
    }
    return tally;
  }

  /** Whether the gate is open; it is asked once a tick. A gate that fails is shut. */
  admits(tally: Tally): boolean {
    if (tally.asked === this.#tick) return tally.admitted;
    tally.asked = this.#tick;
    try {
      tally.admitted = tally.gate.admits();
    } catch (thrown) {
      tally.admitted = false;
      this.#blame('a gate failed', thrown);
    }
    return tally.admitted;
  }

  add(tally: Tally, events: number, bytes: number): void {
    if (tally.bytes === 0) this.#due.push(tally);
    tally.events += events;
    tally.bytes += bytes;
  }

  /** The end of a tick: every gate is told. One that ends subscriptions in answer finds them after what they were handed. */
  settle(): void {
    this.#tick += 1;
    const due = this.#due;
    if (due.length === 0) return;
    this.#due = [];
    for (const tally of due) {
      const { events, bytes } = tally;
      tally.events = 0;
      tally.bytes = 0;
      try {
        tally.gate.charge(tally.view, events, bytes);
      } catch (thrown) {
        this.#blame('charging failed', thrown);
      }
    }
  }
}
