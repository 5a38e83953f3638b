/** Whether an event is part of a view: what the subscriber asked for, and what the grant leaves of it. */
import {
  type Contract,
  compilePredicate,
  type Predicate,
  type PublicEvent,
  parseTopicFilter,
  type TopicFilter,
  topicMatches,
} from '../contract/index.ts';

/** `contract` is narrowed: its restriction's topics and rows apply too, to the unmasked event. Pure, allocates nothing per event. */
export function compileMatcher(
  contract: Contract,
  topic: TopicFilter | null,
  where: Predicate | null,
): (event: PublicEvent) => boolean {
  const { topics, rows } = contract.restriction;
  const conditions: ((event: PublicEvent) => boolean)[] = [];
  if (topic !== null) conditions.push((event) => topicMatches(topic, event.topic, event.unknownLevels));
  if (topics !== null) {
    const allowed = topics.map((text) => parseTopicFilter(text));
    conditions.push((event) => allowed.some((filter) => topicMatches(filter, event.topic, event.unknownLevels)));
  }
  if (rows !== null) conditions.push(compilePredicate(rows));
  if (where !== null) conditions.push(compilePredicate(where));
  const [first, second] = conditions;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  if (conditions.length === 2) return (event) => first(event) && second(event);
  return (event) => conditions.every((condition) => condition(event));
}
