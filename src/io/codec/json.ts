/**
 * Records in JSON (RFC 8259, UTF-8). Of a key that stands twice the last counts; a key `__proto__` is a key like any other.
 *
 * JSON.parse makes doubles of numbers. Where the contract has a type that a double cannot hold, or derives from the record, and
 * the text has a number that a double might not hold, such numbers are parsed as text (exact-numbers.ts), in those records alone.
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
import { parseExactly } from './exact-numbers.ts';

/** Deeper nesting is refused. A record of up to twice this many bytes cannot have it, and is not looked at. */
const maxDepth = 512;

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
    return exact ? parseExactly(value, text) : JSON.parse(text);
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
