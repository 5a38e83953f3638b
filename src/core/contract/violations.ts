/**
 * What is wrong with what a publisher gives, all of it: the intake stops at the first fault, which is right for what is read and little
 * help to whoever writes. Stricter in three things: a field that does not exist, or is derived, would be dropped without a word; a
 * number with more digits than a double holds has lost some; and maps are objects, as streams show them.
 */
import { isInput } from './inputs.ts';
import type { Contract, Field, FieldType, ScalarType } from './model.ts';
import { canonicalScalar, Mismatch, mismatch } from './scalars.ts';

export interface Violation {
  /** Names and indexes from the outermost object on. */
  readonly path: readonly (string | number)[];
  /** Words that hold nothing of the value. */
  readonly reason: string;
}

/** Significant digits that a JSON number carries in any case. */
const SAFE_DIGITS = 15;

/** At most `limit` of them, in the contract's order; none: the intake takes it, unless a derivation fails. */
export function violationsOf(contract: Contract, input: unknown, limit: number): readonly Violation[] {
  const search = new Search(limit);
  if (isObject(input)) search.object(contract.fields, input, []);
  else search.found([], 'expected an object');
  return search.violations;
}

type Path = readonly (string | number)[];

class Search {
  readonly violations: Violation[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  found(path: Path, reason: string): void {
    if (!this.#isFull) this.violations.push({ path, reason });
  }

  object(fields: readonly Field[], held: Readonly<Record<string, unknown>>, at: Path): void {
    for (const field of fields) {
      if (this.#isFull) return;
      const path = [...at, field.name];
      const isGiven = Object.hasOwn(held, field.name);
      if (!isInput(field)) {
        if (isGiven) this.found(path, 'it is derived from other fields and no input');
      } else if (isGiven || field.required) {
        this.#value(field.type, field.required, isGiven ? held[field.name] : null, path);
      }
    }
    const known = new Set(fields.map(({ name }) => name));
    for (const name of Object.keys(held)) {
      if (this.#isFull) return;
      if (!known.has(name)) this.found([...at, name], 'there is no such field');
    }
  }

  #value(type: FieldType, required: boolean, value: unknown, path: Path): void {
    if (value === null || value === undefined) {
      if (required) this.found(path, 'a required value is missing');
      return;
    }
    switch (type.kind) {
      case 'object':
        if (isObject(value)) this.object(type.fields, value, path);
        else this.found(path, 'expected an object');
        return;
      case 'array':
        return this.#array(type, value, path);
      case 'map':
        return this.#map(type, value, path);
      default:
        return this.#scalar(type, value, path);
    }
  }

  #array({ items, itemsRequired }: Extract<FieldType, { kind: 'array' }>, value: unknown, path: Path): void {
    if (!Array.isArray(value)) return this.found(path, 'expected a list');
    for (const [index, item] of value.entries()) {
      if (this.#isFull) return;
      this.#value(items, itemsRequired, item, [...path, index]);
    }
  }

  #map({ values, valuesRequired }: Extract<FieldType, { kind: 'map' }>, value: unknown, path: Path): void {
    if (!isObject(value)) return this.found(path, 'expected an object');
    for (const [key, item] of Object.entries(value)) {
      if (this.#isFull) return;
      this.#value(values, valuesRequired, item, [...path, key]);
    }
  }

  #scalar(type: ScalarType, value: unknown, path: Path): void {
    const { unit: _unit, ...plain } = type;
    try {
      canonicalScalar(plain, value);
    } catch (thrown) {
      return this.found(path, thrown instanceof Mismatch ? thrown.message : mismatch(plain).message);
    }
    if (type.kind === 'decimal' && typeof value === 'number' && digitsOf(value) > SAFE_DIGITS)
      this.found(path, 'as a number it has lost digits: give it as a string');
  }

  get #isFull(): boolean {
    return this.violations.length >= this.#limit;
  }
}

function digitsOf(value: number): number {
  const digits = String(Math.abs(value)).replace(/e.*$/, '').replace('.', '');
  return digits.replace(/^0+/, '').length;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
