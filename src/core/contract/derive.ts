/**
 * Derived fields: CEL over `source`, the whole decoded record, compiled once.
 *
 * Numbers of a record are doubles to CEL, as JSON has them, and integers wherever a double would lose digits. Plain CEL has no
 * arithmetic between double and int, so that `source.delay + 1` would fail on every record; here it gives a double.
 * What an expression may cost is bounded (derive-cost.ts).
 */
import { type ASTNode, Environment, EvaluationError } from '@marcbachmann/cel-js';
import { Numeral } from './codec.ts';
import { canonicalLong } from './decimal.ts';
import {
  boundedMatches,
  type DerivationFault,
  faultOfCost,
  hasComprehension,
  isNode,
  maxElements,
  withBoundedMatches,
} from './derive-cost.ts';

const environment = new Environment({
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 500, maxDepth: 40, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 16 },
}).registerVariable('source', 'dyn');

const arithmetic: readonly [string, (a: number, b: number) => number][] = [
  ['+', (a, b) => a + b],
  ['-', (a, b) => a - b],
  ['*', (a, b) => a * b],
  ['/', (a, b) => a / b],
  ['%', (a, b) => a % b],
];
for (const [operator, apply] of arithmetic) {
  environment.registerOperator(`double ${operator} int`, (a: number, b: bigint) => apply(a, Number(b)));
  environment.registerOperator(`int ${operator} double`, (a: bigint, b: number) => apply(Number(a), b));
}
environment.registerOperator('double % double', (a: number, b: number) => a % b);
environment.registerFunction('string.boundedMatches(string): bool', boundedMatches);

export type Derivation = (source: unknown) => unknown;

export interface CompiledDerivation {
  /** What CEL knows of the result beforehand: `string`, `int`, `bool`, `double`, `dyn` ... */
  readonly type: string;
  /** What it reads of the record: paths of keys from `source` on; the empty path is the whole record. */
  readonly reads: readonly (readonly string[])[];
  /** Throws DerivationError. */
  readonly run: Derivation;
}

/** An expression failed over a record. The message is CEL's own code, never content. */
export class DerivationError extends Error {
  constructor(code: string) {
    super(`the derivation failed: ${code.replaceAll('_', ' ')}`);
    this.name = 'DerivationError';
  }
}

export function compileDerivation(expression: string): CompiledDerivation | DerivationFault {
  const checked = environment.check(expression);
  if (!checked.valid) {
    const error = checked.error;
    const summary =
      error === undefined ? 'it is not an expression' : ((error as { summary?: string }).summary ?? error.message);
    return { message: summary, hint: hintFor(error?.code ?? ''), at: error?.range?.start ?? null };
  }
  const { ast } = environment.parse(expression);
  const costly = faultOfCost(ast);
  if (costly !== null) return costly;
  const parsed = environment.parse(withBoundedMatches(expression, ast));
  const reads: (readonly string[])[] = [];
  collectReads(ast, reads);
  const lists = hasComprehension(ast) ? reads : [];
  const run: Derivation = (source) => {
    let result: unknown;
    for (const path of lists) if (holdsLongList(valueAt(source, path))) throw new DerivationError('list_too_long');
    try {
      result = parsed({ source });
    } catch (error) {
      throw new DerivationError(error instanceof EvaluationError ? error.code : 'error');
    }
    return fromCel(result, 0);
  };
  return { type: checked.type ?? 'dyn', reads, run };
}

function hintFor(code: string): string | null {
  if (code === 'incompatible_ternary_branches') return 'wrap one branch in dyn(...) where the types differ on purpose';
  if (code === 'unknown_variable') return 'the record is "source": source.delay, source.properties.mag';
  return null;
}

/** `source.a.b` reads the path a, b; any other use of `source` reads all of it. */
function collectReads(value: unknown, reads: (readonly string[])[]): void {
  if (Array.isArray(value)) for (const item of value) collectReads(item, reads);
  if (!isNode(value)) return;
  const path: string[] = [];
  let node: ASTNode = value;
  while (node.op === '.') {
    const [inner, key] = node.args as [ASTNode, string];
    path.unshift(key);
    node = inner;
  }
  if (node.op === 'id' && node.args === 'source') reads.push(path);
  else collectReads(node.args, reads);
}

/** CEL's values as a decoder would give them. */
function fromCel(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return new Numeral(value.toString());
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Numeral) return value;
  if (depth > 64) throw new DerivationError('nested_too_deep');
  if (Array.isArray(value)) return value.map((item) => fromCel(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!(value instanceof Map) && prototype !== Object.prototype && prototype !== null) {
    // uint is a class of the library's own; duration and bytes have no place in a contract.
    const plain: unknown = value.valueOf();
    if (typeof plain === 'bigint') return new Numeral(plain.toString());
    throw new DerivationError('unusable_type');
  }
  const entries = value instanceof Map ? [...value.entries()] : Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [String(key), fromCel(item, depth + 1)]));
}

function valueAt(source: unknown, path: readonly string[]): unknown {
  let value = source;
  for (const key of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Comprehensions may be nested, so that their cost grows with the square of a list. */
function holdsLongList(value: unknown, depth = 0): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (depth > 256 || (Array.isArray(value) && value.length > maxElements)) return true;
  const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return members.length > maxElements || members.some((member) => holdsLongList(member, depth + 1));
}

/** Whether a value holds a numeral anywhere. */
export function holdsNumeral(value: unknown, depth = 0): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (value instanceof Numeral || depth > 256) return true;
  if (Array.isArray(value)) return value.some((item) => holdsNumeral(item, depth + 1));
  return Object.values(value).some((member) => holdsNumeral(member, depth + 1));
}

/** A record as CEL reads it: numerals become integers where they are whole, else doubles. Copies only what holds one. */
export function celSource(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Numeral) {
    const whole = canonicalLong(value.text);
    return whole === null ? Number(value.text) : BigInt(whole);
  }
  if (depth > 256) throw new DerivationError('nested_too_deep');
  if (Array.isArray(value)) {
    let copy: unknown[] | null = null;
    for (let i = 0; i < value.length; i++) {
      const item = celSource(value[i], depth + 1);
      if (item === value[i]) continue;
      copy ??= value.slice();
      copy[i] = item;
    }
    return copy ?? value;
  }
  let copy: Record<string, unknown> | null = null;
  for (const [key, member] of Object.entries(value)) {
    const item = celSource(member, depth + 1);
    if (item === member) continue;
    copy ??= { ...(value as Record<string, unknown>) };
    Object.defineProperty(copy, key, { value: item, enumerable: true, configurable: true, writable: true });
  }
  return copy ?? value;
}
