/**
 * Who is told of progress when nothing else was sent: a wheel of slots, one of which comes up at a time, so that no stream needs a
 * timer. A stream is looked at twice in a heartbeat; two looks in a row with nothing sent between them, and it is told. So a stream is
 * silent for one and a half heartbeats at most.
 */
const STEP_MS = 500;
/** Half of the longest heartbeat, and one more. */
const SLOTS = 64;

export interface Beating {
  readonly heartbeatMs: number;
  /** Bytes of events that went out so far. */
  readonly sent: number;
  /** Tells where a resume would begin, unless it cannot be told now. */
  beat(): void;
}

interface Watched {
  readonly stream: Beating;
  sent: number;
  /** Looks in a row that found nothing sent. */
  silent: number;
}

export class Heartbeats {
  private readonly slots = Array.from({ length: SLOTS }, () => new Set<Watched>());
  private readonly watched = new Map<Beating, { readonly entry: Watched; slot: Set<Watched> }>();
  private readonly stepMs: number;
  private at = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(stepMs = STEP_MS) {
    this.stepMs = stepMs;
  }

  add(stream: Beating): void {
    const entry = { stream, sent: stream.sent, silent: 0 };
    const slot = this.slotIn(stream);
    slot.add(entry);
    this.watched.set(stream, { entry, slot });
    this.timer ??= setInterval(() => this.step(), this.stepMs).unref();
  }

  delete(stream: Beating): void {
    const held = this.watched.get(stream);
    held?.slot.delete(held.entry);
    this.watched.delete(stream);
    if (this.watched.size === 0) this.close();
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private step(): void {
    this.at = (this.at + 1) % SLOTS;
    const due = this.slots[this.at] as Set<Watched>;
    for (const entry of [...due]) {
      const { stream } = entry;
      const held = this.watched.get(stream);
      if (held === undefined) continue;
      due.delete(entry);
      held.slot = this.slotIn(stream);
      held.slot.add(entry);
      entry.silent = stream.sent === entry.sent ? entry.silent + 1 : 0;
      entry.sent = stream.sent;
      if (entry.silent < 2) continue;
      entry.silent = 0;
      stream.beat();
    }
  }

  /** Half a heartbeat from now. */
  private slotIn({ heartbeatMs }: Beating): Set<Watched> {
    const steps = Math.max(1, Math.round(heartbeatMs / 2 / STEP_MS));
    return this.slots[(this.at + steps) % SLOTS] as Set<Watched>;
  }
}
