/** What tests of scan streams share. */
import type { Following, Journal } from '../../src/core/log/index.ts';
import type { Observe } from '../../src/core/observe.ts';
import type { StreamClock } from '../../src/core/routing/index.ts';

export const clock: StreamClock = {
  now: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

export const observe: Observe = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
};

/** A journal that nobody follows. */
export const noJournal: Journal = {
  follow: () => new Promise<Following>(() => {}),
  transact: () => Promise.reject(new Error('nobody writes here')),
  async [Symbol.asyncDispose]() {},
};
