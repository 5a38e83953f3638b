/** What a bench says of itself, and the page bench/RESULTS.md that keeps the last run of each. */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

export interface Report {
  /** How many rounds a bench that goes in rounds is to make, warm-up apart. */
  readonly rounds: number;
  /** One figure with all its samples: median and spread are told, and whether it got worse since the last committed run. */
  figure(name: string, unit: string, samples: readonly number[], better: Better): void;
  /** A sentence that a reader of the figures must know. */
  note(text: string): void;
}

/** Which way a figure is to go. */
export type Better = 'more' | 'less';

/** Rounds of a bench whose figures may be kept. */
export const ROUNDS = 5;

/** A file bench/*.bench.ts. It pays the whole bill: bytes counted at the receiver, warm-up apart, baseline interleaved. */
export interface Bench {
  readonly name: string;
  run(report: Report): Promise<void>;
}

/** A figure that got worse by more than this share is flagged. */
const TOLERANCE = 0.15;

export class Page implements Report {
  readonly rounds: number;
  /** What else the machine was doing before this bench began. */
  readonly #load = (loadavg()[0] ?? 0).toFixed(1);
  /** Medians of the last committed run. */
  readonly #last: ReadonlyMap<string, number>;
  readonly #rows: string[] = [];
  readonly #notes: string[] = [];
  readonly #flagged: string[] = [];

  constructor(last: ReadonlyMap<string, number>, rounds = ROUNDS) {
    this.#last = last;
    this.rounds = rounds;
  }

  figure(name: string, unit: string, samples: readonly number[], better: Better): void {
    if (samples.length === 0) throw new Error(`the figure "${name}" has no samples`);
    const sorted = [...samples].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
    const last = this.#last.get(name);
    const share = last === undefined ? 0 : worsening(last, at(0.5), better);
    const isFlagged = share > TOLERANCE;
    const before = last === undefined ? '' : `${shown(last)}${isFlagged ? `, **${percent(share)} worse**` : ''}`;
    const spread = `${shown(at(0))} to ${shown(at(1))}`;
    this.#rows.push(`| ${name} | ${better} | ${shown(at(0.5))} ${unit} | ${spread} | ${samples.length} | ${before} |`);
    console.log(`${name}: ${shown(at(0.5))} ${unit} (${spread}, ${samples.length} samples)`);
    if (!isFlagged || last === undefined) return;
    this.#flagged.push(name);
    console.log(`  !! ${percent(share)} worse than the ${shown(last)} of the last committed run`);
  }

  /** Figures that are more than 15 % worse than in the last committed run. */
  get flagged(): readonly string[] {
    return this.#flagged;
  }

  note(text: string): void {
    this.#notes.push(text);
    console.log(text);
  }

  /** The section of RESULTS.md of a bench that has run. */
  section(name: string): string {
    const table = [
      '| figure | better | median | spread | samples | last committed |',
      '|---|---|---|---|---|---|',
      ...this.#rows,
    ].join('\n');
    return `## ${name}\n\n${[circumstances(this.#load), ...this.#notes].join('\n')}\n\n${table}\n`;
  }
}

/** By which share a median is worse than the one before it: above 0 is worse, below is better. */
function worsening(last: number, now: number, better: Better): number {
  if (last === 0) return 0;
  return better === 'more' ? 1 - now / last : now / last - 1;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

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
  '# Figures\n\nThe last run of each bench: `npm run bench NAME...`. Medians of one machine; ratios carry further. Beside each figure is the one of\nthe run committed before, and by how much it is worse where that is more than 15 %.\n';

/** The medians of a bench as a page has them, by figure. */
export function mediansOf(text: string, name: string): ReadonlyMap<string, number> {
  const section = sections(text).find((part) => isSectionOf(part, name)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  const column = cells[0]?.indexOf('median') ?? -1;
  const medians = new Map<string, number>();
  for (const row of cells.slice(1)) {
    const median = Number.parseFloat(row[column] ?? '');
    if (!Number.isNaN(median)) medians.set(row[1] as string, median);
  }
  return medians;
}

/** bench/RESULTS.md as it was last committed; nothing where it never was. */
export function committedPage(): string {
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'ignore'],
    };
    return execFileSync('git', ['show', 'HEAD:./RESULTS.md'], options);
  } catch {
    return '';
  }
}

/** Puts a section in the place of the one of the same name. */
export function keep(name: string, section: string): void {
  const others = sections(existsSync(page) ? readFileSync(page, 'utf8') : '').filter(
    (part) => !isSectionOf(part, name),
  );
  const all = [...others.map((part) => part.trimEnd()), section.trimEnd()].sort();
  writeFileSync(page, `${[head.trimEnd(), ...all].join('\n\n')}\n`);
}

const sections = (text: string): string[] => text.split(/^(?=## )/m).filter((part) => part.startsWith('## '));
const isSectionOf = (part: string, name: string): boolean => part.startsWith(`## ${name}\n`);
