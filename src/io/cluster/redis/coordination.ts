/**
 * Coordination by Redis: a sign of life each second, whose answer says whether the members are others than this node knows. Pub/sub only
 * wakes: what has changed is read by the next sign of life, which then goes out at once.
 */
import { randomUUID } from 'node:crypto';
import type { Observe } from '../../../core/observe.ts';
import {
  type Coordination,
  CoordinationError,
  type Member,
  type StreamClock,
  type Surveyed,
} from '../../../core/routing/index.ts';
import type { RedisOptions } from './options.ts';
import { openStore, type Store, scriptOf } from './store.ts';

const BEAT_MS = 1_000;
const TTL_MS = 10_000;
/** What is answered later has not been answered. */
const DEADLINE_MS = 2_000;
/** Not many beats at once, however many come and go together. */
const LEAST_PAUSE_MS = 20;
const MAX_MEMBERS = 1_000;
const MAX_ABOUT = 65_536;
/** Kinds of trouble that are told of until all is well again. */
const MAX_TOLD = 10;

const scripts = { beat: scriptOf('beat.lua'), leave: scriptOf('leave.lua'), survey: scriptOf('survey.lua') };

export interface RedisCoordinationOptions {
  readonly options: RedisOptions;
  readonly site: string;
  readonly clock: StreamClock;
  readonly observe: Observe;
}

/** Never throws for a Redis that is not there: it is tried again and again. */
export function createRedisCoordination(given: RedisCoordinationOptions): Coordination {
  return new RedisCoordination(given);
}

class RedisCoordination implements Coordination {
  readonly #clock: StreamClock;
  readonly #observe: Observe;
  readonly #keys: readonly string[];
  readonly #channel: string;
  readonly #store: Store;
  readonly #watching = new Set<() => void>();
  #self: Member | null = null;
  #about = '';
  #members: readonly Member[] = [];
  /** Those that were known when the store had lost everything, until when they may come again. */
  #missed: { readonly members: readonly Member[]; readonly until: number } | null = null;
  #stored: readonly Member[] = [];
  /** As the store named what it told last: life, a colon, change. */
  #known = '';
  #joined = false;
  #reachable = false;
  /** The kinds of trouble that were told of since all was well. */
  readonly #told = new Set<string>();
  #isBeating = false;
  #isAgain = false;
  #cancel = (): void => {};
  #over: Promise<void> | null = null;

  constructor({ options, site, clock, observe }: RedisCoordinationOptions) {
    this.#clock = clock;
    this.#observe = observe;
    // In braces what a cluster chooses a node by: all of a site lies on one.
    const root = `${options.prefix}{${site}}`;
    this.#keys = ['members', 'seen', 'about', 'site'].map((name) => `${root}:${name}`);
    this.#channel = `${root}:wake`;
    this.#store = openStore(options, this.#channel, {
      woken: () => this.#beatNow(),
      troubled: (error) => this.#trouble(error),
    });
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  get joined(): boolean {
    return this.#joined;
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  join(self: Member): void {
    this.#self = self;
    this.#beatNow();
  }

  describe(about: string): void {
    if (about.length <= MAX_ABOUT) this.#about = about;
  }

  watch(changed: () => void): () => void {
    this.#watching.add(changed);
    return () => this.#watching.delete(changed);
  }

  async survey(): Promise<readonly Surveyed[]> {
    const texts = (await this.#run('survey', [])) as string[];
    return Array.from({ length: texts.length / 4 }, (_, i) => {
      const [node = '', value = '', seen = '0', about = ''] = texts.slice(i * 4, i * 4 + 4);
      return { ...memberOf(node, value), seenMsAgo: Number(seen), about: about === '' ? null : about };
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#over ??= this.#leave();
    return this.#over;
  }

  async #leave(): Promise<void> {
    this.#cancel();
    if (this.#self !== null) {
      const { node, incarnation } = this.#self;
      // Where it cannot be said, the others notice.
      await this.#run('leave', [node, incarnation, this.#channel]).catch(() => {});
    }
    await this.#store.close();
  }

  /** Answers within the deadline, or rejects. */
  async #run(script: keyof typeof scripts, args: readonly string[]): Promise<unknown> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.after(DEADLINE_MS, () =>
      late.reject(new CoordinationError(`Redis has not answered within ${DEADLINE_MS} ms`)),
    );
    const answer = this.#store.run(scripts[script], this.#keys, args);
    answer.catch(() => {});
    try {
      return await Promise.race([answer, late.promise]);
    } catch (thrown) {
      if (thrown instanceof CoordinationError) throw thrown;
      throw new CoordinationError(`Redis does not answer: ${(thrown as Error).message}`, { cause: thrown });
    } finally {
      cancel();
    }
  }

  #beatNow(): void {
    if (this.#self === null || this.#over !== null) return;
    if (this.#isBeating) {
      this.#isAgain = true;
      return;
    }
    this.#cancel();
    void this.#beat(this.#self);
  }

  async #beat({ node, incarnation, address }: Member): Promise<void> {
    this.#isBeating = true;
    this.#isAgain = false;
    const about = this.#about;
    const args = [node, incarnation, address, about, String(TTL_MS), this.#known, randomUUID(), this.#channel];
    try {
      const answer = (await this.#run('beat', [...args, String(MAX_MEMBERS)])) as string[];
      if (this.#over !== null) return;
      if (this.#about === about) this.#about = '';
      this.#reachable = true;
      this.#take(answer);
      this.#well();
    } catch (thrown) {
      if (this.#over !== null) return;
      this.#reachable = false;
      this.#trouble(thrown as Error);
    } finally {
      this.#isBeating = false;
      this.#observe.gauge('sluice_coordination_up').set(this.#reachable ? 1 : 0);
      if (this.#over === null)
        this.#cancel = this.#clock.after(this.#isAgain ? LEAST_PAUSE_MS : BEAT_MS, () => this.#beatNow());
    }
  }

  #take([status = '', known = '', ...texts]: string[]): void {
    const now = this.#clock.now();
    if (known !== this.#known) {
      const isNewLife = this.#known !== '' && lifeOf(known) !== lifeOf(this.#known);
      if (isNewLife) this.#missed = { members: this.#members, until: now + TTL_MS };
      this.#known = known;
      this.#stored = Array.from({ length: texts.length / 2 }, (_, i) =>
        memberOf(texts[i * 2] as string, texts[i * 2 + 1] as string),
      );
    }
    if (this.#missed !== null && now >= this.#missed.until) this.#missed = null;
    const joined = status === 'joined';
    if (!joined) this.#refused(status);
    const there = new Set(this.#stored.map(({ node }) => node));
    const missed = this.#missed?.members.filter(({ node }) => !there.has(node)) ?? [];
    const members = [...this.#stored, ...missed];
    const isSame = joined === this.#joined && sameMembers(members, this.#members);
    this.#joined = joined;
    if (isSame) return;
    this.#members = members;
    for (const changed of [...this.#watching]) changed();
  }

  #refused(status: string): void {
    const { node } = this.#self as Member;
    const why =
      status === 'taken'
        ? 'another life of this node is a member still: where it has not just died, give each node its own name (node, or SLUICE_NODE)'
        : `the site has ${MAX_MEMBERS} nodes, which is the most`;
    if (this.#isTold(status)) return;
    this.#observe.warn(`The site cannot be joined yet: ${why}. This node reads for itself.`, { node });
  }

  #well(): void {
    if (!this.#joined || this.#told.size === 0) return;
    this.#told.clear();
    this.#observe.info('coordination by Redis answers');
  }

  #trouble(error: Error): void {
    if (this.#over !== null || this.#isTold(error.message)) return;
    this.#observe.warn('Coordination by Redis is in trouble; the members of the site stay as they were', {
      error: error.message,
    });
  }

  #isTold(kind: string): boolean {
    if (this.#told.has(kind) || this.#told.size >= MAX_TOLD) return true;
    this.#told.add(kind);
    return false;
  }
}

function lifeOf(known: string): string {
  return known.slice(0, known.indexOf(':'));
}

function memberOf(node: string, value: string): Member {
  const space = value.indexOf(' ');
  return { node, incarnation: value.slice(0, space), address: value.slice(space + 1) };
}

function sameMembers(a: readonly Member[], b: readonly Member[]): boolean {
  const text = (members: readonly Member[]): string =>
    members
      .map(({ node, incarnation, address }) => `${node} ${incarnation} ${address}`)
      .sort()
      .join('\n');
  return text(a) === text(b);
}
