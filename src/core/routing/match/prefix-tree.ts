/** Prefixes of text, each with a value: a radix tree, so that a walk costs no more than the characters it agrees with. */
export class PrefixNode<V extends object> {
  /** Characters between the parent and here. */
  label: string;
  /** Of the prefix that ends here. */
  value: V | null;
  /** By the first character (UTF-16 code unit) of their labels. */
  children: Map<number, PrefixNode<V>> | null = null;

  constructor(label: string, value: V | null) {
    this.label = label;
    this.value = value;
  }

  /** The child whose whole label stands in the text at `at` and ends at `end` or before. */
  next(text: string, at: number, end: number): PrefixNode<V> | undefined {
    if (at >= end || this.children === null) return undefined;
    const child = this.children.get(text.charCodeAt(at));
    if (child === undefined || at + child.label.length > end || !text.startsWith(child.label, at)) return undefined;
    return child;
  }
}

export class PrefixTree<V extends object> {
  /** Of the empty prefix, which has no value: walks begin here. */
  readonly root = new PrefixNode<V>('', null);

  get isEmpty(): boolean {
    return this.root.children === null;
  }

  get(prefix: string): V | undefined {
    let node: PrefixNode<V> | undefined = this.root;
    for (let at = 0; at < prefix.length; at += node.label.length) {
      node = node.next(prefix, at, prefix.length);
      if (node === undefined) return undefined;
    }
    return node.value ?? undefined;
  }

  set(prefix: string, value: V): void {
    let node = this.root;
    let at = 0;
    while (at < prefix.length) {
      node.children ??= new Map();
      const code = prefix.charCodeAt(at);
      const child = node.children.get(code);
      if (child === undefined) {
        node.children.set(code, new PrefixNode(prefix.slice(at), value));
        return;
      }
      const common = commonLength(child.label, prefix, at);
      node = common === child.label.length ? child : split(node.children, child, common);
      at += common;
    }
    node.value = value;
  }

  delete(prefix: string): void {
    const way: PrefixNode<V>[] = [this.root];
    for (let at = 0; at < prefix.length; ) {
      const next = way.at(-1)?.next(prefix, at, prefix.length);
      if (next === undefined) return;
      way.push(next);
      at += next.label.length;
    }
    const node = way.pop() as PrefixNode<V>;
    node.value = null;
    const parent = way.pop();
    if (parent === undefined) return;
    tidy(node, parent);
    const above = way.pop();
    if (above !== undefined) tidy(parent, above);
  }
}

function commonLength(label: string, text: string, at: number): number {
  let length = 1;
  while (length < label.length && label.charCodeAt(length) === text.charCodeAt(at + length)) length += 1;
  return length;
}

/** A node between the parent and the child, after the first `length` characters of the child's label. */
function split<V extends object>(
  siblings: Map<number, PrefixNode<V>>,
  child: PrefixNode<V>,
  length: number,
): PrefixNode<V> {
  const between = new PrefixNode<V>(child.label.slice(0, length), null);
  siblings.set(between.label.charCodeAt(0), between);
  child.label = child.label.slice(length);
  between.children = new Map([[child.label.charCodeAt(0), child]]);
  return between;
}

/** A node without a value stands only where the tree branches. */
function tidy<V extends object>(node: PrefixNode<V>, parent: PrefixNode<V>): void {
  if (node.value !== null || parent.children === null) return;
  const code = node.label.charCodeAt(0);
  const [only, ...others] = node.children?.values() ?? [];
  if (only === undefined) {
    parent.children.delete(code);
    if (parent.children.size === 0) parent.children = null;
  } else if (others.length === 0) {
    only.label = node.label + only.label;
    parent.children.set(code, only);
  }
}
