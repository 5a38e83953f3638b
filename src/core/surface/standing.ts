/** The SDL that does not depend on any contract's fields. */

/** What every schema has: the products themselves. */
export const common: readonly string[] = [
  `
"A data product: a stream with an owner, a schema and a promise."
type Product {
  "Kebab-case, with the major version from the second on: \`flights\`, \`flights-v2\`."
  name: String!
  "Semantic version of the contract."
  version: String!
  status: ProductStatus!
  title: String!
  "What it is for."
  description: String
  "How it is meant to be used."
  usage: String
  "What it does not promise."
  limitations: String
  "The team that answers for it."
  owner: String
  domain: String
  tags: [String!]!
  "How its topics are made: \`{...}\` stands for a field."
  topicTemplate: String
  "What this application may do with it."
  operations: [OperationKind!]!
  "The fields as this application sees them, nested ones by their dotted path."
  fields: [ProductField!]!
  "What the owner promises."
  sla: [ServiceLevel!]!
  deprecation: Deprecation
}`,
  `
type ProductField {
  name: String!
  "The field's type in GraphQL's notation."
  type: String!
  description: String
  deprecationReason: String
  "Sensitivity as the owner classified it."
  classification: String
  "How the value is masked for this application."
  masking: Masking
}`,
  `
type ServiceLevel {
  property: String!
  promised: String!
  unit: String
}`,
  `
type Deprecation {
  "The product to move to."
  successor: String
  noticePeriod: String
}`,
  'enum ProductStatus { PROPOSED DRAFT ACTIVE DEPRECATED RETIRED }',
  'enum OperationKind { SUBSCRIBE QUERY PUBLISH }',
  'enum Masking { "A keyed hash, the same for equal values." HASH "Always `***`." REDACT "Always null." NULL }',
];

/** What comes with events: positions, and how they are paged. */
export const events: readonly string[] = [
  `
"What every event has, whatever its product."
interface Event {
  product: String!
  cursor: Cursor!
  topic: String!
  key: String
  time: DateTime!
  op: ChangeOp!
}`,
  'enum ChangeOp { "Created or changed." UPSERT "Deleted: there is no data." DELETE }',
  `
"Where to begin: exactly one of these."
input ReplayFrom @oneOf {
  "What comes from now on; only \`true\`."
  latest: Boolean
  "The oldest that is still held, as far as the replay depth goes; only \`true\`."
  earliest: Boolean
  "The first events recorded at or after this instant."
  time: DateTime
  "Right after the event, page or message that carried it."
  cursor: Cursor
  "So many events back, as far as the look-back goes (1 to 10000)."
  last: Int
  "So long ago."
  ago: Duration
}`,
  `
"What happens when a subscriber reads slower than events arrive."
enum OnLag {
  "Nothing is lost: it is served from its own position until it has caught up."
  CATCH_UP
  "Only the newest event of each key is kept."
  CONFLATE
  "Events are dropped, and the gap is told."
  DROP
  "The subscription ends with an error that carries its cursor."
  END
}`,
  `
"Where a page stands."
type PageInfo {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: Cursor
  "Where the next page begins, or a live subscription; advances on empty pages too."
  endCursor: Cursor!
  "How many records were examined for this page."
  examined: Int!
  "Every event recorded before this instant has been examined, in every partition."
  examinedUntil: DateTime
}`,
];
