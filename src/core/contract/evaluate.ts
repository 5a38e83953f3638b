/** Predicates over public events. Values are canonical on both sides, so that equality is identity. */
import { compareNumerals } from './decimal.ts';
import { compareTimes, compareTimestamps } from './instants.ts';
import type { Predicate, PublicData, PublicEvent, ScalarKind, Value } from './model.ts';

type Order = (a: never, b: never) => number;

const plainOrder = (a: string | number | boolean, b: string | number | boolean): number => (a < b ? -1 : a > b ? 1 : 0);

/** Exact for long and decimal, chronological for times, by UTF-16 code unit for strings and dates. */
const orders: Readonly<Record<ScalarKind, Order>> = {
  string: plainOrder,
  int: plainOrder,
  number: plainOrder,
  boolean: plainOrder,
  date: plainOrder,
  long: compareNumerals,
  decimal: compareNumerals,
  timestamp: compareTimestamps,
  time: compareTimes,
};

/** Order of two canonical values of one kind: negative, 0 or positive. Neither is null. */
function comparePredicateValues(kind: ScalarKind, a: Value, b: Value): number {
  return orders[kind](a as never, b as never);
}

const fragments = { gt: '> 0', gte: '>= 0', lt: '< 0', lte: '<= 0' } as const;
const plainKinds: ReadonlySet<ScalarKind> = new Set(['string', 'int', 'number', 'date']);
const signs = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function accessOf(path: readonly string[]): string {
  return path.map((name, index) => `${index === 0 ? 'data' : '?.'}[${JSON.stringify(name)}]`).join('');
}

/** Made by their text, which holds no operand: see compilePredicate. Forgotten all at once when they are many. */
const shapes = new Map<string, (...parts: never[]) => unknown>();
const maxShapes = 1_000;
/** Characters; longer ones are rare, and alike more rarely still. */
const maxShapeText = 2_000;

function make<Made extends (...parts: never[]) => unknown>(names: readonly string[], body: string): Made {
  let made = shapes.get(body);
  if (made === undefined) {
    made = new Function(...names, `'use strict'; ${body}`) as Made;
    if (shapes.size >= maxShapes) shapes.clear();
    if (body.length <= maxShapeText) shapes.set(body, made);
  }
  return made as Made;
}

class Generator {
  readonly constants: unknown[] = [];

  private constant(value: unknown): string {
    return `c${this.constants.push(value) - 1}`;
  }

  expression(predicate: Predicate): string {
    switch (predicate.op) {
      case 'and':
      case 'or': {
        if (predicate.of.length === 0) return predicate.op === 'and' ? 'true' : 'false';
        return `(${predicate.of.map((inner) => this.expression(inner)).join(predicate.op === 'and' ? ' && ' : ' || ')})`;
      }
      case 'not':
        return `!${this.expression(predicate.of)}`;
      case 'isNull':
        return `(${accessOf(predicate.path)} ${predicate.value ? '==' : '!='} null)`;
      case 'in':
        return this.among(predicate);
      default:
        return this.comparison(predicate);
    }
  }

  private among({ path, value }: Extract<Predicate, { op: 'in' }>): string {
    const values = this.constant(new Set(value));
    return `${values}.has(${accessOf(path)})`;
  }

  private comparison({
    op,
    path,
    kind,
    value,
  }: Extract<Predicate, { op: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'prefix' }>): string {
    const member = accessOf(path);
    const operand = this.constant(value);
    if (op === 'eq') return `(${member} === ${operand})`;
    if (op === 'ne') return `(${member} !== ${operand})`;
    if (op === 'prefix') return `starts(${member}, ${operand})`;
    if (plainKinds.has(kind)) return `(${member} != null && ${member} ${signs[op]} ${operand})`;
    return `(${member} != null && ${this.constant(orders[kind])}(${member}, ${operand}) ${fragments[op]})`;
  }
}

function starts(value: unknown, prefix: string): boolean {
  return typeof value === 'string' && value.startsWith(prefix);
}

/**
 * Whether an event passes. An event with op DELETE passes only where its public key alone decides that it does.
 *
 * All predicates of one shape share one function, which is compiled once and is as fast for the one that is asked once a minute as for
 * the others; what tells them apart is one closure each, with the operands in it, since fetching it is most of what asking one of many costs.
 */
export function compilePredicate(predicate: Predicate): (event: PublicEvent) => boolean {
  const generator = new Generator();
  const expression = generator.expression(predicate);
  const { constants } = generator;
  const shape = make<
    (
      operands: readonly unknown[],
      startsWith: typeof starts,
      decide: typeof decidePredicate,
      whole: Predicate,
    ) => (event: PublicEvent) => boolean
  >(
    ['constants', 'starts', 'decide', 'predicate'],
    `const [${constants.map((_, index) => `c${index}`).join(', ')}] = constants;
    return ({ data, keyData }) => data !== null ? ${expression} : decide(predicate, keyData) === true;`,
  );
  return shape(constants, starts, decidePredicate, predicate);
}

/** What a comparison of this path compares, of an event with data: null or undefined where it or anything above it is null. */
export function compileRead(path: readonly string[]): (data: PublicData) => unknown {
  return make<() => (data: PublicData) => unknown>([], `return (data) => ${accessOf(path)};`)();
}

/**
 * Over the part of an event that is known: true, false, or null where what is not known would decide. What is absent
 * from `known` is not known; null is known to be null.
 */
export function decidePredicate(predicate: Predicate, known: PublicData | null): boolean | null {
  switch (predicate.op) {
    case 'and':
    case 'or': {
      const decisive = predicate.op === 'or';
      let undecided = false;
      for (const inner of predicate.of) {
        const decided = decidePredicate(inner, known);
        if (decided === decisive) return decisive;
        undecided ||= decided === null;
      }
      return undecided ? null : !decisive;
    }
    case 'not': {
      const decided = decidePredicate(predicate.of, known);
      return decided === null ? null : !decided;
    }
    case 'isNull': {
      const value = knownAt(known, predicate.path);
      return value === undefined ? null : (value === null) === predicate.value;
    }
    default: {
      const value = knownAt(known, predicate.path);
      return value === undefined ? null : leafHolds(predicate, value as Value);
    }
  }
}

/**
 * What a comparison of this path compares, of a deleted event; undefined: not known. Public keys are required fields in required
 * objects: what lies above a known value is not null.
 */
export function knownAt(known: PublicData | null, path: readonly string[]): unknown {
  let value: unknown = known ?? undefined;
  for (const name of path) {
    if (value === null) return null;
    if (typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function leafHolds(predicate: Exclude<Predicate, { op: 'and' | 'or' | 'not' | 'isNull' }>, value: Value): boolean {
  if (predicate.op === 'in') return value !== null && predicate.value.includes(value);
  if (predicate.op === 'eq') return value === predicate.value;
  if (predicate.op === 'ne') return value !== predicate.value;
  if (value === null) return false;
  if (predicate.op === 'prefix') return starts(value, predicate.value as string);
  const order = comparePredicateValues(predicate.kind, value, predicate.value);
  return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[predicate.op];
}
