/**
 * The catalogue of everything Sluice may say went wrong to a partner, and the one error class that
 * carries it. docs/PROTOCOL.md is held to this file by a test.
 *
 * A message is public: it names the place and the mend, never a Kafka topic, host or stack. What
 * only operators may see goes into `cause`, which is logged and never rendered.
 */

/** When a client may try again. `now`: at once, elsewhere if possible. `later`: with back-off. `changed`: once the request or the access has changed. */
export type Retry = 'now' | 'later' | 'changed';

interface Entry {
  readonly text: string;
  /** HTTP status where the answer is not a GraphQL result over an open stream. */
  readonly status: number;
  /** WebSocket close code where the whole connection ends with it. */
  readonly close: number;
  readonly retry: Retry;
}

export const catalogue = {
  UNAUTHENTICATED: {
    text: 'A valid API key is needed: send it as "Authorization: Bearer <key>", "X-API-Key", or in connection_init as {"apiKey": "<key>"}.',
    status: 401,
    close: 4401,
    retry: 'changed',
  },
  TOKEN_EXPIRED: {
    text: 'The credential has expired: present a fresh one.',
    status: 401,
    close: 4401,
    retry: 'changed',
  },
  FORBIDDEN: { text: 'The application may not do this.', status: 403, close: 4401, retry: 'changed' },
  GRANT_ENDED: {
    text: 'Access to this product has ended: ask its owner for a new grant, then resume from the cursor.',
    status: 403,
    close: 4401,
    retry: 'changed',
  },
  NOT_FOUND: { text: 'No such thing, or not visible to this application.', status: 404, close: 4404, retry: 'changed' },
  BAD_REQUEST: { text: 'The request is malformed.', status: 400, close: 4400, retry: 'changed' },
  BAD_FILTER: { text: 'The filter is malformed.', status: 400, close: 4400, retry: 'changed' },
  OPERATION_TOO_COSTLY: {
    text: 'The operation is deeper or larger than this gateway allows.',
    status: 400,
    close: 4400,
    retry: 'changed',
  },
  CURSOR_INVALID: {
    text: 'The cursor is not one of this product: use one that an event, page or ready message carried, unaltered.',
    status: 400,
    close: 4400,
    retry: 'changed',
  },
  CURSOR_EXPIRED: {
    text: 'Events after the cursor are no longer held: the error names the missing ranges, and "resume" continues at the first position still held.',
    status: 410,
    close: 4410,
    retry: 'changed',
  },
  SOURCE_RESET: {
    text: 'The stream was recreated at its source, so that old positions mean nothing: start anew from earliest or latest.',
    status: 410,
    close: 4410,
    retry: 'changed',
  },
  REPLAY_LIMIT: {
    text: 'The position lies before the replay depth of this product.',
    status: 400,
    close: 4400,
    retry: 'changed',
  },
  CONNECTION_LIMIT: { text: 'Too many connections.', status: 429, close: 4429, retry: 'later' },
  SUBSCRIPTION_LIMIT: { text: 'Too many subscriptions.', status: 429, close: 4429, retry: 'later' },
  RATE_LIMITED: { text: 'Too many requests.', status: 429, close: 4429, retry: 'later' },
  QUOTA_EXCEEDED: { text: 'The quota is used up.', status: 429, close: 4429, retry: 'later' },
  LAGGED: {
    text: 'The subscriber read more slowly than events arrived and had asked to be ended then (onLag: END): resume from the cursor.',
    status: 429,
    close: 4429,
    retry: 'now',
  },
  PAYLOAD_INVALID: { text: 'The payload breaks the contract.', status: 422, close: 4400, retry: 'changed' },
  UNAVAILABLE: { text: 'Temporarily unavailable: try again.', status: 503, close: 1013, retry: 'later' },
  DRAINING: {
    text: 'This node is shutting down: reconnect and resume from the cursor.',
    status: 503,
    close: 1012,
    retry: 'now',
  },
  INTERNAL: { text: 'Something went wrong on our side; it has been logged.', status: 500, close: 1011, retry: 'later' },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;

/** What rides in the `extensions` of a GraphQL error beside `code` and `retry`. Every value is public. */
export interface ErrorDetails {
  /** Where to resume: the cursor of the subscription that ended. */
  readonly cursor?: string;
  /** CURSOR_EXPIRED: a cursor that moves only the partitions whose events are gone. */
  readonly resume?: string;
  /** CURSOR_EXPIRED: what cannot be had, as [from, to) per partition. */
  readonly missing?: readonly { readonly partition: number; readonly from: number; readonly to: number }[];
  /** Dotted path of the argument, field or variable at fault. */
  readonly path?: string;
  readonly retryAfterMs?: number;
  readonly [key: string]: unknown;
}

export interface PublicError {
  readonly message: string;
  readonly extensions: { readonly code: ErrorCode; readonly retry: Retry } & ErrorDetails;
}

/** An error that a partner may see. Throw it wherever the fault is the request's or a known condition; anything else becomes INTERNAL at the door. */
export class SluiceError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message?: string,
    options: { readonly details?: ErrorDetails; readonly cause?: unknown } = {},
  ) {
    super(message ?? catalogue[code].text, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get status(): number {
    return catalogue[this.code].status;
  }

  get close(): number {
    return catalogue[this.code].close;
  }

  /** The same error with more details, for whoever knows the cursor to add. */
  with(details: ErrorDetails): SluiceError {
    return new SluiceError(this.code, this.message, { details: { ...this.details, ...details }, cause: this.cause });
  }

  toPublic(): PublicError {
    return {
      message: this.message,
      extensions: { code: this.code, retry: catalogue[this.code].retry, ...this.details },
    };
  }
}

/** Any thrown value as something that may be shown: unknown ones become INTERNAL with the original as `cause`. */
export function asSluiceError(thrown: unknown): SluiceError {
  return thrown instanceof SluiceError ? thrown : new SluiceError('INTERNAL', undefined, { cause: thrown });
}
