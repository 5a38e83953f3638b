/** Errors as this door shows them: GraphQL's formatted errors with the catalogue's code, whatever was thrown. */
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { asSluiceError, catalogue, type ErrorCode, type SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import { OperationError } from '../../../core/view/index.ts';

/** What a partner is shown of anything thrown; what was not meant to be shown is logged and becomes INTERNAL. */
export function formatThrown(thrown: unknown, observe: Observe): readonly GraphQLFormattedError[] {
  if (thrown instanceof OperationError) return thrown.errors.map((error) => count(formatGraphQLError(error), observe));
  if (thrown instanceof GraphQLError) {
    const original = thrown.originalError;
    if (original instanceof OperationError) return formatThrown(original, observe);
    if (original === undefined || original === null) return [count(formatGraphQLError(thrown), observe)];
    const shown = toSluiceError(original, observe).toPublic();
    return [count({ ...withoutExtensions(thrown), message: shown.message, extensions: shown.extensions }, observe)];
  }
  return [count(toSluiceError(thrown, observe).toPublic(), observe)];
}

/** GraphQL's own errors (syntax, validation, variables) are the request's fault. */
export function formatGraphQLError(error: GraphQLError): GraphQLFormattedError {
  const { http: _transport, ...extensions } = error.extensions;
  const code = isCode(extensions['code']) ? extensions['code'] : 'BAD_REQUEST';
  return { ...withoutExtensions(error), extensions: { ...extensions, code, retry: catalogue[code].retry } };
}

/** A catalogue error as GraphQL's, for code that can only hand on GraphQLErrors. */
export function asGraphQLError(error: SluiceError): GraphQLError {
  return new GraphQLError(error.message, { originalError: error, extensions: error.toPublic().extensions });
}

/** HTTP status of something thrown before an answer began. */
export function statusOf(thrown: unknown): number {
  return thrown instanceof OperationError || thrown instanceof GraphQLError ? 400 : asSluiceError(thrown).status;
}

function toSluiceError(thrown: unknown, observe: Observe): SluiceError {
  const error = asSluiceError(thrown);
  if (error.code === 'INTERNAL') observe.error('the graphql door failed to answer', { error: error.cause ?? error });
  return error;
}

function withoutExtensions(error: GraphQLError): Omit<GraphQLFormattedError, 'extensions'> {
  const { extensions: _extensions, ...rest } = error.toJSON();
  return rest;
}

function isCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(catalogue, value);
}

function count(error: GraphQLFormattedError, observe: Observe): GraphQLFormattedError {
  observe.counter('sluice_errors_total', { code: String(error.extensions?.['code']) }).add(1);
  return error;
}
