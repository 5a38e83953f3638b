/** Rules over all contracts of a catalogue together. */
import type { Contract, Field, FieldType, Finding } from './model.ts';
import { typeNamesOf } from './names.ts';
import { suggestion } from './nearest.ts';

export interface CatalogueOptions {
  /** Names of the clusters of the configuration; where given, each served contract must name one. */
  readonly clusters?: readonly string[];
}

/**
 * Findings over several contracts that are each right: of two that clash, the later in the list is at fault. They have no line
 * of their own: they point at the beginning of the file.
 */
export function checkCatalogue(contracts: readonly Contract[], options: CatalogueOptions = {}): readonly Finding[] {
  const findings: Finding[] = [];
  const taken = {
    product: new Map<string, Contract>(),
    field: new Map<string, Contract>(),
    type: new Map<string, Contract>(),
  };
  const report = (contract: Contract, rule: string, message: string, hint: string): void => {
    findings.push({ severity: 'error', rule, file: contract.file, line: 1, column: 1, message, hint });
  };
  for (const contract of contracts) {
    const same = taken.product.get(contract.product);
    if (same !== undefined) {
      report(
        contract,
        'unique-product',
        `the product ${contract.name} with major version ${contract.major} is defined by ${same.file} already`,
        'one file a major version: raise the major, or remove one of the two',
      );
      continue;
    }
    taken.product.set(contract.product, contract);
    const field = taken.field.get(contract.fieldName);
    if (field !== undefined) {
      report(
        contract,
        'unique-name',
        `the GraphQL field "${contract.fieldName}" is that of ${field.product} (${field.file}) already`,
        'rename the product',
      );
    } else taken.field.set(contract.fieldName, contract);
    const clash = typesOf(contract).find((name) => taken.type.has(name));
    if (clash !== undefined) {
      const other = taken.type.get(clash) as Contract;
      report(
        contract,
        'unique-type',
        `the GraphQL type "${clash}" is that of ${other.product} (${other.file}) already`,
        'rename the schema object, or the property that the type is named after',
      );
    }
    for (const name of typesOf(contract)) if (!taken.type.has(name)) taken.type.set(name, contract);
    const cluster = contract.source?.cluster;
    if (cluster !== undefined && options.clusters !== undefined && !options.clusters.includes(cluster)) {
      report(
        contract,
        'cluster',
        `the cluster "${cluster}" is not configured`,
        options.clusters.length === 0 ? 'no clusters are' : suggestion(cluster, options.clusters),
      );
    }
  }
  return findings;
}

function typesOf(contract: Contract): readonly string[] {
  if (contract.fields.length === 0) return [];
  return [
    ...typeNamesOf(contract.typeName, true),
    ...contract.fields.flatMap((field: Field) => typesOfType(field.type)),
  ];
}

function typesOfType(type: FieldType): readonly string[] {
  switch (type.kind) {
    case 'object':
      return [...typeNamesOf(type.name, false), ...type.fields.flatMap((field) => typesOfType(field.type))];
    case 'array':
      return typesOfType(type.items);
    case 'map':
      return [...typeNamesOf(type.name, false), ...typesOfType(type.values)];
    default:
      return [];
  }
}
