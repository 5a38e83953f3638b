/** The checks that need no server: each answers with what is wrong, or with nothing. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Step {
  readonly name: string;
  /** Resolves with the text of what is wrong, undefined where all is well. */
  run(): Promise<string | undefined>;
}

const root = join(import.meta.dirname, '..', '..');
const tool = (name: string): string => join(root, 'node_modules', '.bin', name);

export const steps: readonly Step[] = [
  step('types', tool('tsc'), ['-p', '.', '--noEmit', '--pretty', 'false']),
  step('lint', tool('biome'), ['check', '--error-on-warnings', '--max-diagnostics=200']),
  { name: 'imports', run: imports },
  step('dead code', tool('knip'), ['--no-progress']),
  step('generated schema', process.execPath, ['src/main.ts', 'generate', 'schema', '--check']),
  step('generated documents', process.execPath, ['src/main.ts', 'generate', 'asyncapi', '--check']),
];

function step(name: string, program: string, args: readonly string[]): Step {
  return {
    name,
    run: async () => {
      const { code, output } = await finished(program, args);
      return code === 0 ? undefined : output || `${program} ended with ${code}`;
    },
  };
}

/**
 * Import rules by dependency-cruiser, and whether it saw the sources at all: with a compiler that it does not know it
 * finds no TypeScript and is content.
 */
async function imports(): Promise<string | undefined> {
  const { code, output } = await finished(tool('depcruise'), ['src', 'test', 'bench', '-c', '.dependency-cruiser.cjs']);
  const cruised = Number(/(\d+) modules/.exec(output)?.[1] ?? 0);
  const sources = ['src', 'test', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')),
  ).length;
  if (code !== 0) return output;
  return cruised >= sources ? undefined : `dependency-cruiser saw ${cruised} modules of ${sources} TypeScript files`;
}

function finished(program: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: root, maxBuffer: 1 << 28, encoding: 'utf8' }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, output: `${stdout}${stderr}`.trim() || (error?.message ?? '') });
    });
  });
}
