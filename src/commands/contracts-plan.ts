/** `sluice contracts plan DIR`: what a directory of contracts would change where these are in force, and whom it would hit. */
import { covers, type State } from '../core/access/index.ts';
import { type Contract, isBreaking, settleContracts } from '../core/contract/index.ts';
import { type ContractsWithTexts, compareContractSets } from './comparison.ts';
import type { Holder, Told } from './comparison-texts.ts';
import { formatOf, print, readSet, USAGE } from './contracts-diff.ts';
import { type Desk, type OpenJournal, type Out, withState } from './state.ts';

export interface PlanArguments {
  readonly path: string;
  readonly format: string;
  readonly clusters: readonly string[];
}

/** Exit codes as with diff; 1 also where the state cannot be had. Nothing is changed. */
export async function planContracts(open: OpenJournal, args: PlanArguments, out: Out): Promise<number> {
  const format = formatOf(args.format, out);
  if (format === null) return USAGE;
  const now = await readSet(args.path, out);
  if (now === null) return USAGE;
  let isRefused = false;
  const code = await withState(open, out, async (desk) => {
    const old = inForce(desk);
    const told = await planOf(desk, old, now, args.clusters);
    isRefused = told.isBreaking || (told.refused?.length ?? 0) > 0;
    print(told, format, (file) => now.text(file) ?? old.text(file), out);
  });
  return isRefused ? 1 : code;
}

/** What was accepted last. */
function inForce({ accepted }: Desk): ContractsWithTexts {
  const texts = new Map<string, string>();
  const contracts: Contract[] = [];
  for (const { contract, document } of accepted.all()) {
    if (contract === null) continue;
    contracts.push(contract);
    texts.set(contract.file, document);
  }
  return { contracts, text: (file) => texts.get(file) ?? null };
}

async function planOf(
  { accepted, state }: Desk,
  old: ContractsWithTexts,
  now: ContractsWithTexts,
  clusters: readonly string[],
): Promise<Told> {
  const offered = now.contracts.map((contract) => ({ contract, text: now.text(contract.file) ?? '' }));
  const { refused, kept } = settleContracts(accepted, offered, { clusters });
  // A later major in the place of an earlier one does not end it.
  const stays = old.contracts.filter(({ product }) => kept.includes(product));
  const comparison = await compareContractSets(old, {
    contracts: [...now.contracts, ...stays],
    text: (file) => now.text(file) ?? old.text(file),
  });
  const hit = comparison.products.filter(
    ({ verdict, changes }) => verdict !== 'new-major' && changes.some((change) => isBreaking(change)),
  );
  return {
    ...comparison,
    holders: new Map(
      hit.map(({ product }) => [
        product,
        holdersOf(
          state,
          old.contracts.find((one) => one.product === product),
        ),
      ]),
    ),
    refused: refused.flatMap(({ findings }) => findings).filter(({ rule }) => rule !== 'breaking'),
  };
}

function holdersOf(state: State, contract: Contract | undefined): readonly Holder[] {
  if (contract === undefined) return [];
  return [...state.grants.values()]
    .filter((grant) => covers(grant, contract) && state.inForce(grant.id))
    .sort((a, b) => a.createdAt - b.createdAt)
    .map(({ id, application }) => ({
      grant: id,
      application,
      name: state.applications.get(application)?.name ?? application,
    }));
}
