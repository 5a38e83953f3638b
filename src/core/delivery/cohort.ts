/**
 * A cohort: live subscriptions with the same view, envelope and id length, whose positions are therefore equal. What it has to
 * say is framed once; each member's id is patched into the frames as they are written.
 */
import type { PublicEvent } from '../contract/index.ts';
import type { Vector } from '../routing/index.ts';
import type { View } from '../view/index.ts';
import { fill } from './line.ts';
import type { Member, Standing } from './member.ts';
import { NONE } from './notices.ts';
import { type Clock, type Envelope, LARGE_PAYLOAD, type Notice, type Outcome, type Template } from './ports.ts';

/** What a cohort needs of the feed whose live edge it stands at. */
export interface LiveEdge {
  /** The next position of each partition; moves in place, and grows. */
  readonly vector: number[];
  readonly clock: Clock;
  /** About how many bytes one round hands to a member. */
  readonly roundBytes: number;
  /** A subscription left the live path: one live subscription less. */
  left(): void;
  /** A subscription that left is to be served from where it stands, unless it waits for its socket. */
  behind(member: Member): void;
  /** A batch has waited long enough. */
  due(cohort: Cohort): void;
  /** Nobody is left. */
  emptied(cohort: Cohort): void;
  handed(cohort: Cohort, events: number, bytes: number): void;
  /** The view or envelope threw: the members end with INTERNAL at their positions. */
  broken(cohort: Cohort, thrown: unknown): void;
}

export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxDelayMs: number;
}

/** Batches never hold more, whatever the client would take. */
const MAX_BATCH_EVENTS = 1000;

/** null for views whose events are messages of their own. */
export function batchOf(member: Member): BatchLimits | null {
  if (member.view.kind === 'stream') return null;
  const { maxEvents, maxDelayMs } = member.request.operation.batch ?? { maxEvents: 100, maxDelayMs: 100 };
  return { maxEvents: Math.max(1, Math.min(maxEvents, MAX_BATCH_EVENTS)), maxDelayMs };
}

export class Cohort implements Standing {
  readonly key: string;
  readonly view: View;
  readonly envelope: Envelope;
  readonly #idLength: number;
  readonly #batch: BatchLimits | null;
  readonly #edge: LiveEdge;
  readonly #members: (Member | null)[] = [];
  #size = 0;
  /** Messages of this round, and what they are about. */
  #payloads: string[] = [];
  #cursors: string[] = [];
  #events = 0;
  #chars = 0;
  #large = false;
  /** Where members stand who have not been handed this round's messages; null while there are none. */
  #before: Vector | null = null;
  /** While it hands them over: members before this index have them. */
  #reached = -1;
  /** Events of the batch that is being collected, and the position before the first of them. */
  #collected: PublicEvent[] = [];
  #collectedCursors: string[] = [];
  #base: Vector | null = null;
  #cancel: (() => void) | null = null;

  constructor(key: string, first: Member, edge: LiveEdge) {
    const { outlet } = first.request;
    this.key = key;
    this.view = first.view;
    this.envelope = outlet.envelope;
    this.#idLength = outlet.id.length;
    this.#batch = batchOf(first);
    this.#edge = edge;
  }

  /** Tells the cohorts of one view apart. */
  static keyOf(member: Member): string {
    const { outlet } = member.request;
    const batch = batchOf(member);
    return `${outlet.envelope.name} ${outlet.envelope.own ?? ''} ${outlet.id.length} ${batch === null ? '' : `${batch.maxEvents}/${batch.maxDelayMs}`}`;
  }

  get size(): number {
    return this.#size;
  }

  /** Characters and messages that wait to be handed over: a round ends when they are many. */
  get full(): boolean {
    return this.#payloads.length >= 256 || this.#chars >= this.#edge.roundBytes || this.#large;
  }

  /** The member stands at the live edge, as everybody does once the cohort has been closed. */
  add(member: Member): void {
    member.cohort = this;
    member.index = this.#members.push(member) - 1;
    this.#size += 1;
  }

  remove(member: Member): void {
    const { index } = member;
    this.#edge.left();
    this.#size -= 1;
    member.index = -1;
    if (this.#reached >= 0) {
      // Indexes stand still while it hands over; the hole is closed afterwards.
      this.#members[index] = null;
      return;
    }
    const last = this.#members.pop();
    if (last !== undefined && last !== null && last !== member) {
      this.#members[index] = last;
      last.index = index;
    }
    this.#emptied();
  }

  positionOf(member: Member): Vector {
    if (this.#before !== null && member.index >= this.#reached) return this.#before;
    return this.#base ?? this.#edge.vector;
  }

  /** An event matched. `before` gives the position before it, which nobody may change. */
  push(event: PublicEvent, cursor: string, before: () => Vector, payload: string | null): void {
    const batch = this.#batch;
    if (batch === null) {
      this.#makeRoom(payload as string);
      this.#before ??= before();
      this.#message(payload as string, cursor, 1);
      return;
    }
    if (this.#collected.length === 0) {
      this.#base = before();
      this.#cancel = this.#edge.clock.after(batch.maxDelayMs, () => {
        this.#cancel = null;
        this.#edge.due(this);
      });
    }
    this.#collected.push(event);
    this.#collectedCursors.push(cursor);
    if (this.#collected.length >= batch.maxEvents) this.#complete();
  }

  /** Sends the batch that is being collected as it is, with all that waits. */
  close(): void {
    try {
      if (this.#collected.length > 0) this.#complete();
    } catch (thrown) {
      this.#edge.broken(this, thrown);
      return;
    }
    this.flush();
  }

  /** Hands this round's messages to every member: the live edge stands behind them now. */
  flush(): void {
    if (this.#payloads.length === 0) return;
    const payloads = this.#payloads;
    const cursors = this.#cursors;
    const events = this.#events;
    this.#payloads = [];
    this.#cursors = [];
    this.#events = 0;
    this.#chars = 0;
    this.#large = false;
    let template: Template;
    try {
      template = this.envelope.template(payloads, cursors, this.#idLength);
    } catch (thrown) {
      this.#edge.broken(this, thrown);
      this.#before = null;
      return;
    }
    const { members, handed } = this.#handOver(template, payloads, cursors, events);
    this.#reached = -1;
    this.#before = null;
    if (members > this.#size) this.#compact();
    if (handed > 0) this.#edge.handed(this, handed * events, handed * sizeOf(template));
    this.#emptied();
  }

  /** For a view that cannot go on: what was pushed before the failure is handed over; what is being collected is not, and everybody stands before it. */
  abandon(): readonly Member[] {
    this.#cancel?.();
    this.#cancel = null;
    this.flush();
    return this.members();
  }

  members(): readonly Member[] {
    return this.#members.filter((member) => member !== null);
  }

  #noticed(notices: readonly Notice[], payloads: readonly string[], cursors: readonly string[]): Template {
    const said = this.envelope.noticed({ payloads, cursors }, notices);
    return this.envelope.template(said.payloads, said.cursors, this.#idLength);
  }

  /** Every member in turn; `members` is how many places there were, `handed` how many took the messages. */
  #handOver(
    common: Template,
    payloads: readonly string[],
    cursors: readonly string[],
    events: number,
  ): { readonly members: number; readonly handed: number } {
    const members = this.#members;
    let template = common;
    let handed = 0;
    for (this.#reached = 0; this.#reached < members.length; ) {
      const member = members[this.#reached];
      if (member === null || member === undefined) {
        this.#reached += 1;
        continue;
      }
      // Notices are one member's own: it gets frames of its own.
      const own = member.notices.length === 0 ? template : this.#noticed(member.notices, payloads, cursors);
      const outcome = this.#hand(member, own, events);
      if (outcome === 'refused') this.#refuse(member);
      else handed += 1;
      if (outcome === 'held' && own === template && own.idSlots.length > 0) {
        // The bytes are the socket's from now on: the others go on with a copy. What holds no id is never written to.
        template = { ...template, bytes: Buffer.from(template.bytes) };
      }
    }
    return { members: members.length, handed };
  }

  #hand(member: Member, template: Template, events: number): Outcome | 'refused' {
    const { line } = member;
    if (line.held || !member.admitted) return 'refused';
    if (line.members > 1 && template.shared === null) {
      if (!line.add(member, template, events)) return 'refused';
      this.#reached += 1;
      member.notices = NONE;
      return 'taken';
    }
    // What waits on the socket goes first, and may fill it.
    line.flush();
    if (line.held || member.cohort !== this) return 'refused';
    fill(template.bytes, template.idSlots, member.id);
    const outcome = line.write(member, template.bytes, template.shared);
    this.#reached += 1;
    if (member.ended) return outcome;
    if (outcome === 'closed') {
      member.end(null);
      return outcome;
    }
    member.notices = NONE;
    if (outcome === 'held') member.stepOut(this.#base ?? this.#edge.vector);
    member.count(events, sizeOf(template));
    return outcome;
  }

  /** It takes nothing now: it stays where it stood before these messages. */
  #refuse(member: Member): void {
    this.#reached += 1;
    if (member.cohort === this) member.stepOut(this.#before as Vector);
    if (!member.ended) this.#edge.behind(member);
  }

  /** A large message goes alone: everybody stands right before it once what waits has been handed over. */
  #makeRoom(payload: string): void {
    if (payload.length >= LARGE_PAYLOAD) this.flush();
  }

  #message(payload: string, cursor: string, events: number): void {
    this.#payloads.push(payload);
    this.#cursors.push(cursor);
    this.#events += events;
    this.#chars += payload.length;
    this.#large = payload.length >= LARGE_PAYLOAD;
  }

  #complete(): void {
    const events = this.#collected;
    const cursors = this.#collectedCursors;
    const payload = this.view.serialiseBatch(events, cursors);
    this.#makeRoom(payload);
    this.#before ??= this.#base;
    this.#stop();
    this.#message(payload, cursors.at(-1) as string, events.length);
  }

  /** Forgets what is being collected. */
  #stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#collected = [];
    this.#collectedCursors = [];
    this.#base = null;
  }

  #compact(): void {
    const members = this.#members;
    if (this.#size === members.length) return;
    let to = 0;
    for (const member of members) {
      if (member === null) continue;
      members[to] = member;
      member.index = to++;
    }
    members.length = to;
  }

  #emptied(): void {
    if (this.#size > 0 || this.#payloads.length > 0) return;
    this.#stop();
    this.#edge.emptied(this);
  }
}

function sizeOf({ bytes, shared }: Template): number {
  return bytes.length + (shared === null ? 0 : shared.length);
}
