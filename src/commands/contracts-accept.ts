/** `sluice contracts accept|forget`: what was promised, in the state of record, changed by somebody who knows what he does. */
import {
  acceptContracts,
  type BrokenFile,
  checkCatalogue,
  forgetAccepted,
  formatFindings,
  type OfferedContract,
  settleContracts,
} from '../core/contract/index.ts';
import { SluiceError } from '../core/errors.ts';
import { checkContracts } from '../gateway.ts';
import { type Desk, type OpenJournal, type Out, printJson, type Shown, withState } from './state.ts';

export interface AcceptArguments extends Shown {
  readonly path: string;
  /** Also what breaks a promise, and lower versions. */
  readonly breaking: boolean;
  /** Clusters of the configuration. */
  readonly clusters: readonly string[];
}

/**
 * All of the contracts, or none where one of them is refused. Exit code 0: accepted, and in force on every node that has files of these
 * products; 1: refused, or the state cannot be had; 2: a contract is wrong.
 */
export async function acceptDirectory(open: OpenJournal, args: AcceptArguments, out: Out): Promise<number> {
  const { contracts, findings, text } = await checkContracts(args.path);
  const errors = [...findings, ...checkCatalogue(contracts, { clusters: args.clusters })].filter(
    ({ severity }) => severity === 'error',
  );
  if (errors.length > 0) {
    out.stderr.write(`${formatFindings(errors, { text })}\n`);
    return 2;
  }
  const offered = contracts.map((contract) => ({ contract, text: text(contract.file) ?? '' }));
  let refused: readonly BrokenFile[] = [];
  const code = await withState(open, out, async (desk) => {
    const accepted = new Map<string, { readonly product: string; readonly from: string | null; readonly to: string }>();
    for (;;) {
      const before = new Map(desk.accepted.all().map(({ product, contract }) => [product, contract?.version ?? null]));
      const step = await desk.change(() => decide(desk, offered, args));
      refused = step.refused;
      if (step.accepted.length === 0) break;
      for (const { product, version } of step.accepted)
        accepted.set(product, { product, from: before.get(product) ?? null, to: version });
    }
    if (args.json) return printJson(out, { accepted: [...accepted.values()], refused });
    for (const { product, from, to } of accepted.values())
      out.stdout.write(`${product} ${from === null || from === to ? to : `${from} -> ${to}`}: accepted\n`);
    if (accepted.size === 0 && refused.length === 0) out.stdout.write('Everything was accepted before.\n');
  });
  if (refused.length === 0) return code;
  const all = refused.flatMap((file) => file.findings);
  out.stderr.write(`${formatFindings(all, { text })}\n\nNothing was accepted. --breaking accepts it all the same.\n`);
  return 1;
}

function decide(desk: Desk, offered: readonly OfferedContract[], { clusters, breaking }: AcceptArguments) {
  const { pending, refused } = settleContracts(desk.accepted, offered, { clusters, isForced: breaking });
  const { writes, answer } = acceptContracts(refused.length > 0 ? [] : pending, Date.now());
  return { writes, answer: { accepted: answer, refused } };
}

/** Nodes whose directory has the product accept what stands there, as if it were new. */
export function forgetContract(
  open: OpenJournal,
  args: Shown & { readonly product: string },
  out: Out,
): Promise<number> {
  const { product } = args;
  return withState(open, out, async (desk) => {
    const version = await desk.change(() => {
      const known = desk.accepted.get(product);
      if (known === null)
        throw new SluiceError('NOT_FOUND', `No contract of "${product}" was accepted.`, {
          details: { path: 'product' },
        });
      return { writes: [forgetAccepted(product)], answer: known.contract?.version ?? null };
    });
    if (args.json) return printJson(out, { product, version });
    out.stdout.write(
      `${product}${version === null ? '' : ` ${version}`} is forgotten: nothing of it is promised any more.\n`,
    );
  });
}
