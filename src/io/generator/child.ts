/** The process in which the generator runs: it is large, leaves timers and cannot be told to stop. */
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { GeneratorFailure } from './failure.ts';

/** Several times what it takes for a product of 200 fields. */
const MAX_HEAP_MB = 1024;

/** Runs `generate.mjs` of the folder `aside`. Errors: GeneratorFailure with the end of what the generator said, or that it took too long; AbortError. */
export async function runGenerator(aside: string, job: object, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const args = [`--max-old-space-size=${MAX_HEAP_MB}`, join(aside, 'generate.mjs'), JSON.stringify(job)];
  const child = spawn(process.execPath, args, {
    cwd: aside,
    // Nothing of this process's environment is the generator's business.
    env: { NODE_PATH: join(aside, 'no-npm') },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    signal,
  });
  // Events go before it, where both want the processor.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  let said = '';
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-4000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const code = await new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done));
  if (code === 0) return;
  throw new GeneratorFailure(
    code === null ? `The generator was ended after ${timeoutMs / 1000} s.` : `The generator failed:\n${said.trim()}`,
  );
}
