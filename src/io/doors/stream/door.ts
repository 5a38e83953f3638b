/**
 * The stream door, for clients without GraphQL: `/v1/streams/{product}` over WebSocket and SSE, and the product's past and its
 * publishing at `/events` below it. Everything is CloudEvents.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import type { RequestWay, Session, StreamHistory, StreamPublish } from '../../../ways/ports.ts';
import { preferred } from '../wire/accept.ts';
import { answerJson, errorHeaders, HttpRefusal } from '../wire/answers.ts';
import { headerOf, urlOf } from '../wire/bodies.ts';
import { secretOfHeaders, secretOfUrl } from '../wire/credentials.ts';
import { EventStreams } from '../wire/event-streams.ts';
import { lifeCycleHeaders } from '../wire/life-cycle.ts';
import { DEFAULT_PEER_LIMITS, type PeerLimits, type Peers } from '../wire/peers.ts';
import { errorBody, shownError } from './control.ts';
import { answerHistory, answerPublish } from './events.ts';
import { Heartbeats } from './heartbeats.ts';
import { readStreamUrl } from './parameters.ts';
import { placeOf, productOf } from './paths.ts';
import { beatingOf, streamWording } from './sse.ts';
import { createStreamSockets, type StreamSocket } from './web-socket.ts';

export interface StreamDoorOptions {
  readonly ways: RequestWay;
  readonly history: StreamHistory;
  readonly publish: StreamPublish;
  readonly observe: Observe;
  /** `maxFrameBytes` bounds request bodies too. */
  readonly limits?: Partial<PeerLimits>;
}

/** A route at the prefix `/v1/streams/`. */
export interface StreamDoor {
  /** Answers in any case; never rejects for what a client did. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void;
  /** Nothing new is let in; what is live ends with DRAINING and its cursor; resolves when every stream is closed. */
  drain(): Promise<void>;
  /** At once, without a word. */
  close(): void;
}

export function createStreamDoor(options: StreamDoorOptions): StreamDoor {
  return new Door(options, { ...DEFAULT_PEER_LIMITS, ...options.limits });
}

class Door implements StreamDoor {
  private readonly options: StreamDoorOptions;
  private readonly maxBytes: number;
  private readonly heartbeats = new Heartbeats();
  private readonly streams: EventStreams;
  private readonly sockets: Peers<StreamSocket>;
  private isDraining = false;

  constructor(options: StreamDoorOptions, limits: PeerLimits) {
    const { ways, observe } = options;
    this.options = options;
    this.maxBytes = limits.maxFrameBytes;
    this.streams = new EventStreams(limits.probeMs);
    this.sockets = createStreamSockets({ ways, observe, heartbeats: this.heartbeats, ...limits });
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (this.isDraining) throw new SluiceError('DRAINING');
      const url = urlOf(request);
      const place = placeOf(url);
      if (place === null) throw new SluiceError('NOT_FOUND', 'Nothing stands at this path.');
      checkMethod(request, place === '' ? ['GET'] : ['GET', 'POST']);
      if (place === '') await this.stream(request, response, url);
      else await this.events(request, response, url);
    } catch (thrown) {
      this.refuse(request, response, thrown);
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.sockets.upgrade(request, socket, head);
  }

  async drain(): Promise<void> {
    this.isDraining = true;
    await Promise.all([this.sockets.drain(), this.streams.drain()]);
  }

  close(): void {
    this.sockets.close();
    this.streams.close();
    this.heartbeats.close();
  }

  private async stream(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (preferred(headerOf(request, 'accept'), ['text/event-stream']) === null)
      throw new HttpRefusal(406, 'A stream is text/event-stream over HTTP, or a WebSocket: ask for one of them.');
    const secret = secretOfHeaders(request) ?? secretOfUrl(url);
    const product = productOf(url);
    await this.within(request, response, { secret, product, door: 'stream-sse' }, async (session, withdrawn) => {
      const { operation, heartbeatMs } = readStreamUrl(product, url, headerOf(request, 'last-event-id') || null);
      const wording = streamWording(product, heartbeatMs, this.options.observe);
      const stream = await this.streams.serve(request, response, withdrawn, wording, (outlet, signal) =>
        this.options.ways.subscribe(session, operation, outlet, signal),
      );
      if (!stream.isOpen) return;
      const beating = beatingOf(stream, product, heartbeatMs);
      this.heartbeats.add(beating);
      response.once('close', () => this.heartbeats.delete(beating));
    });
  }

  private async events(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { history, publish } = this.options;
    const { maxBytes } = this;
    const product = productOf(url);
    await this.within(request, response, { secret: secretOfHeaders(request), product, door: 'stream' }, (session) =>
      request.method === 'GET'
        ? answerHistory(request, response, { session, product, url, history })
        : answerPublish(request, response, { session, product, url, publish, maxBytes }),
    );
  }

  /** Answers within a session, which ends with the response. */
  private async within(
    request: IncomingMessage,
    response: ServerResponse,
    { secret, product, door }: { readonly secret: string | null; readonly product: string; readonly door: string },
    answer: (session: Session, withdrawn: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const session = this.options.ways.connect(secret, { address: request.socket.remoteAddress ?? '', door });
    const { contracts } = session.surface;
    const contract = contracts.find((candidate) => candidate.product === product);
    // Whatever comes of it: the path is of this product alone.
    if (contract !== undefined) response.setHeaders(new Map(Object.entries(lifeCycleHeaders(contract, contracts))));
    // The client may go while something is waited for.
    response.once('close', session.close.bind(session));
    const withdrawn = new AbortController();
    session.onEnded((error) => withdrawn.abort(error));
    try {
      await answer(session, withdrawn.signal);
    } catch (thrown) {
      session.close();
      throw thrown;
    }
  }

  refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const error = shownError(thrown, this.options.observe);
    answerJson(request, response, error.status, { error: errorBody(error) }, errorHeaders(error));
  }
}

function checkMethod({ method = '' }: IncomingMessage, allowed: readonly string[]): void {
  if (!allowed.includes(method))
    throw new HttpRefusal(405, `Only ${allowed.join(' and ')} mean something here.`, { Allow: allowed.join(', ') });
}
