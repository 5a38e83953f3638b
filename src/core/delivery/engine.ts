/**
 * The delivery engine: feeds by product and incarnation, lines by socket, and the tick in which everything happens. All that
 * arrived is drained once a tick, every socket is written once, and those who are behind get a bounded share of the rest.
 */
import type { SluiceError } from '../errors.ts';
import type { Observe } from '../observe.ts';
import type { Source } from '../routing/index.ts';
import { Feed, type Plant } from './feed.ts';
import { Line, Scratch } from './line.ts';
import { Member } from './member.ts';
import { Meter } from './meter.ts';
import type { Clock, Delivered, Delivery, Sink, SubscribeRequest } from './ports.ts';
import { ProgressWheel } from './progress.ts';
import { Replay } from './replay.ts';
import { Window } from './window.ts';

export interface DeliveryLimits {
  /** Bytes of recent events that the window holds, over all products. */
  readonly ringBytes: number;
  /** Most that a socket is made to hold in one write, unless one message is larger; and how far a subscription may lag before `onLag` applies. */
  readonly maxLagBytes: number;
  /** Replay readers at once; for each, two scans of about 256 KiB are kept. Default 16. */
  readonly maxReplayReaders?: number;
  /** A product nobody subscribes to is read and kept in the window for so long. Default 60 s. */
  readonly lingerMs?: number;
  /** Progress is told after so long without an event. Default 10 s. */
  readonly progressMs?: number;
}

/** Most bytes in one write, unless one message is larger: what a socket that takes nothing holds. */
const MAX_WRITE = 65_536;

/** Events that those who are behind may examine in one tick, together: about 5 ms. */
const CATCH_UP_BUDGET = 8_192;

export function createDelivery(options: {
  readonly source: Source;
  readonly clock: Clock;
  readonly observe: Observe;
  readonly limits: DeliveryLimits;
}): Delivery {
  return new Engine(options.source, options.clock, options.observe, options.limits);
}

class Engine implements Delivery, Plant {
  readonly source: Source;
  readonly clock: Clock;
  readonly observe: Observe;
  readonly window: Window;
  readonly replay: Replay;
  readonly maxLagBytes: number;
  readonly lingerMs: number;
  readonly meter: Meter;
  held = false;
  readonly #feeds = new Map<string, Feed>();
  readonly #lines = new WeakMap<Sink, Line>();
  readonly #dirtyLines: Line[] = [];
  readonly #scratch = new Scratch();
  /** Subscriptions that are still to be told that they are ready. */
  #fresh: Member[] = [];
  readonly #reloads = new Set<string>();
  readonly #progress: ProgressWheel;
  #scheduled = false;
  #drained: SluiceError | null = null;
  #count = 0;

  constructor(source: Source, clock: Clock, observe: Observe, limits: DeliveryLimits) {
    this.source = source;
    this.clock = clock;
    this.observe = observe;
    this.maxLagBytes = limits.maxLagBytes;
    this.lingerMs = limits.lingerMs ?? 60_000;
    this.meter = new Meter((what, thrown) => {
      observe.error(what, { error: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown) });
    });
    this.window = new Window(limits.ringBytes);
    this.replay = new Replay(source, clock, limits.maxReplayReaders ?? 16);
    this.#progress = new ProgressWheel(clock, limits.progressMs ?? 10_000, (members) => this.#look(members));
  }

  get subscriptions(): number {
    return this.#count;
  }

  subscribe(request: SubscribeRequest): Delivered {
    const { product, name } = request.operation.view.contract;
    const { incarnation } = request.start;
    const feed = this.#feeds.get(feedKey(product, incarnation)) ?? new Feed(this, product, name, incarnation);
    this.#feeds.set(feedKey(product, incarnation), feed);
    const member = new Member(feed, request, this.#line(request.outlet.sink));
    this.#count += 1;
    feed.add(member);
    this.#progress.add(member);
    this.#gauge(feed);
    this.#fresh.push(member);
    this.schedule();
    return member;
  }

  hold(held: boolean): void {
    this.held = held;
    if (!held) this.schedule();
  }

  reload(product: string): void {
    this.#reloads.add(product);
    this.schedule();
  }

  drain(error: SluiceError): void {
    this.#drained = error;
    for (const feed of [...this.#feeds.values()]) {
      for (const member of [...feed.members]) member.end(error);
      feed.close();
    }
  }

  // What feeds ask for.

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.soon(() => this.#tick());
  }

  flushLines(): void {
    const lines = this.#dirtyLines;
    // What a flush ends or stalls may make further lines wait.
    for (let i = 0; i < lines.length; i++) (lines[i] as Line).flush();
    lines.length = 0;
  }

  forgotten(member: Member): void {
    this.#count -= 1;
    this.#progress.delete(member);
    this.#gauge(member.stream as Feed);
  }

  closed(feed: Feed): void {
    this.#feeds.delete(feedKey(feed.product, feed.incarnation));
    this.observe.gauge('sluice_window_bytes').set(this.window.bytes);
  }

  #tick(): void {
    this.#scheduled = false;
    this.#greet();
    if (!this.held) {
      for (const feed of this.#feeds.values()) feed.drain();
    }
    this.#swap();
    this.flushLines();
    if (!this.held) {
      const share = Math.ceil(CATCH_UP_BUDGET / Math.max(1, this.#feeds.size));
      for (const feed of this.#feeds.values()) feed.catchUp(share);
      this.flushLines();
    }
    this.window.trim();
    this.meter.settle();
  }

  #greet(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const member of fresh) {
      if (member.ended) continue;
      if (this.#drained !== null) {
        member.end(this.#drained);
        (member.stream as Feed).close();
        continue;
      }
      member.ready = true;
      member.tell('ready');
      member.stream.wake(member);
    }
  }

  /** Between what was examined with the old views and what will be with the new ones. */
  #swap(): void {
    if (this.#reloads.size === 0) return;
    const products = new Set(this.#reloads);
    this.#reloads.clear();
    for (const feed of [...this.#feeds.values()]) {
      if (products.has(feed.product)) feed.reload();
    }
  }

  #look(members: Iterable<Member>): void {
    if (!this.held) {
      for (const member of members) {
        const quiet = !member.active;
        member.active = false;
        // A socket that takes no events takes no word of progress either.
        if (quiet && member.ready && !member.ended && !member.line.held) member.tell('progress');
      }
    }
    for (const feed of this.#feeds.values()) {
      const behind = this.observe.gauge('sluice_subscriptions_behind', { product: feed.product });
      behind.set(feed.members.size - feed.live);
    }
    this.observe.gauge('sluice_window_bytes').set(this.window.bytes);
  }

  #gauge(feed: Feed): void {
    const labels = { product: feed.product };
    this.observe.gauge('sluice_subscriptions', labels).set(feed.members.size);
    // Counting those behind looks at every cohort: now and then is enough, unless nobody is left to look.
    if (feed.members.size === 0) this.observe.gauge('sluice_subscriptions_behind', labels).set(0);
  }

  #line(sink: Sink): Line {
    let line = this.#lines.get(sink);
    if (line === undefined) {
      line = new Line(sink, Math.min(this.maxLagBytes, MAX_WRITE), this.#dirtyLines, this.#scratch);
      this.#lines.set(sink, line);
    }
    return line;
  }
}

function feedKey(product: string, incarnation: string): string {
  return `${product}\n${incarnation}`;
}
