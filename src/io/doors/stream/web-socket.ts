/** One stream over a WebSocket: who it is, its subscription, and what it is told beside its events. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type WebSocket from 'ws';
import type { Envelope, Outlet, Subscription } from '../../../core/delivery/index.ts';
import { SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import type { RequestWay, Session } from '../../../ways/ports.ts';
import { closeReason } from '../wire/answers.ts';
import { urlOf } from '../wire/bodies.ts';
import { secretOfHeaders, secretOfInit, secretOfProtocols, secretOfUrl } from '../wire/credentials.ts';
import { Peer, Peers, type PeersOptions } from '../wire/peers.ts';
import { controlEvent, errorEvent, shownError } from './control.ts';
import { WebSocketEnvelope } from './envelopes.ts';
import type { Beating, Heartbeats } from './heartbeats.ts';
import { readStreamUrl } from './parameters.ts';
import { heartbeatText, placeOf, productOf } from './paths.ts';

/** What a client must have offered if it offers any subprotocol. */
const PROTOCOL = 'sluice.v1';

export interface StreamSocketOptions {
  readonly ways: RequestWay;
  readonly observe: Observe;
  readonly heartbeats: Heartbeats;
}

export function createStreamSockets(options: PeersOptions & StreamSocketOptions): Peers<StreamSocket> {
  const peers: Peers<StreamSocket> = new Peers(options, {
    choose: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
    create: (ws, socket, request) => new StreamSocket(ws, socket, request, options, (peer) => peers.known(peer)),
    begin: (peer) => peer.begin(),
  });
  return peers;
}

const NO_ID = Buffer.alloc(0);

export class StreamSocket extends Peer implements Outlet, Beating {
  readonly id = NO_ID;
  readonly envelope: Envelope;
  heartbeatMs = 0;
  private readonly host: StreamSocketOptions;
  private readonly known: (peer: StreamSocket) => void;
  private readonly product: string;
  /** Until it is asked for. */
  private url: URL | null;
  private secret: string | null;
  private session: Session | null = null;
  private subscription: Subscription | null = null;
  private abort: AbortController | null = null;
  private isOver = false;

  constructor(
    ws: WebSocket,
    socket: Socket,
    request: IncomingMessage,
    host: StreamSocketOptions,
    known: (peer: StreamSocket) => void,
  ) {
    super(ws, socket);
    this.host = host;
    this.known = known;
    this.url = urlOf(request);
    this.product = productOf(this.url);
    this.envelope = new WebSocketEnvelope(this.product);
    this.secret = secretOfHeaders(request) ?? secretOfProtocols(request) ?? secretOfUrl(this.url);
  }

  get sent(): number {
    return this.sink.taken;
  }

  /** With a secret in the request it needs no message; without one the first message is waited for. */
  begin(): void {
    if (this.secret !== null) this.present(this.secret);
  }

  message(text: string): void {
    const given = credentialOf(text);
    if (given === null) {
      const message = 'A stream is sent nothing but, first, {"authorization": "Bearer <key>"} or {"apiKey": "<key>"}.';
      return this.end(new SluiceError('BAD_REQUEST', message));
    }
    // Fresh credentials for a stream that has some are reserved: they change nothing yet.
    if (this.url !== null) this.present(given.secret);
  }

  binary(): void {
    const cursor = this.subscription?.cursor;
    const error = new SluiceError('BAD_REQUEST', 'Only text frames are understood.');
    this.conclude(cursor === undefined ? error : error.with({ cursor }), 1003);
  }

  ready(cursor: string): void {
    const data = { heartbeat: heartbeatText(this.heartbeatMs) };
    this.send(controlEvent(this.product, 'sluice.ready', cursor, data));
    this.host.heartbeats.add(this);
  }

  /** Delivery's own word: heartbeats stand for it. */
  progress(): void {}

  beat(): void {
    if (this.isOver || this.socket.writableLength > 0 || this.subscription === null) return;
    this.send(controlEvent(this.product, 'sluice.progress', this.subscription.cursor, null));
  }

  ended(error: SluiceError | null): void {
    this.conclude(error);
  }

  /** The door's own end: the subscription adds its cursor to the error. */
  end(error: SluiceError): void {
    if (this.subscription !== null) this.subscription.end(error);
    else this.conclude(error);
  }

  closed(): void {
    this.release();
    this.subscription?.end(null);
    this.subscription = null;
    this.session?.close();
    this.session = null;
  }

  private present(secret: string | null): void {
    const url = this.url as URL;
    this.url = null;
    this.secret = null;
    this.known(this);
    try {
      const { ways } = this.host;
      const session = ways.connect(secret, { address: this.socket.remoteAddress ?? '', door: 'stream-ws' });
      this.session = session;
      session.onEnded((error) => this.end(error));
      if (placeOf(url) !== '') throw new SluiceError('NOT_FOUND', 'Nothing takes a WebSocket at this path.');
      const { operation, heartbeatMs } = readStreamUrl(this.product, url, null);
      this.heartbeatMs = heartbeatMs;
      this.abort = new AbortController();
      ways.subscribe(session, operation, this, this.abort.signal).then(
        (subscription) => this.placed(subscription),
        (thrown) => this.conclude(thrown),
      );
    } catch (thrown) {
      this.conclude(thrown);
    }
  }

  private placed(subscription: Subscription): void {
    this.abort = null;
    // Over while it was being placed: the way had passed its last look at the signal.
    if (this.isOver) subscription.end(null);
    else this.subscription = subscription;
  }

  /** Tells the error, where there is one, and closes with its code. Nothing after this. */
  private conclude(thrown: unknown, code?: number): void {
    if (this.isOver) return;
    this.release();
    if (thrown === null) return this.close();
    const error = shownError(thrown, this.host.observe);
    this.send(errorEvent(this.product, error));
    this.close(code ?? error.close, closeReason(error));
  }

  private release(): void {
    this.isOver = true;
    this.host.heartbeats.delete(this);
    this.abort?.abort();
    this.abort = null;
  }
}

/** The secret of a message that presents one, null in it where that cannot be read; null: it is no such message. */
function credentialOf(text: string): { readonly secret: string | null } | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return null;
  const names = Object.keys(message);
  const isCredential = names.length === 1 && /^(authorization|x-api-key|apikey)$/i.test(names[0] as string);
  return isCredential ? { secret: secretOfInit(message as Record<string, unknown>) } : null;
}
