/** One client of the crowd: what it does at random, and how it keeps its place. */
import { type Gap, Life, type Notice, type Origin, vectorOf } from './crowd-lives.ts';
import { type CrowdView, heavyViews, lightViews, type Policy, policies, queryOf } from './crowd-views.ts';
import { EventStreamWire, WebSocketWire, type Wire, type WireMessage } from './crowd-wires.ts';
import type { World } from './crowd-world.ts';
import type { Seeded } from './seeded.ts';

/** Most that a socket's two ends, and the process before them, hold of one client; measured at 4.3 MB. */
const SOCKET_BYTES = 5_000_000;

/** Events with all their bytes. */
const everything = heavyViews[0] as CrowdView;

interface Seat {
  id: string;
  life: Life;
  /** Of events that come before it is ready nobody knows where they belong. */
  isReady: boolean;
  isAttached: boolean;
}

/** Ids of several lengths, and of characters that frames must escape. */
const ids = ['1', 'b', 'a-much-longer-id-of-a-subscription', '"', '\\"é', '\u0001\u2028', '{"id":"1"}', '😀'];

export class CrowdClient {
  readonly name: string;
  readonly #world: World;
  readonly #chance: Seeded;
  readonly #isSse: boolean;
  readonly #isHeavy: boolean;
  readonly #seats: Seat[] = [];
  #wire: Wire | null = null;
  #isSettled = false;

  constructor(index: number, world: World, chance: Seeded) {
    this.#world = world;
    this.#chance = chance;
    this.#isSse = index % 4 === 3;
    this.#isHeavy = index % 5 === 0;
    this.name = `client ${index} (${this.#isSse ? 'SSE' : 'WebSocket'}${this.#isHeavy ? ', heavy' : ''})`;
    const seats = this.#isSse ? 1 : this.#isHeavy ? chance.between(1, 3) : chance.pick([1, 1, 1, 2, 4]);
    for (let i = 0; i < seats; i++) this.#addSeat();
  }

  /** Until the world stops. */
  async run(): Promise<void> {
    await this.#connect();
    while (!this.#isOver) {
      await this.#wait(500, 8_000);
      if (this.#isOver) break;
      if (this.#wire?.isOpen !== true) await this.#connect();
      const act = this.#chance.next();
      if (act < 0.4) await this.#stall();
      else if (act < 0.7) await this.#cut();
      else if (act < 0.9) this.#beginAnew();
      else if (!this.#isSse && this.#seats.length < 4) this.#attach(this.#addSeat());
    }
  }

  /** From here on it reads, and comes back whenever it must. */
  async settle(): Promise<void> {
    this.#isSettled = true;
    this.#wire?.resume();
    if (this.#wire?.isOpen !== true) await this.#connect();
  }

  get open(): readonly Life[] {
    return this.#seats.map(({ life }) => life);
  }

  leave(): void {
    this.#isSettled = false;
    this.#wire?.cut('now');
  }

  get #isOver(): boolean {
    return this.#world.stopping.aborted;
  }

  // What it does at random.

  async #stall(): Promise<void> {
    const wire = this.#wire as Wire;
    const { happened, writer, ringBytes } = this.#world;
    happened.stalls += 1;
    const before = this.#seats.map(({ life }) => life.cursor);
    wire.pause();
    await this.#wait(100, this.#isHeavy ? 20_000 : 5_000);
    // A third of them die as they are.
    if (this.#chance.chance(0.3)) return this.#cut();
    // If the window still held what each of them lacks, they had been handed more than the socket can hold.
    const silent = this.#seats.filter(
      ({ life }, i) => life.view === everything && life.policy === 'CATCH_UP' && life.cursor === (before[i] ?? null),
    );
    const lacking = silent.reduce((sum, { life: { cursor } }) => {
      const lag = cursor === null ? 0 : writer.bytesSince(vectorOf(cursor));
      return sum + Math.max(0, lag - ringBytes);
    }, 0);
    if (lacking > SOCKET_BYTES) happened.stallsBeyondRing += 1;
    wire.resume();
  }

  async #cut(): Promise<void> {
    const wire = this.#wire as Wire;
    const { happened } = this.#world;
    happened.cuts += 1;
    if (this.#chance.chance(0.7)) {
      wire.cut('within');
      await Promise.race([wire.closed, this.#wait(0, 1_500)]);
    }
    if (wire.isOpen) wire.cut('now');
    if (wire.wasCutWithin) happened.cutsWithin += 1;
    for (const seat of this.#seats) seat.isAttached = false;
    if (this.#chance.chance(0.6)) await this.#wait(0, 3_000);
    if (!this.#isOver) await this.#connect();
  }

  /** Completes one subscription and begins another one, at times with the same id and in the same segment. */
  #beginAnew(): void {
    const seat = this.#chance.pick(this.#seats);
    const { life } = seat;
    if (!seat.isReady || !seat.isAttached) return;
    this.#world.happened.completes += 1;
    life.isOver = true;
    seat.life = this.#newLife();
    if (this.#isSse) {
      this.#wire?.cut('now');
      void this.#connect();
      return;
    }
    const complete = { type: 'complete', id: seat.id };
    if (this.#chance.chance(0.5)) {
      this.#world.happened.sameId += 1;
      this.#attach(seat, complete);
      return;
    }
    (this.#wire as WebSocketWire).send(complete);
    seat.id = this.#freeId(seat.id);
    this.#attach(seat);
  }

  // How it keeps its place.

  async #connect(): Promise<void> {
    const { nodes, key, happened } = this.#world;
    const at = this.#chance.pick(nodes);
    happened.connections += 1;
    for (const seat of this.#seats) seat.isAttached = false;
    const onMessage = (message: WireMessage): void => {
      if (this.#wire === wire && wire.isOpen) this.#take(message);
    };
    let wire: Wire;
    if (this.#isSse) {
      const [seat] = this.#seats as [Seat];
      const { query, from, lastEventId } = this.#begin(seat, true);
      wire = new EventStreamWire({ at, key, onMessage }, { query, variables: { from } }, lastEventId);
      this.#wire = wire;
    } else {
      const socket = new WebSocketWire({ at, key, onMessage });
      wire = socket;
      this.#wire = wire;
      await socket.acknowledged.catch(() => {});
      if (wire.isOpen) for (const seat of this.#seats) this.#attach(seat);
    }
    void wire.closed.then(() => this.#lost(wire));
  }

  /** The connection is gone; where neither it nor the end of an event stream is the reason, something is wrong. */
  #lost(wire: Wire): void {
    if (this.#wire !== wire) return;
    const isComplete = wire instanceof EventStreamWire && wire.isComplete;
    if (wire instanceof WebSocketWire && wire.close !== null)
      this.#world.fail(`${this.name}: closed with ${wire.close.code} ${wire.close.reason}`);
    else if (!wire.wasCut && !isComplete) this.#world.fail(`${this.name}: the connection was lost`);
    if (this.#isSettled && isComplete) void this.#connect();
  }

  #attach(seat: Seat, ...before: readonly object[]): void {
    const wire = this.#wire as WebSocketWire;
    const { query, from } = this.#begin(seat, false);
    wire.send(...before, { type: 'subscribe', id: seat.id, payload: { query, variables: { from } } });
  }

  #begin(seat: Seat, asHeader: boolean): { query: string; from: Origin; lastEventId: string | null } {
    const { happened, writer, ringBytes } = this.#world;
    let { life } = seat;
    if (life.cursor === null && life.start !== null) {
      // Nobody can say where it stood: it is followed no further, and another one begins, at times where it had begun.
      life.isOver = true;
      life = this.#newLife(this.#chance.chance(0.3) ? { cursor: life.first as string } : null, life.view);
      seat.life = life;
    }
    if (life.cursor !== null) {
      life.resumes += 1;
      happened.resumes += 1;
      const behind = writer.bytesSince(vectorOf(life.cursor));
      if (behind > 2 * ringBytes) happened.resumesBeyondRing += 1;
      else if (behind < ringBytes / 2) happened.resumesWithinRing += 1;
    }
    seat.isReady = false;
    seat.isAttached = true;
    const query = queryOf(life.view, life.policy);
    const cursor = life.cursor ?? ('cursor' in life.origin ? life.origin.cursor : null);
    if (cursor !== null && asHeader) return { query, from: { latest: true }, lastEventId: cursor };
    return { query, from: cursor === null ? life.origin : { cursor }, lastEventId: null };
  }

  #take(message: WireMessage): void {
    try {
      if (message.type === 'pong') this.#told(message.payload as Told);
      else {
        const seat = this.#seats.find(({ id }) => this.#isSse || id === message.id);
        // One that was completed under another id may still be told what was on its way.
        if (seat === undefined || !seat.isAttached) return;
        if (message.type === 'next') this.#next(seat, message);
        else if (message.type === 'error') this.#refused(seat, message.payload as Problem[]);
        else throw new Error(`${seat.life.view.name}: ${message.type} came, which nobody had asked for`);
      }
    } catch (error) {
      this.#world.fail(`${this.name}: ${(error as Error).message}`);
    }
  }

  #told({ sluice }: Told): void {
    for (const [id, cursor] of Object.entries({ ...sluice?.ready, ...sluice?.progress })) {
      const seat = this.#seats.find((one) => this.#isSse || one.id === id);
      if (seat === undefined || !seat.isAttached) continue;
      if (sluice?.ready === undefined) {
        if (seat.isReady) seat.life.cursor = cursor;
        continue;
      }
      const { life } = seat;
      const asked = life.cursor ?? ('cursor' in life.origin ? life.origin.cursor : null);
      const vector = vectorOf(cursor);
      if (asked !== null && String(vectorOf(asked)) !== String(vector))
        throw new Error(`${life.view.name} resumed at ${vectorOf(asked)} is ready at ${vector}`);
      if ('earliest' in life.origin && life.start === null && vector.some((next) => next !== 0))
        throw new Error(`${life.view.name} from earliest is ready at ${vector}`);
      seat.isReady = true;
      life.start ??= vector;
      life.first ??= cursor;
      life.cursor = cursor;
    }
  }

  #next(seat: Seat, { payload, cursor: blockId }: WireMessage): void {
    const { data, errors, extensions } = payload as Result;
    if (errors !== undefined) return this.#refused(seat, errors);
    const { life } = seat;
    if (!seat.isReady) {
      // Under an id that is used again the old subscription's events are on their way.
      if (life.resumes > 0 || this.#isSse) throw new Error(`${life.view.name}: an event came before it was ready`);
      return;
    }
    const root = Object.values(data ?? {})[0] as Shown & { events?: Shown[] };
    const events = life.view.isBatch ? (root.events ?? []) : [root];
    if (events.length === 0) throw new Error('a batch without events');
    for (const event of events) this.#event(life, event.data);
    life.cursor = blockId ?? root.cursor ?? events.at(-1)?.cursor ?? null;
    const notices = extensions?.sluice?.notices ?? [];
    for (const notice of notices) {
      life.note(notice);
      if (notice.code === 'GAP') this.#world.happened.gaps += 1;
      else this.#world.happened.conflations += 1;
    }
  }

  #event(life: Life, data: Shown['data']): void {
    const { happened, writer } = this.#world;
    const written = writer.readings[data.seq];
    if (written === undefined) throw new Error(`seq ${data.seq} was never written`);
    for (const [field, value] of Object.entries(data)) {
      if (value !== written[field as keyof typeof written])
        throw new Error(`seq ${data.seq} came with another ${field}: ${JSON.stringify(value).slice(0, 200)}`);
    }
    life.seqs.push(data.seq);
    happened.events += 1;
    const size = data.pad?.length ?? 0;
    if (size > 65_536) happened.over64k += 1;
    else if (size > 16_384) happened.over16k += 1;
  }

  #refused(seat: Seat, [problem]: readonly Problem[]): void {
    const { life } = seat;
    const { code, cursor } = problem?.extensions ?? {};
    // Under an id that is used again the old subscription's end was on its way.
    if (code === 'LAGGED' && !seat.isReady && !this.#isSse) return;
    if (code !== 'LAGGED' || life.policy !== 'END' || typeof cursor !== 'string')
      throw new Error(`${life.view.name} (${life.policy}) ended: ${JSON.stringify(problem)}`);
    this.#world.happened.lagged += 1;
    life.cursor = cursor;
    seat.isReady = false;
    seat.isAttached = false;
    // Over SSE the stream ends with it.
    if (!this.#isSse) this.#attach(seat);
  }

  // What it is made of.

  #addSeat(): Seat {
    const seat = { id: this.#freeId(), life: this.#newLife(), isReady: false, isAttached: false };
    this.#seats.push(seat);
    return seat;
  }

  #newLife(at: Origin | null = null, like: CrowdView | null = null): Life {
    const chance = this.#chance;
    const view =
      like ?? (this.#isHeavy && chance.chance(0.3) ? everything : chance.pick(this.#isHeavy ? heavyViews : lightViews));
    const policy: Policy = chance.chance(0.55) ? 'CATCH_UP' : chance.pick(policies);
    const life = new Life(view, policy, at ?? this.#origin());
    this.#world.lives.push(life);
    return life;
  }

  /** Most begin at the end, some at the beginning, some where somebody else's cursor says. */
  #origin(): Origin {
    const chance = this.#chance;
    const roll = chance.next();
    if (roll < (this.#isHeavy ? 0.01 : 0.02)) return { earliest: true };
    if (roll < 0.2) {
      const { cursor } = this.#world.lives[chance.between(0, Math.max(0, this.#world.lives.length - 1))] ?? {};
      if (typeof cursor === 'string') return { cursor };
    }
    return { latest: true };
  }

  #freeId(but = ''): string {
    const taken = new Set([but, ...this.#seats.map(({ id }) => id)]);
    return this.#chance.pick(ids.filter((id) => !taken.has(id)));
  }

  #wait(from: number, to: number): Promise<void> {
    const { stopping } = this.#world;
    const ms = this.#chance.between(from, to);
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stopping.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      stopping.addEventListener('abort', done);
      if (stopping.aborted) done();
    });
  }
}

interface Told {
  readonly sluice?: {
    readonly ready?: Readonly<Record<string, string>>;
    readonly progress?: Readonly<Record<string, string>>;
  };
}

interface Problem {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly cursor?: string };
}

interface Shown {
  readonly cursor?: string;
  readonly data: { readonly seq: number; readonly pad?: string };
}

interface Result {
  readonly data?: Record<string, unknown>;
  readonly errors?: readonly Problem[];
  readonly extensions?: { readonly sluice?: { readonly notices?: readonly (Notice & { missing?: Gap[] })[] } };
}
