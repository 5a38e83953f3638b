/**
 * What a CEL expression may cost. Records are others' data, and a publisher may be a partner: so that no record can hold up
 * its partition, comprehensions are nested at most twice and go over at most `maxElements`, and patterns are written out,
 * cannot backtrack without end, and are tried on texts of at most `maxSubject` characters.
 */
import type { ASTNode } from '@marcbachmann/cel-js';

/** Why an expression cannot be used. `at`: from which character on, counted from 0. */
export interface DerivationFault {
  readonly message: string;
  readonly hint: string | null;
  readonly at: number | null;
}

export const maxElements = 1000;
const maxNestedComprehensions = 2;
const maxSubject = 512;
const maxPattern = 200;
/** Each repetition without bound, and a beginning that is not fixed, multiplies the steps by the length of the text. */
const maxRepetitions = 3;

const comprehensions: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'existsOne', 'map', 'filter']);

export function isNode(value: unknown): value is ASTNode {
  return value !== null && typeof value === 'object' && 'op' in value && 'args' in value;
}

/** Receiver and arguments of every method call of these names, outermost first, with its depth among its like. */
function callsOf(
  value: unknown,
  names: ReadonlySet<string>,
  depth = 0,
): readonly { readonly node: ASTNode; readonly depth: number }[] {
  if (Array.isArray(value)) return value.flatMap((item) => callsOf(item, names, depth));
  if (!isNode(value)) return [];
  const named =
    (value.op === 'rcall' || value.op === 'call') && names.has(String((value.args as readonly unknown[])[0]));
  const inner = callsOf(value.args, names, named ? depth + 1 : depth);
  return named ? [{ node: value, depth: depth + 1 }, ...inner] : inner;
}

const matches: ReadonlySet<string> = new Set(['matches']);

export function hasComprehension(ast: ASTNode): boolean {
  return callsOf(ast, comprehensions).length > 0;
}

export function faultOfCost(ast: ASTNode): DerivationFault | null {
  const nested = callsOf(ast, comprehensions).find(({ depth }) => depth > maxNestedComprehensions);
  if (nested !== undefined) {
    return {
      message: `comprehensions are nested more than ${maxNestedComprehensions} deep`,
      hint: 'the cost over a long list would have no bound',
      at: nested.node.start,
    };
  }
  for (const { node } of callsOf(ast, matches)) {
    const last = ((node.args as readonly unknown[]).at(-1) as readonly unknown[] | undefined)?.at(-1);
    const pattern = isNode(last) && last.op === 'value' ? last.args : null;
    if (typeof pattern !== 'string') {
      return {
        message: 'the pattern of matches() is not a literal',
        hint: 'write the pattern as text in the expression',
        at: node.start,
      };
    }
    const fault = faultOfPattern(pattern);
    if (fault !== null) return { message: `the pattern of matches() ${fault}`, hint: patternHint, at: node.start };
  }
  return null;
}

const patternHint = `at most ${maxPattern} characters and ${maxRepetitions} repetitions without bound, no repeated groups that repeat or choose within, no look-around, no back-references`;

function faultOfPattern(pattern: string): string | null {
  if (pattern.length > maxPattern) return 'is too long';
  try {
    new RegExp(pattern);
  } catch {
    return 'is not a regular expression';
  }
  let repetitions = pattern.startsWith('^') ? 0 : 1;
  /** Per open group: whether it has repetitions or alternatives within. */
  const groups: boolean[] = [];
  const mark = (): void => void groups.fill(true);
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] as string;
    if (character === '\\') {
      i += 1;
      if (/[1-9k]/.test(pattern[i] ?? '')) return 'could take very long';
    } else if (character === '[') {
      while (i < pattern.length && pattern[i] !== ']') i += pattern[i] === '\\' ? 2 : 1;
    } else if (character === '(') {
      if (/^\?(?:[=!]|<[=!])/.test(pattern.slice(i + 1, i + 4))) return 'could take very long';
      groups.push(false);
    } else if (character === '|') mark();
    else if (character === ')') {
      const complex = groups.pop() === true;
      if (complex && /^[*+{]/.test(pattern.slice(i + 1))) return 'could take very long';
    } else if (character === '*' || character === '+') {
      mark();
      repetitions += 1;
    } else if (character === '{') {
      const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(pattern.slice(i)) ?? [];
      // As often as it says is no choice; up to a few times is one, but not a multiple of the text.
      if (least !== undefined && comma !== '') mark();
      if (comma !== undefined && comma !== '' && !(Number(most || Number.NaN) <= 50)) repetitions += 1;
    } else if (character === '?' && !/[(*+?}]/.test(pattern[i - 1] ?? '(')) mark();
  }
  return repetitions > maxRepetitions ? 'could take very long' : null;
}

/** The expression with every `matches` a `boundedMatches`. */
export function withBoundedMatches(expression: string, ast: ASTNode): string {
  const places = callsOf(ast, matches).map(({ node }) => {
    const receiver = (node.args as readonly unknown[])[1];
    return expression.indexOf('matches', node.op === 'rcall' && isNode(receiver) ? receiver.end : node.start);
  });
  // From the end on, so that the places before stay where they are.
  return [...new Set(places)]
    .sort((a, b) => b - a)
    .reduce(
      (text, place) => `${text.slice(0, place)}boundedMatches${text.slice(place + 'matches'.length)}`,
      expression,
    );
}

const patterns = new Map<string, RegExp>();

/** Patterns are literals of contracts, so that there are few of them. Throws where the text is too long to be tried. */
export function boundedMatches(text: string, pattern: string): boolean {
  if (text.length > maxSubject) throw new RangeError('the text is too long for a pattern');
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    if (patterns.size >= 1000) patterns.clear();
    compiled = new RegExp(pattern);
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}
