/** `sluice contracts diff OLD NEW`: what changes between two directories of contracts, or two files, and for whom. */
import { stat } from 'node:fs/promises';
import { formatFindings } from '../core/contract/index.ts';
import { checkContracts } from '../gateway.ts';
import { type ContractsWithTexts, compareContractSets } from './comparison.ts';
import { comparisonJson, comparisonMarkdown, comparisonText, type Told } from './comparison-texts.ts';
import { type Out, printJson } from './state.ts';

const formats = ['text', 'json', 'markdown'] as const;
type Format = (typeof formats)[number];

/** Nothing could be compared. */
export const USAGE = 2;

/**
 * Exit code 0: whoever uses the old contracts goes on; 1: a promise would be broken; 2: there is nothing to compare, since a path, the
 * format or a contract is wrong. stdout has the comparison alone.
 */
export async function diffContracts(oldPath: string, newPath: string, format: string, out: Out): Promise<number> {
  const known = formatOf(format, out);
  if (known === null) return USAGE;
  const [old, now] = [await readSet(oldPath, out), await readSet(newPath, out)];
  if (old === null || now === null) return USAGE;
  const comparison = await compareContractSets(old, await beside(old, now, oldPath, newPath));
  print(comparison, known, (file) => now.text(file) ?? old.text(file), out);
  return comparison.isBreaking ? 1 : 0;
}

/** null, and said on stderr, where there is no such format. */
export function formatOf(asked: string, out: Out): Format | null {
  const known = formats.find((one) => one === asked) ?? null;
  if (known === null) out.stderr.write(`--format ${asked}: one of ${formats.join(', ')}\n`);
  return known;
}

export function print(told: Told, format: Format, text: (file: string) => string | null, out: Out): void {
  if (format === 'json') printJson(out, comparisonJson(told));
  else if (format === 'markdown') out.stdout.write(comparisonMarkdown(told));
  else out.stdout.write(comparisonText(told, text));
}

/** null, and said on stderr, where it has errors. A directory without contracts is an empty set: everything is new, or goes. */
export async function readSet(path: string, out: Out): Promise<ContractsWithTexts | null> {
  const { contracts, findings, text } = await checkContracts(path);
  const errors = findings.filter(({ severity, rule }) => severity === 'error' && rule !== 'no-contracts');
  if (errors.length === 0) return { contracts, text };
  out.stderr.write(`${formatFindings(errors, { text })}\n`);
  return null;
}

/** Of two files one may hold the next major: it stands beside the old one, which is not meant to go. */
async function beside(
  old: ContractsWithTexts,
  now: ContractsWithTexts,
  oldPath: string,
  newPath: string,
): Promise<ContractsWithTexts> {
  const [before, after] = [old.contracts[0], now.contracts[0]];
  const areFiles = (await stat(oldPath)).isFile() && (await stat(newPath)).isFile();
  if (!areFiles || before === undefined || after === undefined) return now;
  if (before.name !== after.name || before.major >= after.major) return now;
  return { contracts: [before, after], text: (file) => now.text(file) ?? old.text(file) };
}
