/**
 * The grammar of `where`: from an input object to a checked predicate.
 *
 *   {delay: {gt: 15, lte: 60}, route: {origin: {eq: "LAX"}}, or: [{...}, {...}], not: {...}}
 *
 * Everything in one object must hold. `eq: null` is `isNull: true`, `ne: null` is `isNull: false`, a null in `in` stands for null
 * itself. Any other comparison with null is refused, and a comparison of a value that is null is false: so `ne` holds for null,
 * being the opposite of `eq`. Objects, lists and maps have `isNull` only.
 */
import { SluiceError } from '../errors.ts';
import { canonicalDecimal } from './decimal.ts';
import type { Comparison, Contract, Field, FieldType, Predicate, ScalarKind, ScalarType, Value } from './model.ts';
import { suggestion } from './nearest.ts';
import { canonicalScalar, Mismatch } from './scalars.ts';

const maxDepth = 16;
const maxNodes = 256;
const maxList = 1000;
const maxText = 4096;

type Operator = Comparison | 'in' | 'isNull';

const ordered: readonly Operator[] = ['eq', 'ne', 'in', 'gt', 'gte', 'lt', 'lte', 'isNull'];

/** The operators of a field of this kind. */
function operatorsOf(kind: FieldType['kind']): readonly Operator[] {
  if (kind === 'string') return [...ordered.slice(0, -1), 'prefix', 'isNull'];
  if (kind === 'boolean') return ['eq', 'ne', 'in', 'isNull'];
  return isScalar(kind) ? ordered : ['isNull'];
}

function isScalar(kind: FieldType['kind']): kind is ScalarKind {
  return kind !== 'object' && kind !== 'array' && kind !== 'map';
}

/**
 * `where` as a client gave it: coerced by GraphQL, or plain JSON. `at` is what messages call it ("where"). null: no condition.
 * Fields that the contract masks are refused like unknown ones are. Throws BAD_FILTER with the path at fault.
 */
export function parsePredicate(contract: Contract, where: unknown, at: string): Predicate | null {
  if (where === null || where === undefined) return null;
  const parser = new Parser();
  const predicate = parser.object(where, contract.fields, [], at, 0);
  return predicate.op === 'and' && predicate.of.length === 0 ? null : predicate;
}

function bad(at: string, what: string): SluiceError {
  return new SluiceError('BAD_FILTER', `${at}: ${what}`, { details: { path: at } });
}

function entriesOf(value: unknown, at: string): readonly [string, unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw bad(at, 'expected an object.');
  return Object.entries(value).filter(([, member]) => member !== undefined);
}

class Parser {
  private nodes = 0;

  private count(at: string, depth: number): void {
    this.nodes += 1;
    if (this.nodes > maxNodes) throw bad(at, `more than ${maxNodes} conditions.`);
    if (depth > maxDepth) throw bad(at, `nested more than ${maxDepth} deep.`);
  }

  object(value: unknown, fields: readonly Field[], path: readonly string[], at: string, depth: number): Predicate {
    this.count(at, depth);
    const all: Predicate[] = [];
    for (const [name, member] of entriesOf(value, at)) {
      const here = `${at}.${name}`;
      if (name === 'and' || name === 'or') all.push(this.list(name, member, fields, path, here, depth));
      else if (name === 'not') all.push({ op: 'not', of: this.object(member, fields, path, here, depth + 1) });
      else all.push(...this.field(name, member, fields, path, here, depth));
    }
    return all.length === 1 ? (all[0] as Predicate) : { op: 'and', of: all };
  }

  private list(
    op: 'and' | 'or',
    value: unknown,
    fields: readonly Field[],
    path: readonly string[],
    at: string,
    depth: number,
  ): Predicate {
    if (!Array.isArray(value) || value.length === 0) throw bad(at, 'expected a list of at least one condition.');
    return { op, of: value.map((item, index) => this.object(item, fields, path, `${at}[${index}]`, depth + 1)) };
  }

  private field(
    name: string,
    value: unknown,
    fields: readonly Field[],
    path: readonly string[],
    at: string,
    depth: number,
  ): readonly Predicate[] {
    const field = fields.find((candidate) => candidate.name === name);
    if (field === undefined) {
      // On the object itself, unless it has a field of that name.
      if (name === 'isNull' && path.length > 0) return [this.isNull(value, path, at)];
      const usable = fields.filter((candidate) => candidate.mask === null).map((candidate) => candidate.name);
      throw bad(
        at,
        `there is no field "${name.slice(0, 64)}"; ${usable.length > 40 ? 'see the schema.' : `${suggestion(name, usable)}${usable.length > 0 ? '' : 'none can be filtered on.'}`}`,
      );
    }
    if (field.mask !== null) throw bad(at, 'the field is masked for this application, so it cannot be filtered on.');
    const own = [...path, name];
    if (field.type.kind === 'object') {
      if (value === null) throw bad(at, 'expected conditions; for fields that are null say {isNull: true}.');
      return [this.object(value, field.type.fields, own, at, depth + 1)];
    }
    return this.operators(field.type, value, own, at, depth);
  }

  private operators(
    type: Exclude<FieldType, { kind: 'object' }>,
    value: unknown,
    path: readonly string[],
    at: string,
    depth: number,
  ): readonly Predicate[] {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw bad(at, 'expected an object of operators, such as {eq: ...}; for null say {isNull: true}.');
    }
    const known = operatorsOf(type.kind);
    return entriesOf(value, at).map(([name, operand]) => {
      const here = `${at}.${name}`;
      this.count(here, depth);
      const operator = known.find((candidate) => candidate === name);
      if (operator === undefined) throw bad(here, `no operator of ${type.kind} fields; ${suggestion(name, known)}.`);
      if (operator === 'isNull') return this.isNull(operand, path, here);
      const scalar = type as ScalarType;
      return operator === 'in'
        ? this.among(scalar, operand, path, here)
        : this.comparison(operator, scalar, operand, path, here);
    });
  }

  private isNull(value: unknown, path: readonly string[], at: string): Predicate {
    if (typeof value !== 'boolean') throw bad(at, 'expected true or false.');
    return { op: 'isNull', path, value };
  }

  private comparison(
    op: Comparison,
    type: ScalarType,
    operand: unknown,
    path: readonly string[],
    at: string,
  ): Predicate {
    if (operand === null) {
      if (op === 'eq' || op === 'ne') return { op: 'isNull', path, value: op === 'eq' };
      throw bad(at, 'nothing compares with null; say {isNull: true}.');
    }
    return { op, path, kind: type.kind, value: operandOf(type, operand, at) };
  }

  private among(type: ScalarType, operand: unknown, path: readonly string[], at: string): Predicate {
    if (!Array.isArray(operand)) throw bad(at, 'expected a list.');
    if (operand.length > maxList) throw bad(at, `more than ${maxList} values.`);
    const values = operand.flatMap((item, index) => (item === null ? [] : [operandOf(type, item, `${at}[${index}]`)]));
    const among: Predicate = { op: 'in', path, kind: type.kind, value: [...new Set(values)] };
    return values.length === operand.length ? among : { op: 'or', of: [{ op: 'isNull', path, value: true }, among] };
  }
}

/** Canonical, as in public data. A decimal finer than the field's is kept as it is: it equals none, and orders among them. */
function operandOf(type: ScalarType, operand: unknown, at: string): Value {
  if (typeof operand === 'string' && operand.length > maxText) throw bad(at, `longer than ${maxText} characters.`);
  const { unit: _unit, width: _width, zoned: _zoned, ...plain } = type;
  try {
    if (plain.kind === 'decimal') return decimalOperand(plain, operand);
    return canonicalScalar(plain, operand);
  } catch (error) {
    if (error instanceof Mismatch) throw bad(at, `${error.message}.`);
    throw error;
  }
}

function decimalOperand(type: ScalarType, operand: unknown): Value {
  if (typeof operand !== 'string' && !(typeof operand === 'number' && Number.isFinite(operand)))
    throw new Mismatch('expected a decimal number');
  const text = String(operand);
  const exact = canonicalDecimal(text, 200, type.scale ?? 0);
  if (exact !== null) return exact;
  for (let scale = (type.scale ?? 0) + 1; scale <= 100; scale++) {
    const finer = canonicalDecimal(text, 200, scale);
    if (finer !== null) return finer;
  }
  throw new Mismatch('expected a decimal number');
}
