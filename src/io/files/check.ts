/** A directory of contracts, or one file, read and checked as a whole: what the command line shows and generates from. */
import { stat } from 'node:fs/promises';
import { type Contract, checkCatalogue, type Finding, readContract } from '../../core/contract/index.ts';
import { readContractFile, readContractFiles } from './directory.ts';

export interface CheckedContracts {
  readonly files: number;
  /** The good ones, in order of file. */
  readonly contracts: readonly Contract[];
  /** Of every file, and of the files against each other. */
  readonly findings: readonly Finding[];
  /** Text of a file that could be read, for showing the lines that findings point at. */
  text(file: string): string | null;
}

/** Never rejects: what cannot be read is a finding. */
export async function checkContracts(path: string): Promise<CheckedContracts> {
  const texts = new Map<string, string>();
  const findings: Finding[] = [];
  const contracts: Contract[] = [];
  const problem = (file: string, rule: string, message: string, hint: string | null): void => {
    findings.push({ severity: 'error', rule, file, line: 1, column: 1, message, hint });
  };
  let files: Awaited<ReturnType<typeof readContractFiles>> = [];
  try {
    files = (await stat(path)).isFile() ? [await readContractFile(path)] : await readContractFiles(path);
    if (files.length === 0)
      problem(path, 'no-contracts', 'the directory has no contracts', 'their names end in .odcs.yaml');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    problem(path, 'unreadable', `cannot be read (${reason})`, 'name the directory of the contracts');
  }
  for (const { file, text, problem: unreadable } of files) {
    if (text === null) {
      problem(file, 'unreadable', unreadable ?? 'cannot be read', null);
      continue;
    }
    texts.set(file, text);
    const read = readContract(text, file);
    findings.push(...read.findings);
    if (read.contract !== null) contracts.push(read.contract);
  }
  findings.push(...checkCatalogue(contracts));
  return { files: files.length, contracts, findings, text: (file) => texts.get(file) ?? null };
}
