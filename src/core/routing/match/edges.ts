/**
 * The literal levels below the nodes of a trie, all in one table with open addressing: a step down is one look into it. With a map in each
 * node it is five, to objects that lie apart, and in a large trie it is memory that a walk waits for.
 */
const LEAST = 16;

export class Edges<Child extends object> {
  /** Two a slot: the number of the node + 2 (0: free; the root is -1), and that of the level. */
  #keys = new Int32Array(2 * LEAST);
  #children: (Child | null)[] = new Array(LEAST).fill(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(node: number, level: number): Child | undefined {
    return this.#children[this.#slot(node, level)] ?? undefined;
  }

  /** Of an edge that is not there. */
  add(node: number, level: number, child: Child): void {
    if (3 * (this.#size + 1) > this.#children.length) this.#resize(2 * this.#children.length);
    this.#put(this.#slot(node, level), node, level, child);
    this.#size += 1;
  }

  delete(node: number, level: number): void {
    const keys = this.#keys;
    const last = this.#children.length - 1;
    let free = this.#slot(node, level);
    if (keys[2 * free] === 0) return;
    this.#size -= 1;
    // Those behind it that would have been here move up, so that no search ends early.
    for (let at = (free + 1) & last; keys[2 * at] !== 0; at = (at + 1) & last) {
      const home = this.#home((keys[2 * at] as number) - 2, keys[2 * at + 1] as number);
      if (((at - home) & last) < ((at - free) & last)) continue;
      this.#put(free, (keys[2 * at] as number) - 2, keys[2 * at + 1] as number, this.#children[at] as Child);
      free = at;
    }
    keys[2 * free] = 0;
    this.#children[free] = null;
    if (16 * this.#size < this.#children.length && this.#children.length > LEAST)
      this.#resize(this.#children.length / 4);
  }

  /** Where the edge is, or the free slot where it would be. */
  #slot(node: number, level: number): number {
    const keys = this.#keys;
    const last = this.#children.length - 1;
    let at = this.#home(node, level);
    while (keys[2 * at] !== 0 && (keys[2 * at] !== node + 2 || keys[2 * at + 1] !== level)) at = (at + 1) & last;
    return at;
  }

  #home(node: number, level: number): number {
    let hash = Math.imul(node, 0x9e3779b1) ^ Math.imul(level + 1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) & (this.#children.length - 1);
  }

  #put(slot: number, node: number, level: number, child: Child): void {
    this.#keys[2 * slot] = node + 2;
    this.#keys[2 * slot + 1] = level;
    this.#children[slot] = child;
  }

  #resize(length: number): void {
    const [keys, children] = [this.#keys, this.#children];
    const fresh = Math.max(LEAST, length);
    this.#keys = new Int32Array(2 * fresh);
    this.#children = new Array(fresh).fill(null);
    children.forEach((child, at) => {
      if (child === null) return;
      const [node, level] = [(keys[2 * at] as number) - 2, keys[2 * at + 1] as number];
      this.#put(this.#slot(node, level), node, level, child);
    });
  }
}
