import { readFile, rename, writeFile } from 'node:fs/promises';
import type { CursorStore } from './cursor-store.js';

/** A file that always holds one whole cursor: it is written beside and renamed. */
export function fileCursorStore(path: string): CursorStore {
  return {
    async load() {
      try {
        return (await readFile(path, 'utf8')).trim() || null;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    async save(cursor) {
      await writeFile(`${path}.next`, cursor);
      await rename(`${path}.next`, path);
    },
  };
}
