/** Other people's programs: found on PATH, run to their end, installed where the bed may do so. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A tool of the bed that is not there, with the command that installs it. Fails the run: the bed never skips. */
export class MissingTool extends Error {
  constructor(what: string, command: string) {
    super(`${what} is missing on this machine and the test bed needs it. Install it with: ${command}`);
    this.name = 'MissingTool';
  }
}

export function onPath(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/** Runs a program to its end and returns its standard output. Throws with the end of what it wrote where it failed. */
export function run(program: string, args: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { ...options, maxBuffer: 1 << 30, encoding: 'utf8' as const };
    execFile(program, args, limits, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else
        reject(new Error(`${program} ${args.join(' ')} failed: ${(stderr || stdout || error.message).slice(-4000)}`));
    });
  });
}

/** The path of a program: on PATH, or out of Debian's package where this process is root and has apt-get. */
export async function programOf(program: string, debianPackage: string): Promise<string> {
  const found = onPath(program);
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && onPath('apt-get') !== undefined) {
    await installPackage(debianPackage);
    const installed = onPath(program);
    if (installed !== undefined) return installed;
  }
  throw new MissingTool(program, `apt-get install -y ${debianPackage}`);
}

async function installPackage(name: string): Promise<void> {
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300'] as const;
  const install = () => run(quiet[0], [...quiet.slice(1), 'install', '-y', '--no-install-recommends', name]);
  await install().catch(async () => {
    await run(quiet[0], [...quiet.slice(1), 'update']);
    await install();
  });
}
