/**
 * Topic filters. Those that are whole topics are looked up by the topic. The others are a trie of their levels, in which a topic
 * is walked down along each node that it agrees with: its literal level, `*`, and the prefixes that it begins with. The semantics are those of
 * `topicMatches`.
 */
import type { TopicFilter } from '../../contract/index.ts';
import { Edges } from './edges.ts';
import { Bucket, type Entry } from './entry.ts';
import type { Finds } from './finds.ts';
import { LevelTexts, splitLevels } from './level-texts.ts';
import { Numbers } from './numbers.ts';
import { type PrefixNode, PrefixTree } from './prefix-tree.ts';
import { SievedMap } from './sieved-map.ts';

class Node<T extends object> {
  readonly number: number;
  /** How many literal levels lead on from here. */
  literals = 0;
  star: Node<T> | null = null;
  prefixes: PrefixTree<Node<T>> | null = null;
  /** Filters that end here. */
  here: Bucket<T> | null = null;
  /** Filters that end here with `>`. */
  rest: Bucket<T> | null = null;

  constructor(number: number) {
    this.number = number;
  }

  get isEmpty(): boolean {
    const { here, rest, star, literals, prefixes } = this;
    return here === null && rest === null && star === null && literals === 0 && prefixes === null;
  }
}

/** Also of `*` itself: a literal one is percent-encoded. */
function isPrefix(level: string): boolean {
  return level.endsWith('*');
}

/** A whole topic. */
function isWhole({ levels, rest }: TopicFilter): boolean {
  return !rest && !levels.some(isPrefix);
}

const UNASKED = -2;

export class TopicTrie<T extends object> {
  /** Filters that are whole topics, by their text. */
  readonly #whole = new SievedMap<Bucket<T>>();
  readonly #numbers = new Numbers();
  readonly #root = new Node<T>(-1);
  readonly #texts = new LevelTexts();
  readonly #literals = new Edges<Node<T>>();
  /** Of the topic that is being walked: where each level ends, its hash, and its number once it was needed (-1: no filter has such a one). */
  readonly #ends: number[] = [];
  readonly #hashes: number[] = [];
  readonly #levels: number[] = [];
  #known = 0;
  #topic = '';
  #unknownLevels = 0;

  insert(filter: TopicFilter, entry: Entry<T>): void {
    this.#open(filter).add(entry);
  }

  remove(filter: TopicFilter, entry: Entry<T>): void {
    if (!this.#get(filter)?.delete(entry)) return;
    if (isWhole(filter)) this.#whole.delete(filter.text);
    else this.#prune(this.#root, filter, 0);
  }

  /** Hands over the buckets of all filters that match the topic. */
  find(topic: string, unknownLevels: number, finds: Finds<T>): void {
    if (this.#whole.size > 0 && (unknownLevels === 0 || isKnown(topic, unknownLevels))) {
      const bucket = this.#whole.get(topic);
      if (bucket !== undefined) finds.take(bucket);
    }
    if (this.#root.isEmpty) return;
    this.#topic = topic;
    this.#unknownLevels = unknownLevels;
    this.#known = 0;
    splitLevels(topic, this.#ends, this.#hashes);
    this.#walk(this.#root, 0, 0, finds);
  }

  count(): number {
    const nodes = this.#numbers.used + (this.#root.isEmpty ? 0 : 1);
    return this.#whole.size + nodes + this.#literals.size + this.#texts.size;
  }

  #get(filter: TopicFilter): Bucket<T> | null {
    if (isWhole(filter)) return this.#whole.get(filter.text) ?? null;
    let node: Node<T> | undefined = this.#root;
    filter.levels.forEach((level, depth) => {
      node &&= this.#below(node, depth, level);
    });
    return (filter.rest ? node?.rest : node?.here) ?? null;
  }

  #open(filter: TopicFilter): Bucket<T> {
    if (isWhole(filter)) {
      const bucket = this.#whole.get(filter.text) ?? new Bucket<T>();
      this.#whole.set(filter.text, bucket);
      return bucket;
    }
    let node = this.#root;
    filter.levels.forEach((level, depth) => {
      node = this.#below(node, depth, level) ?? this.#grow(node, depth, level);
    });
    const bucket = (filter.rest ? node.rest : node.here) ?? new Bucket<T>();
    if (filter.rest) node.rest = bucket;
    else node.here = bucket;
    return bucket;
  }

  /** `start` is where level `depth` begins: one behind the topic's end where there is no such level. */
  #walk(node: Node<T>, depth: number, start: number, finds: Finds<T>): void {
    if (start > this.#topic.length) {
      if (node.here !== null) finds.take(node.here);
      return;
    }
    if (node.rest !== null) finds.take(node.rest);
    const { literals, star, prefixes } = node;
    if (literals === 0 && star === null && prefixes === null) return;
    const end = this.#ends[depth] as number;
    if (star !== null) this.#walk(star, depth + 1, end + 1, finds);
    if ((this.#unknownLevels & (1 << depth)) !== 0) return;
    if (literals > 0) {
      const text = this.#level(depth, start, end);
      const child = text < 0 ? undefined : this.#literals.get(node.number, text);
      if (child !== undefined) this.#walk(child, depth + 1, end + 1, finds);
    }
    if (prefixes === null) return;
    let prefix: PrefixNode<Node<T>> | undefined = prefixes.root;
    for (let at = start; prefix !== undefined; prefix = prefix.next(this.#topic, at, end)) {
      at += prefix.label.length;
      if (prefix.value !== null) this.#walk(prefix.value, depth + 1, end + 1, finds);
    }
  }

  /** The number of a level, asked for once, whichever nodes want it. */
  #level(depth: number, start: number, end: number): number {
    for (; this.#known <= depth; this.#known++) this.#levels[this.#known] = UNASKED;
    const known = this.#levels[depth] as number;
    if (known !== UNASKED) return known;
    const found = this.#texts.find(depth, this.#hashes[depth] as number, this.#topic, start, end);
    this.#levels[depth] = found;
    return found;
  }

  #prune(node: Node<T>, filter: TopicFilter, depth: number): void {
    const level = filter.levels[depth];
    if (level === undefined) {
      if (filter.rest) node.rest = null;
      else node.here = null;
      return;
    }
    const below = this.#below(node, depth, level);
    if (below === undefined) return;
    this.#prune(below, filter, depth + 1);
    if (below.isEmpty) this.#cut(node, depth, level, below);
  }

  /** The node below, by a filter's level. */
  #below(node: Node<T>, depth: number, level: string): Node<T> | undefined {
    if (level === '*') return node.star ?? undefined;
    if (isPrefix(level)) return node.prefixes?.get(level.slice(0, -1));
    const text = this.#texts.get(depth, level);
    return text < 0 ? undefined : this.#literals.get(node.number, text);
  }

  #grow(node: Node<T>, depth: number, level: string): Node<T> {
    const below = new Node<T>(this.#numbers.take());
    if (level === '*') node.star = below;
    else if (isPrefix(level)) {
      node.prefixes ??= new PrefixTree();
      node.prefixes.set(level.slice(0, -1), below);
    } else {
      node.literals += 1;
      this.#literals.add(node.number, this.#texts.use(depth, level), below);
    }
    return below;
  }

  #cut(node: Node<T>, depth: number, level: string, below: Node<T>): void {
    this.#numbers.release(below.number);
    if (level === '*') node.star = null;
    else if (isPrefix(level)) {
      node.prefixes?.delete(level.slice(0, -1));
      if (node.prefixes?.isEmpty) node.prefixes = null;
    } else {
      node.literals -= 1;
      this.#literals.delete(node.number, this.#texts.get(depth, level));
      this.#texts.drop(depth, level);
    }
  }
}

/** Whether every level of the topic is. */
function isKnown(topic: string, unknownLevels: number): boolean {
  let depth = 0;
  for (let at = 0; at >= 0 && depth < 32; depth++) {
    if ((unknownLevels & (1 << depth)) !== 0) return false;
    at = topic.indexOf('/', at) + 1 || -1;
  }
  return true;
}
