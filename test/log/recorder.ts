import type { LogError, LogRecord, LogScan, TailHandler } from '../../src/core/log/index.ts';

/** Longer than anything that still works takes: only a failing test meets it. */
const patienceMs = 30_000;

/** Something that changes by events, and that a test can wait for without a clock. */
export class Waiting {
  readonly #waiters = new Set<() => void>();

  /** Resolves once `holds` is true; looked at now and after each `happened`. */
  async until(holds: () => boolean, what: string): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(look);
        reject(new Error(`waited in vain: ${what}`));
      }, patienceMs);
      const look = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
    });
  }

  happened(): void {
    for (const look of [...this.#waiters]) look();
  }
}

/** A handler that keeps all that a tail says, and holds each scan to the rules that every scan obeys. */
export class Recorder extends Waiting implements TailHandler {
  readonly scans: LogScan[] = [];
  readonly failures = new Map<number, LogError>();
  readonly growth: number[] = [];
  readonly reached: boolean[] = [];
  /** Broken rules, in words; a test ends with expecting none. */
  readonly broken: string[] = [];
  readonly #next = new Map<number, number>();
  readonly #at = new Map<number, number>();

  constructor(from: ReadonlyMap<number, number> = new Map()) {
    super();
    for (const [partition, next] of from) this.#next.set(partition, next);
  }

  scan(scan: LogScan): void {
    this.broken.push(...scanFaults(scan, this.#next.get(scan.partition) ?? 0));
    if (this.failures.has(scan.partition))
      this.broken.push(`partition ${scan.partition} was read on after it had failed`);
    this.#next.set(scan.partition, scan.to);
    this.#at.set(scan.partition, performance.now());
    this.scans.push(scan);
    this.happened();
  }

  failed(partition: number, error: LogError): void {
    this.failures.set(partition, error);
    this.happened();
  }

  grown(partitions: number): void {
    this.growth.push(partitions);
    this.happened();
  }

  reachable(reachable: boolean): void {
    this.reached.push(reachable);
    this.happened();
  }

  of(partition: number): LogScan[] {
    return this.scans.filter((scan) => scan.partition === partition);
  }

  records(partition?: number): LogRecord[] {
    return (partition === undefined ? this.scans : this.of(partition)).flatMap((scan) => scan.records);
  }

  /** Where the next scan of the partition begins. */
  next(partition: number): number | undefined {
    return this.#next.get(partition);
  }

  /** A scan of the partition arrives after now. */
  async anotherScan(partition: number): Promise<LogScan> {
    const before = this.of(partition).length;
    await this.until(() => this.of(partition).length > before, `another scan of partition ${partition}`);
    return this.of(partition)[before] as LogScan;
  }

  async reads(partition: number, to: number): Promise<void> {
    await this.until(() => (this.#next.get(partition) ?? 0) >= to, `partition ${partition} read up to ${to}`);
  }

  async fails(partition: number): Promise<LogError> {
    await this.until(() => this.failures.has(partition), `partition ${partition} fails`);
    return this.failures.get(partition) as LogError;
  }
}

/** What is wrong with a scan that should begin at `from`. */
export function scanFaults(scan: LogScan, from: number): string[] {
  const faults: string[] = [];
  const name = `scan [${scan.from}, ${scan.to}) of partition ${scan.partition}`;
  if (scan.from !== from) faults.push(`${name} should begin at ${from}`);
  if (scan.to < scan.from) faults.push(`${name} ends before it begins`);
  if (scan.to > scan.end) faults.push(`${name} goes beyond the end ${scan.end}`);
  if (scan.first > scan.end) faults.push(`${name}: first ${scan.first} is beyond the end ${scan.end}`);
  let last = scan.from - 1;
  for (const { offset } of scan.records) {
    if (offset <= last || offset >= scan.to) faults.push(`${name} has a record at ${offset} after ${last}`);
    last = offset;
  }
  return faults;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
