/** What stock clients' sinks receive, to be awaited; and a raw socket that speaks frames of the tests' making. */

export interface Collected<T> {
  /** The first `count` results, once they are there. */
  take(count: number): Promise<readonly T[]>;
  /** Resolves with the error that ended it. */
  readonly failed: Promise<unknown>;
  readonly completed: Promise<void>;
  stop(): void;
}

interface ClientSink<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
}

export function collect<T = unknown>(subscribe: (sink: ClientSink<T>) => () => void): Collected<T> {
  const results: T[] = [];
  const failed = Promise.withResolvers<unknown>();
  const completed = Promise.withResolvers<void>();
  let wake: (() => void) | null = null;
  const stop = subscribe({
    next: (value) => {
      results.push(value);
      wake?.();
    },
    error: (error) => failed.resolve(error),
    complete: () => completed.resolve(),
  });
  return {
    async take(count) {
      while (results.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return results.slice(0, count);
    },
    failed: failed.promise,
    completed: completed.promise,
    stop,
  };
}
