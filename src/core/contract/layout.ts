/** The way back from public data to a record: every field at its path, in the form in which the contract's types are written. */
import { Numeral, PayloadError } from './codec.ts';
import { daysFromDate, type TimeUnit, unitsFromTime, unitsFromTimestamp } from './instants.ts';
import type { Contract, Field, FieldType, PublicData, ScalarType } from './model.ts';

type Writer = (value: unknown, path: string) => unknown;

/**
 * Objects, arrays, strings, numbers, booleans, null, and Numeral for long and decimal. Derived fields are left out, and so are
 * absent optional ones. Throws PayloadError where a time has more digits than its unit.
 */
export function compileLayout(contract: Contract): (data: PublicData) => unknown {
  const write = objectWriter(contract.fields);
  return (data) => write(data, '');
}

function objectWriter(fields: readonly Field[]): Writer {
  const writers = fields
    .filter((field) => field.derivation === null)
    .map((field) => ({ name: field.name, path: field.path, write: writerOf(field.type) }));
  return (value, path) => {
    const record: Record<string, unknown> = {};
    for (const { name, path: keys, write } of writers) {
      const member = (value as Record<string, unknown>)[name];
      if (member === null || member === undefined) continue;
      const written = write(member, path === '' ? name : `${path}.${name}`);
      if (keys.length === 0) Object.assign(record, written);
      else place(record, keys, written);
    }
    return record;
  };
}

const isIndex = (key: string | undefined): boolean => key !== undefined && /^\d+$/.test(key);

function place(record: Record<string, unknown>, keys: readonly string[], value: unknown): void {
  let target = record;
  keys.forEach((key, index) => {
    let next: unknown = value;
    if (index < keys.length - 1) {
      next = Object.hasOwn(target, key) ? target[key] : isIndex(keys[index + 1]) ? [] : {};
    } else if (isPlain(value) && Object.hasOwn(target, key) && isPlain(target[key])) {
      next = Object.assign(target[key] as object, value);
    }
    if (Array.isArray(target)) {
      // An array has no holes in JSON: what stands before the index is null.
      for (let i = target.length; i < Number(key); i++) target[i] = null;
    }
    Object.defineProperty(target, key, { value: next, enumerable: true, configurable: true, writable: true });
    target = next as Record<string, unknown>;
  });
}

function isPlain(value: unknown): boolean {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Numeral);
}

function writerOf(type: FieldType): Writer {
  switch (type.kind) {
    case 'object':
      return objectWriter(type.fields);
    case 'array': {
      const write = writerOf(type.items);
      return (value, path) =>
        (value as readonly unknown[]).map((item, index) => (item === null ? null : write(item, `${path}[${index}]`)));
    }
    case 'map': {
      const write = writerOf(type.values);
      return (value, path) =>
        Object.fromEntries(
          Object.entries(value as object).map(([key, item]) => [key, item === null ? null : write(item, `${path}[*]`)]),
        );
    }
    default:
      return scalarWriter(type);
  }
}

function scalarWriter(type: ScalarType): Writer {
  const { kind, unit } = type;
  if (kind === 'long' || kind === 'decimal') return (value) => new Numeral(value as string);
  if (unit === undefined) return (value) => value;
  if (kind === 'date') return (value) => daysFromDate(value as string);
  const convert = kind === 'time' ? unitsFromTime : unitsFromTimestamp;
  return (value, path) => {
    const units = convert(value as string, unit as TimeUnit);
    if (units === null) throw new PayloadError(path, `finer than ${unit}, or not without an offset`);
    return new Numeral(units);
  };
}
