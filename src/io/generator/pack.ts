/** A folder as one file, in two forms. Equal folders are equal bytes: names are in order, and nothing tells when it was. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { zipSync } from 'fflate';
import { packTar } from 'modern-tar';

export type ArchiveForm = 'zip' | 'tgz';

export type Packed = Readonly<Record<ArchiveForm, Buffer>>;

interface Member {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The first day that zip files can have; tar files begin with Unix. */
const FIRST_DAY = new Date(1980, 0, 1);
const EPOCH = new Date(0);

/** `name`: of the one folder that the archive holds. */
export async function pack(folder: string, name: string): Promise<Packed> {
  const members = await membersOf(folder, name);
  const zipped = members.map(({ name: path, bytes }) => [path, bytes]);
  const tar = await packTar(
    members.map(({ name: path, bytes }) => ({
      header: { name: path, size: bytes.length, type: 'file', mode: 0o644, mtime: EPOCH },
      body: bytes,
    })),
  );
  return {
    zip: Buffer.from(zipSync(Object.fromEntries(zipped), { mtime: FIRST_DAY })),
    tgz: await promisify(gzip)(tar),
  };
}

async function membersOf(folder: string, name: string): Promise<readonly Member[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.sort().map(async (path) => ({ name: `${name}/${relative(folder, path)}`, bytes: await readFile(path) })),
  );
}
