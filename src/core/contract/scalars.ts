/** From what a decoder, a CEL expression or a client gives to the canonical value of a scalar, or to the reason why it is none. */
import { Numeral } from './codec.ts';
import { canonicalDecimal, canonicalLong } from './decimal.ts';
import {
  canonicalDate,
  canonicalTime,
  canonicalTimestamp,
  dateFromDays,
  type TimeUnit,
  timeFromUnits,
  timestampFromUnits,
} from './instants.ts';
import type { ScalarType } from './model.ts';

/** Why a value is not of its kind: words for a message, never content. */
export class Mismatch extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Mismatch';
  }
}

/** What an integer of each width may be. */
export const ranges: Readonly<Record<string, readonly [number, number]>> = {
  i8: [-128, 127],
  i16: [-32_768, 32_767],
  i32: [-2_147_483_648, 2_147_483_647],
  u8: [0, 255],
  u16: [0, 65_535],
  u32: [0, 4_294_967_295],
};

const nouns: Readonly<Record<ScalarType['kind'], string>> = {
  string: 'a string',
  int: 'an integer of 32 bits',
  long: 'an integer of 64 bits',
  number: 'a finite number',
  decimal: 'a decimal number',
  boolean: 'true or false',
  date: 'a date (YYYY-MM-DD)',
  timestamp: 'a timestamp (RFC 3339)',
  time: 'a time (HH:MM:SS)',
};

function noun(type: ScalarType): string {
  if (type.kind === 'decimal' && type.precision !== undefined) return `a decimal(${type.precision},${type.scale})`;
  if (type.width !== undefined) return `an integer of ${type.width}`;
  if (type.unit !== undefined) return `${nouns[type.kind]}, or a whole number of ${type.unit}`;
  return nouns[type.kind];
}

export function mismatch(type: ScalarType): Mismatch {
  return new Mismatch(`expected ${noun(type)}`);
}

/** Decimal text of a number, a numeral, or text that stands for one. */
function numeralText(value: unknown): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null;
  if (value instanceof Numeral) return value.text;
  return typeof value === 'string' && value.length <= 1100 ? value : null;
}

function asNumber(value: unknown): unknown {
  return value instanceof Numeral ? Number(value.text) : value;
}

/** A whole number of units: safe as a number, else as text. */
function wholeUnits(value: unknown): number | string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null;
  if (value instanceof Numeral) return canonicalLong(value.text);
  return null;
}

type Canonical = string | number | boolean;

const byKind: Readonly<Record<ScalarType['kind'], (value: unknown, type: ScalarType) => Canonical | null>> = {
  string: (value) => (typeof value === 'string' ? value : null),
  boolean: (value) => (typeof value === 'boolean' ? value : null),
  number: (value) => {
    const number = asNumber(value);
    if (typeof number !== 'number' || !Number.isFinite(number)) return null;
    return number === 0 ? 0 : number;
  },
  int: (value, type) => {
    const number = value instanceof Numeral ? Number(canonicalLong(value.text) ?? Number.NaN) : value;
    if (typeof number !== 'number' || !Number.isInteger(number)) return null;
    const [least, greatest] = ranges[type.width ?? 'i32'] as readonly [number, number];
    return number < least || number > greatest ? null : number === 0 ? 0 : number;
  },
  long: (value, type) => {
    let text: string | null;
    if (typeof value === 'number') text = Number.isSafeInteger(value) ? String(value === 0 ? 0 : value) : null;
    else {
      text = numeralText(value);
      text = text === null ? null : canonicalLong(text);
    }
    if (text === null || type.width === undefined) return text;
    const [least, greatest] = ranges[type.width] as readonly [number, number];
    const number = Number(text);
    return number < least || number > greatest ? null : text;
  },
  decimal: (value, type) => {
    const text = numeralText(value);
    return text === null ? null : canonicalDecimal(text, type.precision ?? 38, type.scale ?? 0);
  },
  date: (value, type) => {
    if (typeof value === 'string') return canonicalDate(value);
    return type.unit === 'd' && typeof value === 'number' ? dateFromDays(value) : null;
  },
  timestamp: (value, type) => {
    if (typeof value === 'string') return canonicalTimestamp(value, type.zoned === true);
    if (type.unit === undefined) return null;
    const units = wholeUnits(value);
    return units === null ? null : timestampFromUnits(units, type.unit as TimeUnit);
  },
  time: (value, type) => {
    if (typeof value === 'string') return canonicalTime(value);
    if (type.unit === undefined) return null;
    const units = wholeUnits(value);
    return units === null ? null : timeFromUnits(units, type.unit as TimeUnit);
  },
};

/** The canonical value (see PublicData). Throws Mismatch. null and undefined are no scalars. */
export function canonicalScalar(type: ScalarType, value: unknown): Canonical {
  const canonical = byKind[type.kind](value, type);
  if (canonical === null) throw mismatch(type);
  return canonical;
}
