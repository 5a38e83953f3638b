/**
 * What partners are shown, rendered from contracts: any contracts, as read or as narrowed for one principal.
 */
import type { GraphQLSchema } from 'graphql';
import type { Contract } from '../contract/index.ts';

export interface SurfaceField {
  readonly kind: 'stream' | 'batch' | 'history' | 'publish';
  readonly contract: Contract;
}

export interface Surface {
  /** Executable for queries and mutations through the handlers it was made with; event streams are never executed by it. */
  readonly schema: GraphQLSchema;
  readonly sdl: string;
  /** Equal for equal contracts under equal restrictions: principals of one digest share the surface. */
  readonly digest: string;
  readonly contracts: readonly Contract[];
  readonly subscription: ReadonlyMap<string, SurfaceField>;
  readonly query: ReadonlyMap<string, SurfaceField>;
  readonly mutation: ReadonlyMap<string, SurfaceField>;
}

/** Arguments of a history query as graphql-js hands them over, checked no further than the schema does. */
export interface HistoryArguments {
  readonly first: number;
  readonly after?: string | null;
  readonly from?: unknown;
  readonly topic?: string | null;
  readonly where?: unknown;
}

/** A page in the shape that the connection types resolve from; `node` is shaped as EventNode. */
export interface HistoryPage {
  readonly edges: readonly { readonly cursor: string; readonly node: EventNode }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    /** Advances on empty pages too, and opens a live subscription. */
    readonly endCursor: string;
    /** Records examined for this page, and the time up to which every partition has been examined (null before the first record). */
    readonly examined: number;
    readonly examinedUntil: number | null;
  };
}

/** The masked public event as graphql-js resolves it, in history as in the reference execution of streams. */
export interface EventNode {
  readonly product: string;
  readonly cursor: string;
  readonly topic: string;
  readonly key: string | null;
  /** Milliseconds since the epoch; the DateTime scalar serialises it. */
  readonly time: number;
  readonly op: 'UPSERT' | 'DELETE';
  readonly data: unknown;
}

/** What the surface calls to answer queries and mutations. `context` is whatever the door executes with: the ways know it. */
export interface SurfaceHandlers<Context = unknown> {
  history(contract: Contract, args: HistoryArguments, context: Context): Promise<HistoryPage>;
  /** `input` as graphql-js coerced it: public names, maps as lists of {key, value}. */
  publish(
    contract: Contract,
    input: unknown,
    context: Context,
  ): Promise<{ readonly cursor: string; readonly time: number }>;
}
