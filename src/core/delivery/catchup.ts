/**
 * Catching up: subscriptions outside the live path, each at its own position. They are served from the window where it holds
 * their position, else from the log, chunk by chunk with the socket's back-pressure and partitions in turn, and join the live
 * path again when every partition stands exactly at its edge.
 */
import type { PublicEvent } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import type { Scan } from '../routing/index.ts';
import { Chunk } from './chunk.ts';
import { drop, lagBytes, newestPerKey } from './lag.ts';
import { LargeMessages } from './large.ts';
import type { LivePath } from './live.ts';
import type { Member } from './member.ts';
import { NONE } from './notices.ts';
import type { Clock, Template } from './ports.ts';
import type { Replay, ReplayWaiter } from './replay.ts';
import { Turns } from './turns.ts';
import { Waiting } from './waiting.ts';
import type { Ring, Slot } from './window.ts';

export interface CatchUpHooks {
  readonly product: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly maxLagBytes: number;
  /** Asks for a run in the next tick. */
  schedule(): void;
  /** Makes a vector as long as the edge; false where the first positions of new partitions are not known yet: the member is woken when they are. */
  extend(member: Member): boolean;
  /** The log cannot give what the member wants: it ends. */
  lost(member: Member, error: SluiceError): void;
  handed(member: Member, events: number, bytes: number): void;
  blame(what: string, thrown: unknown): void;
}

/** Events of one partition before the next one's turn. */
const SLICE = 64;
/** Most events that one subscription examines in a turn. */
const TURN = 2_048;
/** How often a shut gate is asked again. */
const ASK_MS = 100;
const RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

export class CatchUp {
  readonly #live: LivePath;
  readonly #rings: readonly Ring[];
  readonly #replay: Replay;
  readonly #hooks: CatchUpHooks;
  readonly #large = new LargeMessages();
  /** Those who may go on; partners take turns. */
  readonly #queue = new Turns<Member>();
  /** Those who wait for a page. */
  readonly #reading = new Map<Member, ReplayWaiter>();
  /** Those who have all there is, and stand ahead of the edge somewhere. */
  readonly #ahead = new Set<Member>();
  /** Those for whom the source has nothing now. */
  readonly #later: Waiting;
  /** Those whose gates are shut. */
  readonly #shut: Waiting;

  constructor(live: LivePath, rings: readonly Ring[], replay: Replay, hooks: CatchUpHooks) {
    this.#live = live;
    this.#rings = rings;
    this.#replay = replay;
    this.#hooks = hooks;
    this.#later = new Waiting(hooks.clock, RETRY_MS, MAX_RETRY_MS, (member) => this.wake(member));
    this.#shut = new Waiting(hooks.clock, ASK_MS, ASK_MS, (member) => this.wake(member));
  }

  /** The member is served in the next run. */
  wake(member: Member): void {
    if (member.ended || member.cohort !== null || this.#reading.has(member)) return;
    this.#ahead.delete(member);
    this.#queue.add(member.partner, member);
    this.#hooks.schedule();
  }

  /** The edge moved: those who stood ahead of it look again. */
  moved(): void {
    for (const member of [...this.#ahead]) this.wake(member);
  }

  forget(member: Member): void {
    this.#queue.delete(member.partner, member);
    this.#ahead.delete(member);
    this.#later.delete(member);
    this.#shut.delete(member);
    this.#stopReading(member);
  }

  /** Its view changed: what it was given to read is of no use. */
  reset(member: Member): void {
    member.page = null;
    member.writer = null;
    this.#stopReading(member);
    this.wake(member);
  }

  /** Serves those whose turn it is, at most about `budget` examined events; returns how many were. */
  run(budget: number): number {
    let examined = 0;
    for (let turns = this.#queue.size; turns > 0 && examined < budget; turns--) {
      const member = this.#queue.take();
      if (member === undefined) break;
      examined += this.#serve(member);
    }
    if (this.#queue.size > 0) this.#hooks.schedule();
    return examined;
  }

  /** onLag of those whose sockets have not drained: they cannot be asked when they come, for they may never. */
  endLaggards(members: Iterable<Member>): void {
    for (const member of members) {
      if (member.cohort === null && this.#overdue(member)) member.end(new SluiceError('LAGGED'));
    }
  }

  #overdue(member: Member): boolean {
    return member.wasLive && lagBytes(member.vector, this.#rings) > this.#hooks.maxLagBytes;
  }

  #serve(member: Member): number {
    if (member.ended || member.cohort !== null || !member.ready) return 0;
    member.line.flush();
    if (member.ended) return 0;
    if (member.line.held) {
      member.page = null;
      member.line.wait(member);
      return 0;
    }
    if (!member.admitted) {
      this.#shut.add(member);
      return 0;
    }
    if (!this.#hooks.extend(member)) return 0;
    if (!this.#applyPolicy(member)) return 0;
    return this.#chunk(member);
  }

  #applyPolicy(member: Member): boolean {
    const { onLag } = member.request.operation;
    if (onLag === 'CATCH_UP' || member.conflating || !this.#overdue(member)) return true;
    if (onLag === 'CONFLATE') member.conflating = true;
    else if (onLag === 'DROP') drop(member, this.#live.vector);
    else member.end(new SluiceError('LAGGED'));
    return !member.ended;
  }

  /** One chunk for one member: gather, hand over, and see what comes next. */
  #chunk(member: Member): number {
    const edge = this.#live.vector;
    const next = [...member.vector];
    const chunk = new Chunk(member, this.#hooks.incarnation, this.#hooks.maxLagBytes, this.#large);
    let examined = 0;
    let unread = -1;
    let failure: unknown = null;
    let partition = member.turn % Math.max(1, edge.length);
    for (
      let idle = 0;
      idle < edge.length && !chunk.full && examined < TURN;
      partition = (partition + 1) % edge.length
    ) {
      const at = next[partition] as number;
      const slot = at < (edge[partition] as number) ? this.#slot(member, partition, at) : null;
      if (slot === null) {
        if (at < (edge[partition] as number) && unread < 0) unread = partition;
        idle += 1;
        continue;
      }
      idle = 0;
      try {
        examined += member.conflating
          ? this.#conflate(member, next, partition, chunk)
          : this.#slice(member, next, partition, slot, chunk);
      } catch (thrown) {
        failure = thrown ?? new Error('a view failed');
        break;
      }
    }
    member.turn = partition;
    if (!this.#hand(member, chunk, next)) return examined;
    if (failure !== null) {
      this.#fail(member, 'a view failed on an event', failure);
    } else if (chunk.full || examined >= TURN) {
      this.wake(member);
    } else if (unread >= 0) {
      this.#read(member, unread);
    } else {
      this.#settle(member);
    }
    return examined;
  }

  /** True where the member may go on at once. */
  #hand(member: Member, chunk: Chunk, next: number[]): boolean {
    if (chunk.events === 0) {
      member.vector = next;
      return true;
    }
    let template: Template;
    try {
      template = chunk.template();
    } catch (thrown) {
      this.#fail(member, 'a view failed on a chunk', thrown);
      return false;
    }
    const { bytes, shared } = template;
    const size = bytes.length + (shared?.length ?? 0);
    const outcome = member.line.write(member, bytes, shared);
    if (member.ended) return false;
    if (outcome === 'closed') {
      member.end(null);
      return false;
    }
    member.vector = next;
    member.notices = NONE;
    if (outcome === 'held') member.page = null;
    this.#hooks.handed(member, chunk.events, size);
    member.count(chunk.events, size);
    return outcome === 'taken' && !member.ended;
  }

  /** Examines a slice of a slot. `next` follows event by event, so that it is right when the view throws. */
  #slice(member: Member, next: number[], partition: number, slot: Slot, chunk: Chunk): number {
    const to = Math.min(slot.to, this.#live.vector[partition] as number);
    const { events } = slot;
    let examined = 0;
    for (let i = firstAt(events, next[partition] as number); i < events.length; i++) {
      const event = events[i] as PublicEvent;
      if (event.offset >= to) break;
      if (examined >= SLICE || chunk.full) return examined;
      if (event.offset < (next[partition] as number)) continue;
      examined += 1;
      if (member.view.matches(event) && !chunk.add(event, next)) return examined;
      next[partition] = event.offset + 1;
    }
    next[partition] = to;
    return examined + 1;
  }

  /** As a slice, over as many slots as there are within bounds; of each key only the newest event is sent. */
  #conflate(member: Member, next: number[], partition: number, chunk: Chunk): number {
    const edge = this.#live.vector[partition] as number;
    const matching: PublicEvent[] = [];
    let examined = 0;
    let bytes = 0;
    let at = next[partition] as number;
    while (at < edge && examined < TURN && bytes < this.#hooks.maxLagBytes) {
      const slot = this.#slot(member, partition, at);
      if (slot === null) break;
      const to = Math.min(slot.to, edge);
      for (let i = firstAt(slot.events, at); i < slot.events.length; i++) {
        const event = slot.events[i] as PublicEvent;
        if (event.offset >= to) break;
        examined += 1;
        if (member.view.matches(event)) matching.push(event);
      }
      bytes += slot.bytes;
      at = to;
    }
    let passed = 0;
    for (const event of newestPerKey(matching)) {
      // What is not sent now is read again, superseded events and all: nothing is kept for a subscriber.
      if (chunk.full || !chunk.add(event, next)) break;
      next[partition] = event.offset + 1;
      passed += 1;
    }
    if (!chunk.full) next[partition] = at;
    const examinedUntil = next[partition] as number;
    chunk.superseded += matching.filter((event) => event.offset < examinedUntil).length - passed;
    return examined + 1;
  }

  #slot(member: Member, partition: number, position: number): Slot | null {
    const { projection } = member.view.contract;
    const slot = this.#rings[partition]?.find(position) ?? null;
    if (slot !== null && slot.projection === projection && isCovered(slot, member)) return slot;
    const { page } = member;
    if (page === null || page.partition !== partition || page.projection !== projection) return null;
    return page.from <= position && position < page.to ? page : null;
  }

  #read(member: Member, partition: number): void {
    const { product, incarnation } = this.#hooks;
    const waiter: ReplayWaiter = {
      page: (scan: Scan) => {
        if (!this.#answered(member, waiter)) return;
        this.#later.worked();
        const { from, to, projection, interest, events, bytes } = scan;
        member.page = { partition, from, to, projection, interest, events, bytes };
        this.wake(member);
      },
      later: () => {
        if (this.#answered(member, waiter)) this.later(member);
      },
      failed: (error) => {
        if (this.#answered(member, waiter)) this.#hooks.lost(member, error);
      },
    };
    member.page = null;
    this.#reading.set(member, waiter);
    const position = member.vector[partition] as number;
    const to = this.#live.vector[partition] as number;
    this.#replay.request(
      {
        product,
        incarnation,
        partition,
        position,
        to,
        projection: member.view.contract.projection,
        partner: member.partner,
      },
      waiter,
    );
  }

  #answered(member: Member, waiter: ReplayWaiter): boolean {
    if (this.#reading.get(member) !== waiter) return false;
    this.#reading.delete(member);
    return true;
  }

  #stopReading(member: Member): void {
    const waiter = this.#reading.get(member);
    if (waiter === undefined) return;
    this.#reading.delete(member);
    this.#replay.cancel(waiter);
  }

  /** The member is woken after a while: what it needs cannot be had now. */
  later(member: Member): void {
    this.#later.add(member);
  }

  /** It has all that lies before the edge: it joins, or waits where it stands ahead. */
  #settle(member: Member): void {
    const edge = this.#live.vector;
    const { vector } = member;
    if (vector.length !== edge.length || vector.some((position, partition) => position !== edge[partition])) {
      this.#ahead.add(member);
      return;
    }
    member.page = null;
    member.writer = null;
    this.#live.join(member);
  }

  #fail(member: Member, what: string, thrown: unknown): void {
    this.#hooks.blame(what, thrown);
    member.end(new SluiceError('INTERNAL', undefined, { cause: thrown }));
  }
}

/** What was read under an earlier interest says nothing about a filter that it did not contain. */
function isCovered({ interest }: Slot, member: Member): boolean {
  return interest === 0 || interest >= member.interest;
}

/** Index of the first event at or after the offset. */
function firstAt(events: readonly PublicEvent[], offset: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle] as PublicEvent).offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
