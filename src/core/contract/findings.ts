/** Findings: what is wrong with a document, collected all at once and printed in the manner of a compiler. */
import type { Finding } from './model.ts';
import type { Located, Path } from './yaml.ts';

/** A value of the document with its place. Reading never fails: what is absent or of another type is null. */
export class Placed {
  readonly value: unknown;
  readonly path: Path;

  constructor(value: unknown, path: Path) {
    this.value = value;
    this.path = path;
  }

  at(key: string): Placed {
    const { value } = this;
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    const member = isObject && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
    return new Placed(member, [...this.path, key]);
  }

  get present(): boolean {
    return this.value !== undefined;
  }

  get text(): string | null {
    return typeof this.value === 'string' ? this.value : null;
  }

  get truth(): boolean {
    return this.value === true;
  }

  get list(): readonly Placed[] {
    return Array.isArray(this.value) ? this.value.map((item, index) => new Placed(item, [...this.path, index])) : [];
  }

  get keys(): readonly string[] {
    const { value } = this;
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  }

  /** Texts of a list of texts; others are left out. */
  get texts(): readonly string[] {
    return this.list.flatMap((item) => (item.text === null ? [] : [item.text]));
  }
}

export interface Report {
  error(rule: string, place: Placed, message: string, hint?: string | null): void;
  warning(rule: string, place: Placed, message: string, hint?: string | null): void;
}

/** Collects findings of one document. */
export class Findings implements Report {
  readonly all: Finding[];
  private readonly located: Located;
  private readonly file: string;

  constructor(located: Located, file: string) {
    this.located = located;
    this.file = file;
    this.all = [...located.findings];
  }

  error(rule: string, place: Placed, message: string, hint: string | null = null): void {
    this.add('error', rule, place.path, false, message, hint);
  }

  warning(rule: string, place: Placed, message: string, hint: string | null = null): void {
    this.add('warning', rule, place.path, false, message, hint);
  }

  add(
    severity: Finding['severity'],
    rule: string,
    path: Path,
    key: boolean,
    message: string,
    hint: string | null,
  ): void {
    const { line, column } = this.located.locate(path, key);
    this.all.push({ severity, rule, file: this.file, line, column, message, hint });
  }

  get failed(): boolean {
    return this.all.some((finding) => finding.severity === 'error');
  }

  /** In order of place. */
  sorted(): readonly Finding[] {
    return [...this.all].sort((a, b) => a.line - b.line || a.column - b.column);
  }
}

/** What is said of a place in a file. */
export interface Remark {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What it is: `error`, `breaking for readers`. */
  readonly label: string;
  readonly message: string;
  readonly rule: string;
  readonly hint: string | null;
}

type TextOf = string | ((file: string) => string | null);

/**
 * Findings as text: `file:line:column: severity: message [rule]`, then the line with a caret where the file's text is known, then
 * what would be right. `text` gives the text of a file, or is the one text that all findings are about.
 */
export function formatFindings(findings: readonly Finding[], options: { readonly text?: TextOf } = {}): string {
  return formatRemarks(
    findings.map(({ severity, ...finding }) => ({ ...finding, label: severity })),
    options,
  );
}

export function formatRemarks(remarks: readonly Remark[], options: { readonly text?: TextOf } = {}): string {
  const { text } = options;
  const lines = new Map<string, readonly string[]>();
  const linesOf = (file: string): readonly string[] => {
    let known = lines.get(file);
    if (known === undefined) {
      known = ((typeof text === 'function' ? text(file) : text) ?? '').split(/\r\n|\n|\r/);
      lines.set(file, known);
    }
    return known;
  };
  return remarks.map((remark) => formatOne(remark, linesOf(remark.file)[remark.line - 1] ?? '')).join('\n');
}

function formatOne(remark: Remark, line: string): string {
  const { file, line: row, column, label, message, rule, hint } = remark;
  const out = [`${file}:${row}:${column}: ${label}: ${message} [${rule}]`];
  if (line.trim() !== '') {
    const gutter = `${row} | `;
    // A long line is shown around its place. Tabs stay, so that the caret stands under its column.
    const from = column > 100 ? column - 60 : 0;
    const shown = line.slice(from, from + 120);
    const before = line.slice(from, column - 1).replace(/[^\t]/g, ' ');
    out.push(`  ${gutter}${shown}`, `  ${' '.repeat(gutter.length - 2)}| ${before}^`);
  }
  if (hint !== null) out.push(`  = ${hint}`);
  return out.join('\n');
}
