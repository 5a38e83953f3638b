/**
 * The handshake of a link, byte by byte: one WebSocket binary message each, in this order. Numbers are big-endian; a name is a u8
 * length and so many bytes of ASCII; a nonce is 32 random bytes.
 *
 *     hello      1  "SLLK" u8 version, u32 features, nonce, name site, name node, name incarnation     dialler
 *     challenge  2  "SLLK" u8 version, u32 features, nonce, name site, name node, name incarnation     listener
 *     proof      3  u8 how, if 1: 32 bytes                                                             dialler
 *     welcome    4  u8 how, if 1: 32 bytes                                                             listener
 *
 * Features: bit 0 compression (zstd); agreed on are those that both name, and bits that are not known are ignored. How: 1 by a secret, 2 by the
 * certificate of the end's TLS. By a secret the bytes are HMAC-SHA-256 with it (UTF-8) over
 *
 *     proof      "sluice.link.1 dialler" 0, u32 length and bytes of the hello, u32 length and bytes of the challenge
 *     welcome    "sluice.link.1 listener" 0, the same two, u32 length and bytes of the proof
 *
 * so that they are good for these two nonces, these two identities and this role, and for nothing else.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isName, isSite, type Peer } from './peer.ts';
import { LinkRefused } from './refusal.ts';

export const LINK_VERSION = 1;
export const LINK_PATH = '/v1/link';
export const SUBPROTOCOL = 'sluice.link.1';
/** No message of the handshake is longer. */
export const MAX_HANDSHAKE_BYTES = 4_096;
export const NONCE_BYTES = 32;
export const COMPRESSION = 1;
/** A secret that is shorter could be guessed from what travels. */
const MIN_SECRET_BYTES = 16;

const MAGIC = Buffer.from('SLLK');
const HEAD_BYTES = 1 + 4 + 1;
const PROOF_BYTES = 32;

/** What a hello or a challenge says. */
export interface Greeting extends Peer {
  readonly features: number;
  readonly nonce: Buffer;
}

type Greets = 'hello' | 'challenge';
type Proves = 'proof' | 'welcome';
const kinds = { hello: 1, challenge: 2, proof: 3, welcome: 4 } as const;
const roles = { proof: 'sluice.link.1 dialler', welcome: 'sluice.link.1 listener' } as const;

export function encodeGreeting(kind: Greets, { features, nonce, site, node, incarnation }: Greeting): Buffer {
  const head = Buffer.concat([Buffer.from([kinds[kind]]), MAGIC, Buffer.from([LINK_VERSION]), Buffer.alloc(4)]);
  head.writeUInt32BE(features, HEAD_BYTES);
  const names = [site, node, incarnation].flatMap((name) => [Buffer.from([name.length]), Buffer.from(name, 'latin1')]);
  return Buffer.concat([head, nonce, ...names]);
}

/** Throws LinkRefused. Of another version nothing is read but that. */
export function decodeGreeting(kind: Greets, message: Buffer): Greeting {
  if (message[0] !== kinds[kind] || !message.subarray(1, 5).equals(MAGIC) || message.length < HEAD_BYTES)
    throw new LinkRefused('malformed');
  const version = message[5];
  if (version !== LINK_VERSION)
    throw new LinkRefused('version', `version ${version} of the protocol, where version ${LINK_VERSION} is spoken`);
  let at = HEAD_BYTES + 4 + NONCE_BYTES;
  if (message.length < at) throw new LinkRefused('malformed');
  const name = (): string => {
    const length = message[at] ?? 0;
    const text = message.toString('latin1', at + 1, at + 1 + length);
    at += 1 + length;
    return text;
  };
  const [site, node, incarnation] = [name(), name(), name()];
  if (at !== message.length || !isSite(site) || !isName(node) || !isName(incarnation))
    throw new LinkRefused('malformed');
  const nonce = Buffer.from(message.subarray(HEAD_BYTES + 4, HEAD_BYTES + 4 + NONCE_BYTES));
  return { features: message.readUInt32BE(HEAD_BYTES), nonce, site, node, incarnation };
}

/** `transcript`: all messages before this one. null: by the certificate. */
export function encodeProof(kind: Proves, secret: string | null, transcript: readonly Buffer[]): Buffer {
  if (secret === null) return Buffer.from([kinds[kind], 2]);
  return Buffer.concat([Buffer.from([kinds[kind], 1]), proofOf(kind, secret, transcript)]);
}

/** The bytes that prove a secret; null: it stands on its certificate. Throws LinkRefused. */
export function decodeProof(kind: Proves, message: Buffer): Buffer | null {
  const isWell =
    message[0] === kinds[kind] &&
    (message[1] === 2 ? message.length === 2 : message[1] === 1 && message.length === 2 + PROOF_BYTES);
  if (!isWell) throw new LinkRefused('malformed');
  return message[1] === 2 ? null : message.subarray(2);
}

/** The one of the secrets that was proved, or null. Takes the same time whichever it is. */
export function provedSecret(
  kind: Proves,
  secrets: readonly string[],
  proof: Buffer,
  transcript: readonly Buffer[],
): string | null {
  let found: string | null = null;
  for (const secret of secrets) if (timingSafeEqual(proofOf(kind, secret, transcript), proof)) found = secret;
  return found;
}

/** Throws RangeError. */
export function checkedSecret(secret: string): string {
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    throw new RangeError(`a secret of a link has at least ${MIN_SECRET_BYTES} bytes: take 32 random ones`);
  return secret;
}

function proofOf(kind: Proves, secret: string, transcript: readonly Buffer[]): Buffer {
  const hmac = createHmac('sha256', secret).update(`${roles[kind]}\0`);
  for (const message of transcript) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(message.length);
    hmac.update(length).update(message);
  }
  return hmac.digest();
}
