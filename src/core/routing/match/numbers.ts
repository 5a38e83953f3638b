import { SievedMap } from './sieved-map.ts';

/** Small numbers that are handed out and taken back. */
export class Numbers {
  #next = 0;
  #free: number[] = [];

  get used(): number {
    return this.#next - this.#free.length;
  }

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  release(number: number): void {
    this.#free.push(number);
    if (this.#free.length < this.#next) return;
    this.#free = [];
    this.#next = 0;
  }
}

/** Numbers of texts, as long as anybody uses them. */
export class TextNumbers {
  readonly #numbers = new SievedMap<number>();
  readonly #uses: number[] = [];
  readonly #free = new Numbers();

  get size(): number {
    return this.#numbers.size;
  }

  get(text: string): number | undefined {
    return this.#numbers.get(text);
  }

  use(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#free.take();
      this.#numbers.set(text, number);
      this.#uses[number] = 0;
    }
    this.#uses[number] = (this.#uses[number] as number) + 1;
    return number;
  }

  /** Once for each `use`. */
  drop(text: string): void {
    const number = this.#numbers.get(text);
    if (number === undefined) return;
    this.#uses[number] = (this.#uses[number] as number) - 1;
    if (this.#uses[number] !== 0) return;
    this.#numbers.delete(text);
    this.#free.release(number);
  }
}
