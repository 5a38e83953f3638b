/** The end of a link that dials. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import WebSocket from 'ws';
import type { Observe } from '../../core/observe.ts';
import { MAX_MESSAGE_BYTES, type StreamClock } from '../../core/routing/index.ts';
import { MARGIN_BYTES } from './body.ts';
import { certifiedNames, checkListener, names } from './certificate.ts';
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
import { LinkRefused, plain, refusals } from './refusal.ts';

export interface DialTls {
  /** Authorities of the listener's certificate, PEM; default: those that Node knows. */
  readonly ca?: string;
  /** This end's own certificate, PEM, where the listener wants one. */
  readonly cert?: string;
  readonly key?: string;
}

export interface DialOptions {
  /** `host:port` of a listener. */
  readonly address: string;
  readonly self: Peer;
  /** Who must be there. */
  readonly expect: { readonly site: string; readonly node?: string };
  /** null: both ends stand on their certificates, which must name them. */
  readonly secret: string | null;
  /** Without it nothing is encrypted. */
  readonly tls?: DialTls;
  readonly compression?: boolean;
  readonly observe: Observe;
  readonly clock: StreamClock;
  readonly limits?: Partial<Pick<LinkLimits, 'handshakeMs' | 'pingMs' | 'highWaterBytes' | 'maxUnsentBytes'>>;
  /** Gives the attempt up; a link that is there is closed by its `close`. */
  readonly signal?: AbortSignal;
}

/**
 * One attempt. Rejects with LinkRefused: unreachable where the connection cannot be made, else what was refused, by either end; or with the
 * signal's reason. Throws RangeError for names and secrets that cannot be.
 */
export function dialLink(options: DialOptions): Promise<Link> {
  checkedPeer(options.self);
  if (options.secret !== null) checkedSecret(options.secret);
  else if (options.tls === undefined) throw new RangeError('a link needs a secret, or certificates at both ends');
  const { signal } = options;
  signal?.throwIfAborted();
  const outcome = Promise.withResolvers<Link>();
  const ws = connect(options);
  const giveUp = (): void => {
    outcome.reject(signal?.reason);
    ws.terminate();
  };
  signal?.addEventListener('abort', giveUp, { once: true });
  const refused = (error: LinkRefused): void => outcome.reject(error);
  const limits = { ...DEFAULT_LINK_LIMITS, ...options.limits };
  const late = options.clock.after(limits.handshakeMs, () => {
    refused(new LinkRefused('unreachable', `no answer within ${limits.handshakeMs} ms`));
    ws.terminate();
  });
  let socket: Socket | null = null;
  ws.on('upgrade', (response) => {
    socket = response.socket;
  });
  ws.on('unexpected-response', (request, response: IncomingMessage) => {
    refused(new LinkRefused('http', `no links are taken at this address: it answers ${response.statusCode}`));
    request.destroy();
  });
  ws.on('error', (error) => refused(unreachable(error)));
  ws.on('open', () => {
    late();
    open({ ws, socket: socket as unknown as Socket, options, limits }, outcome.resolve, refused);
  });
  return outcome.promise.finally(() => {
    late();
    signal?.removeEventListener('abort', giveUp);
  });
}

function connect({ address, tls, expect }: DialOptions): WebSocket {
  const own = tls?.cert === undefined ? {} : { cert: tls.cert, key: tls.key };
  const security =
    tls === undefined
      ? {}
      : {
          ...own,
          ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          checkServerIdentity: checkListener(expect) as unknown as (host: string, certificate: object) => boolean,
          // Masks keep what stands in messages from being taken for HTTP by what lies between; here nobody can read it.
          generateMask: (mask: Buffer) => void mask.fill(0),
        };
  return new WebSocket(`${tls === undefined ? 'ws' : 'wss'}://${address}${LINK_PATH}`, SUBPROTOCOL, {
    ...security,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES + MARGIN_BYTES,
    autoPong: false,
    followRedirects: false,
  });
}

function unreachable(error: Error & { code?: string }): LinkRefused {
  const isTls = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED)/.test(error.code ?? '');
  const isCertificate = error.message.startsWith('the certificate is not one of');
  const reason = isCertificate ? 'certificate' : isTls ? 'tls' : 'unreachable';
  return new LinkRefused(reason, plain(`${refusals[reason].text}: ${error.message}`), error);
}

interface Opened {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly options: DialOptions;
  readonly limits: LinkLimits;
}

function open(
  { ws, socket, options, limits }: Opened,
  there: (link: Link) => void,
  failed: (why: LinkRefused) => void,
) {
  const { self, expect, secret, tls, observe, clock, address } = options;
  const wanted = expect.site !== self.site && options.compression !== false ? COMPRESSION : 0;
  const hello = encodeGreeting('hello', { ...self, features: wanted, nonce: randomBytes(NONCE_BYTES) });
  const transcript = [hello];
  let listener: Greeting | null = null;

  const prove = (message: Buffer): void => {
    const greeting = decodeGreeting('challenge', message);
    const { site, node } = greeting;
    if (site === self.site && node === self.node) throw new LinkRefused('loop');
    if (site !== expect.site || (expect.node !== undefined && node !== expect.node))
      throw new LinkRefused('wrong_peer', `${site}/${node} is at this address, and not who was expected`);
    const certified = tls === undefined ? null : certifiedNames(socket as TLSSocket);
    if (certified === null ? secret === null : !names(certified, greeting)) throw new LinkRefused('certificate');
    listener = greeting;
    transcript.push(message);
    const proof = encodeProof('proof', secret, transcript);
    transcript.push(proof);
    ws.send(proof);
  };

  const finish = (message: Buffer, { site, node, incarnation, features }: Greeting): void => {
    const proof = decodeProof('welcome', message);
    // As was asked for: one that falls back to another way has not shown what it was to show.
    const isProved =
      secret === null
        ? proof === null
        : proof !== null && provedSecret('welcome', [secret], proof, transcript) !== null;
    if (!isProved) throw new LinkRefused('proof');
    opening.done();
    const by = secret === null ? 'certificate' : 'secret';
    const peer: PeerInfo = { site, node, incarnation, address, by, compressed: (wanted & features) !== 0 };
    there(linkOf(new LinkChannel(ws, socket, peer, { limits, clock, observe }), peer));
  };

  const opening = new Opening(ws, socket, {
    clock,
    timeoutMs: limits.handshakeMs,
    take: (message) => (listener === null ? prove(message) : finish(message, listener)),
    failed: (why, whose) => {
      if (whose === 'ours') observe.counter('sluice_links_refused_total', { reason: why.reason }).add(1);
      failed(why);
    },
  });
  ws.send(hello);
}
