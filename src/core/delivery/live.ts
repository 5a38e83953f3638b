/**
 * The live path of one feed: what arrives is examined once, matched through the index, serialised once per distinct view, and handed
 * to the cohorts in rounds of bounded size. Its vector is the live edge, at which every member of every cohort stands.
 */
import type { PublicEvent } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import { MatchIndex, type Vector } from '../routing/index.ts';
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
  /** The version of the interest from which on its filter is contained. */
  readonly interest: number;
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
  readonly #index = new MatchIndex<Group>();
  readonly #byKey = new Map<string, Group>();
  /** By the projection that their views were compiled against: one set, but for a moment around a reload. */
  readonly #byProjection = new Map<string, Set<Group>>();
  readonly #groupOf = new Map<Cohort, Group>();
  readonly #touched = new Set<Cohort>();
  /** Groups that want the event under examination, and those whose filters failed on it. */
  readonly #wanting: Group[] = [];
  readonly #failing: { readonly group: Group; readonly thrown: unknown }[] = [];
  #live = 0;
  /** The newest version of the interest that any group was let in under. */
  #newest = 0;
  #full = false;

  constructor(from: Vector, hooks: LiveHooks) {
    this.vector = [...from];
    this.clock = hooks.clock;
    this.roundBytes = Math.min(hooks.maxBytes, 65_536);
    this.#hooks = hooks;
  }

  /** Live subscriptions. */
  get size(): number {
    return this.#live;
  }

  /** The member stands at the live edge and has nothing more to get: from here on it is served with its cohort. */
  join(member: Member): void {
    // What is being collected is for those who stand before it: the new member stands behind.
    this.#find(member)?.close();
    // Closing may have emptied the cohort and its group.
    const cohort = this.#find(member) ?? this.#create(member);
    this.#live += 1;
    cohort.add(member);
    member.wasLive = true;
    member.conflating = false;
  }

  /** Examines what of the slot lies beyond the edge, and moves the edge to its end. */
  examine(slot: Slot, partition: number): void {
    const { vector } = this;
    this.#demoteOthers(slot.projection);
    if (slot.interest > 0 && slot.interest < this.#newest) this.#demoteUncovered(slot.interest);
    if (this.#byKey.size > 0) {
      for (const event of slot.events) {
        if (event.offset < (vector[partition] as number)) continue;
        if (event.offset >= slot.to) break;
        this.#offer(event, partition);
        vector[partition] = event.offset + 1;
        if (this.#full) this.finishRound();
      }
    }
    vector[partition] = slot.to;
  }

  /** Hands over what the round has gathered. */
  finishRound(): void {
    this.#full = false;
    if (this.#touched.size === 0) return;
    for (const cohort of this.#touched) cohort.flush();
    this.#touched.clear();
  }

  /** Everybody leaves at the live edge: it is about to jump. */
  demoteAll(): void {
    this.finishRound();
    for (const group of [...this.#byKey.values()]) this.#demote(group);
  }

  left(): void {
    this.#live -= 1;
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
    const { view, cohorts } = group;
    this.#groupOf.delete(cohort);
    cohorts.splice(cohorts.indexOf(cohort), 1);
    if (cohorts.length > 0) return;
    this.#byKey.delete(group.key);
    this.#index.remove(view.filter, group);
    const { projection } = view.contract;
    const same = this.#byProjection.get(projection);
    same?.delete(group);
    if (same?.size === 0) this.#byProjection.delete(projection);
  }

  #find(member: Member): Cohort | undefined {
    const key = Cohort.keyOf(member);
    return this.#byKey.get(groupKey(member))?.cohorts.find((candidate) => candidate.key === key);
  }

  #create(member: Member): Cohort {
    const key = groupKey(member);
    const group =
      this.#byKey.get(key) ?? this.#enter({ key, view: member.view, interest: member.interest, cohorts: [] });
    const cohort = new Cohort(Cohort.keyOf(member), member, this);
    group.cohorts.push(cohort);
    this.#groupOf.set(cohort, group);
    return cohort;
  }

  #enter(group: Group): Group {
    const { view } = group;
    this.#newest = Math.max(this.#newest, group.interest);
    this.#byKey.set(group.key, group);
    this.#index.add(view.filter, group);
    const { projection } = view.contract;
    const same = this.#byProjection.get(projection);
    if (same === undefined) this.#byProjection.set(projection, new Set([group]));
    else same.add(group);
    return group;
  }

  #end(cohort: Cohort, thrown: unknown): void {
    const error = new SluiceError('INTERNAL', undefined, { cause: thrown });
    for (const member of cohort.abandon()) member.end(error);
  }

  readonly #wants = (group: Group): void => {
    this.#wanting.push(group);
  };

  readonly #fails = (group: Group, thrown: unknown): void => {
    this.#failing.push({ group, thrown });
  };

  #offer(event: PublicEvent, partition: number): void {
    const wanting = this.#wanting;
    this.#index.match(event, this.#wants, this.#fails);
    // Of a filter that cannot be asked nobody knows what it wants: whoever has it ends before the event.
    for (const { group, thrown } of this.#failing) {
      this.#hooks.blame('a filter failed on an event', thrown, { partition, offset: event.offset });
      for (const cohort of [...group.cohorts]) this.#end(cohort, thrown);
    }
    this.#failing.length = 0;
    if (wanting.length === 0) return;
    const cursor = this.#hooks.writer.text(this.vector, partition, event.offset + 1);
    let snapshot: Vector | null = null;
    const before = (): Vector => {
      snapshot ??= [...this.vector];
      return snapshot;
    };
    for (const { view, cohorts } of wanting) {
      let payload: string | null = null;
      try {
        if (view.kind === 'stream') payload = view.serialise(event, cursor, this.#hooks.writer.incarnation);
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
    wanting.length = 0;
  }

  /** Views of another contract than the slot was projected under: their members wait for the one, or read the other. */
  #demoteOthers(projection: string): void {
    if (this.#byProjection.size <= (this.#byProjection.has(projection) ? 1 : 0)) return;
    for (const [other, groups] of [...this.#byProjection]) {
      if (other === projection) continue;
      for (const group of [...groups]) this.#demote(group);
    }
  }

  /** The slot may lack what they want: they read it from the log, and are no laggards for it. */
  #demoteUncovered(interest: number): void {
    for (const group of [...this.#byKey.values()])
      if (group.interest > interest)
        this.#demote(group, (member) => {
          member.wasLive = false;
        });
  }

  #demote(group: Group, told: (member: Member) => void = () => {}): void {
    for (const cohort of [...group.cohorts]) {
      cohort.close();
      for (const member of cohort.members()) {
        member.stepOut(member.position);
        told(member);
        this.behind(member);
      }
    }
  }
}

function groupKey(member: Member): string {
  return `${member.view.digest} ${member.view.contract.projection}`;
}
