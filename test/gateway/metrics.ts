/** A node's metrics as Prometheus scrapes them. */
import { setTimeout as pause } from 'node:timers/promises';

type Labels = Readonly<Record<string, string>>;

export class Metrics {
  readonly #url: string;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/metrics`;
  }

  /** Sum of the samples of this name that have these labels; null where there is none. */
  async value(name: string, labels: Labels = {}): Promise<number | null> {
    const text = await (await fetch(this.#url)).text();
    const samples = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const found = samples.filter((line) => wanted.every((label) => line.includes(label)));
    return found.length === 0 ? null : found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Resolves when the value is this one; the run's time-out says when it never was. */
  async reaches(name: string, labels: Labels, wanted: (value: number | null) => boolean): Promise<void> {
    while (!wanted(await this.value(name, labels))) await pause(25);
  }
}
