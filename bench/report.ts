/** What a bench says of itself, and the page bench/RESULTS.md that keeps the last run of each. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

export interface Report {
  /** One figure with all its samples: median and spread are told. */
  figure(name: string, unit: string, samples: readonly number[]): void;
  /** A sentence that a reader of the figures must know. */
  note(text: string): void;
}

/** A file bench/*.bench.ts. It pays the whole bill: bytes counted at the receiver, warm-up apart, baseline interleaved. */
export interface Bench {
  readonly name: string;
  run(report: Report): Promise<void>;
}

export class Page implements Report {
  /** What else the machine was doing before this bench began. */
  readonly #load = (loadavg()[0] ?? 0).toFixed(1);
  readonly #rows: string[] = [];
  readonly #notes: string[] = [];

  figure(name: string, unit: string, samples: readonly number[]): void {
    if (samples.length === 0) throw new Error(`the figure "${name}" has no samples`);
    const sorted = [...samples].sort((a, b) => a - b);
    const at = (share: number): string => shown(sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN);
    this.#rows.push(`| ${name} | ${at(0.5)} ${unit} | ${at(0)} to ${at(1)} | ${samples.length} |`);
    console.log(`${name}: ${at(0.5)} ${unit} (${at(0)} to ${at(1)}, ${samples.length} samples)`);
  }

  note(text: string): void {
    this.#notes.push(text);
    console.log(text);
  }

  /** The section of RESULTS.md of a bench that has run. */
  section(name: string): string {
    const table = ['| figure | median | spread | samples |', '|---|---|---|---|', ...this.#rows].join('\n');
    return `## ${name}\n\n${[circumstances(this.#load), ...this.#notes].join('\n')}\n\n${table}\n`;
  }
}

const shown = (value: number): string => (Math.abs(value) >= 100 ? Math.round(value).toString() : value.toPrecision(3));

function circumstances(load: string): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', 'src') === '' ? '' : ' with uncommitted changes';
  const memory = Math.round(totalmem() / 2 ** 30);
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, ${memory} GiB`;
  const day = new Date().toISOString().slice(0, 10);
  return `${day}, commit ${git('rev-parse', '--short', 'HEAD')}${changed}, Node ${process.versions.node}, ${machine}, load ${load} before.`;
}

const page = join(import.meta.dirname, 'RESULTS.md');
const head =
  '# Figures\n\nThe last run of each bench: `npm run bench NAME...`. Medians of one machine; ratios carry further.\n';

/** Puts a section in the place of the one of the same name. */
export function keep(name: string, section: string): void {
  const parts = (existsSync(page) ? readFileSync(page, 'utf8') : head).split(/^(?=## )/m);
  const others = parts.slice(1).filter((part) => !part.startsWith(`## ${name}\n`));
  const sections = [...others.map((part) => part.trimEnd()), section.trimEnd()].sort();
  writeFileSync(page, `${[parts[0]?.trimEnd() ?? '', ...sections].join('\n\n')}\n`);
}
