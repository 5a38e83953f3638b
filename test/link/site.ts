/** Two sites with a listener at one of them, as tests of links have them. */
import type { Labels, Observe } from '../../src/core/observe.ts';
import type { ChannelReceiver } from '../../src/core/routing/index.ts';
import {
  type DialOptions,
  dialLink,
  type Link,
  type LinkListener,
  type ListenOptions,
  listenForLinks,
  type Peer,
} from '../../src/io/link/index.ts';
import { clock } from '../routing/stream.ts';

export const SECRET = 'a secret that eu and us share';
export const EU: Peer = { site: 'eu', node: 'eu-1', incarnation: 'first' };
export const US: Peer = { site: 'us', node: 'us-1', incarnation: 'first' };

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps the lines and the counts. */
export class Observed implements Observe {
  readonly lines: Line[] = [];
  readonly counts = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  debug(message: string, fields = {}): void {
    this.#line('debug', message, fields);
  }
  info(message: string, fields = {}): void {
    this.#line('info', message, fields);
  }
  warn(message: string, fields = {}): void {
    this.#line('warn', message, fields);
  }
  error(message: string, fields = {}): void {
    this.#line('error', message, fields);
  }
  counter(name: string, labels: Labels = {}) {
    const key = `${name} ${Object.values(labels).join(' ')}`;
    return {
      add: (by: number) => {
        this.counts.set(key, (this.counts.get(key) ?? 0) + by);
        this.#wake();
      },
    };
  }
  gauge() {
    return { set() {} };
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  refused(reason: string): number {
    return this.counts.get(`sluice_links_refused_total ${reason}`) ?? 0;
  }

  #line(level: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.lines.push({ level, message, fields });
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export class Site implements AsyncDisposable {
  readonly observe = new Observed();
  readonly links: Link[] = [];
  readonly #waiting: ((link: Link) => void)[] = [];
  readonly #taken: Link[] = [];
  #listener: LinkListener | null = null;

  static async listening(options: Partial<ListenOptions> = {}): Promise<Site> {
    const site = new Site();
    site.#listener = await listenForLinks({
      host: '127.0.0.1',
      port: 0,
      self: EU,
      secrets: new Map([['us', [SECRET]]]),
      observe: site.observe,
      clock,
      accept: (link) => site.#accept(link),
      ...options,
    });
    return site;
  }

  get port(): number {
    return (this.#listener as LinkListener).port;
  }

  get address(): string {
    return (this.#listener as LinkListener).address;
  }

  dial(options: Partial<DialOptions> = {}): Promise<Link> {
    return dialLink({
      address: this.address,
      self: US,
      expect: { site: 'eu' },
      secret: SECRET,
      observe: this.observe,
      clock,
      ...options,
    });
  }

  /** The next link that was accepted. */
  accepted(): Promise<Link> {
    const taken = this.#taken.shift();
    return taken === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(taken);
  }

  /** Both ends of a new link. */
  async pair(options: Partial<DialOptions> = {}): Promise<readonly [here: Link, there: Link]> {
    return Promise.all([this.dial(options), this.accepted()]);
  }

  close(): Promise<void> {
    return (this.#listener as LinkListener).close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(link: Link): void {
    this.links.push(link);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#taken.push(link);
    else waiting(link);
  }
}

/** What arrives at an end. */
export class Inbox implements ChannelReceiver {
  readonly messages: Buffer[] = [];
  drains = 0;
  readonly ends: (Error | null)[] = [];
  #waiting: (() => void)[] = [];

  static of({ channel }: Link): Inbox {
    const inbox = new Inbox();
    channel.receive(inbox);
    return inbox;
  }

  message(bytes: Uint8Array): void {
    this.messages.push(Buffer.from(bytes));
    this.#wake();
  }

  drained(): void {
    this.drains += 1;
    this.#wake();
  }

  closed(error: Error | null): void {
    this.ends.push(error);
    this.#wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
