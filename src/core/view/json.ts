/** JSON text of strings and instants: byte for byte what JSON.stringify makes of them, faster where nothing needs escaping. */
import { formatInstant } from '../surface/index.ts';

/** Up to this length a loop over the characters beats a regular expression. */
const SHORT = 48;
const SPECIAL = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** Quotes a string; null and undefined become `null`. */
export function quote(text: string | null | undefined): string {
  if (text === null || text === undefined) return 'null';
  const { length } = text;
  if (length > SHORT) return SPECIAL.test(text) ? JSON.stringify(text) : `"${text}"`;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 34 || code === 92 || (code >= 0xd800 && code <= 0xdfff)) return JSON.stringify(text);
  }
  return `"${text}"`;
}

let lastInstant = Number.NaN;
let lastText = '';

/** Quotes an instant in milliseconds. Bursts share their millisecond, and cohorts their event. */
export function instant(ms: number): string {
  if (ms !== lastInstant) {
    lastText = `"${formatInstant(ms)}"`;
    lastInstant = ms;
  }
  return lastText;
}
