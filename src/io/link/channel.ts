/**
 * A channel over a WebSocket whose ends have proved who they are: a binary message each (body.ts), pings as signs of life.
 *
 * Memory. Outbound: what the other end has not taken, which ends the link beyond a bound. Inbound: nothing is kept but the message that is
 * not whole yet, at most MAX_MESSAGE_BYTES, since whole ones are handed over as they are read; a receiver that is slow holds up the
 * reading of the socket, and with it the other end. What a receiver keeps is bounded by the credit that it gave.
 */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { Observe } from '../../core/observe.ts';
import type { Channel, ChannelReceiver, StreamClock } from '../../core/routing/index.ts';
import { decodeBody, encodeBody } from './body.ts';
import type { LinkLimits } from './limits.ts';
import type { PeerInfo } from './peer.ts';
import { plain } from './refusal.ts';

/** What is known of a link beside what travels on it. */
export interface Link {
  readonly channel: Channel;
  readonly peer: PeerInfo;
  /** Round-trip time in ms, smoothed; null: not known yet. */
  readonly rttMs: number | null;
  /** Bytes of messages as they travelled, compressed where they were. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Resolves once it is over; null: in order. */
  readonly closed: Promise<Error | null>;
  close(error?: Error): void;
}

/** Intervals without a sign of life. */
const MAX_SILENT = 3;
/** Pings that may be unanswered: more would only wait with what waits already. */
const MAX_PINGS = 4;
/** How long the other end has to take what is unsent and to close as well. */
const CLOSE_MS = 1_000;
/** Weight of the newest round trip. */
const RTT_SHARE = 1 / 8;
/** Ends that close with these have nothing to complain of: closed, going away, restarting. */
const IN_ORDER = new Set([1000, 1001, 1012]);
const BROKEN = 4500;

export class LinkChannel implements Channel {
  readonly closed: Promise<Error | null>;
  sentBytes = 0;
  receivedBytes = 0;
  rttMs: number | null = null;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #peer: PeerInfo;
  readonly #limits: LinkLimits;
  readonly #clock: StreamClock;
  readonly #counters: { readonly sent: { add(by: number): void }; readonly received: { add(by: number): void } };
  readonly #closing = Promise.withResolvers<Error | null>();
  #receiver: ChannelReceiver | null = null;
  /** What was read before anybody received: at most what lay in one read of the socket. null: they are handed over. */
  #early: Buffer[] | null = [];
  /** What ended it, once something has; then nothing more is sent or handed over. */
  #end: { readonly error: Error | null } | null = null;
  #isGone = false;
  #full = false;
  #heardBytes = 0;
  #silent = 0;
  /** Unanswered ones, oldest first, by the time that they carry. */
  #pings: number[] = [];
  #cancel: () => void;

  /** Of a WebSocket that is open, and whose listeners of the handshake are gone. */
  constructor(
    ws: WebSocket,
    socket: Socket,
    peer: PeerInfo,
    options: { readonly limits: LinkLimits; readonly clock: StreamClock; readonly observe: Observe },
  ) {
    this.#ws = ws;
    this.#socket = socket;
    this.#peer = peer;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.closed = this.#closing.promise;
    const { observe } = options;
    this.#counters = {
      sent: observe.counter('sluice_link_sent_bytes_total', { site: peer.site }),
      received: observe.counter('sluice_link_received_bytes_total', { site: peer.site }),
    };
    ws.on('message', (data, isBinary) => this.#message(data, isBinary));
    ws.on('ping', (data) => this.#ping(data));
    ws.on('pong', (data) => this.#pong(data));
    // What is wrong is told by the close that follows.
    ws.on('error', (error) => this.#finish(new Error(`${this.#name} broke: ${error.message}`)));
    ws.on('close', (code, reason) => this.#gone(code, reason.toString()));
    socket.on('drain', () => this.#drained());
    // Nothing is read on before somebody receives.
    ws.pause();
    this.#cancel = this.#clock.after(this.#limits.pingMs, () => this.#probe());
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#end !== null || this.#ws.readyState !== this.#ws.OPEN) return true;
    const body = encodeBody(parts, this.#peer.compressed);
    this.sentBytes += body.length;
    this.#counters.sent.add(body.length);
    this.#socket.cork();
    this.#ws.send(body, { binary: true });
    // All that one turn sends goes in one write.
    process.nextTick(() => this.#socket.uncork());
    if (this.#isOverrun() || this.#socket.writableLength <= this.#limits.highWaterBytes) return true;
    this.#full = true;
    return false;
  }

  receive(receiver: ChannelReceiver): void {
    this.#receiver = receiver;
    setImmediate(() => {
      const early = this.#early ?? [];
      this.#early = null;
      for (const body of early) this.#hand(body);
      if (this.#isGone) this.#tell();
      else this.#ws.resume();
    });
  }

  close(error?: Error): void {
    if (this.#end !== null) return;
    this.#finish(error ?? null);
    if (error === undefined) this.#ws.close(1000);
    else this.#ws.close(BROKEN, 'what came over the link is not what belongs there');
    // Or the other end's close would not be read.
    this.#ws.resume();
    this.#cancel = this.#clock.after(CLOSE_MS, () => this.#ws.terminate());
  }

  get #name(): string {
    const { site, node, address } = this.#peer;
    return `the link to ${site}/${node} (${address})`;
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#end !== null) return;
    const body = data as Buffer;
    this.receivedBytes += body.length;
    this.#counters.received.add(body.length);
    if (!isBinary) this.close(new Error(`${this.#name} brought a text frame`));
    else if (this.#early !== null) this.#early.push(body);
    else this.#hand(body);
  }

  #hand(body: Buffer): void {
    if (this.#end !== null) return;
    try {
      this.#receiver?.message(decodeBody(body, this.#peer.compressed));
    } catch (thrown) {
      this.close(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  #drained(): void {
    if (!this.#full || this.#end !== null) return;
    this.#full = false;
    this.#receiver?.drained();
  }

  #probe(): void {
    const { bytesRead } = this.#socket;
    this.#silent = bytesRead === this.#heardBytes ? this.#silent + 1 : 0;
    this.#heardBytes = bytesRead;
    if (this.#silent >= MAX_SILENT) return this.#abort(new Error(`${this.#name} is silent`));
    if (this.#pings.length < MAX_PINGS && this.#ws.readyState === this.#ws.OPEN) {
      const now = this.#clock.now();
      const data = Buffer.alloc(8);
      data.writeDoubleBE(now);
      this.#pings.push(now);
      this.#ws.ping(data);
    }
    this.#cancel = this.#clock.after(this.#limits.pingMs, () => this.#probe());
  }

  /** Whoever pings and does not read fills nothing: answers count as unsent too. */
  #ping(data: Buffer): void {
    if (this.#end === null && this.#ws.readyState === this.#ws.OPEN && !this.#isOverrun()) this.#ws.pong(data);
  }

  /** Only one that answers a ping which is still open: the others prove nothing. */
  #pong(data: Buffer): void {
    if (data.length !== 8) return;
    const at = this.#pings.indexOf(data.readDoubleBE());
    if (at === -1) return;
    const rtt = this.#clock.now() - (this.#pings[at] as number);
    this.#pings.splice(0, at + 1);
    this.rttMs = this.rttMs === null ? rtt : this.rttMs + (rtt - this.rttMs) * RTT_SHARE;
  }

  #isOverrun(): boolean {
    const unsent = this.#socket.writableLength;
    if (unsent <= this.#limits.maxUnsentBytes) return false;
    this.#abort(new Error(`${this.#name} takes too little: ${unsent} bytes wait to be sent`));
    return true;
  }

  /** At once: what is unsent is dropped. */
  #abort(error: Error): void {
    this.#finish(error);
    this.#ws.terminate();
  }

  #finish(error: Error | null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    this.#cancel();
  }

  #gone(code: number, reason: string): void {
    const said = plain(reason);
    this.#finish(
      IN_ORDER.has(code)
        ? null
        : new Error(`${this.#name} ${code === 1006 ? 'broke off' : `was closed by the other end: ${code} ${said}`}`),
    );
    this.#isGone = true;
    this.#cancel();
    this.#closing.resolve(this.#end?.error ?? null);
    if (this.#early === null) this.#tell();
  }

  #tell(): void {
    this.#receiver?.closed(this.#end?.error ?? null);
    this.#receiver = null;
  }
}

export function linkOf(channel: LinkChannel, peer: PeerInfo): Link {
  return {
    channel,
    peer,
    get rttMs() {
      return channel.rttMs;
    },
    get sentBytes() {
      return channel.sentBytes;
    },
    get receivedBytes() {
      return channel.receivedBytes;
    },
    closed: channel.closed,
    close: (error) => channel.close(error),
  };
}
