/**
 * From a document to a normalised selection: fragments, merged fields and directives resolved, the way graphql-js collects fields
 * (its execution section), so that equal requests in different words become one.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  type NamedTypeNode,
  type SelectionNode,
  type SelectionSetNode,
  typeFromAST,
} from 'graphql';

/** The selected fields of one object type, in order of output. */
export interface Selection {
  readonly typeName: string;
  readonly fields: readonly SelectedField[];
}

export interface SelectedField {
  /** Key in the output: the alias, or the name. */
  readonly out: string;
  /** Name of the field; `__typename` too. */
  readonly name: string;
  /** null for leaves. */
  readonly of: Selection | null;
}

type Variables = Readonly<Record<string, unknown>>;

export class Collector {
  readonly #schema: GraphQLSchema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #variables: { [variable: string]: unknown };

  constructor(schema: GraphQLSchema, fragments: ReadonlyMap<string, FragmentDefinitionNode>, variables: Variables) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#variables = variables;
  }

  /** Field nodes by output key, in order of first appearance. */
  collect(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): ReadonlyMap<string, readonly FieldNode[]> {
    const fields = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    for (const set of sets) this.#collectInto(fields, type, set, spread);
    return fields;
  }

  /** The whole selection under fields of one object type. */
  select(type: GraphQLObjectType, nodes: readonly FieldNode[]): Selection {
    const sets = nodes.flatMap((node) => (node.selectionSet === undefined ? [] : [node.selectionSet]));
    const definitions = type.getFields();
    const fields = [...this.collect(type, sets)].map(([out, own]): SelectedField => {
      const name = own[0]?.name.value ?? '';
      const definition = definitions[name];
      const inner = definition === undefined ? null : getNamedType(definition.type);
      return { out, name, of: isObjectType(inner) ? this.select(inner, own) : null };
    });
    return { typeName: type.name, fields };
  }

  #collectInto(
    fields: Map<string, FieldNode[]>,
    type: GraphQLObjectType,
    set: SelectionSetNode,
    spread: Set<string>,
  ): void {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD && spread.has(selection.name.value)) continue;
      if (!this.#included(selection)) continue;
      switch (selection.kind) {
        case Kind.FIELD: {
          const out = selection.alias?.value ?? selection.name.value;
          const known = fields.get(out);
          if (known === undefined) fields.set(out, [selection]);
          else known.push(selection);
          break;
        }
        case Kind.INLINE_FRAGMENT:
          if (this.#applies(selection.typeCondition, type))
            this.#collectInto(fields, type, selection.selectionSet, spread);
          break;
        case Kind.FRAGMENT_SPREAD: {
          spread.add(selection.name.value);
          const fragment = this.#fragments.get(selection.name.value);
          if (fragment !== undefined && this.#applies(fragment.typeCondition, type))
            this.#collectInto(fields, type, fragment.selectionSet, spread);
        }
      }
    }
  }

  /** Throws GraphQLError where a condition's variable is null. */
  #included(node: SelectionNode): boolean {
    if (node.directives === undefined || node.directives.length === 0) return true;
    if (getDirectiveValues(GraphQLSkipDirective, node, this.#variables)?.['if'] === true) return false;
    return getDirectiveValues(GraphQLIncludeDirective, node, this.#variables)?.['if'] !== false;
  }

  #applies(condition: NamedTypeNode | undefined, type: GraphQLObjectType): boolean {
    if (condition === undefined) return true;
    const wanted = typeFromAST(this.#schema, condition);
    return wanted === type || (isAbstractType(wanted) && this.#schema.isSubType(wanted, type));
  }
}
