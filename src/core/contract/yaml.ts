/** A YAML document with the place of each of its nodes. */
import {
  type Alias,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from 'yaml';
import type { Finding } from './model.ts';

export type Path = readonly (string | number)[];

export interface Located {
  /** The document as plain data; undefined where it cannot be had. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Line and column of the node at a path, or of its key; of the nearest enclosing node where there is none. */
  locate(path: Path, key?: boolean): { readonly line: number; readonly column: number };
}

const maxLength = 2 * 1024 * 1024;

const mends: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'each key stands once',
  TAB_AS_INDENT: 'indent with spaces',
  MULTIPLE_DOCS: 'one contract per file: remove the "---" between documents',
};

export function readYaml(text: string, file: string): Located {
  const counter = new LineCounter();
  const finding = (message: string, offset: number, hint: string | null): Finding => {
    const { line, col } = counter.linePos(offset);
    return { severity: 'error', rule: 'yaml', file, line: Math.max(line, 1), column: Math.max(col, 1), message, hint };
  };
  const failed = (message: string, hint: string | null): Located => ({
    value: undefined,
    findings: [finding(message, 0, hint)],
    locate: () => ({ line: 1, column: 1 }),
  });
  if (text.length > maxLength) return failed(`the file is larger than ${maxLength} characters`, null);
  try {
    const document = parseDocument(text, {
      lineCounter: counter,
      prettyErrors: false,
      logLevel: 'error',
      uniqueKeys: true,
    });
    const findings = [...document.errors, ...document.warnings].map((error) =>
      finding(error.message, error.pos[0], mends[error.code] ?? null),
    );
    const value: unknown = document.errors.length === 0 ? document.toJS({ maxAliasCount: 100 }) : undefined;
    if (findings.length === 0 && (value === null || typeof value !== 'object' || Array.isArray(value))) {
      findings.push(finding('the document is not a mapping', 0, 'a contract begins with "apiVersion: v3.2.0"'));
    }
    const locate = (path: Path, key = false) => {
      const offset = offsetOf(document.contents, path, key, (alias) => alias.resolve(document));
      const { line, col } = counter.linePos(offset);
      return { line: Math.max(line, 1), column: Math.max(col, 1) };
    };
    return { value, findings, locate };
  } catch (error) {
    // Aliases beyond bounds, or nesting beyond the stack.
    return failed(error instanceof RangeError ? 'the document is nested too deep' : (error as Error).message, null);
  }
}

function offsetOf(root: Node | null, path: Path, key: boolean, resolve: (alias: Alias) => Node | undefined): number {
  let node: unknown = root;
  let offset = startOf(root) ?? 0;
  for (let index = 0; index < path.length; index++) {
    if (isAlias(node)) node = resolve(node);
    const segment = path[index];
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(
        (item) => isPair(item) && String(isScalar(item.key) ? item.key.value : item.key) === String(segment),
      );
      if (pair === undefined) return offset;
      const keyOffset = startOf(pair.key) ?? offset;
      const last = index === path.length - 1;
      offset = last && key ? keyOffset : (startOf(pair.value) ?? keyOffset);
      // An empty value has its place after the colon, which says nothing: its key is better.
      if (isScalar(pair.value) && pair.value.source === '' && pair.value.type === 'PLAIN') offset = keyOffset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(segment)];
      const start = startOf(node);
      if (start === null) return offset;
      offset = start;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | null {
  const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0] ?? null;
}
