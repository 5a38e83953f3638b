/** The end of links that others dial: who is let in, and what becomes of everybody else. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Attempts, createAttempts } from '../../core/access/index.ts';
import type { Observe } from '../../core/observe.ts';
import { MAX_MESSAGE_BYTES, type StreamClock } from '../../core/routing/index.ts';
import { Arrivals } from './arrivals.ts';
import { MARGIN_BYTES } from './body.ts';
import { certifiedNames, names } from './certificate.ts';
import { type Link, LinkChannel, linkOf } from './channel.ts';
import {
  COMPRESSION,
  checkedSecret,
  decodeGreeting,
  decodeProof,
  encodeGreeting,
  encodeProof,
  type Greeting,
  LINK_PATH,
  NONCE_BYTES,
  provedSecret,
  SUBPROTOCOL,
} from './handshake.ts';
import { DEFAULT_LINK_LIMITS, type LinkLimits } from './limits.ts';
import { Opening } from './opening.ts';
import { checkedPeer, type Peer, type PeerInfo } from './peer.ts';
import { LinkRefused, type RefusalReason } from './refusal.ts';

export interface ListenTls {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of the diallers' certificates, PEM; default: those that Node knows. */
  readonly ca?: string;
  /** Whoever has no certificate by one of the authorities is not let in. */
  readonly requireClientCert: boolean;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly tls?: ListenTls;
  readonly self: Peer;
  /** By the dialler's site: any of them will do, so that they can be changed one end after the other. At least 16 bytes each. */
  readonly secrets: ReadonlyMap<string, readonly string[]>;
  /** Whether links to other sites are compressed where they want it too; default: true. Within a site none is. */
  readonly compression?: boolean;
  readonly observe: Observe;
  readonly clock: StreamClock;
  readonly limits?: Partial<LinkLimits>;
  /** How failed attempts are slowed; default: ten at once from an address, then one in three seconds. */
  readonly attempts?: Attempts;
  /** Told of each link as it is there. Whatever travels on it waits until its channel is received from, within the same turn or later. */
  accept(link: Link): void;
}

export interface LinkListener {
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  /** Ends all links in order, and resolves once nothing is open. */
  close(): Promise<void>;
}

/** Rejects where the port cannot be had. Throws RangeError for names and secrets that cannot be. */
export async function listenForLinks(options: ListenOptions): Promise<LinkListener> {
  checkedPeer(options.self);
  for (const secret of [...options.secrets.values()].flat()) checkedSecret(secret);
  const limits = { ...DEFAULT_LINK_LIMITS, ...options.limits };
  const { tls, host, port, observe, clock } = options;
  const attempts = options.attempts ?? slowing(clock);
  const arrivals = new Arrivals({ limits, clock, observe });
  const links = new Set<Link>();
  const handshake = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES + MARGIN_BYTES,
    // Answered by the channel, which minds what is unsent.
    autoPong: false,
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  });
  const bounds = { maxHeaderSize: 8_192, headersTimeout: limits.handshakeMs, requestTimeout: limits.handshakeMs };
  const server =
    tls === undefined
      ? createServer(bounds)
      : createTlsServer({
          ...bounds,
          cert: tls.cert,
          key: tls.key,
          ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          requestCert: tls.requireClientCert,
          rejectUnauthorized: tls.requireClientCert,
          handshakeTimeout: limits.handshakeMs,
        });
  server.on('connection', (socket: Socket) => arrivals.add(socket));
  const broken = (reason: 'tls' | 'http') => (error: NodeJS.ErrnoException, stream: Duplex) => {
    const socket = stream as Socket;
    const refused = new LinkRefused(reason, undefined, error);
    // Whoever only looks whether the port is open has not been refused anything.
    if (error.code === 'ECONNRESET') arrivals.gone(socket, refused);
    else arrivals.refused(socket, refused);
    socket.destroy();
  };
  server.on('tlsClientError', broken('tls'));
  server.on('clientError', broken('http'));
  server.on('request', (request, response) => {
    arrivals.refused(request.socket, new LinkRefused('http'));
    response.writeHead(request.url === LINK_PATH ? 426 : 404, { connection: 'close' }).end();
  });
  handshake.on('wsClientError', (_error, socket) => turnAway(socket as Socket, 400));
  const turnAway = (socket: Socket, status: number): void => {
    arrivals.refused(socket, new LinkRefused('http'));
    socket.on('error', () => {});
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.destroySoon();
  };
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const socket = stream as Socket;
    if (request.url !== LINK_PATH) return turnAway(socket, 404);
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes(SUBPROTOCOL)) return turnAway(socket, 400);
    handshake.handleUpgrade(request, socket, head, (ws) =>
      open({ ws, socket, options, limits, attempts, arrivals }, (link) => {
        links.add(link);
        void link.closed.then((error) => {
          links.delete(link);
          if (error !== null) observe.warn('a link has ended', { ...described(link.peer), error: error.message });
        });
        observe.info('a link was accepted', described(link.peer));
        try {
          options.accept(link);
        } catch (thrown) {
          observe.error('a link that was accepted could not be taken', { ...described(link.peer), error: thrown });
          link.close(thrown instanceof Error ? thrown : new Error(String(thrown)));
        }
      }),
    );
  });
  server.listen(port, host);
  await once(server, 'listening');
  // Such as too many open files: those that are there go on.
  server.on('error', (error) => observe.error('links cannot be taken', { error }));
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    port: bound.port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      arrivals.close();
      for (const link of links) link.close();
      await Promise.all([...links].map((link) => link.closed));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What is refused to one who tries what might be right. */
const GUESSES: ReadonlySet<RefusalReason> = new Set(['site', 'proof', 'certificate']);

/** By address alone: whoever names another site must not slow that one. */
function slowing(clock: StreamClock): Attempts {
  return createAttempts({
    clock: () => clock.now(),
    perAddress: { burst: 10, recoveryMs: 3_000 },
    perPrefix: { burst: 1, recoveryMs: 0 },
  });
}

function described({ site, node, address, by, compressed }: PeerInfo) {
  return { site, node, address, by, compressed };
}

interface Arriving {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly options: ListenOptions;
  readonly limits: LinkLimits;
  readonly attempts: Attempts;
  readonly arrivals: Arrivals;
}

/** Goes through the handshake; `there` is told of the link, once. */
function open({ ws, socket, options, limits, attempts, arrivals }: Arriving, there: (link: Link) => void): void {
  const { self, secrets, observe, clock } = options;
  const address = arrivals.addressOf(socket);
  const certified = options.tls?.requireClientCert ? certifiedNames(socket as TLSSocket) : null;
  const transcript: Buffer[] = [];
  let hello: Greeting | null = null;
  let compressed = false;

  const greet = (message: Buffer): void => {
    const greeting = decodeGreeting('hello', message);
    const wait = attempts.allow(address, greeting.site);
    if (wait !== null)
      throw new LinkRefused('slowed', `too many failed attempts: try again in ${Math.ceil(wait / 1_000)} s`);
    if (greeting.site === self.site && greeting.node === self.node) throw new LinkRefused('loop');
    if (certified !== null && !names(certified, greeting)) throw new LinkRefused('certificate');
    if (certified === null && !secrets.has(greeting.site)) throw new LinkRefused('site');
    hello = greeting;
    const offers = greeting.site !== self.site && options.compression !== false ? COMPRESSION : 0;
    compressed = (offers & greeting.features) !== 0;
    const challenge = encodeGreeting('challenge', { ...self, features: offers, nonce: randomBytes(NONCE_BYTES) });
    transcript.push(message, challenge);
    ws.send(challenge);
  };

  const prove = (message: Buffer, greeting: Greeting): void => {
    const proof = decodeProof('proof', message);
    const secret = proof === null ? null : provedSecret('proof', secrets.get(greeting.site) ?? [], proof, transcript);
    if (proof === null ? certified === null : secret === null) throw new LinkRefused('proof');
    attempts.succeeded(address, greeting.site);
    arrivals.proved(socket);
    opening.done();
    ws.send(encodeProof('welcome', secret, [...transcript, message]));
    const { site, node, incarnation } = greeting;
    const by = secret === null ? 'certificate' : 'secret';
    const peer: PeerInfo = { site, node, incarnation, address: arrivals.nameOf(socket), by, compressed };
    there(linkOf(new LinkChannel(ws, socket, peer, { limits, clock, observe }), peer));
  };

  const opening = new Opening(ws, socket, {
    clock,
    timeoutMs: limits.handshakeMs,
    take: (message) => (hello === null ? greet(message) : prove(message, hello)),
    failed: (refused, whose) => {
      if (whose === 'theirs') return arrivals.gone(socket, refused);
      if (GUESSES.has(refused.reason)) attempts.failed(address, hello?.site ?? null);
      arrivals.refused(socket, refused, hello?.site);
    },
  });
}
