/**
 * A feed: one product in one incarnation, with its one source tail, its part of the window, the live path and those who catch up.
 * It opens with its first subscription and lingers after its last, so that a resume soon after finds the window warm.
 */
import { asSluiceError, SluiceError } from '../errors.ts';
import type { Observe } from '../observe.ts';
import type { Placement, Scan, Source, SourceHandler, SourceTail, Vector } from '../routing/index.ts';
import { OperationError } from '../view/index.ts';
import { CatchUp } from './catchup.ts';
import type { Cohort } from './cohort.ts';
import { CursorWriter } from './cursor.ts';
import { expiredFor } from './expired.ts';
import { FeedInterest } from './feed-interest.ts';
import { LivePath } from './live.ts';
import type { Member, Stream } from './member.ts';
import type { Meter } from './meter.ts';
import { deprecatedNotice } from './notices.ts';
import { Partitions } from './partitions.ts';
import type { Clock } from './ports.ts';
import type { Replay } from './replay.ts';
import type { Window } from './window.ts';

/** What all feeds share. */
export interface Plant {
  readonly source: Source;
  readonly clock: Clock;
  readonly observe: Observe;
  readonly window: Window;
  readonly replay: Replay;
  readonly maxLagBytes: number;
  readonly lingerMs: number;
  readonly meter: Meter;
  /** Deliveries are not allowed now. */
  readonly held: boolean;
  /** Asks for a tick. */
  schedule(): void;
  /** Writes what waits for the tick's one write per socket. */
  flushLines(): void;
  forgotten(member: Member): void;
  closed(feed: Feed): void;
}

const RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

export class Feed implements Stream, SourceHandler {
  readonly product: string;
  readonly incarnation: string;
  readonly meter: Meter;
  readonly members = new Set<Member>();
  readonly #plant: Plant;
  readonly #writer: CursorWriter;
  readonly #live: LivePath;
  readonly #catchUp: CatchUp;
  readonly #partitions = new Partitions();
  readonly #interest: FeedInterest;
  readonly #due = new Set<Cohort>();
  readonly #delivered = new Map<string, (events: number, bytes: number) => void>();
  #endsOnLag = new Set<Member>();
  #unchecked = 0;
  #tail: SourceTail | null = null;
  #closed = false;
  #cancelTimer: (() => void) | null = null;
  #cancelGrowth: (() => void) | null = null;

  constructor(plant: Plant, product: string, name: string, incarnation: string) {
    this.#plant = plant;
    this.product = product;
    this.incarnation = incarnation;
    this.meter = plant.meter;
    this.#writer = new CursorWriter(name, incarnation);
    this.#interest = new FeedInterest(plant.clock, plant.lingerMs);
    const { clock, maxLagBytes } = plant;
    this.#live = new LivePath([], {
      clock,
      maxBytes: maxLagBytes,
      writer: new CursorWriter(name, incarnation),
      behind: (member) => this.wake(member),
      due: (cohort) => this.#batchDue(cohort),
      handed: (cohort, events, bytes) => this.#count(cohort.envelope.name, events, bytes),
      blame: (what, thrown, at) => this.blame(what, thrown, at),
    });
    this.#catchUp = new CatchUp(this.#live, this.#partitions.rings, plant.replay, {
      product,
      incarnation,
      clock,
      maxLagBytes,
      schedule: () => plant.schedule(),
      extend: (member) => this.#extend(member),
      lost: (member, error) => this.#endWith(member, error),
      handed: (member, events, bytes) => this.#count(member.request.outlet.envelope.name, events, bytes),
      blame: (what, thrown) => this.blame(what, thrown),
    });
  }

  /** Live subscriptions; the others catch up. */
  get live(): number {
    return this.#live.size;
  }

  add(member: Member): void {
    this.#noteDeprecation(member);
    this.members.add(member);
    member.interest = this.#interest.add(member.view.filter);
    const { onLag, from } = member.request.operation;
    if (onLag === 'END') this.#endsOnLag.add(member);
    if (this.members.size > 1) return;
    // The first one opens the feed, unless it still lingers.
    if (this.#tail !== null) {
      this.#cancelTimer?.();
      this.#cancelTimer = null;
    } else if (from.kind === 'latest') {
      this.#openAt(member.request.start);
    } else {
      this.#open(RETRY_MS);
    }
  }

  // What its members ask for.

  cursorAt(vector: Vector): string {
    return this.#writer.text(vector);
  }

  wake(member: Member): void {
    this.#catchUp.wake(member);
  }

  forget(member: Member): void {
    this.members.delete(member);
    if (!this.#closed) this.#interest.leave(member.view.filter);
    this.#endsOnLag.delete(member);
    this.#catchUp.forget(member);
    this.#plant.forgotten(member);
    if (this.members.size > 0 || this.#closed) return;
    this.#cancelTimer?.();
    if (this.#tail === null) this.close();
    else this.#cancelTimer = this.#plant.clock.after(this.#plant.lingerMs, () => this.close());
  }

  blame(what: string, thrown: unknown, at?: { readonly partition: number; readonly offset: number }): void {
    const error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    this.#plant.observe.error(what, { product: this.product, ...at, error });
  }

  // What the source tells.

  scan(scan: Scan): void {
    if (this.#closed) return;
    if (scan.incarnation !== this.incarnation) return this.failed(new SluiceError('SOURCE_RESET'));
    const ring = this.#partitions.receive(scan);
    if (ring === null) return;
    const { window } = this.#plant;
    window.push(ring, scan);
    // Nothing is drained while deliveries are held, so the bound is kept here.
    if (this.#plant.held) window.trim();
    this.#unchecked += scan.bytes;
    this.#plant.schedule();
  }

  /** New partitions join every vector at their first offset: that of the first scan, or asked for, since one of them may be silent. */
  grown(partitions: number): void {
    if (this.#closed || partitions <= this.#live.vector.length) return;
    this.#plant.source.extent(this.product).then(
      ({ incarnation, first }) => {
        if (this.#closed || incarnation !== this.incarnation) return;
        this.#partitions.grow(partitions, first);
        this.#plant.schedule();
      },
      () => {
        if (this.#closed) return;
        this.#cancelGrowth?.();
        this.#cancelGrowth = this.#plant.clock.after(RETRY_MS, () => this.grown(partitions));
      },
    );
  }

  failed(error: SluiceError): void {
    if (this.#closed) return;
    this.#plant.observe.warn('a stream ended', { product: this.product, code: error.code });
    this.close();
    for (const member of [...this.members]) this.#endWith(member, error);
  }

  // What the tick does.

  /** Serves the live path with all that arrived. */
  drain(): void {
    for (const cohort of this.#due) cohort.close();
    this.#due.clear();
    const { dirty, rings } = this.#partitions;
    if (dirty.size === 0) return;
    const edge = this.#live.vector;
    this.#partitions.absorb(edge);
    for (const partition of dirty) {
      const ring = rings[partition];
      // One that came early is looked at when those before it are known.
      if (ring === undefined) continue;
      if (ring.floor > (edge[partition] as number)) {
        // A hole in what arrived, or more arrived while held than the window holds: everybody reads it from the log.
        this.#live.demoteAll();
        edge[partition] = ring.floor;
      }
      for (
        let slot = ring.find(edge[partition] as number);
        slot !== null;
        slot = ring.find(edge[partition] as number)
      ) {
        this.#live.examine(slot, partition);
      }
    }
    dirty.clear();
    this.#live.finishRound();
    this.#catchUp.moved();
    if (this.#endsOnLag.size > 0 && this.#unchecked > this.#plant.maxLagBytes / 8) {
      this.#unchecked = 0;
      this.#catchUp.endLaggards([...this.#endsOnLag]);
    }
  }

  catchUp(budget: number): number {
    return this.#catchUp.run(budget);
  }

  /** The contract changed: every subscription goes on at its exact position with its view compiled anew. */
  reload(): void {
    this.#checkIncarnation();
    for (const member of [...this.members]) {
      // One by one: subscriptions that shared a view may see different things under the new contract.
      try {
        const view = member.request.recompile();
        if (view.digest === member.view.digest && view.contract.projection === member.view.contract.projection)
          continue;
        if (member.cohort !== null) member.stepOut(member.position);
        this.#interest.leave(member.view.filter);
        member.view = view;
        member.interest = this.#interest.add(view.filter);
        this.#noteDeprecation(member);
        this.#catchUp.reset(member);
      } catch (thrown) {
        if (thrown instanceof OperationError)
          member.end(new SluiceError('BAD_REQUEST', thrown.message, { cause: thrown }));
        else {
          if (!(thrown instanceof SluiceError)) this.blame('a view could not be compiled anew', thrown);
          this.#endWith(member, asSluiceError(thrown));
        }
      }
    }
  }

  /** Releases tail, window and timers; the members are the caller's to end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#cancelGrowth?.();
    this.#interest.close();
    this.#tail?.close();
    this.#plant.window.drop(this.#partitions.all);
    this.#plant.replay.close(this.product, this.incarnation);
    this.#plant.closed(this);
  }

  #openAt(placement: Placement): void {
    this.#live.vector.push(...placement.vector);
    this.#partitions.open(placement.vector);
    try {
      this.#tail = this.#plant.source.tail(this.product, placement, this, { interest: this.#interest.interest });
    } catch (thrown) {
      // Not from within subscribe: the door has no subscription yet.
      this.#plant.clock.soon(() => this.failed(asSluiceError(thrown)));
      return;
    }
    this.#catchUp.moved();
  }

  /** Live reading begins at the end whoever comes first: history is read with back-pressure, apart. */
  #open(retryMs: number): void {
    this.#plant.source.place(this.product, { kind: 'latest' }).then(
      (placement) => {
        if (this.#closed) return;
        if (placement.incarnation === this.incarnation) this.#openAt(placement);
        else this.failed(new SluiceError('SOURCE_RESET'));
      },
      (thrown: unknown) => {
        if (this.#closed) return;
        const error = asSluiceError(thrown);
        if (error.code !== 'UNAVAILABLE') return this.failed(error);
        this.#cancelTimer = this.#plant.clock.after(retryMs, () => this.#open(Math.min(retryMs * 2, MAX_RETRY_MS)));
      },
    );
  }

  #extend(member: Member): boolean {
    const vector = this.#partitions.extend(member.vector, this.#live.vector.length);
    if (vector === null) this.#learnFirst(member);
    else member.vector = vector;
    return vector !== null;
  }

  /** Placed before the Kafka topic had partitions with which the feed then opened. */
  #learnFirst(member: Member): void {
    this.#plant.source.extent(this.product).then(
      ({ first }) => {
        this.#partitions.learn(first);
        this.wake(member);
      },
      () => {
        if (!member.ended) this.#catchUp.later(member);
      },
    );
  }

  /** The contract may name another Kafka topic now: the offsets of this one mean nothing there. */
  #checkIncarnation(): void {
    this.#plant.source.extent(this.product).then(
      ({ incarnation }) => {
        if (incarnation !== this.incarnation) this.failed(new SluiceError('SOURCE_RESET'));
      },
      // Unreachable or gone: whoever reads finds out, and recompiling tells of a product that went.
      () => {},
    );
  }

  #batchDue(cohort: Cohort): void {
    if (this.#plant.held) {
      this.#due.add(cohort);
      this.#plant.schedule();
      return;
    }
    cohort.close();
    this.#plant.flushLines();
    // The tick tells the gates.
    this.#plant.schedule();
  }

  #noteDeprecation(member: Member): void {
    const notice = deprecatedNotice(member.view.contract);
    if (notice !== null && !member.notices.some(({ code }) => code === 'DEPRECATED'))
      member.notices = [...member.notices, notice];
  }

  #endWith(member: Member, error: SluiceError): void {
    member.endAt(error, (position) => expiredFor(error, position, (vector) => this.cursorAt(vector)));
  }

  #count(door: string, events: number, bytes: number): void {
    let count = this.#delivered.get(door);
    if (count === undefined) {
      const labels = { product: this.product, door };
      const delivered = this.#plant.observe.counter('sluice_events_delivered_total', labels);
      const written = this.#plant.observe.counter('sluice_bytes_delivered_total', labels);
      count = (more, size) => {
        delivered.add(more);
        written.add(size);
      };
      this.#delivered.set(door, count);
    }
    count(events, bytes);
  }
}
