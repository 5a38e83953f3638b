/** `sluice generate schema|asyncapi`: what follows from a directory of contracts, as files to be committed. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Contract, formatFindings } from '../core/contract/index.ts';
import { asyncApiProtocols, asyncApiYaml, renderAsyncApi, renderSdl } from '../core/surface/index.ts';
import { checkContracts } from '../gateway.ts';
import type { Out } from './state.ts';

interface GenerateOptions {
  readonly contractsDir: string;
  readonly outDir: string;
  /** Write nothing; fail where the files are not current. */
  readonly check: boolean;
}

/** Files by name. `ending`: of all files of the folder that the command makes, so that those that it would no longer make are found. */
interface Generated {
  readonly command: string;
  readonly files: ReadonlyMap<string, string>;
  readonly ending: string;
}

function head(command: string): string {
  return `# Made from the contracts by \`${command}\`: change those, not this.\n\n`;
}

/**
 * Writes `<outDir>/schema.graphql`; with `check` it writes nothing and tells whether the file is what it would write. The exit
 * code: 0, or 1 where a contract is broken or the file is not current.
 */
export function generateSchema(options: GenerateOptions, out: Out): Promise<number> {
  const command = 'sluice generate schema';
  return generate(options, out, (contracts) => ({
    command,
    files: new Map([['schema.graphql', head(command) + renderSdl(contracts)]]),
    ending: 'schema.graphql',
  }));
}

/**
 * Writes `<outDir>/<product>.asyncapi.yaml`, which shows all, and `<product>.ws.asyncapi.yaml` and `<product>.sse.asyncapi.yaml`, for
 * whatever is served. `url`: where partners reach the gateway. `check` and the exit code as with the schema; a file of a product that
 * is served no more is not current either.
 */
export function generateAsyncApi(options: GenerateOptions & { readonly url: string }, out: Out): Promise<number> {
  const command = 'sluice generate asyncapi';
  if (!/^https?:\/\//.test(options.url) || !URL.canParse(options.url)) {
    out.stderr.write(`--url ${options.url}: expected the gateway's address, such as https://events.example.com\n`);
    return Promise.resolve(1);
  }
  return generate(options, out, (contracts) => {
    const files = new Map<string, string>();
    for (const contract of contracts) {
      for (const protocol of asyncApiProtocols(contract)) {
        const name = `${contract.product}${protocol === 'all' ? '' : `.${protocol}`}.asyncapi.yaml`;
        files.set(name, head(command) + asyncApiYaml(renderAsyncApi(contract, { protocol, url: options.url })));
      }
    }
    return { command, files, ending: '.asyncapi.yaml' };
  });
}

async function generate(
  { contractsDir, outDir, check }: GenerateOptions,
  out: Out,
  render: (contracts: readonly Contract[]) => Generated,
): Promise<number> {
  const { contracts, findings, text: textOf } = await checkContracts(contractsDir);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    out.stderr.write(`${formatFindings(errors, { text: textOf })}\n`);
    return 1;
  }
  // In order of product, so that no file name decides where anything stands.
  const generated = render([...contracts].sort((a, b) => (a.product < b.product ? -1 : 1)));
  return check ? compare(generated, outDir, out) : write(generated, outDir, out);
}

async function write({ files, ending }: Generated, outDir: string, out: Out): Promise<number> {
  await mkdir(outDir, { recursive: true });
  for (const [name, text] of files) {
    await writeFile(join(outDir, name), text);
    out.stderr.write(`${join(outDir, name)}: written\n`);
  }
  for (const name of await others(files, ending, outDir)) {
    await rm(join(outDir, name));
    out.stderr.write(`${join(outDir, name)}: removed, nothing makes it any more\n`);
  }
  return 0;
}

async function compare({ command, files, ending }: Generated, outDir: string, out: Out): Promise<number> {
  const wrong: string[] = [];
  for (const [name, text] of files) {
    const current = await orNull(readFile(join(outDir, name), 'utf8'));
    if (current === text) continue;
    const why =
      current === null ? 'is missing' : `differs from the contracts at line ${firstDifference(current, text)}`;
    wrong.push(`${join(outDir, name)} ${why}: run "${command}"`);
  }
  for (const name of await others(files, ending, outDir))
    wrong.push(`${join(outDir, name)} is made by nothing any more: run "${command}"`);
  if (wrong.length > 0) out.stderr.write(`${wrong.join('\n')}\n`);
  return wrong.length === 0 ? 0 : 1;
}

/** Files of the kind that are none of these. */
async function others(files: ReadonlyMap<string, string>, ending: string, outDir: string): Promise<readonly string[]> {
  const names = (await orNull(readdir(outDir))) ?? [];
  return names.filter((name) => name.endsWith(ending) && !files.has(name)).sort();
}

/** null: there is none. */
function orNull<T>(read: Promise<T>): Promise<T | null> {
  return read.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

function firstDifference(a: string, b: string): number {
  const theirs = b.split('\n');
  return a.split('\n').findIndex((line, index) => line !== theirs[index]) + 1 || a.split('\n').length;
}
