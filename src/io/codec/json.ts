/**
 * Records in JSON (RFC 8259, UTF-8). Of a key that stands twice the last counts; a key `__proto__` is a key like any other.
 *
 * JSON.parse makes doubles of numbers. Where the contract has a type that a double cannot hold, or derives from the record, and
 * the text has a number that a double might not hold, it is parsed again with the numbers' own text: three times the cost,
 * for those records alone.
 */
import { isUtf8 } from 'node:buffer';
import {
  type Codec,
  type Contract,
  compileLayout,
  type Field,
  type FieldType,
  Numeral,
  PayloadError,
} from '../../core/contract/index.ts';

/** Deeper nesting is refused. A record of up to twice this many bytes cannot have it, and is not looked at. */
const maxDepth = 512;
/** Any number of at most 15 significant digits comes back from a double as it went in. */
const safeDigits = 15;

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

const keepDigits: Reviver = (_key, value, context) => {
  if (typeof value !== 'number' || context.source === undefined) return value;
  const { source } = context;
  if (source.length <= safeDigits && !/[eE]/.test(source)) return value;
  const kept = String(value) === source && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return kept ? value : new Numeral(source);
};

export const jsonCodec: Codec = {
  formats: ['json'],
  async prepare(contract) {
    const exact = needsDigits(contract);
    const layout = compileLayout(contract);
    return {
      decode: (value) => decode(value, exact),
      encode: (data) => Buffer.from(JSON.stringify(layout(data), writeNumeral)),
    };
  },
};

function decode(value: Buffer, exact: boolean): unknown {
  if (!isUtf8(value)) throw new PayloadError('', 'not UTF-8');
  if (value.length > 2 * maxDepth && nestedDeeper(value))
    throw new PayloadError('', `nested more than ${maxDepth} deep`);
  const text = value.toString();
  try {
    if (exact && mayLoseDigits(value, text))
      return JSON.parse(text, keepDigits as (this: unknown, key: string, value: unknown) => unknown);
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new PayloadError('', 'not JSON');
  }
}

/** Few records have so many opening brackets at all: only of those the depth is counted. */
function nestedDeeper(bytes: Buffer): boolean {
  let opened = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (((bytes[i] as number) | 32) === 123) opened += 1;
  }
  return opened > maxDepth && nestedDeeperOutsideStrings(bytes);
}

function nestedDeeperOutsideStrings(bytes: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (inString) {
      if (byte === 92) i += 1;
      else if (byte === 34) inString = false;
    } else if (byte === 34) inString = true;
    else if (byte === 123 || byte === 91) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (byte === 125 || byte === 93) depth -= 1;
  }
  return false;
}

const digitOrPoint = new Uint8Array(256);
for (const character of '0123456789.') digitOrPoint[character.charCodeAt(0)] = 1;

/**
 * Whether the text has a run of more digits than a double keeps, or an exponent that could underflow. Any run that long
 * covers two neighbours of every eighth byte: looking at those first costs a hundredth of parsing.
 */
function mayLoseDigits(bytes: Buffer, text: string): boolean {
  let before = 0;
  for (let i = 7; i < bytes.length; i += 8) {
    const here = digitOrPoint[bytes[i] as number] as number;
    if ((here & before) !== 0 && digitsAround(bytes, i) > safeDigits) return true;
    before = here;
  }
  return (text.includes('e-') || text.includes('E-')) && /[eE]-\d{3}/.test(text);
}

/** Length of the run of digits and points that holds this byte. */
function digitsAround(bytes: Buffer, at: number): number {
  let from = at;
  while (from > 0 && digitOrPoint[bytes[from - 1] as number] === 1) from -= 1;
  let to = at + 1;
  while (to < bytes.length && digitOrPoint[bytes[to] as number] === 1) to += 1;
  return to - from;
}

function needsDigits(contract: Contract): boolean {
  return contract.fields.some(fieldNeedsDigits);
}

function fieldNeedsDigits(field: Field): boolean {
  return field.derivation !== null || typeNeedsDigits(field.type);
}

function typeNeedsDigits(type: FieldType): boolean {
  switch (type.kind) {
    case 'object':
      return type.fields.some(fieldNeedsDigits);
    case 'array':
      return typeNeedsDigits(type.items);
    case 'map':
      return typeNeedsDigits(type.values);
    case 'long':
    case 'decimal':
      return true;
    default:
      // Seconds and milliseconds of every year that there is are well within a double.
      return type.unit === 'us' || type.unit === 'ns';
  }
}

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

function writeNumeral(_key: string, value: unknown): unknown {
  return value instanceof Numeral ? rawJSON(value.text) : value;
}
