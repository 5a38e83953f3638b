/**
 * The cursor codec: a vector of positions as opaque text that any node reads back.
 *
 * Layout, then base64url without padding: version (1 byte) | sections (varint) | per section: product name, incarnation
 * (length-prefixed UTF-8), partitions (varint), next offset of each (varint) | CRC-32 of all before (4 bytes, little-endian).
 *
 * The checksum is against accidents, not forgery: a cursor holds no secret and grants nothing, access is checked where it is
 * used. CRC-32 costs a tenth of a truncated SHA-256 and, other than a hash, is certain to notice every change within 32
 * consecutive bits, hence of any one character.
 */
import { crc32 } from 'node:zlib';
import { SluiceError } from '../errors.ts';
import type { Vector } from '../routing/index.ts';

export interface CursorSection {
  /** The product's name without major, so that a cursor crosses majors on one Kafka topic. */
  readonly product: string;
  /** Digest of the incarnation that the offsets belong to. */
  readonly incarnation: string;
  readonly vector: Vector;
}

const VERSION = 1;
const MAX_TEXT = 64 * 1024;
const MAX_SECTIONS = 64;
const CHECKSUM = 4;

/** Sections are written in the order of their products' names, which are distinct. */
export function encodeCursor(sections: readonly CursorSection[]): string {
  const ordered = sections.length < 2 ? sections : [...sections].sort((a, b) => (a.product < b.product ? -1 : 1));
  const heads = ordered.map(head);
  let size = 1 + varintSize(ordered.length) + CHECKSUM;
  ordered.forEach((section, i) => {
    size += heads[i]?.length ?? 0;
    for (const next of section.vector) size += varintSize(next);
  });
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = VERSION;
  let at = writeVarint(bytes, 1, ordered.length);
  ordered.forEach((section, i) => {
    at += heads[i]?.copy(bytes, at) ?? 0;
    for (const next of section.vector) at = writeVarint(bytes, at, next);
  });
  return seal(bytes);
}

/** Throws CURSOR_INVALID for anything that encodeCursor did not write. */
export function decodeCursor(text: string): readonly CursorSection[] {
  if (text.length > MAX_TEXT) throw invalid();
  const bytes = Buffer.from(text, 'base64url');
  const end = bytes.length - CHECKSUM;
  if (end < 2 || bytes[0] !== VERSION || bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end))) throw invalid();
  const reader = new Reader(bytes, 1, end);
  const count = reader.varint();
  if (count > MAX_SECTIONS) throw invalid();
  const sections: CursorSection[] = [];
  for (let i = 0; i < count; i++) {
    const product = reader.text();
    const incarnation = reader.text();
    const partitions = reader.varint();
    // Each takes a byte at least: nothing larger than the text is ever allocated.
    if (partitions > end) throw invalid();
    const vector: number[] = [];
    for (let p = 0; p < partitions; p++) vector.push(reader.varint());
    sections.push({ product, incarnation, vector });
  }
  // One text per meaning: unused bits of the last character, padding, foreign characters, long varints, other orders, bytes left over.
  if (!reader.done || new Set(sections.map((s) => s.product)).size !== count || encodeCursor(sections) !== text)
    throw invalid();
  return sections;
}

/** The part of a cursor that is about one product; throws CURSOR_INVALID where there is none. */
export function cursorSection(text: string, product: string): CursorSection {
  const section = decodeCursor(text).find((candidate) => candidate.product === product);
  if (section === undefined) throw invalid();
  return section;
}

/** A cursor of one section for each section, by product. Throws CURSOR_INVALID. */
export function splitCursor(text: string): ReadonlyMap<string, string> {
  return new Map(decodeCursor(text).map((section) => [section.product, encodeCursor([section])]));
}

/** The section of a cursor that has one, as it stands in every cursor. */
export function sectionBytes(cursor: string): Buffer {
  const bytes = Buffer.from(cursor, 'base64url');
  return bytes.subarray(2, bytes.length - CHECKSUM);
}

/** The cursor of sections in the order of their products: what encodeCursor writes. */
export function joinSections(sections: readonly (Buffer | null)[]): string {
  const present = sections.filter((section) => section !== null);
  const head = 1 + varintSize(present.length);
  const bytes = Buffer.allocUnsafe(present.reduce((sum, { length }) => sum + length, head + CHECKSUM));
  bytes[0] = VERSION;
  let at = writeVarint(bytes, 1, present.length);
  for (const section of present) at += section.copy(bytes, at);
  return seal(bytes);
}

/** Writes the cursors of one section again and again: of a vector of which little has changed only that is encoded anew. */
export class CursorWriter {
  readonly #product: string;
  readonly incarnation: string;
  #bytes: Buffer = Buffer.alloc(0);
  #starts: number[] = [];
  #values: number[] = [];

  constructor(product: string, incarnation: string) {
    this.#product = product;
    this.incarnation = incarnation;
  }

  /** The cursor of `vector`, in which `partition` (where given) stands at `next` instead. */
  text(vector: Vector, partition = -1, next = 0): string {
    const values = this.#values;
    if (vector.length !== values.length) return this.#rebuild(vector, partition, next);
    for (let p = 0; p < values.length; p++) {
      const value = p === partition ? next : (vector[p] as number);
      const old = values[p] as number;
      if (value === old) continue;
      if (varintSize(value) !== varintSize(old)) return this.#rebuild(vector, partition, next);
      writeVarint(this.#bytes, this.#starts[p] as number, value);
      values[p] = value;
    }
    return seal(this.#bytes);
  }

  #rebuild(vector: Vector, partition: number, next: number): string {
    const values = vector.map((value, p) => (p === partition ? next : value));
    const front = head({ product: this.#product, incarnation: this.incarnation, vector: values });
    let size = 2 + front.length;
    this.#starts = values.map((value) => {
      const start = size;
      size += varintSize(value);
      return start;
    });
    this.#bytes = Buffer.allocUnsafe(size + CHECKSUM);
    this.#bytes[0] = VERSION;
    this.#bytes[1] = 1;
    front.copy(this.#bytes, 2);
    for (const [p, value] of values.entries()) writeVarint(this.#bytes, this.#starts[p] as number, value);
    this.#values = values;
    return seal(this.#bytes);
  }
}

class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      if (this.#at >= this.#end || scale > 2 ** 49) throw invalid();
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    if (!Number.isSafeInteger(value)) throw invalid();
    return value;
  }

  text(): string {
    const length = this.varint();
    if (this.#at + length > this.#end) throw invalid();
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length);
    this.#at += length;
    return text;
  }
}

function invalid(): SluiceError {
  return new SluiceError('CURSOR_INVALID');
}

function head(section: CursorSection): Buffer {
  const product = Buffer.from(section.product);
  const incarnation = Buffer.from(section.incarnation);
  const counts = [product.length, incarnation.length, section.vector.length];
  const bytes = Buffer.allocUnsafe(counts.reduce((sum, n) => sum + varintSize(n), product.length + incarnation.length));
  let at = writeVarint(bytes, 0, product.length);
  at += product.copy(bytes, at);
  at = writeVarint(bytes, at, incarnation.length);
  at += incarnation.copy(bytes, at);
  writeVarint(bytes, at, section.vector.length);
  return bytes;
}

function seal(bytes: Buffer): string {
  const end = bytes.length - CHECKSUM;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end);
  return bytes.toString('base64url');
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest /= 128) size++;
  return size;
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  // Above 31 bits the bit operators would lose the top.
  while (rest >= 0x80000000) {
    bytes[next++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    bytes[next++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}
