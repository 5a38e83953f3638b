/** Those who wait for something named to end or change. One that throws is reported and harms no other. */

/** A place among those who wait. A live subscription holds two of them, so it is an object and no closure. */
export interface Listening {
  /** Idempotent. */
  stop(): void;
}

export class Listeners<Told> {
  readonly #failed: (thrown: unknown) => void;
  readonly #byName = new Map<string, Set<Entry<Told>>>();

  constructor(failed: (thrown: unknown) => void) {
    this.#failed = failed;
  }

  /** Listens until the result is stopped. What is over already (`already` gives what to tell) is told too, but never before this returns. */
  listen(name: string, listener: (told: Told) => void, already: () => Told | null): Listening {
    const entry = new Entry(this.#byName, name, listener);
    const told = already();
    if (told !== null) {
      queueMicrotask(() => {
        if (entry.stop()) this.#call(entry, told);
      });
    }
    return entry;
  }

  /** Names that somebody listens to now. */
  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** Tells everybody in the order they came; they go on listening. */
  tell(name: string, told: Told): void {
    for (const entry of [...(this.#byName.get(name) ?? [])]) this.#call(entry, told);
  }

  /** Tells everybody for the last time. */
  end(name: string, told: Told): void {
    for (const entry of [...(this.#byName.get(name) ?? [])]) {
      // Whoever was told before it may have stopped it.
      if (entry.stop()) this.#call(entry, told);
    }
  }

  #call(entry: Entry<Told>, told: Told): void {
    try {
      entry.listener(told);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }
}

class Entry<Told> implements Listening {
  readonly listener: (told: Told) => void;
  readonly #byName: Map<string, Set<Entry<Told>>>;
  readonly #name: string;

  constructor(byName: Map<string, Set<Entry<Told>>>, name: string, listener: (told: Told) => void) {
    this.#byName = byName;
    this.#name = name;
    this.listener = listener;
    byName.set(name, (byName.get(name) ?? new Set()).add(this));
  }

  /** False where it had stopped before. */
  stop(): boolean {
    const entries = this.#byName.get(this.#name);
    if (entries === undefined || !entries.delete(this)) return false;
    if (entries.size === 0) this.#byName.delete(this.#name);
    return true;
  }
}
