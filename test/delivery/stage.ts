/** Everything around the engine in its tests: views, sockets that stall and drain at will, and what a subscriber received. */
import type { Contract, Predicate, PublicEvent } from '../../src/core/contract/index.ts';
import {
  createDelivery,
  cursorSection,
  type Delivery,
  type DeliveryLimits,
  type Envelope,
  type Gate,
  LARGE_PAYLOAD,
  type Notice,
  type Outcome,
  type Outlet,
  type Sink,
  type Subscription,
} from '../../src/core/delivery/index.ts';
import type { SluiceError } from '../../src/core/errors.ts';
import type { Observe } from '../../src/core/observe.ts';
import type { Placement } from '../../src/core/routing/index.ts';
import type { CompiledOperation, Filter, OnLag, ReplayFrom, View } from '../../src/core/view/index.ts';
import { ManualClock } from './manual-clock.ts';
import { MemorySource } from './memory-source.ts';

/** Events of this value are large. */
export const LARGE_VALUE = 7_007;
const LARGE = 'x'.repeat(LARGE_PAYLOAD);

/** Lines of JSON `{"id":..., "payload":...}`: the simplest envelope with id slots. */
export const lines: Envelope = {
  name: 'lines',
  noticed: ({ payloads: [first = '', ...others], cursors }, notices) => ({
    payloads: [`${first.slice(0, -1)},"extensions":${JSON.stringify({ sluice: { notices } })}}`, ...others],
    cursors,
  }),
  template(payloads, _cursors, idLength) {
    const parts: string[] = [];
    const slots: number[] = [];
    let at = 0;
    for (const payload of payloads) {
      const text = `{"id":"${' '.repeat(idLength)}","payload":${payload}}\n`;
      slots.push(at + 7);
      parts.push(text);
      at += Buffer.byteLength(text);
    }
    const bytes = Buffer.from(parts.join(''));
    const [first = '', ...others] = payloads;
    if (others.length > 0 || first.length < LARGE_PAYLOAD)
      return { bytes, idSlots: Int32Array.from(slots), shared: null };
    const own = 7 + idLength;
    return { bytes: bytes.subarray(0, own), idSlots: Int32Array.from(slots), shared: bytes.subarray(own) };
  },
};

/** A socket. `window` is what the kernel takes before it is full; null: everything. */
export class TestSink implements Sink {
  stalled = false;
  closed = false;
  taken = 0;
  writes = 0;
  mostHeld = 0;
  /** What it was handed that it shares with others. */
  readonly shared = new Set<Buffer>();
  #held: readonly Buffer[] | null = null;
  #drains: (() => void)[] = [];
  #text = '';
  readonly #subscribers = new Map<string, Subscriber>();

  get listeners(): number {
    return this.#drains.length;
  }

  carry(subscriber: Subscriber): void {
    this.#subscribers.set(subscriber.id, subscriber);
  }

  write(bytes: Buffer, shared: Buffer | null = null): Outcome {
    if (this.closed) return 'closed';
    if (this.#held !== null) throw new Error('written to while held');
    this.writes += 1;
    if (shared !== null) this.shared.add(shared);
    const parts = shared === null ? [bytes] : [bytes, shared];
    if (this.stalled) {
      this.#held = parts;
      this.mostHeld = Math.max(this.mostHeld, Buffer.concat(parts).length);
      return 'held';
    }
    this.#take(parts);
    return 'taken';
  }

  onDrain(listener: () => void): void {
    this.#drains.push(listener);
  }

  /** The kernel takes what is held; the socket takes more unless it is to stall again at once. */
  drain(stallAgain = false): void {
    this.stalled = stallAgain;
    if (this.#held === null) return;
    const held = this.#held;
    this.#held = null;
    this.#take(held);
    for (const listener of this.#drains.splice(0)) listener();
  }

  #take(parts: readonly Buffer[]): void {
    const bytes = Buffer.concat(parts);
    this.taken += bytes.length;
    this.#text += bytes.toString();
    const end = this.#text.lastIndexOf('\n') + 1;
    const whole = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    for (const line of whole.split('\n')) {
      if (line === '') continue;
      const { id, payload } = JSON.parse(line) as { id: string; payload: Payload };
      this.#subscribers.get(id)?.receive(payload);
    }
  }
}

interface Payload {
  readonly data: { readonly event?: Received; readonly batch?: readonly Received[] };
  readonly extensions?: { readonly sluice: { readonly notices: readonly Notice[] } };
}

export interface Received {
  readonly partition: number;
  readonly offset: number;
  readonly value: number;
  readonly cursor: string;
  /** Which version of the view made it. */
  readonly as: string;
  /** Which projection the event was read under. */
  readonly under: string;
}

export interface ViewOptions {
  /** What it is called: views of one name and projection are one view. */
  readonly name?: string;
  readonly matches?: (event: PublicEvent) => boolean;
  /** Instead of `matches`: one that the index may look up. */
  readonly filter?: Filter;
  readonly batch?: { readonly maxEvents: number; readonly maxDelayMs: number };
  readonly projection?: string;
  readonly product?: string;
  readonly status?: Contract['status'];
  readonly serialise?: (event: PublicEvent, cursor: string) => string;
}

export function viewOf(options: ViewOptions = {}): View {
  const { name = 'all', projection = 'p1', product = 'flights', status = 'active' } = options;
  const filter = options.filter ?? askedFilter(name, options.matches);
  const text = (event: PublicEvent, cursor: string): string =>
    JSON.stringify({
      partition: event.partition,
      offset: event.offset,
      value: event.data?.['value'],
      cursor,
      as: `${name}/${projection}`,
      under: event.data?.['projection'],
      ...(event.data?.['value'] === LARGE_VALUE ? { large: LARGE } : {}),
    });
  return {
    digest: `${name}/${projection}`,
    contract: {
      name: product.replace(/-v\d+$/, ''),
      product,
      projection,
      digest: `${projection}/narrowed`,
      status,
      deprecation: status === 'deprecated' ? { noticePeriod: 'P3M', successor: 'flights-v2' } : null,
    } as Contract,
    kind: options.batch === undefined ? 'stream' : 'batch',
    topic: null,
    where: null,
    filter,
    usesCursor: true,
    matches: (event) => filter.matches(event),
    serialise: options.serialise ?? ((event, cursor) => `{"data":{"event":${text(event, cursor)}}}`),
    serialiseBatch: (events, cursors) =>
      `{"data":{"batch":[${events.map((event, i) => text(event, cursors[i] ?? '')).join(',')}]}}`,
  };
}

/** What a test gives as a function can only be asked, of every event. */
function askedFilter(key: string, given?: (event: PublicEvent) => boolean): Filter {
  const matches = given ?? (() => true);
  const where: Predicate | null = given === undefined ? null : { op: 'isNull', path: ['value'], value: false };
  return { key, topic: null, topics: null, rows: null, where, condition: given ?? null, matches };
}

export interface JoinOptions extends ViewOptions {
  readonly sink?: TestSink;
  readonly id?: string;
  readonly from?: Placement;
  readonly cursor?: string;
  readonly onLag?: OnLag;
  readonly view?: View;
  readonly recompile?: () => View;
  readonly notices?: readonly Notice[];
  readonly onCharge?: (events: number, bytes: number) => void;
  readonly gate?: Gate;
}

export class Subscriber {
  readonly id: string;
  readonly sink: TestSink;
  subscription: Subscription | null = null;
  readonly events: Received[] = [];
  readonly messages: Payload[] = [];
  readonly notices: Notice[] = [];
  readonly progress: string[] = [];
  ready: string | null = null;
  error: SluiceError | null | undefined = undefined;
  charged = 0;
  chargedBytes = 0;

  constructor(id: string, sink: TestSink) {
    this.id = id;
    this.sink = sink;
    sink.carry(this);
  }

  get ended(): boolean {
    return this.error !== undefined;
  }

  receive(payload: Payload): void {
    if (this.ready === null) throw new Error('an event before ready');
    this.messages.push(payload);
    this.notices.push(...(payload.extensions?.sluice.notices ?? []));
    this.events.push(...(payload.data.batch ?? (payload.data.event === undefined ? [] : [payload.data.event])));
  }

  /** `partition:offset` of what was received. */
  get positions(): string[] {
    return this.events.map(({ partition, offset }) => `${partition}:${offset}`);
  }

  offsets(partition: number): number[] {
    return this.events.filter((event) => event.partition === partition).map(({ offset }) => offset);
  }
}

export class Stage {
  readonly clock = new ManualClock();
  readonly source: MemorySource;
  readonly delivery: Delivery;
  readonly logged: {
    readonly level: string;
    readonly message: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[] = [];
  readonly metrics = new Map<string, number>();
  #ids = 0;

  constructor(limits: Partial<DeliveryLimits> = {}, partitions = 2) {
    this.source = new MemorySource();
    this.source.create('flights', partitions);
    this.delivery = createDelivery({
      source: this.source,
      clock: this.clock,
      observe: this.#observe(),
      limits: { ringBytes: 1_000_000, maxLagBytes: 100_000, ...limits },
    });
  }

  /** Joins at the end, at a placement, or where a cursor says. */
  async join(options: JoinOptions = {}): Promise<Subscriber> {
    const view = options.view ?? viewOf(options);
    const { product, name } = view.contract;
    let start = options.from;
    let from: ReplayFrom = { kind: 'latest' };
    if (options.cursor !== undefined) {
      const { incarnation, vector } = cursorSection(options.cursor, name);
      from = { kind: 'cursor', cursor: options.cursor };
      start = await this.source.place(product, { kind: 'at', incarnation, vector });
    } else if (start !== undefined) {
      from = { kind: 'earliest' };
    }
    start ??= await this.source.place(product, { kind: 'latest' });
    return this.subscribe({ ...options, view, from: start }, from);
  }

  subscribe(options: JoinOptions & { readonly from: Placement }, from: ReplayFrom): Subscriber {
    const view = options.view ?? viewOf(options);
    const subscriber = new Subscriber(options.id ?? `s${this.#ids++}`, options.sink ?? new TestSink());
    const operation: CompiledOperation = {
      view,
      from,
      onLag: options.onLag ?? 'CATCH_UP',
      batch: options.batch ?? null,
    };
    const outlet: Outlet = {
      sink: subscriber.sink,
      envelope: lines,
      id: Buffer.from(subscriber.id),
      ready: (cursor) => {
        subscriber.ready = cursor;
      },
      progress: (cursor) => subscriber.progress.push(cursor),
      ended: (error) => {
        if (subscriber.ended) throw new Error('ended twice');
        subscriber.error = error;
      },
    };
    subscriber.subscription = this.delivery.subscribe({
      operation,
      start: options.from,
      outlet,
      gate: options.gate ?? {
        partner: subscriber.id,
        admits: () => true,
        charge: (_view, events, bytes) => {
          subscriber.charged += events;
          subscriber.chargedBytes += bytes;
          options.onCharge?.(events, bytes);
        },
      },
      recompile: options.recompile ?? (() => view),
      ...(options.notices === undefined ? {} : { notices: options.notices }),
    });
    return subscriber;
  }

  /** Appends events with consecutive values and tells the tails. */
  put(partition: number, ...values: readonly (number | null)[]): void {
    this.source.put(
      'flights',
      partition,
      ...values.map((value) => (value === null ? null : { value, key: `k${value % 5}` })),
    );
    this.source.deliver();
  }

  settle(): Promise<void> {
    return this.clock.settle();
  }

  #observe(): Observe {
    const log =
      (level: string) =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
        this.logged.push({ level, message, fields });
      };
    const key = (name: string, labels: object = {}): string => `${name}${JSON.stringify(labels)}`;
    return {
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      counter: (name, labels) => ({
        add: (by) => void this.metrics.set(key(name, labels), (this.metrics.get(key(name, labels)) ?? 0) + by),
      }),
      gauge: (name, labels) => ({ set: (value) => void this.metrics.set(key(name, labels), value) }),
    };
  }
}
