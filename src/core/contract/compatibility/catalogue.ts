/** What changes from one set of contracts to another: products come, change and go. */
import type { Contract } from '../model.ts';
import type { Change } from './change.ts';
import { compareContracts } from './compare.ts';
import { isPromised } from './terms.ts';
import { type Verdict, verdictOf } from './verdict.ts';

export interface ProductChanges {
  /** With its major. Of a new major beside an old one: the new one. */
  readonly product: string;
  readonly old: Contract | null;
  readonly now: Contract | null;
  readonly verdict: Verdict | 'added' | 'removed' | 'withdrawn';
  readonly changes: readonly Change[];
}

/**
 * One entry for each product that is in either set, in order of product. `removed` was promised to nobody; `withdrawn` was served, and
 * breaks whoever uses it. A product that is new, of a name that has an earlier major, is compared with that one: its changes say what
 * moving on means. `textOf`: the document of a contract, where it is at hand.
 */
export function compareCatalogues(
  olds: readonly Contract[],
  nows: readonly Contract[],
  textOf: (contract: Contract) => string | null = () => null,
): readonly ProductChanges[] {
  const compare = (old: Contract, now: Contract): readonly Change[] => {
    const [oldText, newText] = [textOf(old), textOf(now)];
    return compareContracts(
      old,
      now,
      oldText === null || newText === null ? undefined : { old: oldText, now: newText },
    );
  };
  const before = new Map(olds.map((contract) => [contract.product, contract]));
  const after = new Map(nows.map((contract) => [contract.product, contract]));
  const products = [...new Set([...before.keys(), ...after.keys()])].sort();
  return products.map((product): ProductChanges => {
    const [old, now] = [before.get(product) ?? null, after.get(product) ?? null];
    if (now === null) return gone(product, old as Contract, nows);
    if (old !== null) {
      const changes = compare(old, now);
      return { product, old, now, verdict: verdictOf(old, now, changes), changes };
    }
    const earlier = earlierMajor(now, [...olds, ...nows]);
    if (earlier !== null) return { product, old: earlier, now, verdict: 'new-major', changes: compare(earlier, now) };
    const change: Change = {
      kind: 'compatible',
      rule: 'product-added',
      path: 'name',
      what: `the product ${product} is new`,
      why: 'nobody uses it yet',
    };
    return { product, old, now, verdict: 'added', changes: [change] };
  });
}

function earlierMajor(now: Contract, all: readonly Contract[]): Contract | null {
  const earlier = all.filter(({ name, major }) => name === now.name && major < now.major);
  return earlier.reduce<Contract | null>((best, one) => (best === null || one.major > best.major ? one : best), null);
}

function gone(product: string, old: Contract, nows: readonly Contract[]): ProductChanges {
  const change = { rule: 'product-removed', path: 'name', what: `the product ${product} is no longer there` };
  if (!isPromised(old)) {
    const why = `it was ${old.status}: nobody was served`;
    return { product, old, now: null, verdict: 'removed', changes: [{ ...change, kind: 'compatible', why }] };
  }
  const next = nows.find(({ name, major }) => name === old.name && major > old.major);
  const right =
    next === undefined ? 'deprecate it, then retire it' : `keep it beside ${next.product} until it is retired`;
  const changes: Change[] = [
    { ...change, kind: 'breaking-readers', why: `its subscriptions end with NOT_FOUND: ${right}` },
  ];
  if (old.operations.publish !== undefined)
    changes.push({ ...change, kind: 'breaking-publishers', why: 'there is nothing to publish to' });
  return { product, old, now: null, verdict: 'withdrawn', changes };
}
