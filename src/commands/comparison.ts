/** Two sets of contracts compared in every way that partners could notice: as contracts, as GraphQL schema, as AsyncAPI documents. */
import {
  type Change,
  type Contract,
  compareCatalogues,
  type ProductChanges,
  placesIn,
  type Remark,
} from '../core/contract/index.ts';
import {
  compareDocumentsOf,
  compareSchemas,
  type DiffItem,
  type DocumentChange,
  type SchemaChange,
} from '../core/surface/index.ts';

/** Contracts with the documents that they were read from. */
export interface ContractsWithTexts {
  readonly contracts: readonly Contract[];
  text(file: string): string | null;
}

/** A change with its place: in the new document, or in the old one where the new one has nothing of it. */
export interface PlacedChange extends Change {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ComparedProduct {
  readonly product: string;
  /** Versions; null where it is not there. */
  readonly from: string | null;
  readonly to: string | null;
  readonly verdict: ProductChanges['verdict'];
  readonly changes: readonly PlacedChange[];
  readonly asyncapi: readonly DocumentChange[];
}

export interface Comparison {
  /** Products in which nothing changes are left out. */
  readonly products: readonly ComparedProduct[];
  readonly graphql: readonly SchemaChange[];
  /** Whether a promise would be broken: a breaking change without a new major, or a product that is withdrawn. */
  readonly isBreaking: boolean;
}

/** Loads @asyncapi/diff, which nothing else needs. */
export async function compareContractSets(old: ContractsWithTexts, now: ContractsWithTexts): Promise<Comparison> {
  const { diff } = await import('@asyncapi/diff');
  const documentDiff = (before: unknown, after: unknown): readonly DiffItem[] =>
    (diff(before, after).getOutput() as { readonly changes: readonly DiffItem[] }).changes;
  const textOf = (contract: Contract): string | null =>
    (old.contracts.includes(contract) ? old : now).text(contract.file);
  const found = compareCatalogues(old.contracts, now.contracts, textOf).filter(({ verdict }) => verdict !== 'same');
  const products = found.map((one): ComparedProduct => {
    const { product, verdict } = one;
    const stays = one.old !== null && one.now !== null && one.old.product === one.now.product;
    return {
      product,
      from: one.old?.version ?? null,
      to: one.now?.version ?? null,
      verdict,
      changes: placed(one, textOf),
      asyncapi: stays ? compareDocumentsOf(documentDiff, one.old as Contract, one.now as Contract) : [],
    };
  });
  return {
    products,
    graphql: compareSchemas(old.contracts, now.contracts),
    isBreaking: products.some(({ verdict }) => verdict === 'breaking' || verdict === 'withdrawn'),
  };
}

function placed(one: ProductChanges, textOf: (contract: Contract) => string | null): readonly PlacedChange[] {
  const sides = [one.now, one.old].flatMap((contract) => {
    const text = contract === null ? null : textOf(contract);
    return contract === null || text === null ? [] : [{ file: contract.file, find: placesIn(text, contract.file) }];
  });
  return one.changes.map((change) => {
    for (const { file, find } of sides) {
      const place = find(change.path);
      if (place !== null) return { ...change, file, ...place };
    }
    return { ...change, file: sides[0]?.file ?? (one.now ?? one.old)?.file ?? '', line: 1, column: 1 };
  });
}

export const kindTexts = {
  'breaking-readers': 'breaking for readers',
  'breaking-publishers': 'breaking for publishers',
  compatible: 'compatible',
  documentation: 'documentation',
  unclassified: 'unclassified',
} as const;

export function remarkOf({ kind, what, why, ...place }: PlacedChange): Remark {
  return { ...place, label: kindTexts[kind], message: what, hint: why };
}
