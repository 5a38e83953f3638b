/**
 * Numbers of the literal levels of filters, by their depth and text, as long as any filter has them. A level of a topic is looked up where
 * it stands, by a hash that is made of all levels in one pass, so that none is cut out.
 */
import { Edges } from './edges.ts';
import { Numbers } from './numbers.ts';

interface Text {
  readonly text: string;
  readonly number: number;
  uses: number;
  /** Of the same hash. */
  next: Text | null;
}

export class LevelTexts {
  /** By depth and hash. */
  readonly #texts = new Edges<Text>();
  readonly #numbers = new Numbers();

  get size(): number {
    return this.#numbers.used;
  }

  /** Of the level that stands in the topic at `start` and ends before `end`; -1: none has this text. */
  find(depth: number, hash: number, topic: string, start: number, end: number): number {
    let one = this.#texts.get(depth, hash) ?? null;
    for (; one !== null; one = one.next) {
      if (one.text.length === end - start && topic.startsWith(one.text, start)) return one.number;
    }
    return -1;
  }

  get(depth: number, text: string): number {
    return this.find(depth, hashOfLevel(text), text, 0, text.length);
  }

  use(depth: number, text: string): number {
    const hash = hashOfLevel(text);
    const first = this.#texts.get(depth, hash) ?? null;
    for (let one = first; one !== null; one = one.next) {
      if (one.text !== text) continue;
      one.uses += 1;
      return one.number;
    }
    const number = this.#numbers.take();
    if (first === null) this.#texts.add(depth, hash, { text, number, uses: 1, next: null });
    else first.next = { text, number, uses: 1, next: first.next };
    return number;
  }

  /** Once for each `use`. */
  drop(depth: number, text: string): void {
    const hash = hashOfLevel(text);
    const first = this.#texts.get(depth, hash) ?? null;
    let before: Text | null = null;
    let one = first;
    while (one !== null && one.text !== text) [before, one] = [one, one.next];
    if (one === null) return;
    one.uses -= 1;
    if (one.uses > 0) return;
    this.#numbers.release(one.number);
    if (before !== null) before.next = one.next;
    else {
      this.#texts.delete(depth, hash);
      if (one.next !== null) this.#texts.add(depth, hash, one.next);
    }
  }
}

const SEED = 0x811c9dc5 | 0;

function mixed(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

function hashOfLevel(text: string): number {
  let hash = SEED;
  for (let i = 0; i < text.length; i++) hash = mixed(hash, text.charCodeAt(i));
  return hash;
}

/** Where each level of a topic ends, and its hash, into arrays that are used again. */
export function splitLevels(topic: string, ends: number[], hashes: number[]): void {
  let depth = 0;
  let hash = SEED;
  for (let i = 0; i < topic.length; i++) {
    const code = topic.charCodeAt(i);
    if (code === 47) {
      ends[depth] = i;
      hashes[depth] = hash;
      depth += 1;
      hash = SEED;
    } else hash = mixed(hash, code);
  }
  ends[depth] = topic.length;
  hashes[depth] = hash;
}
