/** docs/CONFORMANCE.md as rows, and what is wrong with what they name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

export interface Row {
  readonly line: number;
  readonly promise: string;
  readonly holders: readonly string[];
}

/** Every row of every table of two columns, but for the heads. */
export function conformanceRows(text: string): Row[] {
  return text.split('\n').flatMap((line, index) => {
    if (!line.startsWith('|') || /^\|\s*(promise\s*\||-)/.test(line)) return [];
    const [promise = '', held = '', ...more] = line
      .replace(/^\|/, '')
      .replace(/\|\s*$/, '')
      .split('|')
      .map((cell) => cell.trim());
    const holders = more.length > 0 ? [] : held.split('<br>').map((holder) => holder.trim().replace(/^`(.*)`$/, '$1'));
    return [{ line: index + 1, promise, holders }];
  });
}

/** What is wrong with a row, as sentences; none where every holder exists under `root`. */
export function rowFaults(row: Row, root: string): string[] {
  const at = `line ${row.line}`;
  if (row.promise === '' || row.holders.length === 0) return [`${at}: a row is | promise | held by |`];
  return row.holders.flatMap((holder) => {
    const fault = holderFault(holder, root);
    return fault === undefined ? [] : [`${at}: ${fault}`];
  });
}

function holderFault(holder: string, root: string): string | undefined {
  if (/^not held yet: \S/.test(holder)) return undefined;
  const bench = /^bench\/\S+\.bench\.ts$/.test(holder);
  const [file = '', ...titles] = holder.split(' › ');
  if (!bench && !/^test\/\S+\.ts$/.test(file)) return `"${holder}" names no test, no bench and no reason`;
  if (!existsSync(join(root, file))) return `there is no file ${file}`;
  if (bench) return undefined;
  if (!file.endsWith('.test.ts') && !suitesOf(root).has(file)) return `no *.test.ts runs ${file}`;
  if (titles.length === 0) return `"${holder}" names no test of the file`;
  const known = titlesIn(readFileSync(join(root, file), 'utf8'));
  const missing = titles.filter((title) => !known.has(title));
  return missing.length === 0 ? undefined : `${file} has no test "${missing.join('", "')}"`;
}

const suites = new Map<string, ReadonlySet<string>>();

/** Files under test/ that some *.test.ts imports, directly or by way of others: tests that several adapters share stand in such. */
function suitesOf(root: string): ReadonlySet<string> {
  const known = suites.get(root);
  if (known !== undefined) return known;
  const reached = new Set<string>();
  const waiting = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const { fileName } of ts.preProcessFile(readFileSync(join(root, file), 'utf8')).importedFiles) {
      const path = relative(root, join(root, dirname(file), fileName));
      if (!fileName.startsWith('.') || !path.startsWith('test') || reached.has(path) || !existsSync(join(root, path)))
        continue;
      reached.add(path);
      waiting.push(path);
    }
  }
  suites.set(root, reached);
  return reached;
}

/**
 * Titles given to test, it and describe, also by way of .each(...) and the like, in a source text. One that is put together has
 * its `${...}` as written.
 */
function titlesIn(source: string): Set<string> {
  const titles = new Set<string>();
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true);
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(test|it|describe)$/.test(rootOf(node.expression))) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.add(title.text);
      else if (title !== undefined && ts.isTemplateExpression(title)) titles.add(title.getText(file).slice(1, -1));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return titles;
}

/** `test` of test, test.each(rows) and test.concurrent.each`table`. */
function rootOf(callee: ts.Expression): string {
  if (ts.isIdentifier(callee)) return callee.text;
  if (ts.isPropertyAccessExpression(callee) || ts.isCallExpression(callee)) return rootOf(callee.expression);
  return ts.isTaggedTemplateExpression(callee) ? rootOf(callee.tag) : '';
}
