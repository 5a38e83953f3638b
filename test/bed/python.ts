/** Python with packages of pip's, in a folder of the cache: the machine's own Python stays as it is. */
import { cached, contentHash } from './cache.ts';
import { programOf, run } from './command.ts';

/** The program, and the environment in which it sees the packages. `requirements` as pip has them, with exact versions. */
export async function pythonWith(
  ...requirements: readonly string[]
): Promise<{ readonly program: string; readonly env: Readonly<Record<string, string>> }> {
  const program = await programOf('python3', 'python3-pip');
  const packages = await cached(`python-${contentHash(...requirements)}`, async (folder) => {
    await run(program, ['-m', 'pip', 'install', '--quiet', '--target', folder, ...requirements]);
  });
  return { program, env: { PYTHONPATH: packages, PYTHONUNBUFFERED: '1' } };
}
