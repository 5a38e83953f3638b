/**
 * Bounds on an operation, checked in one pass over its document before anything that could cost more than linear time.
 * Fragments are measured once and counted wherever they are spread, so a bomb shows its size without going off.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  Kind,
  parse,
  type SelectionSetNode,
} from 'graphql';
import { fault } from './failure.ts';
import type { OperationLimits } from './view.ts';

/** Characters a token may have on average; a document of more is refused unread. */
const CHARACTERS_PER_TOKEN = 64;
/** What a field costs: with sub-fields, and without. Each level multiplies what is below it. */
const OBJECT_COST = 2;
const SCALAR_COST = 1;
const LEVEL_FACTOR = 1.5;
/** Variables are JSON that no parser of ours has bounded. */
const MAX_VARIABLE_DEPTH = 32;
const MAX_VARIABLE_VALUES = 10_000;

interface Measure {
  readonly depth: number;
  readonly cost: number;
  readonly aliases: number;
  readonly directives: number;
}

const NOTHING: Measure = { depth: 0, cost: 0, aliases: 0, directives: 0 };

/** Parses within the limits. Throws GraphQLError: syntax, or OPERATION_TOO_COSTLY. */
export function parseBounded(query: string, limits: OperationLimits): DocumentNode {
  const length = limits.maxTokens * CHARACTERS_PER_TOKEN;
  if (query.length > length)
    throw fault('OPERATION_TOO_COSTLY', `The operation has ${query.length} characters; at most ${length} are allowed.`);
  return parse(query, { maxTokens: limits.maxTokens });
}

/** What exceeds the limits. Introspection is left to GraphQL's own bound on it. */
export function limitErrors(document: DocumentNode, limits: OperationLimits): readonly GraphQLError[] {
  const measurer = new Measurer(document);
  const errors: GraphQLError[] = [];
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const measured = measurer.selections(definition.selectionSet);
    const directives = measured.directives + (definition.directives?.length ?? 0);
    const check = (what: string, value: number, limit: number): void => {
      if (value > limit)
        errors.push(
          fault(
            'OPERATION_TOO_COSTLY',
            `The operation's ${what} is ${shownNumber(value)}; at most ${limit} is allowed.`,
            definition,
          ),
        );
    };
    check('depth', measured.depth, limits.maxDepth);
    check('number of aliases', measured.aliases, limits.maxAliases);
    check('number of directives', directives, limits.maxDirectives);
    check('cost', measured.cost, limits.maxCost);
  }
  return errors;
}

function shownNumber(value: number): string {
  return Number.isSafeInteger(Math.ceil(value)) ? String(Math.ceil(value)) : 'beyond counting';
}

class Measurer {
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  /** null while being measured: a cycle, which validation refuses. */
  readonly #measured = new Map<string, Measure | null>();

  constructor(document: DocumentNode) {
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition);
    }
  }

  selections(set: SelectionSetNode): Measure {
    let { depth, cost, aliases, directives } = NOTHING;
    for (const selection of set.selections) {
      directives += selection.directives?.length ?? 0;
      let below: Measure;
      if (selection.kind === Kind.FIELD) {
        if (selection.name.value === '__schema' || selection.name.value === '__type') continue;
        if (selection.alias !== undefined) aliases++;
        if (selection.selectionSet === undefined) below = { ...NOTHING, depth: 1, cost: SCALAR_COST };
        else {
          const inner = this.selections(selection.selectionSet);
          below = { ...inner, depth: inner.depth + 1, cost: OBJECT_COST + LEVEL_FACTOR * inner.cost };
        }
      } else
        below =
          selection.kind === Kind.INLINE_FRAGMENT
            ? this.selections(selection.selectionSet)
            : this.#fragment(selection.name.value);
      depth = Math.max(depth, below.depth);
      cost += below.cost;
      aliases += below.aliases;
      directives += below.directives;
    }
    return { depth, cost, aliases, directives };
  }

  #fragment(name: string): Measure {
    const known = this.#measured.get(name);
    if (known !== undefined) return known ?? NOTHING;
    const definition = this.#fragments.get(name);
    if (definition === undefined) return NOTHING;
    this.#measured.set(name, null);
    const own = this.selections(definition.selectionSet);
    const measure = { ...own, directives: own.directives + (definition.directives?.length ?? 0) };
    this.#measured.set(name, measure);
    return measure;
  }
}

/** Refuses variables that are no object, or nested or numerous beyond reason, before anything recurses into them. */
export function checkVariables(variables: unknown): Readonly<Record<string, unknown>> {
  if (variables === null || variables === undefined) return {};
  if (typeof variables !== 'object' || Array.isArray(variables))
    throw fault('BAD_REQUEST', 'variables: expected an object.', undefined, 'variables');
  let level: readonly unknown[] = [variables];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    count += level.length;
    if (depth > MAX_VARIABLE_DEPTH)
      throw fault(
        'OPERATION_TOO_COSTLY',
        `variables: nested deeper than ${MAX_VARIABLE_DEPTH} levels.`,
        undefined,
        'variables',
      );
    if (count > MAX_VARIABLE_VALUES)
      throw fault(
        'OPERATION_TOO_COSTLY',
        `variables: more than ${MAX_VARIABLE_VALUES} values.`,
        undefined,
        'variables',
      );
    level = level.flatMap((value) => (value !== null && typeof value === 'object' ? Object.values(value) : []));
  }
  return variables as Readonly<Record<string, unknown>>;
}
