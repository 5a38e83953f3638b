/**
 * What a contract means to the rest of Sluice, after ODCS has been read and checked. Plain frozen data: it can be compared,
 * digested and sent. Behaviour that follows from it is compiled apart (compile.ts).
 */

/** int is 32 bits; long is 64 bits; long and decimal are JSON strings wherever a partner sees them. */
export type ScalarKind = 'string' | 'int' | 'long' | 'number' | 'decimal' | 'boolean' | 'date' | 'timestamp' | 'time';

/** A scalar, with what reading and writing it in the record takes beyond its kind. */
export interface ScalarType {
  readonly kind: ScalarKind;
  /** decimal: all digits, and digits after the point; the canonical text has exactly `scale` of the latter. */
  readonly precision?: number;
  readonly scale?: number;
  /** int, long: the width, where it is narrower than the kind's own. */
  readonly width?: 'i8' | 'i16' | 'u8' | 'u16' | 'u32';
  /** date, time, timestamp: the record has a number of these since the epoch (time: since midnight). Absent: text. */
  readonly unit?: 'd' | 's' | 'ms' | 'us' | 'ns';
  /** timestamp: the text must name its offset; without it, text that has none is UTC. */
  readonly zoned?: true;
}

export type FieldType =
  | ScalarType
  /** `name` is the GraphQL type's name, unique among all contracts: `FlightRoute` for `route` of `Flight`. */
  | { readonly kind: 'object'; readonly name: string; readonly fields: readonly Field[] }
  | { readonly kind: 'array'; readonly items: FieldType; readonly itemsRequired: boolean }
  /** String keys. `name` is the GraphQL type of an entry {key, value}; in public data it stays a plain object. */
  | { readonly kind: 'map'; readonly name: string; readonly values: FieldType; readonly valuesRequired: boolean };

export type Masking = 'hash' | 'redact' | 'null';

export interface Field {
  /** Public name, a legal GraphQL name. */
  readonly name: string;
  readonly type: FieldType;
  /** Never null in public data. */
  readonly required: boolean;
  readonly description: string | null;
  /**
   * Where the value is in the decoded record: keys (digits index an array) from the enclosing object's own path on.
   * Empty for derived fields, and for objects that only group fields of the enclosing object.
   */
  readonly path: readonly string[];
  /** CEL over `source` (the whole decoded record) for a derived field. */
  readonly derivation: string | null;
  /** Reason, where the field is deprecated. */
  readonly deprecated: string | null;
  /** Documented values; the type stays what it is. */
  readonly values: readonly {
    readonly value: string;
    readonly label: string | null;
    readonly description: string | null;
  }[];
  readonly classification: string | null;
  /** How the field is masked for those who have none of the roles. */
  readonly privacy: { readonly masking: Masking; readonly visibleTo: readonly string[] } | null;
  /** Set by access in a narrowed contract: this principal receives the field masked so. Never set in a contract as read. */
  readonly mask: Masking | null;
  readonly examples: readonly unknown[];
  readonly format: string | null;
}

export type OperationKind = 'subscribe' | 'query' | 'publish';

/** One level of a topic template: literal text, or a field's path in the public data. */
export type TemplateLevel = { readonly literal: string } | { readonly field: readonly string[] };

export interface Contract {
  /** The product's kebab-case name, without major. */
  readonly name: string;
  readonly major: number;
  /** Product with its major: `flights`, `flights-v2`. The key of rings, interest, grants and URLs. */
  readonly product: string;
  /** GraphQL field: `flights`, `flightsV2`. */
  readonly fieldName: string;
  /** GraphQL type of the data: `Flight`, `FlightV2`. `<typeName>Event`, `<typeName>Filter` and so on follow from it. */
  readonly typeName: string;
  readonly version: string;
  readonly status: 'proposed' | 'draft' | 'active' | 'deprecated' | 'retired';
  readonly title: string;
  readonly domain: string | null;
  readonly tenant: string | null;
  readonly description: {
    readonly purpose: string | null;
    readonly usage: string | null;
    readonly limitations: string | null;
  };
  readonly tags: readonly string[];
  readonly owner: string | null;
  readonly support: readonly { readonly channel: string; readonly url: string | null; readonly tool: string | null }[];
  /** http(s) URL at which the contract, or else what its data mean, is written down for readers. */
  readonly definition: string | null;
  readonly sla: readonly { readonly property: string; readonly value: string; readonly unit: string | null }[];
  /** null: the document is catalogued, not served. */
  readonly source: {
    readonly cluster: string;
    readonly topic: string;
    readonly format: string;
    readonly envelope: string;
  } | null;
  readonly fields: readonly Field[];
  readonly template: readonly TemplateLevel[];
  /** The template as written: `aviation/{origin}/{destination}/{status}`. */
  readonly templateText: string;
  /** Public fields that form the key, in order, nested ones dotted; empty: the key is not shown. */
  readonly messageKey: readonly string[];
  readonly operations: Readonly<Partial<Record<OperationKind, { readonly roles: readonly string[] }>>>;
  readonly replay: {
    readonly maxDepthMs: number | null;
    readonly from: readonly ('latest' | 'earliest' | 'time' | 'cursor')[];
  };
  readonly deletes: boolean;
  readonly deprecation: { readonly noticePeriod: string | null; readonly successor: string | null } | null;
  /** What access narrowed for one principal; `unrestricted` in a contract as read. */
  readonly restriction: Restriction;
  /** File the contract was read from, for logs and findings; not part of the digest. */
  readonly file: string;
  /** SHA-256, base64url, of the canonical text of all of the above but `file`: the projection version. */
  readonly digest: string;
  /** The digest of the contract as read: what scans are projected with. The same in every narrowing of it; not part of the digest. */
  readonly projection: string;
}

export interface Restriction {
  /** Topic filters of which one must match; null: all. */
  readonly topics: readonly string[] | null;
  /** Row filter over the unmasked public data. */
  readonly rows: Predicate | null;
  /** Replay depth in ms where the grant narrows it. */
  readonly replayMs: number | null;
  /** Salt of the application; matters only where a hashed field is selected. */
  readonly salt: string | null;
}

/** `where`, and row filters, after checking: paths are public, values are canonical (see PublicData). */
export type Predicate =
  | { readonly op: 'and' | 'or'; readonly of: readonly Predicate[] }
  | { readonly op: 'not'; readonly of: Predicate }
  | { readonly op: Comparison; readonly path: readonly string[]; readonly kind: ScalarKind; readonly value: Value }
  | { readonly op: 'in'; readonly path: readonly string[]; readonly kind: ScalarKind; readonly value: readonly Value[] }
  | { readonly op: 'isNull'; readonly path: readonly string[]; readonly value: boolean };

export type Comparison = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'prefix';
export type Value = string | number | boolean | null;

/**
 * The public data of an event: public names, nested as the contract says; long and decimal as strings with every digit,
 * date `YYYY-MM-DD`, time and timestamp as RFC 3339 text (timestamps in UTC with `Z`), absent optional fields null.
 * Exactly the contract's fields, in its order.
 */
export type PublicData = { readonly [field: string]: unknown };

export type ChangeOp = 'UPSERT' | 'DELETE';

/**
 * What leaves the reader: views compile against it, never against the record. Unmasked: masks are a view's business. JSON has all of
 * it and is how it travels; a reader may make members when they are first asked for, which spreading would leave behind.
 */
export interface PublicEvent {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly op: ChangeOp;
  /** Encoded topic, levels joined by `/`; a level that is not known reads `*`. */
  readonly topic: string;
  /** Bit i set: level i of the topic is not known (tombstones); only `*` and `>` match it. 0 for every event with data. */
  readonly unknownLevels: number;
  /** Public key text, or null where the contract maps none. */
  readonly key: string | null;
  /** Hash of the raw key, for conflation; null without a raw key. */
  readonly conflationKey: string | null;
  readonly traceparent: string | null;
  /** null exactly when op is DELETE. */
  readonly data: PublicData | null;
  /** op DELETE: the public fields that the key tells, for filters that can be decided from them. */
  readonly keyData: PublicData | null;
}

/** One thing wrong with a document, in the manner of a compiler. Lines and columns count from 1. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  /** Kebab-case name of the rule. */
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong. */
  readonly message: string;
  /** What would be right. */
  readonly hint: string | null;
}
