/**
 * The live path of one feed: what arrives is examined once, matched and serialised once per distinct view, and handed to the
 * cohorts in rounds of bounded size. Its vector is the live edge, at which every member of every cohort stands.
 */
import type { PublicEvent } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import type { Vector } from '../routing/index.ts';
import type { View } from '../view/index.ts';
import { Cohort, type LiveEdge } from './cohort.ts';
import type { CursorWriter } from './cursor.ts';
import type { Member } from './member.ts';
import type { Clock } from './ports.ts';
import type { Slot } from './window.ts';

/** The cohorts of one view: they differ in how a message is framed, not in what it says. */
interface Group {
  readonly key: string;
  readonly view: View;
  readonly cohorts: Cohort[];
}

export interface LiveHooks {
  readonly clock: Clock;
  /** Most bytes that a socket is made to hold in one write. */
  readonly maxBytes: number;
  readonly writer: CursorWriter;
  /** A subscription left the live path. */
  behind(member: Member): void;
  /** A batch has waited long enough: call `cohort.close()` as soon as deliveries are allowed. */
  due(cohort: Cohort): void;
  handed(cohort: Cohort, events: number, bytes: number): void;
  blame(what: string, thrown: unknown, at?: { readonly partition: number; readonly offset: number }): void;
}

export class LivePath implements LiveEdge {
  readonly vector: number[];
  readonly clock: Clock;
  readonly roundBytes: number;
  readonly #hooks: LiveHooks;
  readonly #groups: Group[] = [];
  readonly #byKey = new Map<string, Group>();
  readonly #groupOf = new Map<Cohort, Group>();
  readonly #touched = new Set<Cohort>();
  #examining = false;
  #emptyGroups = false;
  #full = false;

  constructor(from: Vector, hooks: LiveHooks) {
    this.vector = [...from];
    this.clock = hooks.clock;
    this.roundBytes = Math.min(hooks.maxBytes, 65_536);
    this.#hooks = hooks;
  }

  /** The member stands at the live edge and has nothing more to get: from here on it is served with its cohort. */
  join(member: Member): void {
    // What is being collected is for those who stand before it: the new member stands behind.
    this.#find(member)?.close();
    // Closing may have emptied the cohort and its group.
    const cohort = this.#find(member) ?? this.#create(member);
    cohort.add(member);
    member.wasLive = true;
    member.conflating = false;
  }

  /** Examines what of the slot lies beyond the edge, and moves the edge to its end. */
  examine(slot: Slot, partition: number): void {
    const { vector } = this;
    this.#examining = true;
    for (const group of this.#groups) {
      // Projected under another contract than the view was compiled against: its members wait for the one or read the other.
      if (group.view.contract.projection !== slot.projection) this.#demote(group);
    }
    if (this.#groups.length > 0) {
      for (const event of slot.events) {
        if (event.offset < (vector[partition] as number)) continue;
        if (event.offset >= slot.to) break;
        this.#offer(event, partition);
        vector[partition] = event.offset + 1;
        if (this.#full) this.finishRound();
      }
    }
    vector[partition] = slot.to;
    this.#examining = false;
    this.#sweep();
  }

  /** Hands over what the round has gathered. */
  finishRound(): void {
    this.#full = false;
    for (const cohort of this.#touched) cohort.flush();
    this.#touched.clear();
  }

  /** Everybody leaves at the live edge: it is about to jump. */
  demoteAll(): void {
    this.finishRound();
    for (const group of [...this.#groups]) this.#demote(group);
  }

  /** Live subscriptions. */
  get size(): number {
    let size = 0;
    for (const cohort of this.#groupOf.keys()) size += cohort.size;
    return size;
  }

  behind(member: Member): void {
    this.#hooks.behind(member);
  }

  due(cohort: Cohort): void {
    this.#hooks.due(cohort);
  }

  handed(cohort: Cohort, events: number, bytes: number): void {
    this.#hooks.handed(cohort, events, bytes);
  }

  broken(cohort: Cohort, thrown: unknown): void {
    this.#hooks.blame('a view failed', thrown);
    this.#end(cohort, thrown);
  }

  emptied(cohort: Cohort): void {
    const group = this.#groupOf.get(cohort);
    if (group === undefined) return;
    this.#groupOf.delete(cohort);
    group.cohorts.splice(group.cohorts.indexOf(cohort), 1);
    if (group.cohorts.length === 0) this.#emptyGroups = true;
    if (!this.#examining) this.#sweep();
  }

  #find(member: Member): Cohort | undefined {
    const key = Cohort.keyOf(member);
    return this.#byKey.get(groupKey(member))?.cohorts.find((candidate) => candidate.key === key);
  }

  #create(member: Member): Cohort {
    const key = groupKey(member);
    let group = this.#byKey.get(key);
    if (group === undefined) {
      group = { key, view: member.view, cohorts: [] };
      this.#groups.push(group);
      this.#byKey.set(key, group);
    }
    const cohort = new Cohort(Cohort.keyOf(member), member, this);
    group.cohorts.push(cohort);
    this.#groupOf.set(cohort, group);
    return cohort;
  }

  #end(cohort: Cohort, thrown: unknown): void {
    const error = new SluiceError('INTERNAL', undefined, { cause: thrown });
    for (const member of cohort.abandon()) member.end(error);
  }

  #offer(event: PublicEvent, partition: number): void {
    let cursor: string | null = null;
    let snapshot: Vector | null = null;
    const before = (): Vector => {
      snapshot ??= [...this.vector];
      return snapshot;
    };
    for (const group of this.#groups) {
      const { view, cohorts } = group;
      if (cohorts.length === 0) continue;
      let payload: string | null = null;
      try {
        if (!view.matches(event)) continue;
        cursor ??= this.#hooks.writer.text(this.vector, partition, event.offset + 1);
        if (view.kind === 'stream') payload = view.serialise(event, cursor);
      } catch (thrown) {
        this.#hooks.blame('a view failed on an event', thrown, { partition, offset: event.offset });
        for (const cohort of [...cohorts]) this.#end(cohort, thrown);
        continue;
      }
      // Backwards, because one that breaks leaves the array.
      for (let i = cohorts.length - 1; i >= 0; i--) {
        const cohort = cohorts[i] as Cohort;
        this.#touched.add(cohort);
        try {
          cohort.push(event, cursor, before, payload);
        } catch (thrown) {
          this.#hooks.blame('a view failed on a batch', thrown, { partition, offset: event.offset });
          this.#end(cohort, thrown);
          continue;
        }
        if (cohort.full) this.#full = true;
      }
    }
  }

  #demote(group: Group): void {
    for (const cohort of [...group.cohorts]) {
      cohort.close();
      for (const member of cohort.members()) {
        member.stepOut(member.position);
        this.behind(member);
      }
    }
  }

  #sweep(): void {
    if (!this.#emptyGroups) return;
    this.#emptyGroups = false;
    for (let i = this.#groups.length - 1; i >= 0; i--) {
      const group = this.#groups[i] as Group;
      if (group.cohorts.length > 0) continue;
      this.#byKey.delete(group.key);
      const last = this.#groups.pop() as Group;
      if (last !== group) this.#groups[i] = last;
    }
  }
}

function groupKey(member: Member): string {
  return `${member.view.digest} ${member.view.contract.projection}`;
}
