/**
 * The asking end of a scan stream: a Source, a Journal and standing values, of whoever serves at the other end of a channel.
 */
import { SluiceError } from '../../errors.ts';
import { type Following, type Journal, LogError } from '../../log/index.ts';
import type { Observe } from '../../observe.ts';
import type { Interest } from '../interest/index.ts';
import type { Placement, Scan, Source, SourceHandler } from '../source.ts';
import type { Channel } from './channel.ts';
import { answers, parsed, StreamError, tidings } from './messages.ts';
import type { StreamClock } from './relay.ts';
import { decodeScan } from './scan.ts';
import { sentInterest } from './sent-interest.ts';
import { type Question, Wire } from './wire.ts';

/** What may be under way at most, in bytes and by about one scan more. */
export interface Credit {
  /** Of each partition of a tail. */
  readonly tail: number;
  /** Of a range; less where it names a smaller size. */
  readonly range: number;
}

const LOCAL_CREDIT: Credit = { tail: 1_048_576, range: 262_144 };
const CONFIRM_MS = 250;

export interface Remote {
  readonly source: Source;
  /** The state of record as the other end follows it. It can be followed, not changed. */
  readonly journal: Journal;
  /** Told at once and whenever the value changes. */
  watch(name: string, take: (value: unknown) => void): void;
  /** Resolves once the channel has closed; null: in order. Whatever is asked after that is UNAVAILABLE. */
  readonly closed: Promise<Error | null>;
  close(): void;
}

export function createRemote(
  channel: Channel,
  clock: StreamClock,
  observe: Observe,
  credit: Credit = LOCAL_CREDIT,
): Remote {
  const wire = new Wire(channel, null, observe);
  return {
    source: remoteSource(wire, credit),
    journal: remoteJournal(wire, clock),
    watch: (name, take) =>
      void wire.ask(
        { ask: 'watch', name },
        {
          told: take,
          refused: (error) => observe.error('a standing value cannot be watched', { name, error: error.message }),
          lost() {},
        },
      ),
    closed: wire.closed,
    close: () => wire.close(),
  };
}

function remoteSource(wire: Wire, credit: Credit): Source {
  return {
    place: (product, origin) => wire.request({ ask: 'place', product, origin: sendable(origin) }, answers.place),
    extent: (product) => wire.request({ ask: 'extent', product }, answers.extent),
    append: (product, events) => wire.request({ ask: 'append', product, events: [...events] }, answers.append),
    appendOnce: (product, events, { key, digest, memo }) =>
      wire.request(
        { ask: 'appendOnce', product, events: [...events], once: { key, digest, memo } },
        answers.appendOnce,
      ),
    tail: (product, from, handler, options = {}) => {
      const { partitions, interest } = options;
      const receiver = new TailReceiver(product, from, handler, credit.tail);
      const question = wire.ask(
        {
          ask: 'tail',
          product,
          from: { incarnation: from.incarnation, vector: [...from.vector] },
          ...(partitions === undefined ? {} : { partitions: [...partitions] }),
          ...(interest === undefined ? {} : { interest: sentInterest(interest.covering) }),
          credit: credit.tail,
        },
        receiver,
      );
      receiver.question = question;
      const stop = interest === undefined ? null : tellInterest(wire, question.id, interest);
      return {
        close: () => {
          stop?.();
          question.cancel();
        },
      };
    },
    range: (product, incarnation, partition, from, to, options) =>
      rangeOf(wire, credit.range, { product, incarnation, partition, from, to, maxBytes: options?.maxBytes }),
  };
}

/** Each newest version as soon as the one before has been taken; returns what ends it. */
function tellInterest(wire: Wire, tail: number, interest: Interest): () => void {
  let told = interest.covering.version;
  let isTelling = false;
  const tell = async (): Promise<void> => {
    if (isTelling) return;
    isTelling = true;
    try {
      for (let now = interest.covering; now.version > told; now = interest.covering) {
        told = now.version;
        await wire.request({ ask: 'interest', tail, interest: sentInterest(now) }, answers.interest);
      }
    } catch (thrown) {
      // The tail has ended, or the channel: whoever opens the next one tells the newest.
      if (!(thrown instanceof SluiceError)) throw thrown;
    } finally {
      isTelling = false;
    }
  };
  return interest.watch(() => void tell());
}

function sendable(origin: Parameters<Source['place']>[1]) {
  return origin.kind === 'at' ? { ...origin, vector: [...origin.vector] } : origin;
}

/** What a tail is told is handed on as it comes, and its credit given back as it is used up. */
class TailReceiver {
  question: Question | null = null;
  readonly #product: string;
  readonly #incarnation: string;
  readonly #handler: SourceHandler;
  readonly #next: (number | undefined)[];
  readonly #used: number[] = [];
  readonly #credit: number;

  constructor(product: string, from: Placement, handler: SourceHandler, credit: number) {
    this.#product = product;
    this.#incarnation = from.incarnation;
    this.#next = [...from.vector];
    this.#handler = handler;
    this.#credit = credit;
  }

  scan(body: Buffer): void {
    const scan = decodeScan(this.#product, body);
    const { partition, from, to } = scan;
    const next = this.#next[partition];
    if (scan.incarnation !== this.#incarnation) throw new StreamError('a scan of another incarnation');
    if (next !== undefined && next !== from)
      throw new StreamError(`a scan from ${from} where one from ${next} belongs`);
    this.#next[partition] = to;
    const used = (this.#used[partition] ?? 0) + body.length;
    const isDue = used >= this.#credit / 2;
    this.#used[partition] = isDue ? 0 : used;
    this.#handler.scan(scan);
    if (isDue) this.question?.credit(partition, used);
  }

  told(value: unknown): void {
    this.#handler.grown(parsed(tidings.tail, value, 'word of a tail').grown);
  }

  refused(error: SluiceError): void {
    this.#handler.failed(error);
  }

  /** A source waits. */
  lost(): void {}
}

interface RangeAsk {
  readonly product: string;
  readonly incarnation: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly maxBytes: number | undefined;
}

/** Each scan's credit is given back when the next one is wanted, so that little is read ahead of who reads. */
async function* rangeOf(wire: Wire, credit: number, { maxBytes, ...asked }: RangeAsk): AsyncGenerator<Scan> {
  const arrived: { readonly scan: Scan; readonly bytes: number }[] = [];
  let outcome: SluiceError | 'end' | null = null;
  let wake: () => void = () => {};
  let next = asked.from;
  const question = wire.ask(
    {
      ask: 'range',
      ...asked,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      credit: Math.min(maxBytes ?? credit, credit),
    },
    {
      scan(body) {
        const scan = decodeScan(asked.product, body);
        if (scan.partition !== asked.partition || scan.incarnation !== asked.incarnation || scan.from !== next)
          throw new StreamError(`a scan from ${scan.from} in a range that has come to ${next}`);
        next = scan.to;
        arrived.push({ scan, bytes: body.length });
        wake();
      },
      end() {
        outcome = 'end';
        wake();
      },
      refused(error) {
        outcome = error;
        wake();
      },
    },
  );
  try {
    for (;;) {
      const first = arrived.shift();
      if (first !== undefined) {
        yield first.scan;
        question.credit(asked.partition, first.bytes);
      } else if (outcome === 'end') return;
      else if (outcome !== null) throw outcome;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    question.cancel();
  }
}

function remoteJournal(wire: Wire, clock: StreamClock): Journal {
  return {
    follow: (apply, lost) =>
      new Promise<Following>((resolve, reject) => {
        const following = new RemoteFollowing(wire, clock);
        let began = false;
        following.question = wire.ask(
          { ask: 'follow' },
          {
            told(value) {
              const word = parsed(tidings.follow, value, 'word of the state');
              if ('records' in word) for (const record of word.records) apply(record);
              else {
                began = true;
                following.begin();
                resolve(following);
              }
            },
            refused(error) {
              following.end();
              if (began) lost(error);
              else reject(error);
            },
            // It stands still, as when the log cannot be reached.
            lost: () => following.end(),
          },
        );
      }),
    transact: async () => {
      throw new LogError('UNAVAILABLE', 'The state of record is changed where it is read, not over a channel.');
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** `confirmedAt` in this end's own clock: what the other end says is counted from the moment at which it was asked. */
class RemoteFollowing implements Following {
  question: Question | null = null;
  confirmedAt: number;
  readonly #wire: Wire;
  readonly #clock: StreamClock;
  #cancel: () => void = () => {};
  #over = false;

  constructor(wire: Wire, clock: StreamClock) {
    this.#wire = wire;
    this.#clock = clock;
    this.confirmedAt = clock.now();
  }

  begin(): void {
    if (this.#over) return;
    this.#cancel = this.#clock.after(CONFIRM_MS, () => void this.#confirm());
  }

  end(): void {
    this.#over = true;
    this.#cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    this.question?.cancel();
  }

  async #confirm(): Promise<void> {
    const asked = this.#clock.now();
    try {
      const ask = { ask: 'confirm', following: this.question?.id ?? 0 } as const;
      const { ageMs } = await this.#wire.request(ask, answers.confirm);
      this.confirmedAt = Math.max(this.confirmedAt, asked - ageMs);
    } catch (thrown) {
      if (!(thrown instanceof SluiceError)) throw thrown;
    }
    this.begin();
  }
}
