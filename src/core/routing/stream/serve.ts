/**
 * The serving end of a scan stream, over any Source: one for all channels, so that what several of them want live is read and made into
 * bytes once.
 */
import { asSluiceError, SluiceError } from '../../errors.ts';
import type { Observe } from '../../observe.ts';
import type { Source } from '../source.ts';
import type { Channel } from './channel.ts';
import type { Follower } from './follower.ts';
import type { Ask } from './messages.ts';
import type { JournalFeed, JournalRelay } from './relay.ts';
import { encodeScan } from './scan.ts';
import { receivedInterest } from './sent-interest.ts';
import { SharedTails } from './tails.ts';
import { type Reply, type Serve, type Serving, Wire } from './wire.ts';

/** A value that stands until it changes: plain data. */
export interface Standing {
  readonly value: unknown;
  /** Has `changed` called whenever the value is another one, until what is returned is called. */
  watch(changed: () => void): () => void;
}

export interface StreamServer {
  /** Serves whoever is at the other end, until the channel closes; null: closed in order. */
  serve(channel: Channel): Promise<Error | null>;
}

export function createStreamServer(options: {
  readonly source: Source;
  /** The state of record, for whoever may follow it; default: nobody. */
  readonly journal?: JournalRelay;
  /** What may be watched, by name. */
  readonly standing: Readonly<Record<string, Standing>>;
  readonly observe: Observe;
  /** Resolves after so many milliseconds: the core has no timer. */
  readonly wait: (ms: number) => Promise<void>;
}): StreamServer {
  const { source, journal, standing, observe } = options;
  const tails = new SharedTails(source, options.wait);

  const serving = (): Serve => {
    const feeds = new Map<number, JournalFeed>();
    const followers = new Map<number, Follower>();
    const followed = ({ interest, ...asked }: Asked<'tail'>, reply: Reply): Follower => {
      const wanted = interest === undefined ? null : receivedInterest(interest);
      const follower = tails.join({ ...asked, interest: wanted }, reply, () => followers.delete(reply.id));
      followers.set(reply.id, follower);
      return follower;
    };
    return (ask, reply) => {
      switch (ask.ask) {
        case 'place':
          return answered(reply, source.place(ask.product, originOf(ask.origin)));
        case 'extent':
          return answered(reply, source.extent(ask.product));
        case 'append':
          return answered(reply, source.append(ask.product, ask.events));
        case 'appendOnce':
          return answered(reply, source.appendOnce(ask.product, ask.events, ask.once));
        case 'tail':
          return followed(ask, reply);
        case 'interest': {
          const follower = followers.get(ask.tail);
          if (follower === undefined) throw new SluiceError('UNAVAILABLE', 'There is no such tail.');
          follower.want(receivedInterest(ask.interest));
          reply.answer({});
          return null;
        }
        case 'range':
          return new RangeServing(source, ask, reply);
        case 'follow': {
          if (journal === undefined) throw new SluiceError('FORBIDDEN', 'The state is not to be followed here.');
          const feed = journal.feed(reply);
          feeds.set(reply.id, feed);
          return {
            resume: () => feed.resume(),
            cancel: () => {
              feeds.delete(reply.id);
              feed.cancel();
            },
          };
        }
        case 'confirm': {
          const feed = feeds.get(ask.following);
          if (feed === undefined) throw new SluiceError('UNAVAILABLE', 'There is no such following.');
          feed.confirm(reply);
          return null;
        }
        default:
          return watching(ask.name, standing, reply);
      }
    };
  };

  return { serve: (channel) => new Wire(channel, serving(), observe).closed };
}

function answered(reply: Reply, answer: Promise<unknown>): null {
  answer.then(
    (value) => reply.answer(value),
    (thrown: unknown) => reply.refuse(asSluiceError(thrown)),
  );
  return null;
}

type Asked<Name extends Ask['ask']> = Extract<Ask, { ask: Name }>;

/** Without the members that are not there. */
function originOf(origin: Asked<'place'>['origin']): Parameters<Source['place']>[1] {
  if (origin.kind !== 'time') return origin;
  const { kind, time, slackMs } = origin;
  return slackMs === undefined ? { kind, time } : { kind, time, slackMs };
}

/** The newest value, however often it has changed while the channel was full. */
function watching(name: string, standing: Readonly<Record<string, Standing>>, reply: Reply): Serving {
  const stands = Object.hasOwn(standing, name) ? standing[name] : undefined;
  if (stands === undefined) throw new SluiceError('NOT_FOUND', `Nothing stands under "${name}".`);
  let due = true;
  const tell = (): void => {
    if (!due || reply.full) return;
    due = false;
    reply.tell(stands.value);
  };
  const cancel = stands.watch(() => {
    due = true;
    tell();
  });
  tell();
  return { resume: tell, cancel };
}

/** A range, read as far as there is credit for it. */
class RangeServing implements Serving {
  readonly #reply: Reply;
  #credit: number;
  #over = false;
  #wake: (() => void) | null = null;

  constructor(source: Source, ask: Asked<'range'>, reply: Reply) {
    this.#reply = reply;
    this.#credit = ask.credit;
    this.#run(source, ask).catch((thrown: unknown) => {
      this.#over = true;
      reply.refuse(asSluiceError(thrown));
    });
  }

  credit(_partition: number, bytes: number): void {
    this.#credit += bytes;
    this.#wake?.();
  }

  resume(): void {
    this.#wake?.();
  }

  cancel(): void {
    this.#over = true;
    this.#wake?.();
  }

  async #run(source: Source, ask: Asked<'range'>): Promise<void> {
    const { product, incarnation, partition, from, to, maxBytes } = ask;
    const options = maxBytes === undefined ? {} : { maxBytes };
    for await (const scan of source.range(product, incarnation, partition, from, to, options)) {
      for (const { body } of encodeScan(scan)) {
        await this.#room();
        if (this.#over) return;
        this.#credit -= body.length;
        this.#reply.scan(body);
      }
      // Nothing is read that nobody waits for.
      await this.#room();
      if (this.#over) return;
    }
    this.#reply.end();
  }

  async #room(): Promise<void> {
    while (!this.#over && (this.#credit <= 0 || this.#reply.full)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    this.#wake = null;
  }
}
