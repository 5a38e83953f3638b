/** A partner whom nothing that others do may disturb: events are appended one after the other, each once the one before has come. */
import { setTimeout as pause } from 'node:timers/promises';
import { Socket } from './socket.ts';

interface Numbered {
  readonly cursor: string;
  readonly data: { readonly seq: number };
}

export class Neighbour {
  readonly #socket: Socket;
  readonly #append: (seq: number) => Promise<unknown>;
  readonly #running: Promise<void>;
  #stopping = false;
  #appended = 0;

  private constructor(socket: Socket, append: (seq: number) => Promise<unknown>) {
    this.#socket = socket;
    this.#append = append;
    this.#running = this.#run();
    this.#running.catch(() => {});
  }

  /** `query` subscribes from the end to events with `data {seq}`; `append` writes one with this seq. */
  static async begin(
    url: string,
    key: string,
    query: string,
    append: (seq: number) => Promise<unknown>,
  ): Promise<Neighbour> {
    const socket = await Socket.open(url, key);
    socket.subscribe('n', query);
    await socket.ready('n');
    return new Neighbour(socket, append);
  }

  /** The seqs that came until now. */
  get seqs(): readonly number[] {
    return this.#socket.events<Numbered>('n').map(({ data }) => data.seq);
  }

  /** Resolves when one more event than now has come; rejects where it never can. */
  async next(): Promise<void> {
    const before = this.#appended;
    await Promise.race([this.#running, this.#socket.until(() => (this.#appended > before ? true : undefined))]);
  }

  /** Ends it; how many were appended and which came. */
  async end(): Promise<{ readonly appended: number; readonly seqs: readonly number[] }> {
    this.#stopping = true;
    await this.#running;
    const { seqs } = this;
    await this.#socket[Symbol.asyncDispose]();
    return { appended: this.#appended, seqs };
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const seq = this.#appended;
      await this.#append(seq);
      await this.#socket.until(() => (this.#socket.events('n').length > seq ? true : undefined));
      this.#appended += 1;
      await pause(10);
    }
  }
}
