/** The code that a document shows, as it stands there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

export interface Block {
  readonly language: string;
  readonly code: string;
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The fenced blocks of a document of this repository, in order. */
export function blocksOf(path: string): readonly Block[] {
  const found = readDocument(path).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm);
  return [...found].map(([, language = '', code = '']) => ({ language, code }));
}

/** The one block of this language that holds this text. */
export function blockWith(path: string, language: string, text: string): string {
  const found = blocksOf(path).filter((block) => block.language === language && block.code.includes(text));
  if (found.length !== 1) throw new Error(`${path} has ${found.length} blocks of ${language} with ${text}`);
  return found[0]?.code ?? '';
}
