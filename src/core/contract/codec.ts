/**
 * The codec port: from a record's bytes to a decoded value, by the contract's `format` and `envelope`. Adapters live in io/codec.
 * `prepare` may fetch schemas and is asynchronous; what it returns is synchronous and pure.
 */
import type { Contract, PublicData } from './model.ts';

/** A number whose digits a double would not keep. Decoders return it for what the contract types long or decimal. */
export class Numeral {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The record breaks its contract. `path` is the public or internal path at fault; the message never holds content. */
export class PayloadError extends Error {
  readonly path: string;
  readonly reason: string;
  constructor(path: string, reason: string) {
    super(path === '' ? reason : `${path}: ${reason}`);
    this.name = 'PayloadError';
    this.path = path;
    this.reason = reason;
  }
}

export interface Decoder {
  /** Objects, arrays, strings, numbers, booleans, null, and Numeral where digits matter. Throws PayloadError. */
  decode(value: Buffer): unknown;
}

export interface Encoder {
  /** A record's value from public data, laid out by the fields' paths; derived fields are left out. */
  encode(data: PublicData): Buffer;
}

export interface Codec {
  /** Formats it reads, e.g. `json`. */
  readonly formats: readonly string[];
  prepare(contract: Contract): Promise<Decoder & Encoder>;
}
