/** Those who must do something in time, all of them the same time after they came: one timer for all. */
export class Deadlines<Waiting> {
  private readonly ms: number;
  private readonly missed: (waiting: Waiting) => void;
  /** When each is late, in monotonic milliseconds; in the order of their coming. */
  private readonly late = new Map<Waiting, number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(ms: number, missed: (waiting: Waiting) => void) {
    this.ms = ms;
    this.missed = missed;
  }

  add(waiting: Waiting): void {
    this.late.set(waiting, performance.now() + this.ms);
    if (this.timer === null) this.wait(this.ms);
  }

  /** It came in time, or it is gone. */
  delete(waiting: Waiting): void {
    this.late.delete(waiting);
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.late.clear();
  }

  private wait(ms: number): void {
    this.timer = setTimeout(() => this.look(), ms).unref();
  }

  private look(): void {
    this.timer = null;
    const now = performance.now();
    for (const [waiting, at] of this.late) {
      // A timer may come a little early.
      if (at > now + 1) return this.wait(at - now);
      this.late.delete(waiting);
      this.missed(waiting);
    }
  }
}
