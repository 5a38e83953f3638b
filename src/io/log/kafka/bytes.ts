/** Reading and writing the primitives of Kafka's protocol. A read past the end throws RangeError, never returns rubbish. */

export class Reader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  int8(): number {
    return this.bytes.readInt8(this.#step(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.#step(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#step(4));
  }

  /** Offsets, timestamps and producer ids: beyond 2^53 they lose digits, which no log reaches. */
  int64(): number {
    return readInt64(this.bytes, this.#step(8));
  }

  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 5; i++) {
      const byte = this.bytes.readUInt8(this.at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new RangeError('varint is too long');
  }

  /** Count of a compact array; a null array counts as empty. */
  compactCount(): number {
    return Math.max(this.uvarint() - 1, 0);
  }

  count(): number {
    return Math.max(this.int32(), 0);
  }

  compactString(): string | null {
    const length = this.uvarint() - 1;
    return length < 0 ? null : this.#text(length);
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.#text(length);
  }

  raw(length: number): Buffer {
    const from = this.#step(length);
    return this.bytes.subarray(from, from + length);
  }

  skip(length: number): void {
    this.#step(length);
  }

  /** Tagged fields; `known` is called with the reader at the field's first byte for each, the rest is stepped over. */
  tags(known?: (tag: number, reader: Reader) => void): void {
    const count = this.uvarint();
    for (let i = 0; i < count; i++) {
      const tag = this.uvarint();
      const end = this.uvarint() + this.at;
      known?.(tag, this);
      this.at = end;
    }
  }

  #text(length: number): string {
    const from = this.#step(length);
    return this.bytes.toString('utf8', from, from + length);
  }

  #step(length: number): number {
    const from = this.at;
    this.at += length;
    if (this.at > this.bytes.length || length < 0) throw new RangeError('response ends early');
    return from;
  }
}

export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4294967296 + bytes.readUInt32BE(at + 4);
}

export class Writer {
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #length = 0;

  int8(value: number): this {
    const at = this.#grow(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#grow(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#grow(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  /** A safe integer. */
  int64(value: number): this {
    const at = this.#grow(8);
    const high = Math.floor(value / 4294967296);
    this.#bytes.writeInt32BE(high, at);
    this.#bytes.writeUInt32BE(value - high * 4294967296, at + 4);
    return this;
  }

  uvarint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      const at = this.#grow(1);
      this.#bytes.writeUInt8((rest % 128) + 128, at);
      rest = Math.floor(rest / 128);
    }
    const at = this.#grow(1);
    this.#bytes.writeUInt8(rest, at);
    return this;
  }

  string(text: string): this {
    const bytes = Buffer.from(text);
    return this.int16(bytes.length).raw(bytes);
  }

  compactString(text: string): this {
    const bytes = Buffer.from(text);
    return this.uvarint(bytes.length + 1).raw(bytes);
  }

  raw(bytes: Buffer): this {
    const at = this.#grow(bytes.length);
    bytes.copy(this.#bytes, at);
    return this;
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room and returns where it begins. `#bytes` may be another buffer afterwards. */
  #grow(by: number): number {
    const at = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
