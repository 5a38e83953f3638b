/** A Python client in a process of its own, driven by drive.py. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { adopt } from '../bed/guard.ts';
import type { pythonWith } from '../bed/index.ts';

export interface Told {
  readonly event?: {
    readonly subject: string;
    readonly cursor: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
  readonly ready?: number;
  readonly lost?: string;
  readonly attempt?: number;
  readonly error?: string;
  readonly end?: number;
}

const driver = new URL('drive.py', import.meta.url).pathname;

/** A running client whose lines can be waited for. */
export class Driven implements AsyncDisposable {
  readonly told: Told[] = [];
  readonly child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #errors = '';
  #isOver = false;

  constructor(python: Python, folder: string, module: string, options: object, count: number) {
    this.child = spawn(python.program, [driver, module, JSON.stringify(options), `${count}`], {
      env: { ...python.env, PYTHONPATH: `${join(folder, 'src')}:${python.env['PYTHONPATH']}` },
    });
    const release = adopt(this.child.pid);
    if (this.child.stdout === null || this.child.stderr === null) throw new Error('it has no output');
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.told.push(JSON.parse(line) as Told);
      this.#wake();
    });
    this.child.stderr.on('data', (chunk) => {
      this.#errors += chunk;
    });
    this.child.on('close', () => {
      release();
      this.#isOver = true;
      this.#wake();
    });
  }

  /** Once so many lines were told that are so. */
  async until(is: (told: Told) => boolean, count = 1): Promise<readonly Told[]> {
    for (;;) {
      const found = this.told.filter(is);
      if (found.length >= count) return found;
      if (this.#isOver)
        throw new Error(`it ended: ${JSON.stringify(this.told.slice(-3))} ${this.#errors.slice(-2000)}`);
      await new Promise<void>((resolve) => void this.#waiting.add(resolve));
    }
  }

  get events(): readonly NonNullable<Told['event']>[] {
    return this.told.flatMap(({ event }) => (event === undefined ? [] : [event]));
  }

  close(): void {
    this.child.stdin?.write('close\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export type Python = Awaited<ReturnType<typeof pythonWith>>;
