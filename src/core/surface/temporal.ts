/** Times and durations as partners write them: RFC 3339 and the fixed-length part of ISO 8601 durations. */
import { durationMs } from '../contract/index.ts';

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,18})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,18}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const NO_TIME = /^P(?=\d|T\d)(?:0{1,6}W)?(?:0{1,6}D)?(?:T(?=\d)(?:0{1,6}H)?(?:0{1,7}M)?(?:0{1,9}(?:\.0{1,3})?S)?)?$/;

/** The largest instant that a Date can hold, in milliseconds to either side of the epoch. */
const MAX_INSTANT = 8.64e15;

export function isDate(text: string): boolean {
  const parts = DATE.exec(text);
  if (parts === null) return false;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

export function isTime(text: string): boolean {
  return TIME.test(text);
}

/** Milliseconds since the epoch of an RFC 3339 date and time with its offset, finer digits cut off; null where it is none. */
export function parseDateTime(text: string): number | null {
  const parts = DATE_TIME.exec(text);
  if (parts === null || !isDate(parts[1] ?? '')) return null;
  const millis = (parts[3] ?? '').slice(0, 3).padEnd(3, '0');
  const instant = Date.parse(`${parts[1]}T${parts[2]}.${millis}${parts[4]?.toUpperCase()}`);
  return Number.isNaN(instant) ? null : instant;
}

/** Milliseconds of an ISO 8601 duration, which may be none at all; null where it is no duration, or one of years and months, which have no fixed length. */
export function parseDuration(text: string): number | null {
  return NO_TIME.test(text) ? 0 : durationMs(text);
}

/** RFC 3339 text in UTC with milliseconds. Instants that no Date can hold are cut to the nearest that one can. */
export function formatInstant(ms: number): string {
  return new Date(Math.max(-MAX_INSTANT, Math.min(MAX_INSTANT, ms))).toISOString();
}

const UNITS = [
  [86_400_000, 'D'],
  [3_600_000, 'H'],
  [60_000, 'M'],
] as const;

/** ISO 8601 of milliseconds: `P7D`, `PT1M30S`. */
export function formatDuration(ms: number): string {
  let rest = ms;
  const [days, hours, minutes] = UNITS.map(([unit, letter]) => {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    return count === 0 ? '' : `${count}${letter}`;
  });
  const time = `${hours}${minutes}${rest === 0 ? '' : `${rest / 1_000}S`}`;
  const text = `P${days}${time === '' ? '' : `T${time}`}`;
  return text === 'P' ? 'PT0S' : text;
}
