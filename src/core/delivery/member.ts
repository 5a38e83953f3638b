/** One subscription: its view, its socket, and where it stands. */
import type { SluiceError } from '../errors.ts';
import type { Vector } from '../routing/index.ts';
import type { View } from '../view/index.ts';
import type { CursorWriter } from './cursor.ts';
import type { Line, Rider } from './line.ts';
import type { Meter, Tally } from './meter.ts';
import { NONE } from './notices.ts';
import type { Delivered, Notice, SubscribeRequest } from './ports.ts';
import type { Slot } from './window.ts';

/** A slot read from the log for those who are behind. */
export interface Page extends Slot {
  readonly partition: number;
}

/** Where live members stand: in a cohort, whose position is theirs. */
export interface Standing {
  positionOf(member: Member): Vector;
  remove(member: Member): void;
}

/** The feed as its members see it. */
export interface Stream {
  readonly product: string;
  readonly meter: Meter;
  cursorAt(vector: Vector): string;
  /** The member stands outside the live path and may go on: it is served in the next tick. */
  wake(member: Member): void;
  /** The member has ended and is already out of its cohort. */
  forget(member: Member): void;
  /** Logs what went wrong inside a callback. */
  blame(what: string, thrown: unknown): void;
}

export class Member implements Delivered, Rider {
  readonly stream: Stream;
  readonly request: SubscribeRequest;
  readonly line: Line;
  #view: View;
  /** Where it counts: what it shares with everybody who has its view and its gate. */
  #tally: Tally;
  /** Live where not null. */
  cohort: Standing | null = null;
  /** Its place in the cohort's array. */
  index = -1;
  /** Its own position while it stands outside the live path. */
  vector: Vector;
  notices: readonly Notice[];
  /** The version of the feed's interest from which on its filter is contained. */
  interest = 0;
  /** What it was given to read of a partition while it catches up. */
  page: Page | null = null;
  /** Encodes its cursors while it catches up. */
  writer: CursorWriter | null = null;
  /** The partition that is next in turn. */
  turn = 0;
  /** It has been live: from then on `onLag` applies. */
  wasLive = false;
  /** CONFLATE is at work until it is live again. */
  conflating = false;
  /** Told that it is ready; no event before that. */
  ready = false;
  /** An event was handed over since the last look for progress. */
  active = false;
  #last: string | null = null;
  #ending = false;

  constructor(stream: Stream, request: SubscribeRequest, line: Line) {
    this.stream = stream;
    this.request = request;
    this.line = line;
    this.#view = request.operation.view;
    this.#tally = stream.meter.of(request.gate, this.#view);
    this.vector = request.start.vector;
    this.notices = request.notices ?? NONE;
    line.members += 1;
  }

  get view(): View {
    return this.#view;
  }

  set view(view: View) {
    this.#view = view;
    this.#tally = this.stream.meter.of(this.request.gate, view);
  }

  get partner(): string {
    return this.request.gate.partner;
  }

  /** Whether its gate is open in this tick. */
  get admitted(): boolean {
    return this.stream.meter.admits(this.#tally);
  }

  get ended(): boolean {
    return this.#last !== null;
  }

  get position(): Vector {
    return this.cohort === null ? this.vector : this.cohort.positionOf(this);
  }

  get cursor(): string {
    return this.#last ?? this.stream.cursorAt(this.position);
  }

  /** Leaves the live path at a position; whoever calls sees to it that it is woken. */
  stepOut(position: Vector): void {
    this.cohort?.remove(this);
    this.cohort = null;
    this.vector = [...position];
  }

  get id(): Buffer {
    return this.request.outlet.id;
  }

  stall(): void {
    if (this.cohort !== null) this.stepOut(this.position);
  }

  wake(): void {
    this.stream.wake(this);
  }

  blame(what: string, thrown: unknown): void {
    this.stream.blame(what, thrown);
  }

  notify(notice: Notice): void {
    if (this.ended) return;
    const others = this.notices.filter(({ code, product }) => code !== notice.code || product !== notice['product']);
    this.notices = [...others, notice];
  }

  end(error: SluiceError | null): void {
    this.endAt(error, null);
  }

  /** `details` are made from where it stands, for errors that say more than the cursor. */
  endAt(error: SluiceError | null, details: ((position: Vector) => SluiceError) | null): void {
    if (this.ended || this.#ending) return;
    this.#ending = true;
    // Frames that wait for this tick's one write go before the end, and the cursor says so.
    this.line.flush();
    const { position } = this;
    const final = details === null ? error : details(position);
    this.#last = this.stream.cursorAt(position);
    this.cohort?.remove(this);
    this.cohort = null;
    this.vector = [];
    this.notices = NONE;
    this.page = null;
    this.writer = null;
    this.line.members -= 1;
    this.line.forget(this);
    this.stream.forget(this);
    try {
      this.request.outlet.ended(final === null ? null : final.with({ cursor: this.#last }));
    } catch (thrown) {
      this.blame('a door failed to end a subscription', thrown);
    }
  }

  /** What the door is told besides events; a door that throws loses the subscription, nobody else anything. */
  tell(kind: 'ready' | 'progress'): void {
    try {
      this.request.outlet[kind](this.cursor);
    } catch (thrown) {
      this.blame(`a door failed at ${kind}`, thrown);
      this.end(null);
    }
  }

  /** So many events were handed to its sink. */
  count(events: number, bytes: number): void {
    this.active = true;
    this.stream.meter.add(this.#tally, events, bytes);
  }
}
