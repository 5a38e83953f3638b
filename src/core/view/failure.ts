/** From what went wrong with an operation to GraphQL errors that carry a catalogue code and keep GraphQL's own words and locations. */
import { type ASTNode, type DocumentNode, GraphQLError, visit } from 'graphql';
import { catalogue, type ErrorCode, SluiceError } from '../errors.ts';
import { OperationError } from './view.ts';

export function fault(
  code: ErrorCode,
  message: string,
  nodes?: ASTNode | readonly ASTNode[],
  path?: string,
): GraphQLError {
  return new GraphQLError(message, {
    ...(nodes === undefined ? {} : { nodes }),
    extensions: { code, retry: catalogue[code].retry, ...(path === undefined ? {} : { path }) },
  });
}

/** A fault of an argument that was found behind GraphQL's own checks, placed at the argument. */
export function placed(error: SluiceError, node: ASTNode | undefined): GraphQLError {
  const { message, extensions } = error.toPublic();
  return new GraphQLError(message, { ...(node === undefined ? {} : { nodes: node }), extensions });
}

function coded(error: GraphQLError, code: ErrorCode): GraphQLError {
  return new GraphQLError(error.message, {
    ...(error.nodes === undefined ? {} : { nodes: error.nodes }),
    ...(error.source === undefined ? {} : { source: error.source }),
    ...(error.positions === undefined ? {} : { positions: error.positions }),
    extensions: { code, retry: catalogue[code].retry },
  });
}

/** The parser's own words for its token limit: the only way to tell it from other syntax errors. */
const TOKEN_LIMIT = /^Syntax Error: Document contains more tha\w \d+ tokens/;
const ROOT_FIELD = /^Cannot query field "[^"]*" on type "(?:Query|Subscription|Mutation)"/;

/** GraphQL's errors with the code that fits: BAD_FILTER within `where` and `topic`, NOT_FOUND for root fields, else BAD_REQUEST. */
export function classified(errors: readonly GraphQLError[], document: DocumentNode | null): OperationError {
  const filters = document === null ? [] : filterSpans(document);
  return new OperationError(
    errors.map((error) => {
      if (typeof error.extensions['code'] === 'string' && error.extensions['code'] in catalogue) return error;
      if (TOKEN_LIMIT.test(error.message)) return coded(error, 'OPERATION_TOO_COSTLY');
      if (ROOT_FIELD.test(error.message)) return coded(error, 'NOT_FOUND');
      const at = error.nodes?.[0]?.loc?.start;
      const filter = at !== undefined && filters.some(([from, to]) => at >= from && at < to);
      return coded(error, filter ? 'BAD_FILTER' : 'BAD_REQUEST');
    }),
  );
}

/** Where the document holds filters: the arguments `where` and `topic`, and the definitions of variables with a filter's type. */
function filterSpans(document: DocumentNode): readonly (readonly [number, number])[] {
  const spans: [number, number][] = [];
  const add = (node: ASTNode): void => {
    if (node.loc !== undefined) spans.push([node.loc.start, node.loc.end]);
  };
  visit(document, {
    Argument: (node) => {
      if (node.name.value === 'where' || node.name.value === 'topic') add(node);
    },
    VariableDefinition: (node) => {
      let type = node.type;
      while (type.kind !== 'NamedType') type = type.type;
      if (type.name.value.endsWith('Filter')) add(node);
    },
  });
  return spans;
}

/** Anything thrown while an operation was compiled: what is no fault of the operation goes on as it is. */
export function asOperationError(thrown: unknown, document: DocumentNode | null): unknown {
  if (thrown instanceof GraphQLError)
    return 'code' in thrown.extensions ? new OperationError([thrown]) : classified([thrown], document);
  if (thrown instanceof SluiceError) return new OperationError([placed(thrown, undefined)]);
  // What recursion over a document or its variables costs is bounded before; this is the net below.
  if (thrown instanceof RangeError && /call stack/i.test(thrown.message)) {
    return new OperationError([fault('OPERATION_TOO_COSTLY', 'The operation is nested too deeply.')]);
  }
  return thrown;
}
