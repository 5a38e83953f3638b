/** The small shapes that every section of the standard uses. */
import { z } from 'zod';

/**
 * An object that has these members and no others. What zod says of an unknown one carries the known ones, so that a finding
 * can name the nearest (see standard.ts).
 */
export function closed<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  });
}

export const text = z.string();
export const stableId = z.string().regex(/^[A-Za-z0-9_-]+$/, 'an id has letters, digits, "_" and "-" only');
/** JSON Schema's integer: 2.0 is one, and so is a number beyond 2^53. */
export const integer = z.number().refine(Number.isInteger, 'expected an integer');
export const count = integer.refine((value) => value >= 0, 'expected 0 or more');
export const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export const anything = z.union([scalar, z.array(z.unknown()), z.record(z.string(), z.unknown())]);

const daysIn = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function isDate(value: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(value);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && leap ? 29 : (daysIn[month - 1] ?? 0);
  return day >= 1 && day <= days;
}

function isDateTime(value: string): boolean {
  const match = /^(.{10})[t\s](\d\d):(\d\d):(\d\d)(?:\.\d+)?(z|[+-]\d\d(?::?\d\d)?)$/i.exec(value);
  if (match === null || !isDate(match[1] ?? '')) return false;
  const [hours, minutes, seconds, zone] = [Number(match[2]), Number(match[3]), Number(match[4]), match[5] ?? ''];
  const sign = zone.startsWith('-') ? -1 : 1;
  const [zoneHours, zoneMinutes] = [Number(zone.slice(1, 3)) || 0, Number(zone.slice(-2)) || 0];
  if (zone.length > 1 && (zoneHours > 23 || zoneMinutes > 59)) return false;
  if (hours <= 23 && minutes <= 59 && seconds < 60) return true;
  const utcMinutes = minutes - sign * (zone.length > 3 ? zoneMinutes : 0);
  const utcHours = hours - sign * zoneHours - (utcMinutes < 0 ? 1 : 0);
  return (utcHours === 23 || utcHours === -1) && (utcMinutes === 59 || utcMinutes === -1) && seconds < 61;
}

/** Any URI by RFC 3986: a scheme, then only characters that need no escaping, and valid escapes. */
const uriPattern =
  /^[a-z][a-z0-9+.-]*:(?:[a-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9a-f]{2})+(?:#(?:[a-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9a-f]{2})*)?$/i;

export const date = z.string().refine(isDate, 'expected a date such as 2026-01-31');
export const dateTime = z.string().refine(isDateTime, 'expected a date and time such as 2026-01-31T12:00:00Z');
export const uri = z
  .string()
  .refine((value) => uriPattern.test(value), 'expected a URI such as https://events.example.com/v1');

export const tags = z.array(text);

export const customProperty = closed({
  id: stableId.optional(),
  property: text,
  value: anything,
  description: text.optional(),
  vendor: text.optional(),
});
export const customProperties = z.array(customProperty);

export const authoritativeDefinitions = z.array(
  closed({ id: stableId.optional(), url: text, type: text, description: text.optional() }),
);

const annotations = {
  id: text.optional(),
  authoritativeDefinitions: authoritativeDefinitions.optional(),
  tags: tags.optional(),
  customProperties: customProperties.optional(),
};

/** Words for machines that read the contract (v3.2). */
export const context = z.union([
  text,
  closed({
    instructions: text.optional(),
    verifiedStatements: z.array(closed({ ...annotations, question: text, answer: text.optional() })).optional(),
    constraints: z.array(closed({ ...annotations, constraint: text })).optional(),
  }),
]);

/** Deep equality by value, as `uniqueItems` wants it: the order of keys does not count. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

export function unique(items: readonly unknown[]): boolean {
  return new Set(items.map(canonical)).size === items.length;
}
