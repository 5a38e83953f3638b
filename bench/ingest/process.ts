/** A reading process and its parent: one task at a time, by name, answered with a count and the CPU seconds that it took. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

interface Done {
  readonly count: number;
  /** CPU seconds of the whole process, all threads, since it began. */
  readonly before: number;
  readonly after: number;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** In the reading process: does what the parent says, for as long as it says something. */
export function answer(tasks: Readonly<Record<string, () => Promise<number>>>): void {
  process.on('message', (name: string) => {
    const before = cpuSeconds();
    void (tasks[name] as () => Promise<number>)().then((count) =>
      process.send?.({ count, before, after: cpuSeconds() } satisfies Done),
    );
  });
  process.on('disconnect', () => process.exit());
  process.on('unhandledRejection', (error) => {
    console.error(error);
    process.exit(1);
  });
  process.send?.('ready');
}

/** In the parent. */
export class ReadingProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(file: 'own.ts' | 'stock.ts', bootstrap: string): Promise<ReadingProcess> {
    const child = fork(join(import.meta.dirname, file), [bootstrap], { execArgv: process.execArgv });
    const started = new ReadingProcess(child);
    await started.#heard();
    return started;
  }

  async task(name: string): Promise<Done> {
    this.#child.send(name);
    return (await this.#heard()) as Done;
  }

  #heard(): Promise<unknown> {
    const heard = Promise.withResolvers<unknown>();
    const ended = (status: number | null): void => heard.reject(new Error(`the reading process ended with ${status}`));
    this.#child.once('message', heard.resolve).once('exit', ended);
    return heard.promise.finally(() => this.#child.off('message', heard.resolve).off('exit', ended));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
