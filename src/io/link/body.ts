/**
 * What one WebSocket message of a link carries once the handshake is over: one message of the channel.
 *
 *     plain       0  the message
 *     compressed  1  u32 length of the message, one zstd frame of it (windows of at most 8 MiB); only where compression was agreed on
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { MAX_MESSAGE_BYTES, StreamError } from '../../core/routing/index.ts';

/** The most that a body is longer than its message. */
export const MARGIN_BYTES = 5;
/** Shorter messages gain nothing. */
const COMPRESS_FROM_BYTES = 1_024;
const MAX_WINDOW_LOG = 23;
const PLAIN = 0;
const COMPRESSED = 1;

/** Compressing is synchronous: a piece of a scan takes about a millisecond, and the order of messages is that of the calls. */
export function encodeBody(parts: readonly Uint8Array[], compresses: boolean): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (compresses && length > COMPRESS_FROM_BYTES) {
    const frame = compressed(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, length));
    if (frame.length + MARGIN_BYTES <= length) {
      const head = Buffer.allocUnsafe(MARGIN_BYTES);
      head[0] = COMPRESSED;
      head.writeUInt32BE(length, 1);
      return Buffer.concat([head, frame]);
    }
  }
  return Buffer.concat([Buffer.from([PLAIN]), ...parts], length + 1);
}

/** Throws StreamError: another form, or a frame that does not unfold to exactly what it says. No more memory is taken than it says. */
export function decodeBody(body: Buffer, compresses: boolean): Buffer {
  if (body[0] === PLAIN) return body.subarray(1);
  if (body[0] !== COMPRESSED || !compresses || body.length < MARGIN_BYTES)
    throw new StreamError(`a message of the unknown form ${body[0] ?? 'none'}`);
  const length = body.readUInt32BE(1);
  if (length === 0 || length > MAX_MESSAGE_BYTES) throw new StreamError(`a compressed message of ${length} bytes`);
  const message = unfolded(body.subarray(MARGIN_BYTES), length);
  if (message.length !== length) throw new StreamError('a compressed message that is shorter than it says');
  return message;
}

function compressed(message: Uint8Array): Buffer {
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  return zstdCompressSync(message, { params, chunkSize: Math.max(64, message.length) });
}

function unfolded(frame: Buffer, length: number): Buffer {
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
  try {
    // One byte more of room than there may be: what follows the frame is met, and refused.
    return zstdDecompressSync(frame, { params, chunkSize: Math.max(64, length + 1), maxOutputLength: length });
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown';
    throw new StreamError(`a compressed message that does not unfold to the ${length} bytes that it says: ${code}`);
  }
}
