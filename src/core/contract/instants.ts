/**
 * Dates, times and timestamps as canonical text: equal values have equal texts. A timestamp is in UTC with `Z`; fractions of
 * a second keep every digit (up to 18) but trailing zeros.
 */

const clock = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?(Z|z|[+-]\d\d:\d\d)?$/;
const stamp = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?(Z|z|[+-]\d\d:\d\d)?$/;

function validDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  if (day <= 28) return true;
  if (month === 2) return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return (
    day <= 30 || month === 1 || month === 3 || month === 5 || month === 7 || month === 8 || month === 10 || month === 12
  );
}

const two = (text: string, at: number): number => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;

function trimmed(fraction: string | undefined): string {
  if (fraction === undefined) return '';
  let end = fraction.length;
  while (end > 0 && fraction.charCodeAt(end - 1) === 48) end -= 1;
  return end === 0 ? '' : `.${fraction.slice(0, end)}`;
}

/** Minutes east of UTC; null where no such offset exists. */
function offsetMinutes(zone: string): number | null {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = two(zone, 1);
  const minutes = two(zone, 4);
  if (hours > 23 || minutes > 59) return null;
  return (zone.charCodeAt(0) === 45 ? -1 : 1) * (hours * 60 + minutes);
}

export function canonicalDate(text: string): string | null {
  return text.length === 10 && beginsWithDay(text) ? text : null;
}

// What nearly every text looks like is told from the character codes alone: a pattern costs three times as much.

function digitsBetween(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

function beginsWithDay(text: string): boolean {
  return (
    digitsBetween(text, 0, 4) &&
    text.charCodeAt(4) === 45 &&
    digitsBetween(text, 5, 7) &&
    text.charCodeAt(7) === 45 &&
    digitsBetween(text, 8, 10) &&
    validDay(two(text, 0) * 100 + two(text, 2), two(text, 5), two(text, 8))
  );
}

/** `HH:MM:SS` of a day that has no leap second. */
function hasClockAt(text: string, at: number): boolean {
  return (
    digitsBetween(text, at, at + 2) &&
    text.charCodeAt(at + 2) === 58 &&
    digitsBetween(text, at + 3, at + 5) &&
    text.charCodeAt(at + 5) === 58 &&
    digitsBetween(text, at + 6, at + 8) &&
    two(text, at) < 24 &&
    two(text, at + 3) < 60 &&
    two(text, at + 6) < 60
  );
}

/** Whether text begins with a valid `YYYY-MM-DDTHH:MM:SS`. */
function beginsPlain(text: string): boolean {
  return text.length >= 19 && text.charCodeAt(10) === 84 && beginsWithDay(text) && hasClockAt(text, 11);
}

/** The canonical text where what follows the seconds is `Z` or a fraction and `Z`; null: something else follows. */
function plainEnd(text: string): string | null {
  const last = text.length - 1;
  if (text.charCodeAt(last) !== 90 || last > 38) return null;
  if (last === 19) return text;
  if (text.charCodeAt(19) !== 46 || last < 21 || !digitsBetween(text, 20, last)) return null;
  let end = last;
  while (text.charCodeAt(end - 1) === 48) end -= 1;
  if (end === last) return text;
  return `${text.slice(0, end === 20 ? 19 : end)}Z`;
}

/** RFC 3339 text in UTC. Text without an offset is UTC unless `zoned` says that it must have one. */
export function canonicalTimestamp(text: string, zoned: boolean): string | null {
  if (beginsPlain(text)) {
    if (text.length === 19) return zoned ? null : `${text}Z`;
    const plain = plainEnd(text);
    if (plain !== null) return plain;
  }
  const match = stamp.exec(text);
  if (match === null) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const [hours, minutes, seconds] = [Number(match[4]), Number(match[5]), Number(match[6])];
  if (!validDay(year, month, day) || hours > 23 || minutes > 59 || seconds > 59) return null;
  const zone = match[8];
  if (zone === undefined && zoned) return null;
  const offset = zone === undefined ? 0 : offsetMinutes(zone);
  if (offset === null) return null;
  const fraction = trimmed(match[7]);
  if (offset === 0) return `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}${fraction}Z`;
  const utc = new Date(0);
  utc.setUTCFullYear(year, month - 1, day);
  utc.setUTCHours(hours, minutes - offset, seconds);
  return wholeSeconds(utc, fraction);
}

function wholeSeconds(utc: Date, fraction: string): string | null {
  const iso = Number.isNaN(utc.getTime()) ? '' : utc.toISOString();
  return iso.length === 24 ? `${iso.slice(0, 19)}${fraction}Z` : null;
}

const perSecond = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n };
const digitsOf = { s: 0, ms: 3, us: 6, ns: 9 };
export type TimeUnit = keyof typeof perSecond;

const unitsPerSecond = { s: 1, ms: 1_000, us: 1_000_000, ns: 1_000_000_000 };

const daySeconds = 86_400;
const pad2 = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));
/** Days that were asked for of late, by their last bits: events come by the thousand from the same few, and a Date costs more than all the rest. */
const knownDays = new Float64Array(64).fill(Number.NaN);
const knownDates: string[] = new Array(64).fill('');

/** `HH:MM:SS` with the fraction that so many units make; seconds since midnight. */
function clockText(seconds: number, rest: number, unit: TimeUnit): string {
  const minutes = Math.floor(seconds / 60);
  const clock = `${pad2[Math.floor(minutes / 60)]}:${pad2[minutes % 60]}:${pad2[seconds % 60]}`;
  return rest === 0 ? clock : clock + trimmed(String(rest).padStart(digitsOf[unit], '0'));
}

/** Whole parts of a safe integer and what is left, never negative. A quotient that is rounded up to the next whole number is put right. */
function wholeParts(count: number, size: number): number {
  const whole = Math.floor(count / size);
  return whole * size > count ? whole - 1 : whole;
}

function timestampFromNumber(count: number, unit: TimeUnit): string | null {
  const per = unitsPerSecond[unit];
  const seconds = wholeParts(count, per);
  const date = dateFromDays(wholeParts(seconds, daySeconds));
  if (date === null) return null;
  return `${date}T${clockText(seconds - wholeParts(seconds, daySeconds) * daySeconds, count - seconds * per, unit)}Z`;
}

/** From a whole number of units since the epoch, given as decimal text or safe integer. */
export function timestampFromUnits(count: number | string, unit: TimeUnit): string | null {
  if (typeof count === 'number') return timestampFromNumber(count, unit);
  const all = BigInt(count);
  const per = perSecond[unit];
  let seconds = all / per;
  let rest = all % per;
  if (rest < 0n) {
    rest += per;
    seconds -= 1n;
  }
  if (seconds > 253402300799n || seconds < -62167219200n) return null;
  const fraction = rest === 0n ? '' : trimmed(rest.toString().padStart(digitsOf[unit], '0'));
  return wholeSeconds(new Date(Number(seconds) * 1000), fraction);
}

/** The other way, for publishing: a whole number of units as decimal text; null where a digit would be lost. */
export function unitsFromTimestamp(text: string, unit: TimeUnit): string | null {
  const seconds = BigInt(Date.parse(`${text.slice(0, 19)}Z`)) / 1000n;
  const units = fractionUnits(text.slice(19, -1), unit);
  return units === null ? null : (seconds * perSecond[unit] + units).toString();
}

function fractionUnits(fraction: string, unit: TimeUnit): bigint | null {
  const digits = fraction.slice(1);
  if (digits.length > digitsOf[unit]) return null;
  return BigInt(digits.padEnd(digitsOf[unit], '0') || '0');
}

export function dateFromDays(days: number): string | null {
  const slot = days & 63;
  if (knownDays[slot] === days) return knownDates[slot] as string;
  const iso = Number.isInteger(days) && Math.abs(days) <= 1e8 ? new Date(days * 86_400_000).toISOString() : '';
  if (iso.length !== 24) return null;
  const date = iso.slice(0, 10);
  knownDays[slot] = days;
  knownDates[slot] = date;
  return date;
}

export function daysFromDate(text: string): number {
  return Date.parse(`${text}T00:00:00Z`) / 86_400_000;
}

/** RFC 3339 `partial-time`, with the offset where the text has one (`+00:00` becomes `Z`). */
export function canonicalTime(text: string): string | null {
  const match = clock.exec(text);
  if (match === null || Number(match[1]) > 23 || Number(match[2]) > 59 || Number(match[3]) > 59) return null;
  const zone = match[5];
  const offset = zone === undefined ? 0 : offsetMinutes(zone);
  if (offset === null) return null;
  return `${match[1]}:${match[2]}:${match[3]}${trimmed(match[4])}${zone === undefined ? '' : offset === 0 ? 'Z' : zone}`;
}

export function timeFromUnits(count: number | string, unit: TimeUnit): string | null {
  if (typeof count === 'number') {
    const per = unitsPerSecond[unit];
    if (count < 0 || count >= daySeconds * per) return null;
    const seconds = wholeParts(count, per);
    return clockText(seconds, count - seconds * per, unit);
  }
  const all = BigInt(count);
  if (all < 0n || all >= 86_400n * perSecond[unit]) return null;
  const iso = timestampFromUnits(all.toString(), unit);
  return iso === null ? null : iso.slice(11, -1);
}

export function unitsFromTime(text: string, unit: TimeUnit): string | null {
  if (!/^[\d:.]+$/.test(text)) return null;
  const seconds = BigInt(two(text, 0) * 3600 + two(text, 3) * 60 + two(text, 6));
  const units = fractionUnits(text.slice(8), unit);
  return units === null ? null : (seconds * perSecond[unit] + units).toString();
}

/** Chronological order of canonical timestamps. */
export function compareTimestamps(a: string, b: string): number {
  if (a === b) return 0;
  // Without the Z a longer fraction follows its prefix, which is its place in time.
  const [left, right] = a.length === b.length ? [a, b] : [a.slice(0, -1), b.slice(0, -1)];
  return left < right ? -1 : 1;
}

/** Chronological order of canonical times, those with an offset taken to UTC; equal instants of different offsets are told apart by text. */
export function compareTimes(a: string, b: string): number {
  if (a === b) return 0;
  const [aMinutes, bMinutes] = [minutesOf(a), minutesOf(b)];
  if (aMinutes !== bMinutes) return aMinutes - bMinutes;
  const [aRest, bRest] = [secondsOf(a), secondsOf(b)];
  return aRest < bRest ? -1 : aRest > bRest ? 1 : a < b ? -1 : 1;
}

function zoneOf(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  if (last === 90) return 'Z';
  const sign = text.charCodeAt(text.length - 6);
  return sign === 43 || sign === 45 ? text.slice(-6) : '';
}

function minutesOf(text: string): number {
  const zone = zoneOf(text);
  return two(text, 0) * 60 + two(text, 3) - (zone === '' ? 0 : (offsetMinutes(zone) ?? 0));
}

function secondsOf(text: string): string {
  return text.slice(6, text.length - zoneOf(text).length);
}
