/** Rules on scalar types: which kind a logical type is, and how the record writes it. */
import type { Placed, Report } from '../findings.ts';
import type { ScalarType } from '../model.ts';

const wide = /^(?:long|bigint|int64|i64|int8|sint64|fixed64|sfixed64)$/i;
const narrow = ['i8', 'i16', 'u8', 'u16'] as const;
const maxPrecision = 76;

/** null: not a scalar type, or one that cannot be served (then it has a finding). */
export function readScalar(property: Placed, report: Report): ScalarType | null {
  const physical = property.at('physicalType').text?.trim().toLowerCase() ?? '';
  switch (property.at('logicalType').text) {
    case 'string':
      return { kind: 'string' };
    case 'boolean':
      return { kind: 'boolean' };
    case 'integer':
      return readInteger(property, physical, report);
    case 'number':
      return readNumber(property, physical, report);
    case 'date':
      return /^(?:date-days|int|int32|integer)$/.test(physical) ? { kind: 'date', unit: 'd' } : { kind: 'date' };
    case 'time':
      return { kind: 'time', ...unitOf(physical) };
    case 'timestamp':
      return readTimestamp(property, physical, report);
    default:
      return null;
  }
}

/** 32 bits unless the format, or without one the physical type, says otherwise. */
function readInteger(property: Placed, physical: string, report: Report): ScalarType | null {
  const place = property.at('logicalTypeOptions').at('format');
  const format = place.text;
  if (format === null) return { kind: wide.test(physical) ? 'long' : 'int' };
  if (format === 'i32') return { kind: 'int' };
  if (format === 'i64') return { kind: 'long' };
  if (format === 'u32') return { kind: 'long', width: 'u32' };
  const width = narrow.find((known) => known === format);
  if (width !== undefined) return { kind: 'int', width };
  const digits = { u64: 20, i128: 39, u128: 39 }[format];
  if (digits !== undefined) {
    report.error(
      'integer-width',
      place,
      `integers of ${format} do not fit 64 signed bits`,
      `"logicalType: number" with "physicalType: decimal(${digits},0)" keeps every digit`,
    );
  }
  return null;
}

function readNumber(property: Placed, physical: string, report: Report): ScalarType | null {
  if (!/^(?:decimal|numeric)\b/.test(physical)) return { kind: 'number' };
  const place = property.at('physicalType');
  const match = /^(?:decimal|numeric)\s*\(\s*(\d{1,4})\s*(?:,\s*(\d{1,4})\s*)?\)$/.exec(physical);
  if (match === null) {
    report.error('decimal', place, 'a decimal needs its digits', 'decimal(precision,scale), such as decimal(12,2)');
    return null;
  }
  const precision = Number(match[1]);
  const scale = Number(match[2] ?? 0);
  if (precision < 1 || precision > maxPrecision || scale > precision) {
    report.error(
      'decimal',
      place,
      `decimal(${precision},${scale}) cannot be`,
      `a precision from 1 to ${maxPrecision}, and a scale not above it`,
    );
    return null;
  }
  return { kind: 'decimal', precision, scale };
}

function readTimestamp(property: Placed, physical: string, report: Report): ScalarType {
  const options = property.at('logicalTypeOptions');
  const zone = options.at('defaultTimezone');
  if (zone.text !== null && !/^(?:utc|etc\/utc|z|gmt|etc\/gmt)$/i.test(zone.text)) {
    report.error(
      'timezone',
      zone,
      `timestamps without an offset cannot be read in "${zone.text}"`,
      'UTC, or texts that name their offset ("timezone: true")',
    );
  }
  const unit = unitOf(physical);
  return options.at('timezone').truth && unit.unit === undefined
    ? { kind: 'timestamp', zoned: true }
    : { kind: 'timestamp', ...unit };
}

/** `timestamp-millis`, `epoch-seconds`, `timestamp_micros`: a number of these in the record. */
function unitOf(physical: string): { readonly unit?: 's' | 'ms' | 'us' | 'ns' } {
  const match =
    /^(?:local-)?(?:timestamp|time|epoch)[-_]?(?:in[-_])?(seconds?|s|millis(?:econds)?|ms|micros(?:econds)?|us|nanos(?:econds)?|ns)$/.exec(
      physical,
    );
  if (match?.[1] === undefined) return {};
  const word = match[1];
  if (word.startsWith('n')) return { unit: 'ns' };
  if (word.startsWith('micro')) return { unit: 'us' };
  if (word === 'us') return { unit: 'us' };
  return { unit: word.startsWith('s') ? 's' : 'ms' };
}
