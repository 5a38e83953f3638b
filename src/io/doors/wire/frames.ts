/** How text lies on the wire: unmasked server text frames of WebSocket, and chunks of HTTP/1.1. Pure. */

/** FIN and the opcode of a text frame; the server masks nothing. */
const TEXT_FRAME = 0x81;

/** Bytes of the head of a frame with so many bytes in it. */
export function headerLength(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Writes the head of a text frame at `at`; answers where the frame's text begins. */
export function writeHeader(bytes: Buffer, at: number, length: number): number {
  bytes[at] = TEXT_FRAME;
  if (length < 126) {
    bytes[at + 1] = length;
    return at + 2;
  }
  if (length < 65_536) {
    bytes[at + 1] = 126;
    bytes.writeUInt16BE(length, at + 2);
    return at + 4;
  }
  bytes[at + 1] = 127;
  bytes.writeUInt32BE(Math.floor(length / 2 ** 32), at + 2);
  bytes.writeUInt32BE(length % 2 ** 32, at + 6);
  return at + 10;
}

/** Text as one chunk of HTTP/1.1's chunked transfer coding. */
export function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}
