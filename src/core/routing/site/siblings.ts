/** Who else reads in a site, and how they are reached: a port that the wiring fills. */
import type { Source } from '../source.ts';

/** The other nodes of the site, as this one knows them. */
export interface Siblings {
  readonly self: string;
  /** Who may own partitions now: this node, and those whose links can be dialled. Another list whenever it is another set. */
  readonly nodes: readonly string[];
  /** The source of another node, over a link that is up; null: there is none now. */
  source(node: string): Source | null;
  /** Has `changed` called, asynchronously, when either has changed. */
  watch(changed: () => void): () => void;
}
