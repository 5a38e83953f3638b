/**
 * A server's frames by the letter of RFC 6455, as bytes come: anything that a client may close the connection for throws. It shares
 * no code with what it checks, and none with `ws`.
 */
export interface StrictFrame {
  readonly opcode: 'text' | 'close' | 'ping' | 'pong';
  readonly payload: Buffer;
}

const OPCODES = { 1: 'text', 8: 'close', 9: 'ping', 10: 'pong' } as const;

export class StrictReader {
  private readonly take: (frame: StrictFrame) => void;
  private readonly utf8 = new TextDecoder('utf-8', { fatal: true });
  private parts: Buffer[] = [];
  private length = 0;
  private wanted = 2;
  private isClosed = false;

  constructor(take: (frame: StrictFrame) => void) {
    this.take = take;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.isClosed) throw new Error('bytes after the close frame');
    this.parts.push(bytes);
    this.length += bytes.length;
    // Joined only once a whole frame is there: a stalled reader gets megabytes in small pieces.
    while (this.length >= this.wanted) {
      const all = this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts);
      const used = this.frame(all);
      this.parts = used < all.length ? [all.subarray(used)] : [];
      this.length = all.length - used;
      if (used === 0) return;
    }
  }

  /** Nothing of a frame is left over. */
  get isBetweenFrames(): boolean {
    return this.length === 0;
  }

  /** Bytes that it took; 0 while the frame is not whole, and `wanted` says how many that needs. */
  private frame(bytes: Buffer): number {
    const [first, second] = [bytes[0] as number, bytes[1] as number];
    const opcode = OPCODES[(first & 0x0f) as keyof typeof OPCODES];
    if (opcode === undefined) throw new Error(`opcode ${first & 0x0f}`);
    if ((first & 0xf0) !== 0x80) throw new Error(`flags ${first & 0xf0}: not final, or a reserved bit is set`);
    if ((second & 0x80) !== 0) throw new Error('a server masks no frame');
    const short = second & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < head) return this.waitFor(head);
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2) & ~(1n << 63n));
    if (short === 127 && (bytes[2] as number) > 0x7f) throw new Error('a length of more than 63 bits');
    if (head > 2 && length < (head === 4 ? 126 : 65_536)) throw new Error(`${length} is not in its shortest form`);
    if (opcode !== 'text' && length > 125) throw new Error(`a control frame of ${length} bytes`);
    if (bytes.length < head + length) return this.waitFor(head + length);
    const payload = bytes.subarray(head, head + length);
    if (opcode === 'text') JSON.parse(this.utf8.decode(payload));
    if (opcode === 'close') {
      if (length === 1) throw new Error('a close frame of one byte');
      this.utf8.decode(payload.subarray(2));
      this.isClosed = true;
    }
    this.wanted = 2;
    this.take({ opcode, payload });
    return head + length;
  }

  private waitFor(bytes: number): number {
    this.wanted = bytes;
    return 0;
  }
}
