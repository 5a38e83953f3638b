/** Clients of one product, made out of its document by @asyncapi/generator in a process of its own. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { catalogue } from '../../core/errors.ts';
import { runGenerator } from './child.ts';
import { GeneratorFailure } from './failure.ts';

export interface ClientOptions {
  /** For WebSockets, as the surface renders it. */
  readonly document: object;
  readonly language: ClientLanguage;
  /** Not there yet, or empty. */
  readonly outDir: string;
  /** The folder into which the generator was installed. */
  readonly generatorDir: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type ClientLanguage = 'typescript' | 'python' | 'java' | 'dart';

interface Template {
  readonly name: string;
  /** Of the folder where modules are installed; null: it is one of ours. */
  readonly place: string | null;
  readonly params: Readonly<Record<string, unknown>>;
}

const bakedIn = '@asyncapi/generator/lib/templates/bakedInTemplates';
const ownParams = { errors: JSON.stringify(catalogue) };
const bakedInParams = { server: 'ws', appendClientSuffix: true };

const templates: Readonly<Record<ClientLanguage, Template>> = {
  typescript: { name: 'typescript', place: null, params: ownParams },
  python: { name: 'python', place: null, params: ownParams },
  java: { name: 'core-template-client-websocket-java-quarkus', place: bakedIn, params: bakedInParams },
  dart: { name: 'core-template-client-websocket-dart', place: bakedIn, params: bakedInParams },
};

export const clientLanguages = Object.keys(templates) as readonly ClientLanguage[];

export function isClientLanguage(text: string): text is ClientLanguage {
  return Object.hasOwn(templates, text);
}

/** Ours, and the generator's package.json; without its node_modules unless it was installed there. */
export const templatesDir = new URL('../../../asyncapi/templates/', import.meta.url).pathname;

/** There itself: templates find it nowhere else. */
export function isGeneratorInstalled(dir: string): boolean {
  return existsSync(join(dir, 'node_modules/@asyncapi/generator/package.json'));
}

/** A field that no client can be generated for, by its dotted place in the document's schemas; null: there is none. */
export function unreadableField(document: object): string | null {
  const { components } = document as {
    readonly components?: { readonly schemas?: Readonly<Record<string, { readonly properties?: object }>> };
  };
  // What reads documents asks each of their objects for its `hasOwnProperty`.
  const found = Object.entries(components?.schemas ?? {}).find(([, { properties = {} }]) =>
    Object.hasOwn(properties, 'hasOwnProperty'),
  );
  return found === undefined ? null : `${found[0]}.hasOwnProperty`;
}

/** Writes a client into `outDir`, whole or not at all. Errors: GeneratorFailure; Node's own where folders cannot be written. */
export async function writeClient(options: ClientOptions): Promise<void> {
  const { document, language, outDir, generatorDir, timeoutMs, signal } = options;
  const template = templates[language];
  await mkdir(dirname(outDir), { recursive: true });
  // Beside the folder that it becomes: a rename does not cross file systems.
  const aside = join(dirname(outDir), `.${basename(outDir)}.${randomUUID()}`);
  const client = join(aside, 'client');
  try {
    await mkdir(client, { recursive: true });
    await layOut(aside, template, join(generatorDir, 'node_modules'));
    const given = template.place === null ? document : withoutParameters(document);
    await writeFile(join(aside, 'document.json'), JSON.stringify(given));
    const job = {
      template: join(aside, template.name),
      document: join(aside, 'document.json'),
      out: client,
      params: template.params,
    };
    await runGenerator(aside, job, timeoutMs, signal);
    if ((await readdir(client)).length === 0) throw new GeneratorFailure('The generator wrote nothing.');
    await rmdir(outDir).catch(() => {});
    await rename(client, outDir);
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
