/** Those who wait for something named to end or change. One that throws is reported and harms no other. */
export class Listeners<Told> {
  readonly #failed: (thrown: unknown) => void;
  readonly #byName = new Map<string, Set<(told: Told) => void>>();

  constructor(failed: (thrown: unknown) => void) {
    this.#failed = failed;
  }

  /** Listens until the result is called. What is over already (`already` gives what to tell) is told too, but never before this returns. */
  listen(name: string, listener: (told: Told) => void, already: () => Told | null): () => void {
    // A function of our own, so that the same listener may be given twice.
    const entry = (told: Told): void => listener(told);
    const entries = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, entries.add(entry));
    const stop = (): void => {
      entries.delete(entry);
      if (entries.size === 0 && this.#byName.get(name) === entries) this.#byName.delete(name);
    };
    const told = already();
    if (told !== null) {
      queueMicrotask(() => {
        const waiting = entries.has(entry);
        stop();
        if (waiting) this.#call(entry, told);
      });
    }
    return stop;
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
    const entries = this.#byName.get(name);
    if (entries === undefined) return;
    this.#byName.delete(name);
    for (const entry of [...entries]) {
      // Whoever was told before it may have stopped it.
      if (!entries.delete(entry)) continue;
      this.#call(entry, told);
    }
  }

  #call(entry: (told: Told) => void, told: Told): void {
    try {
      entry(told);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }
}
