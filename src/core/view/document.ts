/** From the text of an operation to a document that is known to be a valid subscription: bound -> parse -> validate -> choose. */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  SingleFieldSubscriptionsRule,
  specifiedRules,
  validate,
} from 'graphql';
import type { Surface } from '../surface/index.ts';
import { classified, fault } from './failure.ts';
import { limitErrors, parseBounded } from './limits.ts';
import { type Operation, OperationError, type OperationLimits } from './view.ts';

/** A document that is known to be a valid subscription of a surface. */
export interface Subscription {
  readonly document: DocumentNode;
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

/** Within the limits, valid, and one subscription of it chosen. Throws GraphQLError or OperationError. */
export function prepare(surface: Surface, operation: Operation, limits: OperationLimits): Subscription {
  const document = parseBounded(operation.query, limits);
  const excess = limitErrors(document, limits);
  if (excess.length > 0) throw new OperationError(excess);
  const errors = validate(surface.schema, document, rules, { maxErrors: MAX_ERRORS });
  if (errors.length > 0) throw classified(errors, document);
  const definition = getOperationAST(document, operation.operationName ?? null);
  if (definition === null || definition === undefined) {
    const name = operation.operationName ?? null;
    throw fault(
      'BAD_REQUEST',
      name === null
        ? 'There are several operations: "operationName" must say which.'
        : `There is no operation named ${JSON.stringify(name)}.`,
      undefined,
      'operationName',
    );
  }
  if (definition.operation !== 'subscription')
    throw fault('BAD_REQUEST', `Expected a subscription, not a ${definition.operation}.`, definition);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  return { document, definition, fragments };
}

export const MAX_ERRORS = 20;
/** GraphQL's own rule of the single root field throws at directives with variables; it is checked once those are known. */
const rules = specifiedRules.filter((rule) => rule !== SingleFieldSubscriptionsRule);
