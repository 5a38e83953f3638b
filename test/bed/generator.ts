/** @asyncapi/generator as the templates' own lock file has it, in a folder of the cache: a checkout need not hold it. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentHash } from './cache.ts';
import { programOf, run } from './command.ts';

const templates = new URL('../../asyncapi/templates/', import.meta.url).pathname;

/** The folder that holds its node_modules. */
export async function generatorFolder(): Promise<string> {
  const files = ['package.json', 'package-lock.json'] as const;
  const npm = await programOf('npm', 'npm');
  return cached(
    `generator-${contentHash(...files.map((name) => readFileSync(join(templates, name))))}`,
    async (folder) => {
      for (const name of files) copyFileSync(join(templates, name), join(folder, name));
      await run(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
    },
  );
}
