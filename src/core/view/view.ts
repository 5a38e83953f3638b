/**
 * What a subscription asked for, compiled once per distinct view and shared by all who ask the same.
 */
import type { GraphQLError } from 'graphql';
import type { Contract, Predicate, PublicEvent, TopicFilter } from '../contract/index.ts';
import type { Filter } from './filter.ts';

export interface View {
  /** SHA-256 of the canonical text of contract version, selection, filters and restrictions: the cohort's key. */
  readonly digest: string;
  /** Narrowed for the principals that share the view. */
  readonly contract: Contract;
  readonly kind: 'stream' | 'batch';
  /** null: every topic. */
  readonly topic: TopicFilter | null;
  readonly where: Predicate | null;
  /** Topic filter, `where`, and the restrictions of the grant together: what an index over views enters. */
  readonly filter: Filter;
  /** Whether any selected field shows the cursor. */
  readonly usesCursor: boolean;
  /** `filter.matches`. */
  matches(event: PublicEvent): boolean;
  /**
   * kind stream: the message as JSON text. Of a GraphQL operation the execution result, `{"data":{...}}`, byte for byte what graphql-js
   * makes of the same operation over the masked event; of a stream operation a CloudEvent. `incarnation` is the one that the event's
   * offset belongs to, as scans name it. A part of a wildcard has CURSOR_SLOT where the cursor goes: it is that of all parts together,
   * each subscriber's own.
   */
  serialise(event: PublicEvent, cursor: string, incarnation: string): string;
  /** kind batch: the same over several events in order, `cursors[i]` belonging to `events[i]`. */
  serialiseBatch(events: readonly PublicEvent[], cursors: readonly string[]): string;
}

/** The forms of ReplayFrom, durations and times in milliseconds. */
export type ReplayFrom =
  | { readonly kind: 'latest' }
  | { readonly kind: 'earliest' }
  | { readonly kind: 'time'; readonly time: number }
  | { readonly kind: 'ago'; readonly ms: number }
  | { readonly kind: 'last'; readonly count: number }
  | { readonly kind: 'cursor'; readonly cursor: string };

export type OnLag = 'CATCH_UP' | 'CONFLATE' | 'DROP' | 'END';

/** A compiled subscription: the shared view, and what is this subscriber's own. */
export interface CompiledOperation {
  readonly view: View;
  readonly from: ReplayFrom;
  readonly onLag: OnLag;
  readonly batch: { readonly maxEvents: number; readonly maxDelayMs: number } | null;
}

/** A compiled subscription of several products: a view for each that it may be about, of one product all majors. */
export interface CompiledWildcard {
  readonly views: readonly View[];
  readonly from: ReplayFrom;
  readonly onLag: OnLag;
}

/** What JSON text never holds. */
export const CURSOR_SLOT = '\u0000';

export interface Operation {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Readonly<Record<string, unknown>> | null;
}

/** What the stream door is asked: the parameters of a URL, as text; null where they are not given. */
export interface StreamOperation {
  /** Events as they come, or those of the past: then exactly one of `after`, `since` and `last`. */
  readonly use: 'subscribe' | 'query';
  /** The product, with its major; null: several of them. */
  readonly stream: string | null;
  /** Where there may be several: names, separated by commas; null: every one. */
  readonly products?: string | null;
  readonly topic: string | null;
  /** JSON. */
  readonly where: string | null;
  /** Paths of fields, separated by commas; null: all. */
  readonly fields: string | null;
  /** A cursor. */
  readonly after: string | null;
  /** A time, a duration that has passed since, or `earliest`. */
  readonly since: string | null;
  readonly last: string | null;
  readonly onLag: string | null;
}

/** Bounds on what a client may ask; configuration `limits`. */
export interface OperationLimits {
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxTokens: number;
  readonly maxCost: number;
  readonly maxDirectives: number;
}

/** An invalid operation: GraphQL's own errors with their locations, each with a catalogue code in its extensions. */
export class OperationError extends Error {
  readonly errors: readonly GraphQLError[];
  constructor(errors: readonly GraphQLError[]) {
    super(errors[0]?.message ?? 'invalid operation');
    this.name = 'OperationError';
    this.errors = errors;
  }
}
