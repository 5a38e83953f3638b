/** What the parent and a worker say to each other about the worker's life, over Node's own channel between processes. */
import type { Config } from '../config.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Figures } from '../io/observe/index.ts';

/** To a worker. */
export type Order =
  /** `port`: goes before the configuration's. */
  | { readonly do: 'serve'; readonly number: number; readonly config: Config; readonly port: number }
  | { readonly do: 'open-graphiql'; readonly key: string }
  | { readonly do: 'drain' };

/** Of a worker. */
export type Report =
  /** It hears orders. */
  | { readonly did: 'start' }
  | { readonly did: 'listen'; readonly url: string }
  | { readonly did: 'become-ready' }
  /** It cannot work at all, and ends. */
  | { readonly did: 'fail'; readonly code: ErrorCode; readonly message: string }
  | { readonly did: 'count'; readonly figures: Figures };
