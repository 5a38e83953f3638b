/**
 * Dates, times and timestamps as canonical text: equal values have equal texts. A timestamp is in UTC with `Z`; fractions of
 * a second keep every digit (up to 18) but trailing zeros.
 */

const date = /^(\d{4})-(\d\d)-(\d\d)$/;
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
  const digits = fraction.replace(/0+$/, '');
  return digits === '' ? '' : `.${digits}`;
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
  const match = date.exec(text);
  if (match === null) return null;
  return validDay(Number(match[1]), Number(match[2]), Number(match[3])) ? text : null;
}

/** Whether text begins with a valid `YYYY-MM-DDTHH:MM:SS`, told from the character codes alone: a pattern costs three times as much. */
function beginsPlain(text: string): boolean {
  if (text.length < 19 || text.charCodeAt(10) !== 84) return false;
  if (
    text.charCodeAt(4) !== 45 ||
    text.charCodeAt(7) !== 45 ||
    text.charCodeAt(13) !== 58 ||
    text.charCodeAt(16) !== 58
  )
    return false;
  for (let i = 0; i < 19; i++) {
    if (i === 4 || i === 7 || i === 10 || i === 13 || i === 16) continue;
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  const year = two(text, 0) * 100 + two(text, 2);
  return validDay(year, two(text, 5), two(text, 8)) && two(text, 11) < 24 && two(text, 14) < 60 && two(text, 17) < 60;
}

/** What follows the seconds is `Z`, or a fraction that is canonical already and `Z`. */
function endsCanonical(text: string): boolean {
  const last = text.length - 1;
  if (text.charCodeAt(last) !== 90 || last > 38) return false;
  if (last === 19) return true;
  if (text.charCodeAt(19) !== 46 || last < 21 || text.charCodeAt(last - 1) === 48) return false;
  for (let i = 20; i < last; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** RFC 3339 text in UTC. Text without an offset is UTC unless `zoned` says that it must have one. */
export function canonicalTimestamp(text: string, zoned: boolean): string | null {
  if (beginsPlain(text)) {
    if (endsCanonical(text)) return text;
    if (text.length === 19) return zoned ? null : `${text}Z`;
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

const dayMs = 86_400_000;
const pad2 = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));
/** The day of the last timestamp: events come by the thousand from the same one, and a Date costs more than all the rest. */
let lastDay = 0;
let lastDate = '1970-01-01';

function timestampFromMillis(ms: number): string | null {
  const day = Math.floor(ms / dayMs);
  if (day !== lastDay) {
    const date = dateFromDays(day);
    if (date === null) return null;
    lastDay = day;
    lastDate = date;
  }
  const rest = ms - day * dayMs;
  const seconds = Math.floor(rest / 1000);
  const minutes = Math.floor(seconds / 60);
  const clock = `${pad2[Math.floor(minutes / 60)]}:${pad2[minutes % 60]}:${pad2[seconds % 60]}`;
  const millis = rest % 1000;
  return `${lastDate}T${clock}${millis === 0 ? '' : trimmed(String(millis).padStart(3, '0'))}Z`;
}

/** From a whole number of units since the epoch, given as decimal text or safe integer. */
export function timestampFromUnits(count: number | string, unit: TimeUnit): string | null {
  if (unit === 'ms' && typeof count === 'number') return timestampFromMillis(count);
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
  const iso = Number.isInteger(days) && Math.abs(days) <= 1e8 ? new Date(days * 86_400_000).toISOString() : '';
  return iso.length === 24 ? iso.slice(0, 10) : null;
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
