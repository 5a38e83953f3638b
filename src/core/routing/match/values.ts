/**
 * The values of one filter where there are several: a dense array with swap-remove. While they are visited one that leaves makes a
 * hole instead, so that none is visited twice or left out.
 */

/** Up to so many are searched one by one. */
const FEW = 8;

export class Values<T extends object> {
  readonly #dense: (T | null)[];
  /** Where each one is, once they are more than a few. */
  #at: Map<T, number> | null = null;
  #holes: number[] = [];

  constructor(first: T) {
    this.#dense = [first];
  }

  get size(): number {
    return this.#dense.length - this.#holes.length;
  }

  has(value: T): boolean {
    return this.#find(value) >= 0;
  }

  /** Not while they are visited, and not what is there already. */
  add(value: T): void {
    const index = this.#dense.push(value) - 1;
    if (this.#at !== null) this.#at.set(value, index);
    else if (index >= FEW) this.#at = new Map((this.#dense as T[]).map((one, i) => [one, i]));
  }

  /** false: it is not there. `visiting`: leaves a hole, which `compact` closes. */
  delete(value: T, visiting: boolean): boolean {
    const index = this.#find(value);
    if (index < 0) return false;
    this.#at?.delete(value);
    if (visiting) {
      this.#dense[index] = null;
      this.#holes.push(index);
    } else this.#close(index);
    return true;
  }

  /** Those that have not left when their turn comes. */
  visit(visit: (value: T) => void): void {
    const dense = this.#dense;
    for (let i = 0; i < dense.length; i++) {
      const value = dense[i] as T | null;
      if (value !== null) visit(value);
    }
  }

  /** When nobody is being visited any more. */
  compact(): void {
    // From the last hole on: behind it there is none.
    for (const index of this.#holes.sort((a, b) => b - a)) this.#close(index);
    this.#holes = [];
  }

  #close(index: number): void {
    const last = this.#dense.pop() as T | null;
    if (index === this.#dense.length || last === null) return;
    this.#dense[index] = last;
    this.#at?.set(last, index);
  }

  #find(value: T): number {
    return this.#at === null ? this.#dense.indexOf(value) : (this.#at.get(value) ?? -1);
  }
}
