/**
 * The model of several products as one subscription: whatever sockets do, whatever arrives when, every event's cursor holds exactly what
 * came before it, of every product, and at the end everything has come once.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCursor, Joint, type Outlet, splitCursor } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { CURSOR_SLOT, type View } from '../../src/core/view/index.ts';
import { LARGE_VALUE, lines, type Received, Stage, Subscriber, TestSink, viewOf } from './stage.ts';

const CASES = Number(process.env['MODEL_CASES'] ?? 1_500);
const PRODUCTS = { air: 2, rail: 1, road: 3 } as const;
type Product = keyof typeof PRODUCTS;
const names = Object.keys(PRODUCTS) as Product[];

interface Came extends Received {
  readonly product: Product;
}

/** As the compiler makes the view of a part. */
function partView(product: Product): View {
  const plain = viewOf({ product, name: product });
  const serialise: View['serialise'] = (event) =>
    plain
      .serialise(event, '(cursor)', '')
      .replace('"(cursor)"', `"${CURSOR_SLOT}"`)
      .replace('{"partition"', `{"product":"${product}","partition"`);
  return { ...plain, serialise };
}
const views = { air: partView('air'), rail: partView('rail'), road: partView('road') };

class Life {
  readonly subscriber: Subscriber;
  readonly joint: Joint;
  readonly #stage: Stage;

  constructor(stage: Stage, id: string, sink: TestSink, cursor: string | null) {
    this.#stage = stage;
    this.subscriber = new Subscriber(id, sink);
    const { subscriber } = this;
    const outlet: Outlet = {
      sink,
      envelope: lines,
      id: Buffer.from(id),
      ready: (at) => {
        expect(subscriber.ready).toBeNull();
        subscriber.ready = at;
      },
      progress: (at) => subscriber.progress.push(at),
      ended: (error) => {
        expect(subscriber.ended).toBe(false);
        subscriber.error = error;
      },
    };
    this.joint = new Joint(outlet, new Map(), { changed: () => {} });
    const sections = cursor === null ? null : splitCursor(cursor);
    for (const name of names) this.add(name, sections?.get(name) ?? null);
  }

  add(name: Product, cursor: string | null): void {
    const { source, delivery } = this.#stage;
    const [section] = cursor === null ? [] : decodeCursor(cursor);
    const vector = section?.vector ?? Array.from({ length: PRODUCTS[name] }, () => 0);
    this.joint.add(name, name, (outlet) =>
      delivery.subscribe({
        operation: {
          view: views[name],
          from: cursor === null ? { kind: 'earliest' } : { kind: 'cursor', cursor },
          onLag: 'CATCH_UP',
          batch: null,
        },
        start: { incarnation: source.incarnation(name), vector },
        outlet,
        gate: { partner: 'one', admits: () => true, charge: () => {} },
        recompile: () => views[name],
      }),
    );
  }

  get events(): readonly Came[] {
    return this.subscriber.events as unknown as readonly Came[];
  }
}

type Step =
  | { readonly kind: 'put'; readonly product: Product; readonly partition: number; readonly values: readonly number[] }
  | { readonly kind: 'tell'; readonly product: Product; readonly most: number }
  | { readonly kind: 'join'; readonly socket: number }
  | { readonly kind: 'resume'; readonly whom: number; readonly which: number; readonly socket: number }
  | { readonly kind: 'stall' | 'drain' | 'again'; readonly socket: number }
  | { readonly kind: 'turn' | 'settle' | 'pass' }
  | { readonly kind: 'fail'; readonly product: Product }
  | { readonly kind: 'back'; readonly product: Product };

const product = fc.constantFrom(...names);
const socket = fc.nat(2);
const number = fc.oneof({ weight: 30, arbitrary: fc.nat(1000) }, { weight: 1, arbitrary: fc.constant(LARGE_VALUE) });
const of = <Kind extends string | number>(...kinds: Kind[]): fc.Arbitrary<Kind> => fc.constantFrom(...kinds);
const values = fc.array(number, { minLength: 1, maxLength: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: of('put'), product, partition: fc.nat(2), values }) },
  { weight: 4, arbitrary: fc.record({ kind: of('tell'), product, most: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: of('join'), socket }) },
  { weight: 3, arbitrary: fc.record({ kind: of('resume'), whom: fc.nat(20), which: fc.nat(99), socket }) },
  { weight: 8, arbitrary: fc.record({ kind: of('stall', 'drain', 'again'), socket }) },
  { weight: 8, arbitrary: fc.record({ kind: of('turn', 'turn', 'settle', 'pass') }) },
  { weight: 1, arbitrary: fc.record({ kind: of('fail'), product }) },
  { weight: 2, arbitrary: fc.record({ kind: of('back'), product }) },
);

class World {
  readonly stage: Stage;
  readonly lives: Life[] = [];
  readonly sockets = [new TestSink(), new TestSink(), new TestSink()];
  readonly seen = { left: 0, large: 0, held: 0 };

  constructor(ringBytes: number) {
    this.stage = new Stage({ ringBytes, maxLagBytes: 3_000, lingerMs: 200 });
    this.stage.source.scanEvents = 4;
    for (const name of names) this.stage.source.create(name, PRODUCTS[name]);
  }

  async do(step: Step): Promise<void> {
    const { source, clock } = this.stage;
    switch (step.kind) {
      case 'put': {
        const entries = step.values.map((value) => ({ value, key: `k${value % 5}` }));
        source.put(step.product, step.partition % PRODUCTS[step.product], ...entries);
        break;
      }
      case 'tell':
        source.deliver(step.product, undefined, step.most);
        break;
      case 'join':
        this.#join(step.socket, null);
        break;
      case 'resume': {
        const life = this.lives[step.whom % Math.max(1, this.lives.length)];
        const event = life?.events[step.which % Math.max(1, life.events.length)];
        if (event !== undefined) this.#join(step.socket, event.cursor);
        break;
      }
      case 'stall':
        (this.sockets[step.socket] as TestSink).stalled = true;
        break;
      case 'drain':
      case 'again':
        this.sockets[step.socket]?.drain(step.kind === 'again');
        break;
      case 'turn':
        clock.turn();
        break;
      case 'settle':
        await clock.settle();
        break;
      case 'pass':
        await clock.pass(700);
        break;
      case 'fail':
        source.fail(step.product, new SluiceError('NOT_FOUND'));
        break;
      case 'back':
        for (const { joint } of this.lives) this.#back(joint, step.product);
        break;
      default:
        step satisfies never;
    }
  }

  #join(socket: number, cursor: string | null): void {
    // Ids of two lengths.
    const id = `s${this.lives.length}`;
    this.lives.push(new Life(this.stage, id, this.sockets[socket] as TestSink, cursor));
  }

  /** What left goes on where it left. */
  #back(joint: Joint, name: Product): void {
    const cursor = joint.left.get(name);
    const life = this.lives.find((one) => one.joint === joint);
    if (cursor !== undefined && !joint.ended) life?.add(name, cursor);
  }

  async end(): Promise<void> {
    for (const name of names) for (const { joint } of this.lives) this.#back(joint, name);
    for (const name of names) this.stage.source.deliver(name);
    for (let i = 0; i < 3; i++) {
      await this.stage.clock.pass(6_000);
      for (const sink of this.sockets) sink.drain();
    }
    await this.stage.clock.pass(12_000);
  }

  check(): void {
    for (const { joint, events, subscriber } of this.lives) {
      expect(subscriber.ready).not.toBeNull();
      const at = positionsOf(subscriber.ready as string);
      for (const event of events) {
        const { product: name, partition, offset, cursor } = event;
        // Nothing is left out between two events of a partition, and every other position stands where it stood.
        expect([name, partition, offset]).toEqual([name, partition, at.get(`${name} ${partition}`)]);
        at.set(`${name} ${partition}`, offset + 1);
        expect(positionsOf(cursor)).toEqual(at);
        this.seen.large += event.value === LARGE_VALUE ? 1 : 0;
      }
      this.seen.left += subscriber.notices.filter(({ code }) => code === 'LEFT').length;
      if (joint.ended) {
        expect(subscriber.error).toMatchObject({ code: 'NOT_FOUND', details: { product: expect.any(String) } });
        expect(positionsOf(subscriber.error?.details.cursor as string)).toEqual(at);
        continue;
      }
      expect(positionsOf(joint.cursor)).toEqual(at);
      for (const name of names)
        for (let p = 0; p < PRODUCTS[name]; p++) expect(at.get(`${name} ${p}`)).toBe(this.stage.source.end(name, p));
      expect(subscriber.progress.at(-1)).toBe(joint.cursor);
    }
    this.seen.held += Math.max(...this.sockets.map(({ mostHeld }) => mostHeld));
    // However many they are, they count as what their door sends.
    const counted = [...this.stage.metrics.keys()].filter((key) => key.startsWith('sluice_events_delivered_total'));
    for (const key of counted) expect(key).toContain('"door":"lines"');
    expect(this.stage.logged.filter(({ level }) => level === 'error')).toEqual([]);
  }
}

function positionsOf(cursor: string): Map<string, number> {
  return new Map(
    decodeCursor(cursor).flatMap(({ product: name, vector }) =>
      vector.map((next, partition) => [`${name} ${partition}`, next] as const),
    ),
  );
}

describe('several products as one subscription', () => {
  test(`each cursor holds exactly what came before it, over ${CASES} random runs`, async () => {
    const seen = { left: 0, large: 0, held: 0, events: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        of(1_500, 100_000),
        async (steps, ringBytes) => {
          const world = new World(ringBytes);
          for (const one of steps) await world.do(one);
          await world.end();
          world.check();
          seen.left += world.seen.left;
          seen.large += world.seen.large;
          seen.held += world.seen.held;
          for (const { events } of world.lives) seen.events += events.length;
        },
      ),
      { numRuns: CASES },
    );
    // What is to be proved has been tried.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(CASES / 10);
  });
});
