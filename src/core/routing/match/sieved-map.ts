/**
 * A map for keys that are seldom there. A look into a large map waits for memory several times, also to find nothing; here a small
 * table of bits, which stays in the cache, is asked first and says of nearly every key that is not there that it is not.
 */

/** Smaller maps stay in the cache themselves. */
const LEAST = 64;
/** Bits a key: at least so many; twice as many or more when the table is made. */
const LEAST_BITS = 8;

export class SievedMap<Value> {
  readonly #map = new Map<unknown, Value>();
  /** Each key has two bits, in one word. Empty: the map is small. */
  #words = new Int32Array(0);
  /** Keys that left since the table was made: their bits are still in it. */
  #left = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: unknown): Value | undefined {
    const words = this.#words;
    if (words.length > 0) {
      const hash = hashOf(key);
      const bits = bitsOf(hash);
      if (((words[(hash >>> 10) & (words.length - 1)] as number) & bits) !== bits) return undefined;
    }
    return this.#map.get(key);
  }

  set(key: unknown, value: Value): void {
    this.#map.set(key, value);
    if (this.#words.length === 0 && this.#map.size < LEAST) return;
    if (this.#map.size * LEAST_BITS > this.#words.length * 32) this.#make();
    else this.#mark(key);
  }

  delete(key: unknown): void {
    if (!this.#map.delete(key)) return;
    this.#left += 1;
    if (this.#left > this.#map.size && this.#words.length > 0) this.#make();
  }

  /** Costs by the size of the map, and comes after as many changes as it has keys. */
  #make(): void {
    this.#left = 0;
    const { size } = this.#map;
    this.#words = new Int32Array(size < LEAST ? 0 : 2 ** Math.ceil(Math.log2((size * 2 * LEAST_BITS) / 32)));
    if (this.#words.length > 0) for (const key of this.#map.keys()) this.#mark(key);
  }

  #mark(key: unknown): void {
    const hash = hashOf(key);
    const at = (hash >>> 10) & (this.#words.length - 1);
    this.#words[at] = (this.#words[at] as number) | bitsOf(hash);
  }
}

function bitsOf(hash: number): number {
  return (1 << (hash & 31)) | (1 << ((hash >>> 5) & 31));
}

/** Characters at either end of a text that its hash is made of. */
const ENDS = 32;

function hashOf(key: unknown): number {
  let hash = 0;
  if (typeof key === 'string') {
    const { length } = key;
    hash = length;
    const head = length > 2 * ENDS ? ENDS : length;
    for (let i = 0; i < head; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    for (let i = Math.max(head, length - ENDS); i < length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  } else if (typeof key === 'number') {
    hash = (key | 0) ^ ((key * 1_000_003) | 0);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
