/** A process of a bench that is asked and answers in JSON lines, and what one can see of any process from outside. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { onPath } from '../../test/bed/command.ts';
import { adopt } from '../../test/bed/guard.ts';

/** Where each side runs, where the machine has taskset and two cores. */
export const cores = { server: 0, load: 1 } as const;

export class Child implements AsyncDisposable {
  readonly name: string;
  readonly process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  readonly #ended: Promise<void>;
  #over = false;

  constructor(name: string, core: number, command: string, args: readonly string[], silent = false) {
    this.name = name;
    this.process = spawn(command, args, {
      stdio: ['pipe', 'pipe', silent ? 'ignore' : 'inherit'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    const release = adopt(this.process.pid);
    pin(this.pid, core);
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const asked = this.#waiting.shift();
      if (asked === undefined) this.#lines.push(line);
      else asked.resolve(line);
    });
    this.#ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        release();
        this.#over = true;
        for (const { reject } of this.#waiting) reject(new Error(`${name} has ended (${signal ?? code})`));
        resolve();
      });
    });
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error(`${this.name} could not be started`);
    return this.process.pid;
  }

  /** The next line that it says. Rejects when it ends without one. */
  async answer<T>(): Promise<T> {
    const line = this.#lines.shift();
    if (line !== undefined) return JSON.parse(line) as T;
    if (this.#over) throw new Error(`${this.name} has ended`);
    return JSON.parse(await new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject }))) as T;
  }

  ask<T>(question: object): Promise<T> {
    this.process.stdin?.write(`${JSON.stringify(question)}\n`);
    return this.answer<T>();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.process.kill('SIGKILL');
    await this.#ended;
  }
}

/** Has all threads of a process, and those that it starts, run on one core. Does nothing where the machine cannot. */
export function pin(pid: number | undefined, core: number): void {
  if (pid === undefined || onPath('taskset') === undefined) return;
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // A machine of one core.
  }
}

/** Seconds of CPU, user and system, that the threads of a process have had so far. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch (error) {
      // It ended in between.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return nanoseconds / 1e9;
}

/** Bytes of memory that a process has in RAM. */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}
