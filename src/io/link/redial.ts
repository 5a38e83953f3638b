/** Keeps a link to one address alive: whenever there is none, one attempt after the other. */
import type { Logger } from '../../core/observe.ts';
import type { StreamClock } from '../../core/routing/index.ts';
import type { Link } from './channel.ts';
import { LinkRefused } from './refusal.ts';

export interface RedialOptions {
  /** For the log: whom it is to reach. */
  readonly name: string;
  /** One attempt, as dialLink makes it; the signal gives it up. */
  dial(signal: AbortSignal): Promise<Link>;
  /** There is a link. Told between two `down`. */
  up(link: Link): void;
  /** There is none, and why: told when a link is lost, and while none can be had once for each kind of trouble. null: the other end closed in order. */
  down(error: Error | null): void;
  readonly clock: StreamClock;
  readonly log: Logger;
  /** In [0, 1); default: Math.random. */
  readonly random?: () => number;
}

const FIRST_MS = 250;
const LAST_MS = 10_000;

/** Begins at once. Disposed, it gives the attempt up or closes the link, and tells nothing any more. */
export function keepLink(options: RedialOptions): Disposable {
  const { name, clock, log, up, down } = options;
  const random = options.random ?? Math.random;
  const over = new AbortController();
  let link: Link | null = null;
  let failures = 0;
  /** The kind of trouble that was told last; null: none since all was well. */
  let told: string | null = null;
  let cancel = (): void => {};

  const again = (lasting: boolean): void => {
    // Full jitter, so that nodes that lost the same one do not come back together; what somebody has to mend is looked at seldom.
    const ceiling = Math.min(LAST_MS, FIRST_MS * 2 ** failures);
    failures = Math.min(failures + 1, 10);
    cancel = clock.after(lasting ? LAST_MS * (1 + random() / 4) : ceiling * random(), () => void attempt());
  };

  const attempt = async (): Promise<void> => {
    let found: Link;
    try {
      found = await options.dial(over.signal);
    } catch (thrown) {
      if (over.signal.aborted) return;
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const kind = error instanceof LinkRefused ? error.reason : error.name;
      if (kind !== told) {
        told = kind;
        log.warn('a link cannot be had: it is tried again and again', {
          link: name,
          reason: kind,
          error: error.message,
        });
        down(error);
      }
      return again(error instanceof LinkRefused && error.lasting);
    }
    if (over.signal.aborted) return found.close();
    link = found;
    const since = clock.now();
    if (told !== null) log.info('a link can be had again', { link: name });
    told = null;
    up(found);
    const error = await found.closed;
    if (over.signal.aborted) return;
    link = null;
    told = 'lost';
    log.warn('a link is lost', { link: name, ...(error === null ? {} : { error: error.message }) });
    // One that comes and goes is not dialled more and more often.
    if (clock.now() - since >= LAST_MS) failures = 0;
    down(error);
    again(false);
  };

  void attempt();
  return {
    [Symbol.dispose]() {
      over.abort();
      cancel();
      link?.close();
    },
  };
}
