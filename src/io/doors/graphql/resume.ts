/** Last-Event-ID: the same subscription, but beginning at a cursor, whatever its `from` says. */
import {
  type ArgumentNode,
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  print,
  type SelectionNode,
  type VariableDefinitionNode,
  visit,
} from 'graphql';
import type { Operation } from '../../../core/view/index.ts';

/** The cursor goes into a variable, so that the text stays the same for every cursor and caches know it. */
const VARIABLE = 'sluiceLastEventId';

/** `document` is the parsed `operation.query`. An operation that cannot be found is handed back as it is, to be refused by whoever compiles it. */
export function resumeAt(operation: Operation, document: DocumentNode, cursor: string): Operation {
  const definition = getOperationAST(document, operation.operationName);
  if (!definition) return operation;
  const fragments = new Map(document.definitions.filter(isFragment).map((fragment) => [fragment.name.value, fragment]));
  const rootFragments = new Set<string>();
  const selections = definition.selectionSet.selections.map((selection) =>
    replaceFrom(selection, fragments, rootFragments),
  );
  const rewritten: OperationDefinitionNode = {
    ...definition,
    selectionSet: { ...definition.selectionSet, selections },
  };
  const definitions: DefinitionNode[] = document.definitions.map((node) => {
    if (node === definition) return rewritten;
    if (!isFragment(node) || !rootFragments.has(node.name.value)) return node;
    return {
      ...node,
      selectionSet: {
        ...node.selectionSet,
        selections: node.selectionSet.selections.map((s) => replaceFrom(s, fragments, rootFragments)),
      },
    };
  });
  const before = variablesUsed(document);
  const after = variablesUsed({ ...document, definitions });
  // What only the old `from` used would now be refused as unused; what nobody used before is still the client's fault.
  const kept = (definition.variableDefinitions ?? []).filter(
    ({ variable: { name } }) => after.has(name.value) || !before.has(name.value),
  );
  const final = definitions.map((node) =>
    node === rewritten ? { ...rewritten, variableDefinitions: [...kept, CURSOR_VARIABLE] } : node,
  );
  return {
    query: print({ ...document, definitions: final }),
    ...(operation.operationName === undefined ? {} : { operationName: operation.operationName }),
    variables: { ...operation.variables, [VARIABLE]: cursor },
  };
}

/** Root fields are reached through inline and named fragments too; `rootFragments` collects the named ones. */
function replaceFrom(
  node: SelectionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  rootFragments: Set<string>,
): SelectionNode {
  if (node.kind === Kind.FIELD)
    return node.name.value.startsWith('__') ? node : { ...node, arguments: [...otherArguments(node), FROM_ARGUMENT] };
  if (node.kind === Kind.INLINE_FRAGMENT) {
    const selections = node.selectionSet.selections.map((selection) =>
      replaceFrom(selection, fragments, rootFragments),
    );
    return { ...node, selectionSet: { ...node.selectionSet, selections } };
  }
  const fragment = fragments.get(node.name.value);
  if (fragment !== undefined && !rootFragments.has(node.name.value)) {
    rootFragments.add(node.name.value);
    for (const selection of fragment.selectionSet.selections) replaceFrom(selection, fragments, rootFragments);
  }
  return node;
}

function otherArguments(field: FieldNode): readonly ArgumentNode[] {
  return (field.arguments ?? []).filter((argument) => argument.name.value !== 'from');
}

function isFragment(node: DefinitionNode): node is FragmentDefinitionNode {
  return node.kind === Kind.FRAGMENT_DEFINITION;
}

function variablesUsed(document: DocumentNode): ReadonlySet<string> {
  const used = new Set<string>();
  visit(document, {
    VariableDefinition: () => false,
    Variable: (node) => {
      used.add(node.name.value);
    },
  });
  return used;
}

const variable = { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: VARIABLE } } as const;

const CURSOR_VARIABLE: VariableDefinitionNode = {
  kind: Kind.VARIABLE_DEFINITION,
  variable,
  type: { kind: Kind.NON_NULL_TYPE, type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'Cursor' } } },
};

const FROM_ARGUMENT: ArgumentNode = {
  kind: Kind.ARGUMENT,
  name: { kind: Kind.NAME, value: 'from' },
  value: {
    kind: Kind.OBJECT,
    fields: [{ kind: Kind.OBJECT_FIELD, name: { kind: Kind.NAME, value: 'cursor' }, value: variable }],
  },
};
