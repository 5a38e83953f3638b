/** `sluice generate schema`: the GraphQL schema of a directory of contracts, as a file to be committed. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Contract, checkCatalogue, type Finding, formatFindings, readContract } from '../core/contract/index.ts';
import { renderSdl } from '../core/surface/index.ts';

const FILE = 'schema.graphql';
const HEAD = '# Made from the contracts by `sluice generate schema`: change those, not this.\n\n';

interface Out {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/**
 * Writes `<outDir>/schema.graphql`; with `check` it writes nothing and tells whether the file is what it would write. The exit
 * code: 0, or 1 where a contract is broken or the file is not current.
 */
export async function generateSchema(
  options: { readonly contractsDir: string; readonly outDir: string; readonly check: boolean },
  out: Out,
): Promise<number> {
  const { contracts, findings, texts } = await readAll(options.contractsDir);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    out.stderr.write(`${formatFindings(errors, { text: (file) => texts.get(file) ?? null })}\n`);
    return 1;
  }
  const text = HEAD + renderSdl(contracts);
  const file = join(options.outDir, FILE);
  if (!options.check) {
    await mkdir(options.outDir, { recursive: true });
    await writeFile(file, text);
    out.stderr.write(`${file}: ${contracts.length} contracts\n`);
    return 0;
  }
  const current = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (current === text) return 0;
  const why = current === null ? 'is missing' : `differs from the contracts at line ${firstDifference(current, text)}`;
  out.stderr.write(`${file} ${why}: run "sluice generate schema"\n`);
  return 1;
}

/** Every contract of a directory, in order of product, so that no file name decides where a type stands. */
async function readAll(directory: string): Promise<{
  readonly contracts: readonly Contract[];
  readonly findings: readonly Finding[];
  readonly texts: ReadonlyMap<string, string>;
}> {
  const names = (await readdir(directory)).filter((name) => /\.odcs\.ya?ml$/.test(name)).sort();
  const contracts: Contract[] = [];
  const findings: Finding[] = [];
  const texts = new Map<string, string>();
  for (const name of names) {
    const file = join(directory, name);
    const text = await readFile(file, 'utf8');
    texts.set(file, text);
    const read = readContract(text, file);
    findings.push(...read.findings);
    if (read.contract !== null) contracts.push(read.contract);
  }
  findings.push(...checkCatalogue(contracts));
  contracts.sort((a, b) => (a.product < b.product ? -1 : 1));
  return { contracts, findings, texts };
}

function firstDifference(a: string, b: string): number {
  const theirs = b.split('\n');
  return a.split('\n').findIndex((line, index) => line !== theirs[index]) + 1 || a.split('\n').length;
}
