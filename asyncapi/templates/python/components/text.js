import { wrapped } from '../../shared/facts.js';

/** A text as a literal in double quotes. JSON's escapes are Python's, but for halves of characters, which no document has. */
export function quoted(text) {
  return JSON.stringify(text);
}

/** A docstring, on one line where it fits; nothing where there is nothing to say. */
export function docOf(text, { indent = '    ', deprecated = false } = {}) {
  const said = text.trim().replaceAll('\\', '\\\\').replaceAll('"""', '\\"\\"\\"');
  const lines = [...(said === '' ? [] : wrapped(said, 108)), ...(deprecated ? ['Deprecated.'] : [])];
  if (lines.length === 0) return '';
  if (lines.length === 1) return `${indent}"""${lines[0].replace(/"$/, '\\"')}"""\n`;
  return `${indent}"""\n${lines.map((line) => (line === '' ? '\n' : `${indent}${line}\n`)).join('')}${indent}"""\n`;
}
