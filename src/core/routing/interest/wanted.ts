/** Which events a covering set wants: what the owner of a partition asks of each event for a node that is not itself. */
import type { PublicEvent } from '../../contract/index.ts';
import type { Filter } from '../../view/index.ts';
import { Entry } from '../match/entry.ts';
import { EqualityIndex } from '../match/equality-index.ts';
import { Finds } from '../match/finds.ts';
import { TopicTrie } from '../match/topic-trie.ts';
import type { Covering } from './covering.ts';

/** Entries stand for lookups here: nothing else of a filter is asked. */
const ANY: Filter = {
  key: '',
  topic: null,
  topics: null,
  rows: null,
  where: null,
  condition: null,
  matches: () => true,
};

export class Wanted {
  readonly version: number;
  readonly #all: boolean;
  readonly #topics = new TopicTrie<object>();
  readonly #equalities = new EqualityIndex<object>();
  readonly #finds = new Finds<object>();

  constructor({ version, lookups }: Covering) {
    this.version = version;
    this.#all = lookups === null;
    for (const lookup of lookups ?? []) {
      const entry = new Entry<object>(ANY, null, [lookup]);
      entry.add(lookup);
      if ('path' in lookup) this.#equalities.insert(lookup, entry);
      else this.#topics.insert(lookup, entry);
    }
  }

  /** Those that are wanted, in order; the same list where all are. */
  of(events: readonly PublicEvent[]): readonly PublicEvent[] {
    if (this.#all) return events;
    const wanted = events.filter((event) => this.#wants(event));
    return wanted.length === events.length ? events : wanted;
  }

  #wants(event: PublicEvent): boolean {
    const finds = this.#finds;
    const base = finds.begin(event);
    this.#topics.find(event.topic, event.unknownLevels, finds);
    this.#equalities.find(event, finds);
    finds.end();
    let found = false;
    finds.visit(
      base,
      () => {
        found = true;
      },
      undefined,
    );
    return found;
  }
}
