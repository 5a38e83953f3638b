/** The load programs in C, compiled when they are first needed and kept in the bed's cache, outside the checkout. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentHash } from '../../test/bed/cache.ts';
import { MissingTool, onPath, run } from '../../test/bed/command.ts';

/** The path of the compiled program. Throws MissingTool where there is no gcc. */
export async function program(name: 'client' | 'limit'): Promise<string> {
  const sources = [`${name}.c`, ...(name === 'client' ? ['watch.h'] : [])].map((file) =>
    join(import.meta.dirname, file),
  );
  const gcc = onPath('gcc');
  if (gcc === undefined) throw new MissingTool('gcc', 'apt-get install -y gcc libc6-dev');
  const folder = await cached(
    `load-${name}-${contentHash(...sources.map((file) => readFileSync(file)))}`,
    async (fresh) => {
      await run(gcc, ['-O2', '-o', join(fresh, name), sources[0] as string]);
    },
  );
  return join(folder, name);
}
