/** The standard's own verdict on a document, as findings. */
import type { z } from 'zod';
import type { Findings } from './findings.ts';
import { nearest, suggestion } from './nearest.ts';
import { odcsDocument } from './odcs/document.ts';
import type { Path } from './yaml.ts';

type Issue = z.core.$ZodIssue;

/** Adds a finding for each breach of the ODCS. */
export function checkStandard(value: unknown, findings: Findings): void {
  let issues: readonly Issue[];
  try {
    issues = odcsDocument.safeParse(value).error?.issues ?? [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    findings.add('error', 'odcs-type', [], false, 'the document is nested too deep', null);
    return;
  }
  for (const issue of issues) report(issue, [], value, findings);
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const segment of path) {
    if (current === null || typeof current !== 'object' || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<string | number, unknown>)[segment];
  }
  return current;
}

function nameOf(path: Path): string {
  const last = path.at(-1);
  return typeof last === 'number' ? `${String(path.at(-2) ?? 'list')}[${last}]` : `"${String(last ?? 'document')}"`;
}

function report(issue: Issue, base: Path, root: unknown, findings: Findings): void {
  const path: Path = [...base, ...(issue.path as Path)];
  const add = (rule: string, message: string, hint: string | null, at: Path = path, key = false) =>
    findings.add('error', rule, at, key, message, hint);
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    for (const key of issue.keys) {
      const near = nearest(key, known);
      add(
        'odcs-unknown-key',
        `"${key}" is not known here`,
        near === null ? `known are ${known.join(', ')}` : `did you mean "${near}"?`,
        [...path, key],
        true,
      );
    }
    return;
  }
  const given = valueAt(root, path);
  if (given === undefined && path.length > 0) {
    return add('odcs-missing', `${nameOf(path)} is missing`, expectation(issue), path.slice(0, -1), true);
  }
  if (issue.code === 'invalid_union') return reportUnion(issue, path, given, root, findings);
  if (issue.code === 'invalid_type') {
    return add('odcs-type', `${nameOf(path)} is ${describe(given)}`, `expected ${article(issue.expected)}`);
  }
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String);
    return add(
      'odcs-value',
      `${nameOf(path)} cannot be ${show(given)}`,
      typeof given === 'string' ? suggestion(given, known) : expectation(issue),
    );
  }
  add('odcs-value', `${nameOf(path)}: ${issue.message.replace(/^Invalid input: /, '')}`, expectation(issue));
}

function reportUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  given: unknown,
  root: unknown,
  findings: Findings,
): void {
  if (issue.discriminator !== undefined) {
    const known = (issue as { options?: readonly unknown[] }).options?.map(String) ?? [];
    const hint = typeof given === 'string' && known.length > 0 ? suggestion(given, known) : null;
    findings.add('error', 'odcs-value', path, false, `${nameOf(path)} cannot be ${show(given)}`, hint);
    return;
  }
  // The branch whose own shape the value has is the one that was meant.
  const meant = issue.errors.find(
    (branch) => !branch.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
  );
  if (meant !== undefined) for (const inner of meant) report(inner, path, root, findings);
  else {
    const expected = issue.errors.flatMap((branch) =>
      branch.flatMap((inner) => (inner.code === 'invalid_type' ? [article(inner.expected)] : [])),
    );
    findings.add(
      'error',
      'odcs-type',
      path,
      false,
      `${nameOf(path)} is ${describe(given)}`,
      `expected ${[...new Set(expected)].join(' or ')}`,
    );
  }
}

function expectation(issue: Issue): string | null {
  if (issue.code === 'invalid_type') return `expected ${article(issue.expected)}`;
  if (issue.code === 'invalid_value') return `one of ${issue.values.map(String).join(', ')}`;
  return null;
}

function article(type: string): string {
  const word =
    ({ record: 'mapping', object: 'mapping', array: 'list', string: 'text', null: 'null' } as Record<string, string>)[
      type
    ] ?? type;
  return word === 'text' || word === 'null' ? word : `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return show(value);
}

function show(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `"${value.slice(0, 57)}..."` : `"${value}"`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return describe(value);
}
