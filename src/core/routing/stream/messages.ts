/**
 * The messages of a scan stream, byte by byte. Each begins with its kind (u8); all but `hello` go on with the number of the ask that they
 * belong to (u32). Numbers are big-endian. Asks are numbered by the end that asks, so that both ends may ask on one channel.
 *
 *     hello    1  "SLSS" u8 version                      first, from both ends
 *     ask      2  JSON of an Ask                         asker: asks
 *     credit   3  u32 partition, u32 bytes               asker: so many more bytes of scans may be sent
 *     cancel   4                                         asker: wants no more of it
 *     answer   5  JSON                                   asked: the answer, which ends the ask
 *     refusal  6  JSON {code, message, details}          asked: an error of the catalogue, which ends the ask
 *     scan     7  a scan (scan.ts)                       asked: costs its bytes of credit
 *     told     8  JSON                                   asked: something beside scans, without credit
 *     end      9                                         asked: there is no more
 */
import { z } from 'zod';
import { catalogue, type ErrorCode, SluiceError } from '../../errors.ts';
import { MAX_COVERING, MAX_TEXT } from '../interest/covering.ts';

/** Ends of different versions do not talk to each other. */
export const STREAM_VERSION = 1;
/** No message is longer. A scan is far shorter (scan.ts), unless a single event is not. */
export const MAX_MESSAGE_BYTES = 67_108_864;

const MAGIC = Buffer.from('SLSS');
const HEAD_BYTES = 5;
const kinds = ['hello', 'ask', 'credit', 'cancel', 'answer', 'refusal', 'scan', 'told', 'end'] as const;
type Kind = (typeof kinds)[number];

/** What the other end sent cannot be right: it is another version, broken, or no end of a scan stream at all. */
export class StreamError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StreamError';
  }
}

const product = z.string().min(1).max(256);
const digest = z.string().max(256);
const position = z.int().nonnegative();
const partition = z.int().nonnegative().max(100_000);
const vector = z.array(position).max(100_000);
const bytes = z.int().positive().max(MAX_MESSAGE_BYTES);
const placement = z.strictObject({ incarnation: digest, vector });

const origin = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('latest') }),
  z.strictObject({ kind: z.literal('earliest') }),
  z.strictObject({ kind: z.literal('time'), time: z.number(), slackMs: z.number().nonnegative().optional() }),
  z.strictObject({ kind: z.literal('at'), incarnation: digest, vector }),
]);
const publishEvent = z.strictObject({
  key: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
  traceparent: z.string().nullable(),
});
const events = z.array(publishEvent).max(10_000);
/** A memo is a vector at most. */
const once = z.strictObject({ key: digest, digest, memo: z.string().max(2_097_152) });

/** null: everything. A lookup is the text of a topic filter, or a path and the value at it. */
const interest = z.strictObject({
  version: z.int().positive(),
  lookups: z
    .array(
      z.union([
        z.string().min(1).max(MAX_TEXT),
        z.tuple([
          z.array(z.string().max(MAX_TEXT)).min(1).max(100),
          z.union([z.string().max(MAX_TEXT), z.number(), z.boolean(), z.null()]),
        ]),
      ]),
    )
    .max(MAX_COVERING)
    .nullable(),
});

export type SentInterest = z.output<typeof interest>;

const ask = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.literal('place'), product, origin }),
  z.strictObject({ ask: z.literal('extent'), product }),
  z.strictObject({ ask: z.literal('append'), product, events }),
  z.strictObject({ ask: z.literal('appendOnce'), product, events, once }),
  /** Scans from the placement on, of all partitions or of these, and of what is wanted, `credit` bytes of each to begin with; told {grown}. */
  z.strictObject({
    ask: z.literal('tail'),
    product,
    from: placement,
    partitions: z.array(partition).min(1).max(100_000).optional(),
    interest: interest.optional(),
    credit: bytes,
  }),
  /** Another interest of the tail of that number, whose later scans follow it. Answered with {}. */
  z.strictObject({ ask: z.literal('interest'), tail: z.int().nonnegative(), interest }),
  /** Scans of [from, to), `credit` bytes to begin with, then the end. */
  z.strictObject({
    ask: z.literal('range'),
    product,
    incarnation: digest,
    partition,
    from: position,
    to: position,
    maxBytes: z.int().positive().optional(),
    credit: bytes,
  }),
  /** The records of the state, told as {records}, then {applied: true} once those as of the ask have been told, then further ones. */
  z.strictObject({ ask: z.literal('follow') }),
  /** Answered with {ageMs}: all that was written until so long ago has been told to the following of that number. */
  z.strictObject({ ask: z.literal('confirm'), following: z.int().nonnegative() }),
  /** What stands under a name, told at once and whenever it changes. */
  z.strictObject({ ask: z.literal('watch'), name: z.string().max(64) }),
]);

export type Ask = z.output<typeof ask>;

const published = z.array(
  z.strictObject({ incarnation: digest, partition: position, offset: position, time: z.number() }),
);

export const answers = {
  interest: z.strictObject({}),
  place: placement,
  extent: z.strictObject({ incarnation: digest, first: vector, end: vector }),
  append: published,
  appendOnce: z.strictObject({ published, digest, memo: z.string(), isRepeated: z.boolean() }),
  confirm: z.strictObject({ ageMs: z.number().nonnegative() }),
} as const;

export const tidings = {
  tail: z.strictObject({ grown: z.int().positive().max(100_000) }),
  follow: z.union([
    z.strictObject({
      records: z.array(
        z.strictObject({
          topic: z.string(),
          key: z.string(),
          value: z.string().nullable(),
          offset: position,
          timestamp: z.number(),
        }),
      ),
    }),
    z.strictObject({ applied: z.literal(true) }),
  ]),
} as const;

const refusal = z.strictObject({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});

export type Message =
  | { readonly kind: 'hello'; readonly version: number }
  | { readonly kind: 'ask'; readonly id: number; readonly ask: Ask }
  | { readonly kind: 'credit'; readonly id: number; readonly partition: number; readonly bytes: number }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'told'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: SluiceError }
  | { readonly kind: 'scan'; readonly id: number; readonly body: Buffer };

export function encodeHello(): Buffer {
  return Buffer.concat([Buffer.from([kinds.indexOf('hello') + 1]), MAGIC, Buffer.from([STREAM_VERSION])]);
}

/** The first bytes of any other message; what follows them is its body. */
export function encodeHead(kind: Exclude<Kind, 'hello'>, id: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head[0] = kinds.indexOf(kind) + 1;
  head.writeUInt32BE(id, 1);
  return head;
}

export function encodeCredit(id: number, partition: number, credit: number): Buffer {
  const message = Buffer.allocUnsafe(HEAD_BYTES + 8);
  message[0] = kinds.indexOf('credit') + 1;
  message.writeUInt32BE(id, 1);
  message.writeUInt32BE(partition, 5);
  message.writeUInt32BE(credit, 9);
  return message;
}

export function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The body of a refusal. What only operators may see stays at this end. */
export function encodeRefusal({ code, message, details }: SluiceError): Buffer {
  return encodeJson({ code, message, details });
}

/** Throws StreamError. The bodies of scans are left as they are: whoever asked knows what of. */
export function decodeMessage(bytes: Uint8Array): Message {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = kinds[(message[0] ?? 0) - 1];
  if (kind === undefined) throw new StreamError(`a message of the unknown kind ${message[0] ?? 'none'}`);
  if (kind === 'hello') {
    if (message.length !== 6 || !message.subarray(1, 5).equals(MAGIC)) throw new StreamError('no scan stream');
    return { kind, version: message[5] as number };
  }
  if (message.length < HEAD_BYTES) throw new StreamError(`a ${kind} that ends in its head`);
  const id = message.readUInt32BE(1);
  const body = message.subarray(HEAD_BYTES);
  switch (kind) {
    case 'ask':
      return { kind, id, ask: parsed(ask, json(kind, body), kind) };
    case 'credit':
      if (body.length !== 8) throw new StreamError('a credit of the wrong length');
      return { kind, id, partition: body.readUInt32BE(0), bytes: body.readUInt32BE(4) };
    case 'answer':
    case 'told':
      return { kind, id, value: json(kind, body) };
    case 'refusal':
      return { kind, id, error: toError(parsed(refusal, json(kind, body), kind)) };
    case 'scan':
      return { kind, id, body };
    default:
      if (body.length > 0) throw new StreamError(`a ${kind} with a body`);
      return { kind, id };
  }
}

/** The value in the shape that it must have. Throws StreamError. */
export function parsed<T>(shape: z.ZodType<T>, value: unknown, what: string): T {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new StreamError(`a malformed ${what}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

export function json(what: string, text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    throw new StreamError(`a ${what} that is no JSON`);
  }
}

function toError({ code, message, details }: z.output<typeof refusal>): SluiceError {
  return Object.hasOwn(catalogue, code)
    ? new SluiceError(code as ErrorCode, message, { details })
    : new SluiceError('INTERNAL', undefined, { cause: new Error(`the unknown error ${code}`) });
}
