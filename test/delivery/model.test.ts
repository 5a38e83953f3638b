/**
 * The model: whatever happens, each subscription receives exactly the events that match from its position on, in order per
 * partition, once. Random joins, resumes, leaves, stalls, drains, lost sockets, window overflows, log reads that fail, holds,
 * reloads, growth, and a source that hears late of what is wanted; at the end everything drains and the union of what each subscription and its resumes got is compared.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Contract, type PublicEvent, parseTopicFilter } from '../../src/core/contract/index.ts';
import { cursorSection, type Gate } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { createFilter, type Filter, type OnLag, type View } from '../../src/core/view/index.ts';
import { LARGE_VALUE, Stage, type Subscriber, TestSink, viewOf } from './stage.ts';

const CASES = Number(process.env['MODEL_CASES'] ?? 10_000);

const contract = { restriction: { topics: null, rows: null } } as Contract;
const evens = Array.from({ length: 501 }, (_, i) => 2 * i);
/** Of each kind that the index knows: without any condition, by equality, asked of every event, by topic, and one that nothing matches. */
const filters: readonly Filter[] = [
  createFilter(contract, null, null),
  createFilter(contract, null, { op: 'in', path: ['value'], kind: 'int', value: evens }),
  createFilter(contract, null, { op: 'lt', path: ['value'], kind: 'int', value: 400 }),
  createFilter(contract, parseTopicFilter('k/1/>'), null),
  createFilter(contract, null, { op: 'isNull', path: ['value'], value: true }),
  createFilter(contract, null, { op: 'eq', path: ['value'], kind: 'int', value: 4 }),
  createFilter(contract, parseTopicFilter('k/*/x'), {
    op: 'in',
    path: ['value'],
    kind: 'int',
    value: [1, 2, 3, 4, 14],
  }),
  createFilter(contract, parseTopicFilter('k/2/x'), null),
];

type Step =
  | {
      readonly kind: 'put';
      readonly partition: number;
      readonly values: readonly (number | null)[];
      readonly tell: number;
    }
  | { readonly kind: 'tell'; readonly partition: number; readonly most: number }
  | {
      readonly kind: 'join';
      readonly filter: number;
      readonly batch: boolean;
      readonly from: 'latest' | 'earliest';
      readonly onLag: OnLag;
      readonly socket: number;
      readonly partner: number;
    }
  | { readonly kind: 'resume'; readonly whom: number; readonly which: number; readonly socket: number }
  | { readonly kind: 'leave'; readonly whom: number }
  | { readonly kind: 'stall'; readonly socket: number }
  | { readonly kind: 'drain'; readonly socket: number; readonly again: boolean }
  | { readonly kind: 'turn'; readonly times: number }
  | { readonly kind: 'settle' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'hold'; readonly held: boolean }
  | { readonly kind: 'gate'; readonly partner: number; readonly open: boolean }
  | { readonly kind: 'reload'; readonly first: boolean }
  | { readonly kind: 'outage'; readonly out: boolean }
  | { readonly kind: 'skip'; readonly partition: number }
  | { readonly kind: 'grow' }
  | { readonly kind: 'learn' };

const partition = fc.nat(3);
const socket = fc.nat(11);
const value = fc.oneof({ weight: 40, arbitrary: fc.nat(1000) }, { weight: 1, arbitrary: fc.constant(LARGE_VALUE) });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      partition,
      values: fc.array(fc.option(value, { freq: 6 }), { minLength: 1, maxLength: 20 }),
      tell: fc.nat(3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('tell' as const), partition, most: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      filter: fc.nat(filters.length - 1),
      batch: fc.boolean(),
      from: fc.constantFrom('latest' as const, 'earliest' as const),
      onLag: fc.constantFrom<OnLag[]>('CATCH_UP', 'CATCH_UP', 'CATCH_UP', 'DROP', 'CONFLATE', 'CONFLATE', 'END'),
      socket,
      partner: fc.nat(2),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('resume' as const), whom: fc.nat(20), which: fc.nat(50), socket }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), whom: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('stall' as const), socket }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('drain' as const), socket, again: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('turn' as const), times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), held: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('gate' as const), partner: fc.nat(2), open: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reload' as const), first: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('outage' as const), out: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('skip' as const), partition }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('grow' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('learn' as const) }) },
);

interface Gap {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

interface Life {
  readonly subscriber: Subscriber;
  readonly filter: number;
  readonly start: readonly number[];
  readonly onLag: OnLag;
}

interface Bounds {
  readonly ringBytes: number;
  readonly maxLagBytes: number;
  readonly maxReplayReaders: number;
  readonly lingerMs: number;
  /** The source leaves out what nobody wants, as far as it has heard. */
  readonly filters: boolean;
}

class World {
  readonly stage: Stage;
  readonly lives: Life[] = [];
  readonly #sockets: TestSink[] = [];
  /** One gate a partner, shared by its subscriptions. */
  readonly #gates = [0, 1, 2].map((partner) => {
    const gate = { partner: `partner ${partner}`, open: true, admits: () => gate.open, charge: () => {} };
    return gate;
  });
  #generation = 1;

  constructor({ filters: isFiltering, ...limits }: Bounds) {
    this.stage = new Stage(limits, 2);
    this.stage.source.scanEvents = 4;
    this.stage.source.filters = isFiltering;
  }

  #socket(index: number): TestSink {
    this.#sockets[index] ??= new TestSink();
    return this.#sockets[index];
  }

  /** A socket that somebody is on, if any. */
  #used(index: number): TestSink {
    return this.lives[index % Math.max(1, this.lives.length)]?.subscriber.sink ?? this.#socket(index);
  }

  #view(filter: number, batch: boolean): View {
    return viewOf({
      name: `f${filter}${batch ? 'b' : ''}`,
      projection: `p${this.#generation}`,
      filter: filters[filter] as Filter,
      ...(batch ? { batch: { maxEvents: 3, maxDelayMs: 500 } } : {}),
    });
  }

  #join(
    filter: number,
    batch: boolean,
    vector: readonly number[],
    socketIndex: number,
    latest: boolean,
    onLag: OnLag,
    partner = 0,
  ): void {
    const { stage } = this;
    const placement = { incarnation: stage.source.incarnation('flights'), vector };
    const subscriber = stage.subscribe(
      {
        view: this.#view(filter, batch),
        from: placement,
        sink: this.#socket(socketIndex),
        onLag,
        gate: this.#gates[partner] as Gate,
        recompile: () => this.#view(filter, batch),
        ...(batch ? { batch: { maxEvents: 3, maxDelayMs: 500 } } : {}),
      },
      { kind: latest ? 'latest' : 'earliest' },
    );
    this.lives.push({ subscriber, filter, start: vector, onLag });
  }

  async take(step: Step): Promise<void> {
    const { stage } = this;
    const { source } = stage;
    const count = source.partitions('flights');
    switch (step.kind) {
      case 'put': {
        const at = step.partition % count;
        source.put(
          'flights',
          at,
          ...step.values.map((value) =>
            value === null ? null : { value, key: `k${value % 3}`, topic: `k/${value % 3}/x` },
          ),
        );
        if (step.tell === 0) source.deliver();
        else if (step.tell === 1) source.deliver('flights', at, 3);
        return;
      }
      case 'tell':
        return source.deliver('flights', step.partition % count, step.most);
      case 'join': {
        const vector = Array.from({ length: count }, (_, p) => (step.from === 'latest' ? source.end('flights', p) : 0));
        return this.#join(
          step.filter,
          step.batch,
          vector,
          step.socket,
          step.from === 'latest',
          step.onLag,
          step.partner,
        );
      }
      case 'resume': {
        const life = this.lives[step.whom % Math.max(1, this.lives.length)];
        const seen = life?.subscriber.events.filter(({ cursor }) => cursor !== '') ?? [];
        const cursor =
          step.which % 5 === 0
            ? life?.subscriber.subscription?.cursor
            : seen[step.which % Math.max(1, seen.length)]?.cursor;
        if (life === undefined || cursor === undefined) return;
        const { vector } = cursorSection(cursor, 'flights');
        return this.#join(life.filter, step.which % 3 === 0, vector, step.socket, false, 'CATCH_UP');
      }
      case 'leave':
        return this.lives[step.whom % Math.max(1, this.lives.length)]?.subscriber.subscription?.end(null);
      case 'stall':
        this.#used(step.socket).stalled = true;
        return;
      case 'drain':
        return this.#used(step.socket).drain(step.again);
      case 'turn':
        for (let i = 0; i < step.times; i++) {
          stage.clock.turn();
          await Promise.resolve();
        }
        return;
      case 'settle':
        return stage.settle();
      case 'pass':
        return stage.clock.pass(step.ms);
      case 'hold':
        return stage.delivery.hold(step.held);
      case 'gate':
        Object.assign(this.#gates[step.partner] as Gate, { open: step.open });
        return;
      case 'reload':
        this.#generation += 1;
        if (step.first) source.projection = `p${this.#generation}`;
        stage.delivery.reload('flights');
        // Some scans may still come as they were read before.
        if (!step.first) await stage.clock.pass(1);
        source.projection = `p${this.#generation}`;
        return;
      case 'outage':
        source.failure = step.out ? new SluiceError('UNAVAILABLE') : null;
        return;
      case 'skip': {
        // A tail that left something out: the next scan begins beyond what was expected.
        // Of partitions that every tail knows: of a new one, the first scan tells where it begins.
        const at = step.partition % 2;
        const end = source.end('flights', at);
        source.put('flights', at, { value: 1, topic: 'k/1/x' }, { value: 14, topic: 'k/2/x' });
        source.inject('flights', { partition: at, from: end + 1, to: end + 2 });
        return;
      }
      case 'grow':
        if (count < 4) source.grow('flights', count + 1);
        return;
      case 'learn':
        return source.learn();
      default:
        return step satisfies never;
    }
  }

  /** Everything is given its chance; then nothing may be missing. */
  async finish(): Promise<void> {
    const { stage } = this;
    stage.source.failure = null;
    stage.delivery.hold(false);
    for (const gate of this.#gates) gate.open = true;
    stage.source.deliver();
    for (const sink of this.#sockets) sink?.drain();
    await stage.clock.pass(20_000);
    // Something that matches, so that notices which still wait are told.
    for (let p = 0; p < stage.source.partitions('flights'); p++)
      stage.source.put('flights', p, { value: 4, topic: 'k/1/x' }, { value: 4, topic: 'k/2/x' });
    stage.source.deliver();
    for (const sink of this.#sockets) sink?.drain();
    await stage.clock.pass(2_000);
  }

  check(): void {
    const { source } = this.stage;
    for (const life of this.lives) {
      const { subscriber, onLag } = life;
      const upTo = this.#reached(subscriber);
      for (const { as, under } of subscriber.events) holds(as.endsWith(`/${under}`), `${as} was read under ${under}`);
      for (let p = 0; p < source.partitions('flights'); p++) {
        this.#compare(life, p, upTo[p] ?? 0, subscriber.offsets(p), `subscriber ${subscriber.id}, partition ${p}`);
      }
      if (onLag === 'DROP' || onLag === 'CONFLATE') continue;
      // The cursor of each event stands exactly after what had been sent by then.
      subscriber.events.forEach(({ cursor, partition: at, offset }, i) => {
        const { vector } = cursorSection(cursor, 'flights');
        holds(vector[at] === offset + 1, `${subscriber.id}: cursor of ${at}:${offset} says ${vector[at]}`);
        for (const [p, next] of vector.entries()) {
          const sent = subscriber.events.slice(0, i + 1).filter((event) => event.partition === p);
          this.#compare(
            life,
            p,
            next,
            sent.map((event) => event.offset),
            `${subscriber.id}: cursor of ${at}:${offset}, partition ${p}`,
          );
        }
      });
      for (const cursor of [...subscriber.progress, ...(subscriber.ready === null ? [] : [subscriber.ready])]) {
        holds(cursorSection(cursor, 'flights').vector.length > 0, `${subscriber.id}: an empty cursor`);
      }
    }
  }

  /** `got` is what matches in [start, to) of a partition, less what the subscription's policy allows to be missing. */
  #compare(
    { subscriber, filter, start, onLag }: Life,
    p: number,
    to: number,
    got: readonly number[],
    what: string,
  ): void {
    const { source } = this.stage;
    const expected: PublicEvent[] = [];
    for (let offset = start[p] ?? 0; offset < to; offset++) {
      const event = source.event('flights', p, offset);
      if (event !== null && filters[filter]?.matches(event)) expected.push(event);
    }
    const sent = new Set(got);
    const gaps = subscriber.notices
      .filter(({ code }) => code === 'GAP')
      .flatMap((notice) => notice['missing'] as Gap[]);
    const excused = (event: PublicEvent): boolean => {
      if (onLag === 'DROP') {
        const told = gaps.some((gap) => gap.partition === p && gap.from <= event.offset && event.offset < gap.to);
        return told || (subscriber.ended && !sent.has(event.offset));
      }
      if (onLag !== 'CONFLATE') return false;
      // Replaced by one that was sent, or, where the subscription ended before that, by one that a resume begins with.
      for (let offset = event.offset + 1; offset < source.end('flights', p); offset++) {
        const later = source.event('flights', p, offset);
        if (later === null || later.key !== event.key || !filters[filter]?.matches(later)) continue;
        if (sent.has(offset) || offset >= to) return true;
      }
      return false;
    };
    const wanted = expected.filter((event) => sent.has(event.offset) || !excused(event)).map(({ offset }) => offset);
    if (got.length !== wanted.length || got.some((offset, i) => offset !== wanted[i]))
      expect(got, what).toEqual(wanted);
    if (onLag === 'DROP') {
      for (const gap of gaps)
        holds(
          !got.some((offset) => gap.partition === p && gap.from <= offset && offset < gap.to),
          `${what}: an event within a gap`,
        );
    }
  }

  /** A subscription that lives has everything; one that ended, everything before its last cursor. */
  #reached(subscriber: Subscriber): readonly number[] {
    const { source } = this.stage;
    if (subscriber.ended) return cursorSection(subscriber.subscription?.cursor ?? '', 'flights').vector;
    return Array.from({ length: source.partitions('flights') }, (_, p) => source.end('flights', p));
  }
}

/** An assertion that costs nothing while it holds: there are millions of them. */
function holds(held: boolean, what: string): void {
  if (!held) expect.fail(what);
}

test(
  `for each subscription the events delivered equal those that match from its position on, in order, once (${CASES} cases)`,
  async () => {
    const seed = Number(process.env['FAST_CHECK_SEED'] ?? Date.now() % 2 ** 31);
    process.stdout.write(`delivery model: seed ${seed}\n`);
    const limits = fc.record({
      ringBytes: fc.constantFrom(300, 1_500, 4_000, 1_000_000),
      maxLagBytes: fc.constantFrom(100, 700, 100_000),
      maxReplayReaders: fc.integer({ min: 1, max: 4 }),
      lingerMs: fc.constantFrom(100, 60_000),
      filters: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async (bounds, steps) => {
        const world = new World(bounds);
        for (const one of steps) await world.take(one);
        await world.finish();
        world.check();
        world.stage.delivery.drain(new SluiceError('DRAINING'));
        await world.stage.settle();
        expect(world.stage.logged.filter(({ level }) => level === 'error')).toEqual([]);
        expect({ timers: world.stage.clock.timers, tails: world.stage.source.tails }).toEqual({ timers: 0, tails: 0 });
      }),
      { numRuns: CASES, seed, endOnFailure: false },
    );
  },
  60_000 + CASES * 20,
);
