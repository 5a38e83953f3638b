/** `sluice generate client`: a client of one product, as the contract is. */
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Contract, formatFindings } from '../core/contract/index.ts';
import { asyncApiProtocols, renderAsyncApi } from '../core/surface/index.ts';
import { checkContracts, clients } from '../gateway.ts';
import type { Out } from './state.ts';

export interface ClientOptions {
  readonly contractsDir: string;
  /** With its major from 2 on: `flights`, `flights-v2`. */
  readonly product: string;
  readonly language: string;
  /** Not there yet, or empty. */
  readonly outDir: string;
  /** Where partners reach the gateway. */
  readonly url: string;
  /** The folder into which the generator was installed; without it: beside the templates. */
  readonly generatorDir?: string;
  readonly timeoutMs: number;
}

/** What is said instead of a stack. */
class Refusal extends Error {}

/**
 * Writes a client into `outDir`, whole or not at all; progress goes to stderr. The exit code: 0, or 1 where the input is wrong or the
 * generator failed, hung or is not installed; 130 where it was interrupted.
 */
export async function generateClient(options: ClientOptions, out: Out): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await generate(options, interrupted.signal, out);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    if (!(error instanceof Refusal || error instanceof clients.GeneratorFailure)) throw error;
    out.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function generate(options: ClientOptions, signal: AbortSignal, out: Out): Promise<void> {
  const { language, product, timeoutMs, url } = options;
  if (!clients.isClientLanguage(language))
    throw new Refusal(`--language ${language}: expected one of ${clients.clientLanguages.join(', ')}`);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new Refusal(`--url ${url}: expected the gateway's address, such as https://events.example.com`);
  const outDir = resolve(options.outDir);
  await expectEmpty(outDir, options.outDir);
  const document = renderAsyncApi(await contractOf(options), { protocol: 'ws', url });
  const unreadable = clients.unreadableField(document);
  if (unreadable !== null)
    throw new Refusal(`${product}: ${unreadable}: generators of clients cannot read a field of this name`);
  const generatorDir = resolve(options.generatorDir ?? clients.templatesDir);
  if (!clients.isGeneratorInstalled(generatorDir))
    throw new Refusal(
      `@asyncapi/generator is not installed in ${generatorDir}. It is no part of a gateway (290 MB). Install it with: npm ci --ignore-scripts --prefix ${clients.templatesDir}`,
    );
  out.stderr.write(`${product}: a ${language} client is being generated\n`);
  await clients.writeClient({ document, language, outDir, generatorDir, timeoutMs, signal });
  out.stderr.write(`${options.outDir}: written\n`);
}

async function expectEmpty(dir: string, shown: string): Promise<void> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new Refusal(`--out ${shown}: is no folder`);
    throw error;
  });
  if (names.length > 0)
    throw new Refusal(`--out ${shown}: is not empty; name a folder that is, or that does not exist`);
}

async function contractOf({ contractsDir, product }: ClientOptions): Promise<Contract> {
  const { contracts, findings, text } = await checkContracts(contractsDir);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Refusal(formatFindings(errors, { text }));
  const streams = contracts.filter((contract) => asyncApiProtocols(contract).includes('ws'));
  const found = streams.find((contract) => contract.product === product);
  if (found !== undefined) return found;
  const isThere = contracts.some((contract) => contract.product === product);
  const why = isThere
    ? 'the contract allows no subscriptions, and clients subscribe'
    : `${contractsDir} has no such product`;
  const names = streams.map((contract) => contract.product).sort();
  throw new Refusal(`--product ${product}: ${why}${names.length === 0 ? '' : `; there are ${names.join(', ')}`}`);
}
