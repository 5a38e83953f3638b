/**
 * JSON whose numbers keep every digit: those that a double would change come out as Numeral, all others as JSON.parse has them.
 *
 * JSON.parse with a reviver knows each number's text, but takes five times as long, and of a key that stands twice it may give the
 * first value (V8 13.6). So the numbers in question are made strings that begin with a mark, the text is parsed as usual, and the
 * marked strings are taken back.
 */
import { randomUUID } from 'node:crypto';
import { Numeral } from '../../core/contract/index.ts';

/** Any number of at most 15 significant digits comes back from a double as it went in. */
const safeDigits = 15;
/** Of 16 digits, those that are no more than this do. */
const greatestSafe = String(Number.MAX_SAFE_INTEGER);

/** A control character, which JSON allows in a string as an escape alone, and this one in one spelling. */
const mark = '\u0001';
const escapedMark = '\\u0001';

const grammar = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const quote = 34;
const comma = 44;
const minus = 45;
const colon = 58;
const bracket = 91;
const backslash = 92;

/** What may stand before a run of digits in a number, or between that and what comes before; nothing stands before the first. */
const mayPrecedeRun = /^[eE+\s]?$/;

const digitOrPoint = new Uint8Array(256);
for (const character of '0123456789.') digitOrPoint[character.charCodeAt(0)] = 1;
const ofNumber = new Uint8Array(128);
for (const character of '0123456789.eE+-') ofNumber[character.charCodeAt(0)] = 1;

/** Throws what JSON.parse throws. `bytes` are the text's, in UTF-8. */
export function parseExactly(bytes: Buffer, text: string): unknown {
  const runs = longRuns(bytes);
  const tiny = (text.includes('e-') || text.includes('E-')) && /[eE]-\d{3}/.test(text);
  if (runs === null && !tiny) return JSON.parse(text);
  // A text that has the mark in it is given one that nobody can have foreseen. It stays short: a text may have many numbers.
  let suffix = '';
  while (text.includes(escapedMark + suffix)) suffix = randomUUID();
  const escaped = escapedMark + suffix;
  const prefix = mark + suffix;
  // Of ASCII, bytes are characters.
  const near = runs === null || tiny || text.length !== bytes.length ? null : markRuns(text, runs, escaped);
  if (near !== null) {
    if (near === text) return JSON.parse(text);
    try {
      return unmark(JSON.parse(near), prefix);
    } catch {
      // Not JSON, or a number was none but part of a string: its mark stands outside of the string then, where none can be.
    }
  }
  return unmark(JSON.parse(markNumbers(text, escaped)), prefix);
}

/**
 * Begin and end, by turns, of each run of more digits and points than a double keeps; null: there is none. Strings that begin with
 * such a run are left out, and whole numbers of 16 digits (microseconds, say) that a double holds. Any run that long covers two
 * neighbours of every eighth byte: looking at those first costs a thirtieth of parsing.
 */
function longRuns(bytes: Buffer): number[] | null {
  let runs: number[] | null = null;
  let before = 0;
  for (let i = 7; i < bytes.length; i += 8) {
    const here = digitOrPoint[bytes[i] as number] as number;
    if ((here & before) !== 0) {
      let from = i;
      while (from > 0 && digitOrPoint[bytes[from - 1] as number] === 1) from -= 1;
      let to = i + 1;
      while (to < bytes.length && digitOrPoint[bytes[to] as number] === 1) to += 1;
      if (to - from > safeDigits && !isHarmless(bytes, from, to)) {
        runs ??= [];
        runs.push(from, to);
      }
      // On with the first of the eighth bytes that lies behind the run: none is looked at twice.
      i = to | 7;
      before = i < bytes.length ? (digitOrPoint[bytes[i] as number] as number) : 0;
    } else before = here;
  }
  return runs;
}

function isHarmless(bytes: Buffer, from: number, to: number): boolean {
  const before = bytes[from - 1] as number;
  if (before === quote) return true;
  if (to - from !== greatestSafe.length || (before !== colon && before !== comma && before !== bracket)) return false;
  const digits = bytes.toString('latin1', from, to);
  return digits <= greatestSafe && !digits.includes('.') && ((bytes[to] ?? 0) | 32) !== 101;
}

/** Marks the numbers that these runs are part of by what stands beside them. null: the whole text must be looked at. */
function markRuns(text: string, runs: readonly number[], escaped: string): string | null {
  let marked = '';
  let copied = 0;
  for (let i = 0; i < runs.length; i += 2) {
    let from = runs[i] as number;
    let before = text.charCodeAt(from - 1);
    if (before === minus) before = text.charCodeAt(--from - 1);
    if (before !== colon && before !== comma && before !== bracket) {
      if (mayPrecedeRun.test(text.charAt(from - 1))) return null;
      continue;
    }
    let to = runs[i + 1] as number;
    while (ofNumber[text.charCodeAt(to)] === 1) to += 1;
    const source = text.slice(from, to);
    if (!losesDigits(source) || !isValue(text, to)) continue;
    marked += `${text.slice(copied, from)}"${escaped}${source}"`;
    copied = to;
  }
  return copied === 0 ? text : marked + text.slice(copied);
}

/** Whole numbers that are certainly beyond 2^53. */
const tooLarge = /^-?[1-9]\d{16,}$/;

/** Whether the text is a number that a double changes. */
function losesDigits(source: string): boolean {
  if (tooLarge.test(source)) return true;
  if (source.length <= safeDigits && !/[eE]/.test(source)) return false;
  const value = Number(source);
  const kept = String(value) === source && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return !kept && grammar.test(source);
}

function markNumbers(text: string, escaped: string): string {
  let marked = '';
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === minus || (code >= 48 && code <= 57)) {
      const from = at;
      do at += 1;
      while (ofNumber[text.charCodeAt(at)] === 1);
      const source = text.slice(from, at);
      if (!losesDigits(source) || !isValue(text, at)) continue;
      marked += `${text.slice(copied, from)}"${escaped}${source}"`;
      copied = at;
    } else at += 1;
  }
  return copied === 0 ? text : marked + text.slice(copied);
}

/** Behind the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1;
    if (escapes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** A string may be a key where a number may not: what stands behind tells. */
function isValue(text: string, behind: number): boolean {
  let at = behind;
  let code = text.charCodeAt(at);
  while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++at);
  return at >= text.length || code === comma || code === 93 || code === 125;
}

function unmark(value: unknown, prefix: string): unknown {
  if (typeof value === 'string') return value.startsWith(prefix) ? new Numeral(value.slice(prefix.length)) : value;
  if (value === null || typeof value !== 'object') return value;
  const members = value as Record<string, unknown>;
  for (const key in members) {
    const member = members[key];
    const exact = unmark(member, prefix);
    if (exact !== member) members[key] = exact;
  }
  return value;
}
