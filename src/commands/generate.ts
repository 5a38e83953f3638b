/** `sluice generate schema`: the GraphQL schema of a directory of contracts, as a file to be committed. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatFindings } from '../core/contract/index.ts';
import { renderSdl } from '../core/surface/index.ts';
import { checkContracts } from '../gateway.ts';
import type { Out } from './state.ts';

const FILE = 'schema.graphql';
const HEAD = '# Made from the contracts by `sluice generate schema`: change those, not this.\n\n';

/**
 * Writes `<outDir>/schema.graphql`; with `check` it writes nothing and tells whether the file is what it would write. The exit
 * code: 0, or 1 where a contract is broken or the file is not current.
 */
export async function generateSchema(
  options: { readonly contractsDir: string; readonly outDir: string; readonly check: boolean },
  out: Out,
): Promise<number> {
  const { contracts, findings, text: textOf } = await checkContracts(options.contractsDir);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    out.stderr.write(`${formatFindings(errors, { text: textOf })}\n`);
    return 1;
  }
  // In order of product, so that no file name decides where a type stands.
  const ordered = [...contracts].sort((a, b) => (a.product < b.product ? -1 : 1));
  const text = HEAD + renderSdl(ordered);
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

function firstDifference(a: string, b: string): number {
  const theirs = b.split('\n');
  return a.split('\n').findIndex((line, index) => line !== theirs[index]) + 1 || a.split('\n').length;
}
