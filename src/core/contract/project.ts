/**
 * From a decoded record to public data, as one generated function per contract: a closure per field costs several times as much.
 * What is generated names fields only by literals of checked names; everything else is a constant handed in.
 */
import { Numeral, PayloadError } from './codec.ts';
import { plainDecimal } from './decimal.ts';
import {
  type CompiledDerivation,
  celSource,
  compileDerivation,
  type Derivation,
  DerivationError,
  holdsNumeral,
} from './derive.ts';
import { isInput } from './inputs.ts';
import type { Contract, Field, FieldType, PublicData, ScalarType } from './model.ts';
import { canonicalScalar, Mismatch, mismatch, ranges } from './scalars.ts';

export type Projector = (decoded: unknown) => PublicData;

/** Objects inherit these: only an own member of such a name is one. */
const inherited = new Set(Object.getOwnPropertyNames(Object.prototype));

class Generator {
  readonly constants: unknown[] = [];
  private variables = 0;
  private readonly lines: string[] = [];
  private readonly derivations: ReadonlyMap<Field, CompiledDerivation>;
  /** `input`: data come from a publisher, under their public names, without derived fields. */
  private readonly input: boolean;

  constructor(input: boolean, derivations: ReadonlyMap<Field, CompiledDerivation>) {
    this.input = input;
    this.derivations = derivations;
  }

  generate(fields: readonly Field[]): string {
    this.emit(
      `if (!isObject(record)) throw new PayloadError('', ${this.input ? "'expected an object'" : "'the record is not an object'"});`,
    );
    if (this.derivations.size > 0) this.emit(`const source = ${this.readsNumeral()} ? celSource(record) : record;`);
    const result = this.object(fields, 'record', "''");
    this.emit(`return ${result};`);
    return this.lines.join('\n');
  }

  /** CEL knows no numerals. Whether the derivations would meet one is told from what they read, which costs less than looking through the record. */
  private readsNumeral(): string {
    const paths = new Map(
      [...this.derivations.values()].flatMap(({ reads }) => reads).map((path) => [path.join('\0'), path]),
    );
    return [...paths.values()].map((path) => `holdsNumeral(${this.access('record', path)})`).join(' || ') || 'false';
  }

  private emit(line: string): void {
    this.lines.push(line);
  }

  private variable(): string {
    return `v${this.variables++}`;
  }

  private constant(value: unknown): string {
    return `constants[${this.constants.push(value) - 1}]`;
  }

  /** `at` is an expression for the path of the enclosing object, empty or with its closing dot. */
  private object(fields: readonly Field[], from: string, at: string): string {
    const members = fields.map((field) => `${JSON.stringify(field.name)}: ${this.field(field, from, at)}`);
    return `{ ${members.join(', ')} }`;
  }

  private field(field: Field, from: string, at: string): string {
    const path = at === "''" ? JSON.stringify(field.name) : `${at} + ${JSON.stringify(field.name)}`;
    if (this.input && !isInput(field)) return this.derived(field, path);
    const raw = this.variable();
    if (field.derivation !== null) {
      const { run } = this.derivations.get(field) as CompiledDerivation;
      this.emit(`const ${raw} = derive(${this.constant(run)}, source, ${path});`);
    } else this.emit(`const ${raw} = ${this.access(from, this.input ? [field.name] : field.path)};`);
    const result = this.variable();
    this.emit(`let ${result};`);
    this.emit(`if (${raw} === null || ${raw} === undefined) {`);
    if (field.required) this.emit(`throw new PayloadError(${path}, 'a required value is missing');`);
    else this.emit(`${result} = null;`);
    this.emit('} else {');
    this.emit(`${result} = ${this.value(field.type, raw, path)};`);
    this.emit('}');
    return result;
  }

  /** What no publisher gives: nothing yet where it is derived, and around that whatever the record needs to hold. */
  private derived({ derivation, type, required }: Field, path: string): string {
    if (derivation !== null) return 'null';
    if (type.kind === 'object') return this.object(type.fields, 'null', `${path} + '.'`);
    if (!required) return 'null';
    return type.kind === 'array' ? '[]' : '{}';
  }

  private access(from: string, path: readonly string[]): string {
    let expression = from;
    path.forEach((key, index) => {
      const literal = JSON.stringify(key);
      const own = inherited.has(key) ? `own(${expression}, ${literal})` : '';
      expression = own !== '' ? own : `${expression}${index === 0 ? '' : '?.'}[${literal}]`;
    });
    return expression;
  }

  /** Emits what checks the value in `raw`; returns an expression for its canonical form. */
  private value(type: FieldType, raw: string, path: string): string {
    switch (type.kind) {
      case 'object': {
        this.emit(`if (!isObject(${raw})) throw new PayloadError(${path}, 'expected an object');`);
        return this.object(type.fields, raw, `${path} + '.'`);
      }
      case 'array':
        return this.array(type, raw, path);
      case 'map':
        return this.map(type, raw, path);
      default:
        return this.scalar(type, raw, path);
    }
  }

  private array(type: Extract<FieldType, { kind: 'array' }>, raw: string, path: string): string {
    const [list, index, item, itemPath] = [this.variable(), this.variable(), this.variable(), this.variable()];
    this.emit(`if (!Array.isArray(${raw})) throw new PayloadError(${path}, 'expected a list');`);
    this.emit(`const ${list} = new Array(${raw}.length);`);
    this.emit(`for (let ${index} = 0; ${index} < ${raw}.length; ${index}++) {`);
    this.emit(`const ${item} = ${raw}[${index}];`);
    this.emit(`const ${itemPath} = ${path} + '[' + ${index} + ']';`);
    this.element(type.items, type.itemsRequired, item, itemPath, `${list}[${index}]`);
    this.emit('}');
    return list;
  }

  private map(type: Extract<FieldType, { kind: 'map' }>, raw: string, path: string): string {
    const [map, entries, key, item, itemPath, result] = Array.from({ length: 6 }, () => this.variable());
    this.emit(`const ${map} = {};`);
    this.emit(`const ${entries} = ${this.input ? 'entriesOf' : 'membersOf'}(${raw}, ${path});`);
    this.emit(`for (const [${key}, ${item}] of ${entries}) {`);
    this.emit(`const ${itemPath} = ${path} + '[*]';`);
    this.emit(`let ${result};`);
    this.element(type.values, type.valuesRequired, item as string, itemPath as string, result as string);
    this.emit(`put(${map}, ${key}, ${result});`);
    this.emit('}');
    return map as string;
  }

  private element(type: FieldType, required: boolean, item: string, path: string, target: string): void {
    this.emit(`if (${item} === null || ${item} === undefined) {`);
    this.emit(required ? `throw new PayloadError(${path}, 'a required value is missing');` : `${target} = null;`);
    this.emit('} else {');
    this.emit(`${target} = ${this.value(type, item, path)};`);
    this.emit('}');
  }

  /** The form that nearly every record has is told in place; anything else is for the slow way, which knows why not. */
  private scalar(type: ScalarType, raw: string, path: string): string {
    const slow = `scalar(${this.constant(this.input ? withoutUnit(type) : type)}, ${raw}, ${path})`;
    if (type.kind === 'string') return `typeof ${raw} === 'string' ? ${raw} : ${slow}`;
    if (type.kind === 'boolean') return `typeof ${raw} === 'boolean' ? ${raw} : ${slow}`;
    if (type.kind === 'int') {
      const [least, greatest] = ranges[type.width ?? 'i32'] as readonly [number, number];
      // `| 0` also makes -0 a plain 0.
      const inRange = type.width === undefined ? '' : ` && ${raw} >= ${least} && ${raw} <= ${greatest}`;
      return `(${raw} | 0) === ${raw}${inRange} ? ${raw} | 0 : ${slow}`;
    }
    if (type.kind === 'number') return `typeof ${raw} === 'number' && ${raw} - ${raw} === 0 ? ${raw} + 0 : ${slow}`;
    if (type.kind === 'long' && type.width === undefined)
      return `Number.isSafeInteger(${raw}) ? String(${raw}) : ${slow}`;
    if (type.kind === 'decimal') {
      const plain = `plainDecimal(${raw}, ${type.precision ?? 38}, ${type.scale ?? 0})`;
      return `(typeof ${raw} === 'number' ? ${plain} : null) ?? ${slow}`;
    }
    return slow;
  }
}

function withoutUnit(type: ScalarType): ScalarType {
  const { unit: _unit, ...rest } = type;
  return rest;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Numeral);
}

function own(value: unknown, key: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function scalar(type: ScalarType, value: unknown, path: string): unknown {
  try {
    return canonicalScalar(type, value);
  } catch (error) {
    throw new PayloadError(path, error instanceof Mismatch ? error.message : mismatch(type).message);
  }
}

function derive(derivation: Derivation, source: unknown, path: string): unknown {
  try {
    return derivation(source);
  } catch (error) {
    throw new PayloadError(path, error instanceof DerivationError ? error.message : 'the derivation failed');
  }
}

/** A member of any name, `__proto__` included. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

function membersOf(value: unknown, path: string): Iterable<readonly [string, unknown]> {
  if (!isObject(value)) throw new PayloadError(path, 'expected an object');
  return Object.entries(value as Record<string, unknown>);
}

/** A publisher gives a map as a list of {key, value}, as it is shown, or as an object. */
function entriesOf(value: unknown, path: string): Iterable<readonly [string, unknown]> {
  if (!Array.isArray(value)) return membersOf(value, path);
  const seen = new Set<string>();
  return value.map((entry: unknown) => {
    const key = isObject(entry) ? (entry as { key?: unknown }).key : undefined;
    if (typeof key !== 'string') throw new PayloadError(path, 'expected entries of {key, value}');
    if (seen.has(key)) throw new PayloadError(path, 'a key stands here twice');
    seen.add(key);
    return [key, (entry as { value?: unknown }).value] as const;
  });
}

function compile(fields: readonly Field[], input: boolean): Projector {
  const generator = new Generator(input, input ? new Map() : derivationsOf(fields));
  const body = generator.generate(fields);
  const make = new Function(
    ...Object.keys(tools),
    'constants',
    `'use strict';\nreturn function project(record) {\n${body}\n};`,
  ) as (...parts: readonly unknown[]) => Projector;
  return make(...Object.values(tools), generator.constants);
}

/** What generated code calls, by name. */
const tools = {
  PayloadError,
  isObject,
  own,
  scalar,
  plainDecimal,
  derive,
  put,
  membersOf,
  entriesOf,
  celSource,
  holdsNumeral,
};

function derivationsOf(
  fields: readonly Field[],
  found = new Map<Field, CompiledDerivation>(),
): ReadonlyMap<Field, CompiledDerivation> {
  for (const field of fields) {
    if (field.derivation === null) {
      derivationsOf(fieldsOf(field.type), found);
      continue;
    }
    const compiled = compileDerivation(field.derivation);
    if (!('run' in compiled)) throw new Error(`The derivation of ${field.name} does not compile: ${compiled.message}`);
    found.set(field, compiled);
  }
  return found;
}

function fieldsOf(type: FieldType): readonly Field[] {
  if (type.kind === 'object') return type.fields;
  if (type.kind === 'array') return fieldsOf(type.items);
  return type.kind === 'map' ? fieldsOf(type.values) : [];
}

/** Reads a decoded record. Throws PayloadError with the public path, never content. */
export function compileProjection(contract: Contract): Projector {
  return compile(contract.fields, false);
}

/** Reads what a publisher gives, by public names; derived fields come out null. */
export function compileIntake(contract: Contract): Projector {
  return compile(contract.fields, true);
}
