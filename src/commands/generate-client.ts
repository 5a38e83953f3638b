/** `sluice generate client`: a client of one product, made by @asyncapi/generator in a process of its own. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { type Contract, formatFindings } from '../core/contract/index.ts';
import { catalogue } from '../core/errors.ts';
import { asyncApiProtocols, renderAsyncApi } from '../core/surface/index.ts';
import { checkContracts } from '../gateway.ts';
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
  /** The folder into which the generator was installed. */
  readonly generatorDir: string;
  readonly timeoutMs: number;
}

interface Template {
  readonly name: string;
  /** Of the folder where modules are installed; null: it is one of ours. */
  readonly place: string | null;
  readonly params: Readonly<Record<string, unknown>>;
}

const bakedIn = '@asyncapi/generator/lib/templates/bakedInTemplates';
const ownParams = { errors: JSON.stringify(catalogue) };
const bakedInParams = { server: 'ws', appendClientSuffix: true };

const templates: Readonly<Record<string, Template>> = {
  typescript: { name: 'typescript', place: null, params: ownParams },
  python: { name: 'python', place: null, params: ownParams },
  java: { name: 'core-template-client-websocket-java-quarkus', place: bakedIn, params: bakedInParams },
  dart: { name: 'core-template-client-websocket-dart', place: bakedIn, params: bakedInParams },
};

/** Ours, and the generator's package.json; without its node_modules unless it was installed there. */
export const templatesDir = new URL('../../asyncapi/templates/', import.meta.url).pathname;

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
    if (!(error instanceof Refusal)) throw error;
    out.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function generate(options: ClientOptions, signal: AbortSignal, out: Out): Promise<void> {
  const { language, product, url } = options;
  const template = Object.hasOwn(templates, language) ? templates[language] : undefined;
  if (template === undefined)
    throw new Refusal(`--language ${language}: expected one of ${Object.keys(templates).join(', ')}`);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new Refusal(`--url ${url}: expected the gateway's address, such as https://events.example.com`);
  const outDir = resolve(options.outDir);
  await expectEmpty(outDir, options.outDir);
  const contract = await contractOf(options);
  const generatorDir = resolve(options.generatorDir);
  expectGenerator(generatorDir);
  await mkdir(dirname(outDir), { recursive: true });
  // Beside the folder that it becomes: a rename does not cross file systems.
  const aside = join(dirname(outDir), `.${basename(outDir)}.${randomUUID()}`);
  try {
    out.stderr.write(`${product}: a ${language} client is being generated\n`);
    await mkdir(join(aside, 'client'), { recursive: true });
    await layOut(aside, template, join(generatorDir, 'node_modules'));
    const document = renderAsyncApi(contract, { protocol: 'ws', url });
    const given = template.place === null ? document : withoutParameters(document);
    await writeFile(join(aside, 'document.json'), JSON.stringify(given));
    await runGenerator(aside, template, options.timeoutMs, signal);
    if ((await readdir(join(aside, 'client'))).length === 0) throw new Refusal('The generator wrote nothing.');
    await rmdir(outDir).catch(() => {});
    await rename(join(aside, 'client'), outDir);
    out.stderr.write(`${options.outDir}: written\n`);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Templates are compiled where they stand, so the generator works on copies: what is installed may be read by many, and written by none. */
async function layOut(aside: string, { name, place }: Template, modules: string): Promise<void> {
  await cp(templatesDir, aside, { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
  await symlink(modules, join(aside, 'node_modules'), 'dir');
  if (place === null) return;
  // What the generator brings compiled lies where it does not look for it.
  const filter = (path: string): boolean => basename(path) !== '__transpiled';
  await cp(join(modules, place, name), join(aside, name), { recursive: true, filter });
}

/** The baked-in template for Java demands every parameter of the stream, also those that exclude each other: all but the key are left to the URL. */
function withoutParameters(document: object): object {
  const { channels, ...rest } = document as { readonly channels: Readonly<Record<string, object>> };
  const query = { type: 'object', properties: { access_token: { type: 'string', description: 'The API key.' } } };
  const bindings = { ws: { method: 'GET', query, bindingVersion: '0.1.0' } };
  const kept = Object.entries(channels).map(([name, channel]) => [name, { ...channel, bindings }]);
  return { ...rest, channels: Object.fromEntries(kept) };
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

function expectGenerator(dir: string): void {
  try {
    createRequire(join(dir, 'package.json')).resolve('@asyncapi/generator');
  } catch {
    throw new Refusal(
      `@asyncapi/generator is not installed in ${dir}. It is no part of a gateway (290 MB). Install it with: npm ci --ignore-scripts --prefix ${templatesDir}`,
    );
  }
}

/** Errors: Refusal with the end of what the generator said, or that it took too long. */
async function runGenerator(
  aside: string,
  { name, params }: Template,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const job = {
    template: join(aside, name),
    document: join(aside, 'document.json'),
    out: join(aside, 'client'),
    params,
  };
  const child = spawn(process.execPath, [join(aside, 'generate.mjs'), JSON.stringify(job)], {
    cwd: aside,
    // Nothing of this process's environment is the generator's business.
    env: { NODE_PATH: join(aside, 'no-npm') },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    signal,
  });
  let said = '';
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-4000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const code = await new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done));
  if (code === 0) return;
  throw new Refusal(
    code === null ? `The generator was ended after ${timeoutMs / 1000} s.` : `The generator failed:\n${said.trim()}`,
  );
}
