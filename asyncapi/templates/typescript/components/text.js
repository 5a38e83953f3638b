import { wrapped } from '../../shared/facts.js';

/** A text as a literal in single quotes. */
export function quoted(text) {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`;
}

/** A doc comment, on one line where it fits; nothing where there is nothing to say. */
export function docOf(text, { indent = '', deprecated = false } = {}) {
  const said = text.trim().replaceAll('*/', '*\\/');
  const lines = [...(said === '' ? [] : wrapped(said, 110)), ...(deprecated ? ['@deprecated'] : [])];
  if (lines.length === 0) return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  const body = lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`).join('');
  return `${indent}/**\n${body}${indent} */\n`;
}
