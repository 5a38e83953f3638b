/** Contracts as files: which of a directory they are, and their texts. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const suffix = /\.odcs\.ya?ml$/;
const maxFiles = 10_000;
const maxBytes = 8 * 1024 * 1024;

export interface ContractFile {
  /** Path as messages show it: the directory as given, and the name. */
  readonly file: string;
  /** null where it cannot be read; then `problem` says why. */
  readonly text: string | null;
  readonly problem: string | null;
}

/** Every `*.odcs.yaml` of a directory (not of those within), by name. Rejects where the directory cannot be read. */
export async function readContractFiles(dir: string): Promise<readonly ContractFile[]> {
  const names = (await readdir(dir)).filter((name) => suffix.test(name)).sort();
  if (names.length > maxFiles) throw new Error(`${dir} holds ${names.length} contracts; at most ${maxFiles} are read`);
  const files: ContractFile[] = [];
  for (const name of names) files.push(await readContractFile(join(dir, name)));
  return files;
}

export async function readContractFile(file: string): Promise<ContractFile> {
  try {
    const { size } = await stat(file);
    if (size > maxBytes) return { file, text: null, problem: `the file is larger than ${maxBytes} bytes` };
    const bytes = await readFile(file);
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), problem: null };
  } catch (error) {
    const problem =
      error instanceof TypeError
        ? 'the file is not UTF-8'
        : `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`;
    return { file, text: null, problem };
  }
}
