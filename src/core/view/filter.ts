/** What a subscription matches, apart from what it shows: many views share one filter. */
import { createHash } from 'node:crypto';
import {
  type Contract,
  compilePredicate,
  type Predicate,
  type PublicEvent,
  parseTopicFilter,
  type TopicFilter,
  topicMatches,
} from '../contract/index.ts';
import { canonicalText } from '../surface/index.ts';

export interface Filter {
  /** Equal filters of one product have equal keys: a digest of the canonical text of the four conditions below. */
  readonly key: string;
  /** What the subscriber asked for. null: every topic. */
  readonly topic: TopicFilter | null;
  /** The restriction of the grant: one of them must match. null: no restriction. */
  readonly topics: readonly TopicFilter[] | null;
  /** Rows that the grant leaves, over the unmasked event. */
  readonly rows: Predicate | null;
  readonly where: Predicate | null;
  /** `rows` and `where`, for whoever has matched the topic already; null: neither. */
  readonly condition: ((event: PublicEvent) => boolean) | null;
  /** All of it. Pure, allocates nothing per event. */
  matches(event: PublicEvent): boolean;
}

/** `contract` is narrowed: its restriction's topics and rows are part of the filter. */
export function createFilter(contract: Contract, topic: TopicFilter | null, where: Predicate | null): Filter {
  const { topics, rows } = contract.restriction;
  const allowed = topics === null ? null : topics.map((text) => parseTopicFilter(text));
  return new CompiledFilter(topic, allowed, rows, where);
}

class CompiledFilter implements Filter {
  readonly key: string;
  readonly topic: TopicFilter | null;
  readonly topics: readonly TopicFilter[] | null;
  readonly rows: Predicate | null;
  readonly where: Predicate | null;
  readonly condition: Filter['condition'];

  constructor(
    topic: TopicFilter | null,
    topics: readonly TopicFilter[] | null,
    rows: Predicate | null,
    where: Predicate | null,
  ) {
    this.topic = topic;
    this.topics = topics;
    this.rows = rows;
    this.where = where;
    const both = rows !== null && where !== null ? ({ op: 'and', of: [rows, where] } as const) : (rows ?? where);
    this.condition = both === null ? null : compilePredicate(both);
    // One of several: neither order nor repetition makes another filter.
    const texts = topics === null ? null : [...new Set(topics.map(({ text }) => text))].sort();
    const text = canonicalText([topic?.text ?? null, texts, rows, where]);
    this.key = createHash('sha256').update(text).digest('base64url');
  }

  matches(event: PublicEvent): boolean {
    const { topic, topics } = this;
    if (topic !== null && !topicMatches(topic, event.topic, event.unknownLevels)) return false;
    if (topics !== null && !anyMatches(topics, event)) return false;
    return this.condition === null || this.condition(event);
  }
}

function anyMatches(topics: readonly TopicFilter[], event: PublicEvent): boolean {
  for (let i = 0; i < topics.length; i++) {
    if (topicMatches(topics[i] as TopicFilter, event.topic, event.unknownLevels)) return true;
  }
  return false;
}
