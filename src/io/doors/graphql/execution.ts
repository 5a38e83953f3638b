/** Queries and mutations over any transport: one parser, one set of rules, graphql-js. */
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLSchema,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import type { Operation } from '../../../core/view/index.ts';
import type { ExecutionContext } from '../../../ways/ports.ts';
import type { Documents } from './documents.ts';

export class Execution {
  readonly documents: Documents;
  private readonly rules: readonly ValidationRule[];

  /** `limits` are checked beside the specification's own rules. */
  constructor(documents: Documents, limits: readonly ValidationRule[]) {
    this.documents = documents;
    this.rules = [...specifiedRules, ...limits];
  }

  validate(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] {
    return validate(schema, document, this.rules);
  }

  /** What `run` needs, or why the operation is invalid. Errors: GraphQLError where it cannot be parsed. */
  prepare(operation: Operation, context: ExecutionContext): ExecutionArgs | readonly GraphQLError[] {
    const { schema } = context.session.surface;
    const document = this.documents.parse(operation.query);
    const errors = this.validate(schema, document);
    if (errors.length > 0) return errors;
    return {
      schema,
      document,
      operationName: operation.operationName,
      variableValues: operation.variables ?? {},
      contextValue: context,
    };
  }

  run(args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
    return execute(args) as ExecutionResult | Promise<ExecutionResult>;
  }
}
