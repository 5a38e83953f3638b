/** A program at a terminal: what it prints can be waited for, and everything that it started ends with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { adopt } from '../bed/guard.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Terminal implements AsyncDisposable {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #over: Ended | null = null;
  readonly #waiting = new Set<() => void>();

  /** `env` is laid over the environment of the run, less everything that configures Sluice. */
  constructor(program: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
    this.child = spawn(program, args, {
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const release = adopt(this.child.pid);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        release();
        this.#over = { code, signal };
        resolve(this.#over);
        this.#wake();
      });
    });
  }

  /** What `look` finds, now or once more has been printed. Rejects when the program ends without it. */
  async until<T>(look: (terminal: this) => T | null | undefined): Promise<T> {
    for (;;) {
      const found = look(this);
      if (found !== null && found !== undefined) return found;
      if (this.#over !== null) throw new Error(`ended (${JSON.stringify(this.#over)}): ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  /** The first match in what was printed on stdout. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    return this.until(() => pattern.exec(this.stdout));
  }

  /** The first match in what was printed on stderr. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.until(() => pattern.exec(this.stderr));
  }

  /** To the program and all that it started, as Ctrl-C does. */
  signalAll(signal: NodeJS.Signals): void {
    process.kill(-(this.child.pid as number), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll();
    await this.ended;
  }

  #killAll(): void {
    try {
      this.signalAll('SIGKILL');
    } catch {
      // All gone already.
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
