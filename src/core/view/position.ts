/** The argument `from`, and what bounds batches: checked values out of what GraphQL let through. */
import { SluiceError } from '../errors.ts';
import { parseDateTime, parseDuration } from '../surface/index.ts';
import type { ReplayFrom } from './view.ts';

const MAX_LAST = 10_000;
/** A hundred years: beyond any log, within what a Date holds. */
const MAX_AGO_MS = 36_525 * 86_400_000;
const MAX_CURSOR_LENGTH = 16_384;
const MAX_BATCH_EVENTS = 1_000;
const MAX_BATCH_DELAY_MS = 60_000;

function bad(path: string, message: string): SluiceError {
  return new SluiceError('BAD_REQUEST', `${path}: ${message}`, { details: { path } });
}

/** A ReplayFrom as coerced by GraphQL, or as JSON from elsewhere; null is `latest`. Throws BAD_REQUEST naming the place under `at`. */
export function parseReplayFrom(value: unknown, at: string): ReplayFrom {
  if (value === null || value === undefined) return { kind: 'latest' };
  if (typeof value !== 'object' || Array.isArray(value))
    throw bad(at, 'expected an object with exactly one of latest, earliest, time, cursor, last, ago.');
  const forms = Object.entries(value);
  const [form] = forms;
  if (form === undefined || forms.length > 1) {
    throw bad(
      at,
      `expected exactly one of latest, earliest, time, cursor, last, ago, not ${forms.length === 0 ? 'none' : forms.map(([name]) => name).join(' and ')}.`,
    );
  }
  const [name, given] = form;
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (read === undefined)
    throw bad(`${at}.${name}`, 'there is no such form; expected one of latest, earliest, time, cursor, last, ago.');
  return read(given, `${at}.${name}`);
}

type Reader = (value: unknown, at: string) => ReplayFrom;

/** Each throws BAD_REQUEST naming `at`. */
export const positions = {
  latest: (value, at) => {
    if (value !== true) throw bad(at, 'only true means something.');
    return { kind: 'latest' };
  },
  earliest: (value, at) => {
    if (value !== true) throw bad(at, 'only true means something.');
    return { kind: 'earliest' };
  },
  time: (value, at) => {
    const time = typeof value === 'string' ? parseDateTime(value) : null;
    if (time === null) throw bad(at, 'expected a date and time with its offset such as "2026-01-31T12:00:00Z".');
    return { kind: 'time', time };
  },
  cursor: (value, at) => {
    if (typeof value !== 'string' || value === '' || value.length > MAX_CURSOR_LENGTH)
      throw bad(at, 'expected a cursor that an event, page or message carried.');
    return { kind: 'cursor', cursor: value };
  },
  last: (value, at) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_LAST)
      throw bad(at, `from 1 to ${MAX_LAST}.`);
    return { kind: 'last', count: value };
  },
  ago: (value, at) => {
    const ms = typeof value === 'string' ? parseDuration(value) : null;
    if (ms === null || ms > MAX_AGO_MS) throw bad(at, 'expected a duration such as "PT15M" or "P7D".');
    return { kind: 'ago', ms };
  },
} satisfies Record<string, Reader>;

const readers: Readonly<Record<string, Reader>> = positions;

/** Throws BAD_REQUEST. */
export function parseMaxEvents(value: unknown): number {
  if (typeof value !== 'number' || value < 1 || value > MAX_BATCH_EVENTS) {
    throw bad('maxEvents', `from 1 to ${MAX_BATCH_EVENTS}.`);
  }
  return value;
}

/** In milliseconds. Throws BAD_REQUEST. */
export function parseMaxDelay(value: unknown): number {
  const ms = typeof value === 'string' ? parseDuration(value) : null;
  if (ms === null || ms > MAX_BATCH_DELAY_MS) throw bad('maxDelay', 'from PT0S to PT60S.');
  return ms;
}
