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
