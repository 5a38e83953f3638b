import type { CursorStore } from './cursor-store.js';

/** Gives cursors to the store one at a time; of those that come while it is at work, the last. */
export class Keeper {
  readonly #store: CursorStore;
  readonly #failed: (error: unknown) => void;
  #kept: string | null = null;
  #next: string | null = null;
  #work: Promise<void> | null = null;

  constructor(store: CursorStore, failed: (error: unknown) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  async load(): Promise<string | null> {
    this.#kept = await this.#store.load();
    return this.#kept;
  }

  keep(cursor: string): void {
    if (cursor === (this.#next ?? this.#kept)) return;
    this.#next = cursor;
    this.#work ??= this.#save().finally(() => {
      this.#work = null;
    });
  }

  /** Once the store has all that it was given. */
  async idle(): Promise<void> {
    await this.#work;
  }

  async #save(): Promise<void> {
    try {
      while (this.#next !== null) {
        this.#kept = this.#next;
        this.#next = null;
        await this.#store.save(this.#kept);
      }
    } catch (error) {
      this.#failed(error);
    }
  }
}
