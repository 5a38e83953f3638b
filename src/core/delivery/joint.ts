/**
 * A joint: several subscriptions, one for each product, that are one to their subscriber. Each part stands where it stands, on its own
 * feed and by its own grant; here their events are framed, so that each carries the positions of all of them, and they end as one.
 */
import type { ErrorCode, SluiceError } from '../errors.ts';
import { CURSOR_SLOT } from '../view/index.ts';
import { joinSections, sectionBytes } from './cursor.ts';
import type { Delivered, Envelope, Messages, Notice, Outlet, Sink, Subscription, Template } from './ports.ts';

export interface JointHooks {
  /** A part came or went: so many there are. */
  changed(parts: number): void;
}

/** What ends one product and leaves the others what they are. */
const LEAVING: ReadonlySet<ErrorCode> = new Set(['GRANT_ENDED', 'NOT_FOUND', 'FORBIDDEN']);
/** What is about one product, also where it ends them all. */
const OF_PRODUCT: ReadonlySet<ErrorCode> = new Set([...LEAVING, 'CURSOR_EXPIRED', 'SOURCE_RESET']);

export class Joint implements Subscription {
  static #made = 0;
  readonly outlet: Outlet;
  /** Tells its cohorts from those of others: what they frame is this subscriber's own. */
  readonly serial = ++Joint.#made;
  readonly #hooks: JointHooks;
  readonly #parts = new Map<string, Part>();
  /** Cursors of products that are no part now: they go on where they left. */
  readonly #left: Map<string, string>;
  readonly #unready = new Set<Part>();
  /** Who has said that nothing came, since something last did. */
  readonly #quiet = new Set<Part>();
  /** Which part a notice to all of them was last framed with, and where that stood. */
  readonly #said = new WeakMap<Notice, { readonly part: Part; readonly at: string }>();
  #wasReady = false;
  #isEnding = false;
  #last: string | null = null;

  /** `left`: cursors, by product without major, of those that a cursor named and that are no part. */
  constructor(outlet: Outlet, left: ReadonlyMap<string, string>, hooks: JointHooks) {
    this.outlet = outlet;
    this.#left = new Map(left);
    this.#hooks = hooks;
  }

  get ended(): boolean {
    return this.#last !== null;
  }

  /** Products without major. */
  get names(): ReadonlySet<string> {
    return new Set(this.#parts.keys());
  }

  get left(): ReadonlyMap<string, string> {
    return this.#left;
  }

  get cursor(): string {
    return this.#last ?? joinSections(this.#sections(null));
  }

  /** `subscribe` is given the part's outlet. It is called once, before this returns. */
  add(name: string, product: string, subscribe: (outlet: Outlet) => Delivered): void {
    const part = new Part(this, name, product);
    this.#unready.add(part);
    part.bind(subscribe(part));
    this.#parts.set(name, part);
    this.#left.delete(name);
    this.#hooks.changed(this.#parts.size);
  }

  end(error: SluiceError | null): void {
    this.#isEnding = true;
    const [first] = this.#parts.values();
    first?.subscription.end(error);
  }

  // What its parts ask for and tell.

  /** Makes cursors of all from those of one part: the others stand where they stand now. */
  cursorsFor(part: Part): (own: string) => string {
    const sections = this.#sections(part);
    const at = sections.indexOf(null);
    return (own) => {
      sections[at] = sectionBytes(own);
      return joinSections(sections);
    };
  }

  active(): void {
    this.#quiet.clear();
  }

  ready(part: Part): void {
    this.#unready.delete(part);
    if (this.#unready.size > 0 || this.#wasReady || this.ended) return;
    this.#wasReady = true;
    this.outlet.ready(this.cursor);
  }

  progress(part: Part): void {
    this.#quiet.add(part);
    if (this.#quiet.size < this.#parts.size) return;
    this.#quiet.clear();
    this.outlet.progress(this.cursor);
  }

  /** Whether the notice is still to be told: one that all parts have goes with the first that is handed an event. */
  tells(notice: Notice, part: Part): boolean {
    const said = this.#said.get(notice);
    if (said !== undefined && said.part !== part && said.part.subscription.cursor !== said.at) return false;
    this.#said.set(notice, { part, at: part.subscription.cursor });
    return true;
  }

  over(part: Part, error: SluiceError | null): void {
    if (this.ended) return;
    if (error !== null && LEAVING.has(error.code) && this.#parts.size > 1 && !this.#isEnding)
      return this.#leaves(part, error);
    this.#last = this.cursor;
    const told = error === null ? null : error.with({ cursor: this.#last, ...this.#details(part, error) });
    for (const other of this.#parts.values()) if (other !== part) other.subscription.end(null);
    this.#hooks.changed(0);
    this.outlet.ended(told);
  }

  #leaves(part: Part, { code, message }: SluiceError): void {
    const { cursor } = part.subscription;
    this.#parts.delete(part.key);
    this.#left.set(part.key, cursor);
    this.#quiet.delete(part);
    const text = `"${part.product}" is no longer part of this subscription: ${message}`;
    const notice: Notice = { code: 'LEFT', message: text, product: part.product, reason: code, cursor };
    for (const other of this.#parts.values()) other.subscription.notify(notice);
    this.#hooks.changed(this.#parts.size);
    this.ready(part);
  }

  #details(part: Part, { code, details: { missing, resume } }: SluiceError): Record<string, unknown> {
    if (!OF_PRODUCT.has(code)) return {};
    const { product } = part;
    return {
      product,
      ...(missing === undefined ? {} : { missing: missing.map((range) => ({ product, ...range })) }),
      ...(resume === undefined ? {} : { resume: this.cursorsFor(part)(resume) }),
    };
  }

  /** By product; null for the part that is left out. */
  #sections(out: Part | null): (Buffer | null)[] {
    const names = [...this.#parts.keys(), ...this.#left.keys()].sort((a, b) => (a < b ? -1 : 1));
    return names.map((name) => {
      const part = this.#parts.get(name);
      if (part !== undefined && part === out) return null;
      return sectionBytes(part === undefined ? (this.#left.get(name) as string) : part.subscription.cursor);
    });
  }
}

/** One product of a joint: delivery's outlet, and the envelope that puts the cursor of all into what it frames. */
class Part implements Outlet, Envelope {
  /** The product without major. */
  readonly key: string;
  readonly product: string;
  readonly #joint: Joint;
  #subscription: Delivered | null = null;

  constructor(joint: Joint, key: string, product: string) {
    this.#joint = joint;
    this.key = key;
    this.product = product;
  }

  get name(): string {
    return this.#joint.outlet.envelope.name;
  }

  get own(): number {
    return this.#joint.serial;
  }

  get subscription(): Delivered {
    return this.#subscription as Delivered;
  }

  bind(subscription: Delivered): void {
    this.#subscription = subscription;
  }

  get sink(): Sink {
    return this.#joint.outlet.sink;
  }

  get envelope(): Envelope {
    return this;
  }

  get id(): Buffer {
    return this.#joint.outlet.id;
  }

  ready(): void {
    this.#joint.ready(this);
  }

  progress(): void {
    this.#joint.progress(this);
  }

  ended(error: SluiceError | null): void {
    this.#joint.over(this, error);
  }

  noticed(messages: Messages, notices: readonly Notice[]): Messages {
    const said = notices.filter((notice) => this.#joint.tells(notice, this));
    if (said.length === 0) return messages;
    const named = said.map((notice) => ({ product: this.product, ...notice }));
    return this.#joint.outlet.envelope.noticed(messages, named);
  }

  template(payloads: readonly string[], cursors: readonly string[], idLength: number): Template {
    this.#joint.active();
    const all = this.#joint.cursorsFor(this);
    // A message that is no event has no cursor.
    const joined = cursors.map((own) => (own === '' ? '' : all(own)));
    const filled = payloads.map((payload, index) => payload.replaceAll(CURSOR_SLOT, joined[index] as string));
    return this.#joint.outlet.envelope.template(filled, joined, idLength);
  }
}
