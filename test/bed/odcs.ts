/** The Open Data Contract Standard's own JSON Schema, out of its Python package: no npm package has it. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from './cache.ts';
import { programOf, run } from './command.ts';

const wheel = 'open-data-contract-standard==3.2.0';

/** Path of the JSON Schema of ODCS v3.2.0, fetched once. */
export async function odcsSchemaPath(): Promise<string> {
  const folder = await cached('odcs-3.2.0', async (made) => {
    const python = await programOf('python3', 'python3-pip');
    await run(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', made, wheel]);
    const [packed = ''] = (await readdir(made)).filter((name) => name.endsWith('.whl'));
    await run(python, ['-m', 'zipfile', '-e', join(made, packed), join(made, 'unpacked')]);
    await rename(join(made, 'unpacked', 'open_data_contract_standard', 'schema.json'), join(made, 'schema.json'));
    await rm(join(made, 'unpacked'), { recursive: true });
  });
  return join(folder, 'schema.json');
}
