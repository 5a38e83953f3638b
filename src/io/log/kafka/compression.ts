/**
 * The codecs of record batches. gzip and zstd are in node:zlib; snappy and lz4 come prebuilt. What a batch may unfold
 * to is bounded, so that a crafted one cannot take the memory.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decompressFrameSync } from 'lz4-napi';
import { uncompressSync as unsnap } from 'snappy';

/** Largest batch after decompression, in bytes. Brokers take 1 MiB compressed unless told otherwise. */
export const maxUnfolded = 64 * 1024 * 1024;

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** `codec` is the low three bits of the batch's attributes. Throws on an unknown codec, broken bytes and too much of them. */
export function decompress(codec: number, bytes: Buffer): Buffer {
  switch (codecs[codec]) {
    case 'none':
      return bytes;
    case 'gzip':
      return gunzipSync(bytes, { maxOutputLength: maxUnfolded });
    case 'zstd':
      return zstdDecompressSync(bytes, { maxOutputLength: maxUnfolded });
    case 'snappy':
      return decompressSnappy(bytes);
    case 'lz4':
      return decompressLz4(bytes);
    default:
      throw new Error(`unknown codec ${codec}`);
  }
}

/** What snappy-java's stream writes: this magic, two version words, then blocks of [length, raw snappy]. librdkafka writes raw snappy. */
const xerial = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeader = 16;

function decompressSnappy(bytes: Buffer): Buffer {
  if (bytes.length < xerialHeader || !bytes.subarray(0, 8).equals(xerial)) return unsnapBlock(bytes, 0);
  const blocks: Buffer[] = [];
  let unfolded = 0;
  for (let at = xerialHeader; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    at += 4;
    if (at + length > bytes.length) throw new Error('snappy block ends early');
    const block = unsnapBlock(bytes.subarray(at, at + length), unfolded);
    unfolded += block.length;
    blocks.push(block);
    at += length;
  }
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks, unfolded);
}

function unsnapBlock(block: Buffer, before: number): Buffer {
  let claimed = 0;
  for (let i = 0, scale = 1; i < 5; i++, scale *= 128) {
    const byte = block.readUInt8(i);
    claimed += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (before + claimed > maxUnfolded) throw new Error('batch unfolds to too much');
  return unsnap(block) as Buffer;
}

const lz4Magic = 0x184d2204;

/**
 * An LZ4 frame. lz4-napi's frame reader (the LZ4 frame format, checksums and linked blocks included) sets no bound on
 * what comes out, so the blocks are counted first: none unfolds to more than the maximum that the frame's header names.
 */
function decompressLz4(bytes: Buffer): Buffer {
  if (bytes.readUInt32LE(0) !== lz4Magic) throw new Error('not an lz4 frame');
  const flags = bytes.readUInt8(4);
  const blockMaximum = 1 << (8 + 2 * ((bytes.readUInt8(5) >> 4) & 7));
  const contentSize = flags & 0x08 ? 8 : 0;
  const dictionary = flags & 0x01 ? 4 : 0;
  const blockChecksum = flags & 0x10 ? 4 : 0;
  let at = 6 + contentSize + dictionary + 1;
  let unfolded = 0;
  for (let size = bytes.readUInt32LE(at); size !== 0; size = bytes.readUInt32LE(at)) {
    at += 4 + (size & 0x7fffffff) + blockChecksum;
    unfolded += blockMaximum;
    if (unfolded > maxUnfolded) throw new Error('batch unfolds to too much');
  }
  return decompressFrameSync(bytes);
}
