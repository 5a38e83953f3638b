import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';

import { LogError } from '../../../core/log/index.ts';
import type { Logger } from '../../../core/observe.ts';
import { asLogError, isBusy } from './failure.ts';
import { type Connection, connect, createPrivately, type FileOptions, type Handle, identity, prepare } from './file.ts';

/** How often the commits of other processes are looked for. */
const lookEveryMs = 50;
/** A lock that others hold longer than this is an outage. */
const patienceMs = 5_000;
/** An outage shorter than this is nobody's business. */
const graceMs = 1_000;
const breatheEveryMs = 5;
const maxQueued = 10_000;

export interface StoreOptions extends FileOptions {
  readonly name: string;
  readonly path: string;
  readonly logger: Logger;
}

/** A look at the file: whether somebody committed since the look before, or why it does not answer. */
export type Watcher = (look: { readonly changed: boolean; readonly error: LogError | undefined }) => void;

/**
 * The SQLite file of one cluster as this process has it open: a connection that reads snapshots, and one that writes, since
 * a large write gives the event loop back between its slices and nobody may read its half. Opened on first use and again
 * after trouble, so that a log that cannot be opened now is UNAVAILABLE and not the end of the process.
 * SQLite never waits inside a call (busy time-out 0): whoever finds a lock tries again later.
 */
export class Store implements AsyncDisposable {
  readonly path: string;
  readonly #options: StoreOptions;
  readonly #watchers = new Set<Watcher>();
  #reader: Handle | undefined;
  #writer: Handle | undefined;
  #cluster = '';
  #file = '';
  #version = -1;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #failingSince: number | undefined;
  #told = false;
  #identityDue = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #closed = false;
  #breathedAt = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.path = resolve(options.path);
  }

  /** Cluster id: minted with the file. Known once anything has been read or written. */
  get cluster(): string {
    return this.#cluster;
  }

  /** One look at one snapshot, synchronous and short. Throws LogError. */
  readNow<T>(look: (connection: Connection) => T): T {
    try {
      const reader = this.#open().reader;
      reader.db.exec('BEGIN');
      try {
        return look(reader);
      } finally {
        if (reader.db.isTransaction) reader.db.exec('COMMIT');
      }
    } catch (thrown) {
      throw this.#failure(thrown);
    }
  }

  /** As `readNow`, but waits for a lock (bounded). */
  async read<T>(look: (connection: Connection) => T): Promise<T> {
    return this.#patiently(() => this.readNow(look));
  }

  /**
   * One write transaction, in the order of the calls: all or nothing, durable when it resolves. `change` yields where the event
   * loop may breathe; whatever it throws undoes everything and is what this rejects with.
   */
  write<T>(change: (connection: Connection) => Generator<void, T>): Promise<T> {
    if (this.#queued >= maxQueued) {
      return Promise.reject(
        new LogError(
          'UNAVAILABLE',
          `The embedded log of cluster "${this.#options.name}" has ${maxQueued} writes waiting: write less at once.`,
        ),
      );
    }
    this.#queued += 1;
    const mine = this.#queue
      .then(() => this.#transaction(change))
      .finally(() => {
        this.#queued -= 1;
      });
    this.#queue = mine.catch(() => undefined);
    return mine;
  }

  /** Looks every 50 ms, and right after each commit of this store's own, until the returned function is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs);
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#watchers.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#queue;
    this.#close();
  }

  async #transaction<T>(change: (connection: Connection) => Generator<void, T>): Promise<T> {
    // The first slice in the turn of its BEGIN: nobody finds a lock that is held for nothing.
    const begun = await this.#patiently(() => {
      const { writer } = this.#open();
      writer.db.exec('BEGIN IMMEDIATE');
      return this.#undoing(writer, () => {
        const steps = change(writer);
        return { writer, steps, step: this.#commitIfDone(writer, steps.next()) };
      });
    });
    let { step } = begun;
    while (step.done !== true) {
      await breathe();
      step = this.#undoing(begun.writer, () => {
        if (this.#closed) throw this.#disposed();
        return this.#commitIfDone(begun.writer, begun.steps.next());
      });
    }
    return step.value;
  }

  #commitIfDone<T>(writer: Handle, step: IteratorResult<void, T>): IteratorResult<void, T> {
    if (step.done === true) {
      writer.db.exec('COMMIT');
      this.#lookSoon();
    }
    return step;
  }

  #undoing<T>(writer: Handle, slice: () => T): T {
    try {
      return slice();
    } catch (thrown) {
      if (writer.db.isOpen && writer.db.isTransaction) writer.db.exec('ROLLBACK');
      throw this.#failure(thrown);
    }
  }

  async #patiently<T>(attempt: () => T): Promise<T> {
    // SQLite answers at once: without this a caller in a loop would keep everybody else from the event loop.
    if (performance.now() - this.#breathedAt > breatheEveryMs) {
      await breathe();
      this.#breathedAt = performance.now();
    }
    const until = performance.now() + patienceMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, 32)) {
      if (this.#closed) throw this.#disposed();
      try {
        return attempt();
      } catch (thrown) {
        const cause = thrown instanceof LogError ? thrown.cause : thrown;
        if (!isBusy(cause) || performance.now() > until) throw this.#failure(thrown);
      }
      await delay(pause * (0.5 + Math.random()));
    }
  }

  #open(): { readonly reader: Handle; readonly writer: Handle } {
    if (this.#closed) throw this.#disposed();
    if (this.#reader !== undefined && this.#writer !== undefined) return { reader: this.#reader, writer: this.#writer };
    mkdirSync(dirname(this.path), { recursive: true });
    createPrivately(this.path);
    const writer = connect(this.path, this.#options);
    let reader: Handle | undefined;
    try {
      this.#cluster = prepare(writer, this.#options.name, this.path);
      reader = connect(this.path, this.#options);
      this.#file = identity(this.path);
    } catch (thrown) {
      writer.db.close();
      reader?.db.close();
      throw thrown;
    }
    this.#reader = reader;
    this.#writer = writer;
    this.#version = -1;
    return { reader, writer };
  }

  #close(): void {
    // The writer last: whoever closes last folds the -wal into the file.
    if (this.#reader?.db.isOpen) this.#reader.db.close();
    if (this.#writer?.db.isOpen) this.#writer.db.close();
    this.#reader = undefined;
    this.#writer = undefined;
  }

  #lookSoon(): void {
    if (this.#looking || this.#watchers.size === 0) return;
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      this.#look();
    });
  }

  #look(): void {
    if (this.#closed) return;
    let changed = false;
    try {
      const reader = this.#open().reader;
      this.#sameFile();
      const version = Number((reader.sql('PRAGMA data_version').get() as unknown as [number])[0]);
      changed = version !== this.#version;
      this.#version = version;
      this.#failingSince = undefined;
      if (this.#told) {
        this.#told = false;
        changed = true;
        this.#options.logger.info('The embedded log answers again.', { cluster: this.#options.name });
      }
    } catch (thrown) {
      this.#trouble(this.#failure(thrown));
      return;
    }
    for (const watcher of [...this.#watchers]) watcher({ changed, error: undefined });
  }

  #trouble(error: unknown): void {
    const now = performance.now();
    this.#failingSince ??= now;
    if (now - this.#failingSince < graceMs || !(error instanceof LogError)) return;
    if (!this.#told) {
      this.#told = true;
      this.#options.logger.error(error.message, { cluster: this.#options.name, kind: error.kind });
    }
    for (const watcher of [...this.#watchers]) watcher({ changed: false, error });
  }

  /** Somebody may move the file away beneath an open connection, which would go on with a file that nobody else sees. */
  #sameFile(): void {
    const now = performance.now();
    if (now < this.#identityDue || this.#queued > 0) return;
    this.#identityDue = now + 1_000;
    if (identity(this.path) === this.#file) return;
    this.#options.logger.warn('The file of the embedded log was replaced; opening the new one.', {
      cluster: this.#options.name,
    });
    this.#close();
    this.#open();
  }

  #failure(thrown: unknown): unknown {
    return asLogError(thrown, this.#options.name, this.path);
  }

  #disposed(): LogError {
    return new LogError('UNAVAILABLE', `The embedded log of cluster "${this.#options.name}" has been closed.`);
  }
}
