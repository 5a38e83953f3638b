/** `sluice contracts lint [DIR] [--json]`. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Contract, checkCatalogue, type Finding, formatFindings, readContract } from '../core/contract/index.ts';

export interface Output {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/**
 * Checks every contract of a directory, or one file. Exit code 0: no errors (there may be warnings); 1: errors.
 * With `json` stdout has one object {files, errors, warnings, findings}; everything else goes to stderr.
 */
export async function lintContracts(dir: string, options: { readonly json: boolean }, out: Output): Promise<number> {
  const texts = new Map<string, string>();
  const findings: Finding[] = [];
  const contracts: Contract[] = [];
  const problem = (file: string, rule: string, message: string, hint: string | null): void => {
    findings.push({ severity: 'error', rule, file, line: 1, column: 1, message, hint });
  };
  let files: readonly string[] = [];
  try {
    files = (await stat(dir)).isFile() ? [dir] : await filesOf(dir);
    if (files.length === 0)
      problem(dir, 'no-contracts', 'the directory has no contracts', 'their names end in .odcs.yaml');
  } catch (error) {
    problem(dir, 'unreadable', `cannot be read (${reasonOf(error)})`, 'name the directory of the contracts');
  }
  for (const file of files) {
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    } catch (error) {
      problem(
        file,
        'unreadable',
        `cannot be read (${error instanceof TypeError ? 'it is not UTF-8' : reasonOf(error)})`,
        null,
      );
      continue;
    }
    texts.set(file, text);
    const read = readContract(text, file);
    findings.push(...read.findings);
    if (read.contract !== null) contracts.push(read.contract);
  }
  findings.push(...checkCatalogue(contracts));
  const errors = findings.filter((finding) => finding.severity === 'error').length;
  const warnings = findings.length - errors;
  if (options.json)
    out.stdout.write(`${JSON.stringify({ files: files.length, errors, warnings, findings }, null, 2)}\n`);
  else if (findings.length > 0)
    out.stderr.write(`${formatFindings(findings, { text: (file) => texts.get(file) ?? null })}\n\n`);
  out.stderr.write(
    `${counted(files.length, 'contract')}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}.\n`,
  );
  return errors > 0 ? 1 : 0;
}

async function filesOf(dir: string): Promise<readonly string[]> {
  const names = (await readdir(dir)).filter((name) => /\.odcs\.ya?ml$/.test(name)).sort();
  return names.map((name) => join(dir, name));
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
