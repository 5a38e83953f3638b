/** What of the contracts that are offered takes the place of those that were accepted, and what is in force. */
import { checkCatalogue } from '../catalogue.ts';
import { compareContracts, isBehind, isBreaking, isPromised, placesIn, verdictOf } from '../compatibility/index.ts';
import type { Contract, Finding } from '../model.ts';
import type { AcceptedContract, AcceptedContracts } from './accepted.ts';
import type { BrokenFile, OfferedContract } from './offer.ts';
import { maxDocument } from './records.ts';

export interface SettleOptions {
  /** Clusters of the configuration: what was accepted elsewhere may name one that is not there. */
  readonly clusters?: readonly string[];
  /** Whether this offer was accepted before and another has taken its place since: then it is not made again. */
  readonly isSuperseded?: (contract: Contract) => boolean;
  /** Everything is taken as it is offered: nothing was promised, or somebody knows what he breaks. */
  readonly isForced?: boolean;
}

export interface Settlement {
  readonly contracts: readonly Contract[];
  /** Files whose contract is not in force, with the reason. */
  readonly refused: readonly BrokenFile[];
  /** To be accepted. Until that is kept, what was accepted before stays in force, and what is new is not served. */
  readonly pending: readonly OfferedContract[];
  /** Products without a file that stay in force beside a later major, since whoever uses them was promised that. */
  readonly kept: readonly string[];
}

/**
 * A contract takes the place of the accepted one of its product unless it breaks a promise, or its version is lower: a directory that is
 * behind changes nothing for whoever has gone ahead.
 */
export function settleContracts(
  accepted: AcceptedContracts,
  offered: readonly OfferedContract[],
  options: SettleOptions = {},
): Settlement {
  const chosen = new Map<string, Contract>();
  const refused = new Map<string, BrokenFile>();
  const pending: OfferedContract[] = [];
  for (const offer of offered) {
    const { contract } = offer;
    const before = accepted.get(contract.product);
    const why = refusal(offer, before, options);
    const inForce = why === 'taken' ? contract : (before?.contract ?? null);
    if (inForce !== null) chosen.set(contract.product, inForce);
    if (why === 'pending') pending.push(offer);
    else if (why !== 'taken')
      refused.set(contract.product, { file: contract.file, findings: why, serving: inForce !== null });
  }
  const kept = keptMajors(accepted, offered);
  for (const one of kept) chosen.set(one.product, one);
  harmonise(chosen, refused, offered, options);
  return {
    contracts: [...chosen.values()],
    refused: [...refused.values()],
    pending,
    kept: kept.map(({ product }) => product),
  };
}

function refusal(
  { contract, text }: OfferedContract,
  before: AcceptedContract | null,
  { isSuperseded = () => false, isForced = false }: SettleOptions,
): 'taken' | 'pending' | readonly Finding[] {
  if (text.length > maxDocument) {
    const message = `the document has ${text.length} characters, and at most ${maxDocument} are kept in the state`;
    return [finding(contract, text, 'document-size', 'name', message, 'keep long texts elsewhere and link to them')];
  }
  if (before === null) return 'pending';
  const old = before.contract;
  // Whoever could read it decides; what this node has is all that it can serve.
  if (old === null || old.digest === contract.digest) return 'taken';
  if (isSuperseded(contract)) {
    const message = `${old.product} is ${old.version} by now, with another text than this file's ${contract.version}`;
    return [finding(contract, text, 'superseded', 'version', message, 'bring the directory up to date')];
  }
  if (isForced) return 'pending';
  if (isBehind(contract.version, old.version)) {
    const message = `${contract.version} is lower than ${old.version}, which is in force`;
    return [
      finding(contract, text, 'behind', 'version', message, 'bring the directory up to date, or raise the version'),
    ];
  }
  const changes = compareContracts(old, contract);
  if (verdictOf(old, contract, changes) !== 'breaking') return 'pending';
  const next = `raise the major version (${old.major + 1}.0.0) and serve it beside ${old.version}`;
  return changes.filter(isBreaking).map(({ kind, path, what, why }) => {
    const whom = kind === 'breaking-readers' ? 'readers' : 'publishers';
    return finding(contract, text, 'breaking', path, `breaking for ${whom}, ${path}: ${what}`, `${why}; ${next}`);
  });
}

function finding({ file }: Contract, text: string, rule: string, path: string, message: string, hint: string): Finding {
  const find = placesIn(text, file);
  const { line, column } = find(path) ?? find('version') ?? { line: 1, column: 1 };
  return { severity: 'error', rule, file, line, column, message, hint };
}

/** A later major in the file of an earlier one does not end it. */
function keptMajors(accepted: AcceptedContracts, offered: readonly OfferedContract[]): readonly Contract[] {
  const products = new Set(offered.map(({ contract }) => contract.product));
  return accepted.all().flatMap(({ product, contract }) => {
    if (contract === null || products.has(product) || !isPromised(contract)) return [];
    const hasLater = offered.some(({ contract: { name, major } }) => name === contract.name && major > contract.major);
    return hasLater ? [contract] : [];
  });
}

/** What is offered goes together; what was accepted elsewhere in its place may not, and then what the file has is served. */
function harmonise(
  chosen: Map<string, Contract>,
  refused: Map<string, BrokenFile>,
  offered: readonly OfferedContract[],
  { clusters }: SettleOptions,
): void {
  const own = new Map(offered.map(({ contract }) => [contract.product, contract]));
  for (;;) {
    const standing = [...chosen.values()];
    // Of two that clash the later is at fault: that is one whose place can be taken by what the file has.
    const inOrder = standing.sort((a, b) => Number(own.get(a.product) !== a) - Number(own.get(b.product) !== b));
    const findings = checkCatalogue(inOrder, clusters === undefined ? {} : { clusters });
    if (findings.length === 0) return;
    for (const contract of inOrder) {
      const its = findings.filter(({ file }) => file === contract.file);
      if (its.length === 0) continue;
      const instead = own.get(contract.product);
      const isLeft = instead !== undefined && instead !== contract;
      if (isLeft) chosen.set(contract.product, instead);
      else chosen.delete(contract.product);
      const file = instead?.file ?? contract.file;
      refused.set(contract.product, { file, findings: its.map((one) => ({ ...one, file })), serving: isLeft });
    }
  }
}
