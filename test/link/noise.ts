/** Bytes that do not repeat, and are the same in each run. */
export function noiseOf(bytes: number, seed = 1): Buffer {
  const noise = Buffer.alloc(bytes);
  let state = Math.imul(seed, 2_654_435_761) | 1;
  for (let i = 0; i < bytes; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    noise[i] = state & 255;
  }
  return noise;
}
