/** Queries and mutations over any transport: one parser, one set of limits and rules, graphql-js. */
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLSchema,
  validate,
} from 'graphql';
import {
  asOperationError,
  checkVariables,
  classified,
  limitErrors,
  type Operation,
  OperationError,
  type OperationLimits,
} from '../../../core/view/index.ts';
import type { ExecutionContext } from '../../../ways/ports.ts';
import type { Documents } from './documents.ts';

const MAX_ERRORS = 10;

export class Execution {
  readonly documents: Documents;
  private readonly limits: OperationLimits;

  constructor(documents: Documents, limits: OperationLimits) {
    this.documents = documents;
    this.limits = limits;
  }

  /** Errors: OperationError where the text cannot be parsed within the limits. */
  parse(text: string): DocumentNode {
    try {
      return this.documents.parse(text);
    } catch (thrown) {
      throw asOperationError(thrown, null);
    }
  }

  /** What is wrong with the operation, each with a catalogue code; the limits first, since rules cost more than they do. */
  validate(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] {
    const excess = limitErrors(document, this.limits);
    if (excess.length > 0) return excess;
    const errors = validate(schema, document, undefined, { maxErrors: MAX_ERRORS });
    return errors.length === 0 ? [] : classified(errors, document).errors;
  }

  /** What `run` needs, or why the operation is invalid. */
  prepare(operation: Operation, context: ExecutionContext): ExecutionArgs | readonly GraphQLError[] {
    const { schema } = context.session.surface;
    try {
      const document = this.parse(operation.query);
      const errors = this.validate(schema, document);
      if (errors.length > 0) return errors;
      const { operationName, variables } = operation;
      return { schema, document, operationName, variableValues: variables ?? {}, contextValue: context };
    } catch (thrown) {
      if (thrown instanceof OperationError) return thrown.errors;
      throw thrown;
    }
  }

  /** A result without `data` was refused before anything was resolved. */
  async run(args: ExecutionArgs): Promise<ExecutionResult> {
    try {
      checkVariables(args.variableValues);
      const result = await execute(args);
      const { errors } = result;
      return errors === undefined || 'data' in result ? result : classified(errors, args.document);
    } catch (thrown) {
      const error = asOperationError(thrown, args.document);
      if (error instanceof OperationError) return { errors: error.errors };
      throw error;
    }
  }
}
