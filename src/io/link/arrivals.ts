/** Connections that have not proved who they are: how many there may be, for how long, and what is said of those that are refused. */
import type { Socket } from 'node:net';
import { networkOf } from '../../core/access/index.ts';
import type { Observe } from '../../core/observe.ts';
import type { StreamClock } from '../../core/routing/index.ts';
import type { LinkLimits } from './limits.ts';
import { LinkRefused, type RefusalReason } from './refusal.ts';

/** A line for an address and a reason is written at most so often; the next one says how many it stands for. */
const QUIET_MS = 10_000;
/** Addresses with their reasons that are remembered for that. */
const MAX_REMEMBERED = 1_000;
/** A message of the handshake that comes late is answered before the connection is cut. */
const GRACE_MS = 500;

/** How long a connection that was refused may take to read why. */
const CLOSE_MS = 2_000;

interface Arrival {
  readonly socket: Socket;
  readonly network: string;
  isRefused: boolean;
  cancel: () => void;
}

export class Arrivals {
  readonly #limits: LinkLimits;
  readonly #clock: StreamClock;
  readonly #refusals: Refusals;
  readonly #observe: Observe;
  /** By address and port, which a TLS socket and the one under it have in common. */
  readonly #open = new Map<string, Arrival>();

  constructor(options: { readonly limits: LinkLimits; readonly clock: StreamClock; readonly observe: Observe }) {
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#observe = options.observe;
    this.#refusals = new Refusals(options.observe, options.clock);
  }

  /** A new connection, before a byte of it is read. */
  add(socket: Socket): void {
    const name = this.nameOf(socket);
    const network = networkOf(this.addressOf(socket));
    let same = 0;
    for (const arrival of this.#open.values()) if (arrival.network === network) same += 1;
    socket.on('error', () => {});
    if (this.#open.size >= this.#limits.maxUnproved || same >= this.#limits.maxUnprovedPerAddress) {
      this.#refusals.count(new LinkRefused('crowded'), name, network);
      return void socket.destroy();
    }
    const cancel = this.#clock.after(this.#limits.handshakeMs + GRACE_MS, () => {
      this.refused(socket, new LinkRefused('late'));
      socket.destroy();
    });
    this.#open.set(name, { socket, network, isRefused: false, cancel });
    socket.once('close', () => this.#leave(name));
  }

  addressOf(socket: Socket): string {
    return socket.remoteAddress ?? 'unknown';
  }

  nameOf(socket: Socket): string {
    return `${this.addressOf(socket)}:${socket.remotePort ?? 0}`;
  }

  proved(socket: Socket): void {
    this.#leave(this.nameOf(socket));
  }

  /** Counts and tells it, once a connection. Ending it is the caller's; if that takes too long it is cut, and until then it counts as open. */
  refused(socket: Socket, refused: LinkRefused, site?: string): void {
    const name = this.nameOf(socket);
    const arrival = this.#open.get(name);
    if (arrival?.isRefused) return;
    if (arrival !== undefined) {
      arrival.isRefused = true;
      arrival.cancel();
      arrival.cancel = this.#clock.after(CLOSE_MS, () => arrival.socket.destroy());
    }
    this.#refusals.count(refused, name, networkOf(this.addressOf(socket)), site);
  }

  /** It went by itself. */
  gone(socket: Socket, { message }: LinkRefused): void {
    this.#observe.debug('a link was given up by the other end', { address: this.nameOf(socket), why: message });
  }

  close(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #leave(name: string): void {
    this.#open.get(name)?.cancel();
    this.#open.delete(name);
  }
}

/** The metric counts them all; the log has a line now and then, whoever knocks however often. */
export class Refusals {
  readonly #observe: Observe;
  readonly #clock: StreamClock;
  readonly #counters = new Map<RefusalReason, { add(by: number): void }>();
  readonly #told = new Map<string, { at: number; more: number }>();

  constructor(observe: Observe, clock: StreamClock) {
    this.#observe = observe;
    this.#clock = clock;
  }

  count(refused: LinkRefused, address: string, network: string, site?: string): void {
    const { reason, message } = refused;
    let counter = this.#counters.get(reason);
    if (counter === undefined) {
      counter = this.#observe.counter('sluice_links_refused_total', { reason });
      this.#counters.set(reason, counter);
    }
    counter.add(1);
    const key = `${network} ${reason}`;
    const now = this.#clock.now();
    const told = this.#told.get(key);
    if (told !== undefined && now - told.at < QUIET_MS) {
      told.more += 1;
      return;
    }
    this.#told.delete(key);
    this.#told.set(key, { at: now, more: 0 });
    const oldest = this.#told.keys().next().value;
    if (this.#told.size > MAX_REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
    const since = told === undefined || told.more === 0 ? {} : { unsaid: told.more };
    const claimed = site === undefined ? {} : { site };
    this.#observe.warn('a link was refused', { address, reason, message, ...claimed, ...since });
  }
}
