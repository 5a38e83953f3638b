/** @asyncapi/generator as the templates' own lock file has it, in a folder of the cache: a checkout need not hold it. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentHash } from './cache.ts';
import { run } from './command.ts';

const templates = new URL('../../asyncapi/templates/', import.meta.url).pathname;

/** What people are told to install it with, to the letter. */
export const installLine = (folder: string): string => `npm ci --ignore-scripts --prefix ${folder}`;

/** The folder that holds its node_modules. */
export async function generatorFolder(): Promise<string> {
  const files = ['package.json', 'package-lock.json'] as const;
  return cached(
    `generator-${contentHash(...files.map((name) => readFileSync(join(templates, name))))}`,
    async (folder) => {
      for (const name of files) copyFileSync(join(templates, name), join(folder, name));
      await run('sh', ['-c', installLine(folder)]);
    },
  );
}
