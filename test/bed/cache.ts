/**
 * Where the bed keeps what it fetched or built, outside the checkout: jars, schemas, compiled classes. An entry is made
 * in a folder beside its final place and renamed into it, so runs at the same time never see half an entry and never
 * break each other; at worst both fetch, and one throws its copy away.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export const cacheRoot = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sluice', 'bed');

/** The short hash that cache entries carry of what they were made from. */
export function contentHash(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** The folder of the entry `name`, made by `make(folder)` if there is none yet. A `make` that throws leaves nothing. */
export async function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const final = join(cacheRoot(), name);
  if (existsSync(final)) return final;
  const fresh = `${final}.${randomUUID()}`;
  await mkdir(dirname(final), { recursive: true });
  await mkdir(fresh);
  try {
    await make(fresh);
    await rename(fresh, final).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return final;
}
