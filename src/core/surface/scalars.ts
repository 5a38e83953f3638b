/** The custom scalars of the surface: their documentation, and what they accept from a partner. All but DateTime are text through and through. */
import { GraphQLError, GraphQLScalarType, Kind, print, type ValueNode } from 'graphql';
import type { ScalarKind } from '../contract/index.ts';
import { formatInstant, isDate, isTime, parseDateTime, parseDuration } from './temporal.ts';

/** GraphQL's name of each kind of scalar. */
export const scalarNames: Readonly<Record<ScalarKind, string>> = {
  string: 'String',
  int: 'Int',
  long: 'Long',
  number: 'Float',
  decimal: 'Decimal',
  boolean: 'Boolean',
  date: 'Date',
  timestamp: 'DateTime',
  time: 'Time',
};

interface ScalarText {
  readonly description: string;
  readonly specifiedBy?: string;
  /** The value to go on with, or null where the text is none. */
  readonly read: (text: string) => string | null;
  /** What a right one looks like, for the message. */
  readonly expected: string;
  /** Bare numbers in a query or in variables are read by their digits. */
  readonly numeric?: boolean;
}

const MAX_TEXT = 16_384;
const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;
const RFC3339 = 'https://datatracker.ietf.org/doc/html/rfc3339#';

function readLong(text: string): string | null {
  if (!/^-?\d{1,19}$/.test(text)) return null;
  const value = BigInt(text);
  return value < MIN_LONG || value > MAX_LONG ? null : value.toString();
}

export const scalars: Readonly<Record<string, ScalarText>> = {
  Cursor: {
    description:
      'An opaque position: give it back unaltered to go on right after the event, page or message that carried it.',
    read: (text) => (text === '' ? null : text),
    expected: 'a cursor that an event, a page or a ready message carried',
  },
  TopicFilter: {
    description:
      'Which topics: levels joined by `/`, where `*` stands for one level (`LA*` for one that begins so) and a last `>` for one or more.',
    read: (text) => text,
    expected: 'a topic filter such as "aviation/LAX/*/>"',
  },
  DateTime: {
    description: 'An instant as RFC 3339 text. Sluice sends UTC.',
    specifiedBy: `${RFC3339}section-5.6`,
    read: (text) => (parseDateTime(text) === null ? null : text),
    expected: 'a date and time with its offset such as "2026-01-31T12:00:00Z"',
  },
  Date: {
    description: 'A calendar date, `YYYY-MM-DD` (full-date of RFC 3339).',
    specifiedBy: `${RFC3339}section-5.6`,
    read: (text) => (isDate(text) ? text : null),
    expected: 'a date such as "2026-01-31"',
  },
  Time: {
    description: 'A time of day as RFC 3339 writes it.',
    specifiedBy: `${RFC3339}section-5.6`,
    read: (text) => (isTime(text) ? text : null),
    expected: 'a time such as "12:00:00Z"',
  },
  Duration: {
    description:
      'An ISO 8601 duration of weeks, days, hours, minutes and seconds, such as `PT15M`. Years and months have no fixed length and are refused.',
    specifiedBy: `${RFC3339}appendix-A`,
    read: (text) => (parseDuration(text) === null ? null : text),
    expected: 'a duration such as "PT15M" or "P7D"',
  },
  Long: {
    description: 'A 64-bit integer as text, so that no client loses digits. Bare integers are accepted as input.',
    read: readLong,
    expected: 'a 64-bit integer such as "9007199254740993"',
    numeric: true,
  },
  Decimal: {
    description: 'A decimal number as text, with every digit. Bare numbers are accepted as input.',
    read: (text) => (/^-?\d{1,1000}(?:\.\d{1,1000})?$/.test(text) ? text : null),
    expected: 'a decimal such as "12.50"',
    numeric: true,
  },
};

/** How many characters of a refused value are told back. */
const SHOWN = 60;

function scalarType(name: string, scalar: ScalarText): GraphQLScalarType {
  const refuse = (given: string, node?: ValueNode): never => {
    const shown = given.length > SHOWN ? `${given.slice(0, SHOWN)}…` : given;
    const message = `${name} cannot represent ${JSON.stringify(shown)}: expected ${scalar.expected}.`;
    throw new GraphQLError(message, node === undefined ? {} : { nodes: node });
  };
  const read = (text: string, node?: ValueNode): string =>
    (text.length > MAX_TEXT ? null : scalar.read(text)) ?? refuse(text, node);
  return new GraphQLScalarType({
    name,
    description: scalar.description,
    specifiedByURL: scalar.specifiedBy ?? null,
    // Text of the public data leaves as it is; an event's own time is a number of milliseconds.
    serialize: (value) => (typeof value === 'number' && name === 'DateTime' ? formatInstant(value) : String(value)),
    parseValue: (value) => {
      if (typeof value === 'string') return read(value);
      if (typeof value === 'number' && scalar.numeric) {
        return Number.isSafeInteger(value) || (name === 'Decimal' && Number.isFinite(value))
          ? read(String(value))
          : refuse(String(value));
      }
      return refuse(typeof value);
    },
    parseLiteral: (node: ValueNode) => {
      if (node.kind === Kind.STRING) return read(node.value, node);
      if (scalar.numeric && (node.kind === Kind.INT || node.kind === Kind.FLOAT)) return read(node.value, node);
      return refuse(print(node), node);
    },
  });
}

export const scalarTypes: Readonly<Record<string, GraphQLScalarType>> = Object.fromEntries(
  Object.entries(scalars).map(([name, scalar]) => [name, scalarType(name, scalar)]),
);
