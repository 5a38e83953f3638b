/** Exact numbers as text: what a double cannot hold is never put into one. */

/** An optional sign, an integer part without leading zeros, a fraction, an exponent: JSON's own grammar of numbers. */
const grammar = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * The canonical text of a number of at most `precision` digits, `scale` of them after the point: always exactly `scale`
 * of those, so that equal values have equal texts. null: not a number, too many digits, or a fraction that `scale` would cut.
 */
export function canonicalDecimal(text: string, precision: number, scale: number): string | null {
  if (text.length > 1100) return null;
  const match = grammar.exec(text);
  if (match === null) return null;
  const digits = (match[2] ?? '') + (match[3] ?? '');
  const point = (match[2] ?? '').length + Number(match[4] ?? 0);
  const significant = digits.replace(/0+$/, '');
  if (/^0*$/.test(significant)) return scale === 0 ? '0' : `0.${'0'.repeat(scale)}`;
  if (significant.length - point > scale || point > precision + 1100) return null;
  const whole = (point <= 0 ? '' : significant.slice(0, point).padEnd(point, '0')).replace(/^0+/, '');
  if (whole.length > precision - scale) return null;
  const fraction = (point < 0 ? '0'.repeat(-point) + significant : significant.slice(Math.max(point, 0))).padEnd(
    scale,
    '0',
  );
  return `${match[1]}${whole === '' ? '0' : whole}${scale === 0 ? '' : `.${fraction}`}`;
}

const zeros = Array.from({ length: 39 }, (_, count) => '0'.repeat(count));

/**
 * The same of a double, where it is written without an exponent and fits: what nearly every record has, at a third of the cost.
 * null: canonicalDecimal of its text must say.
 */
export function plainDecimal(value: number, precision: number, scale: number): string | null {
  const text = String(value);
  if (!Number.isFinite(value) || text.includes('e')) return null;
  const point = text.indexOf('.');
  const whole = (point < 0 ? text.length : point) - (value < 0 ? 1 : 0);
  if (whole > precision - scale) return null;
  if (point < 0) return scale === 0 ? text : `${text}.${zeros[scale]}`;
  const missing = scale - (text.length - point - 1);
  return missing < 0 ? null : text + zeros[missing];
}

const greatest = '9223372036854775807';
const least = '9223372036854775808';

/** Decimal text of a 64-bit integer without needless characters; null: not one. */
export function canonicalLong(text: string): string | null {
  let digits = text;
  if (!/^-?(?:0|[1-9]\d{0,18})$/.test(text)) {
    const exact = canonicalDecimal(text, 19, 0);
    if (exact === null) return null;
    digits = exact;
  }
  if (digits === '-0') return '0';
  const negative = digits.charCodeAt(0) === 45;
  const magnitude = negative ? digits.slice(1) : digits;
  if (magnitude.length === 19 && magnitude > (negative ? least : greatest)) return null;
  return digits;
}

/**
 * Order of two numbers as text, canonical or not longer than needed before the point: negative, 0 or positive. Exact for any number of digits.
 */
export function compareNumerals(a: string, b: string): number {
  if (a === b) return 0;
  const negative = a.charCodeAt(0) === 45;
  if (negative !== (b.charCodeAt(0) === 45)) return negative ? -1 : 1;
  return negative ? -compareMagnitudes(a.slice(1), b.slice(1)) : compareMagnitudes(a, b);
}

function compareMagnitudes(a: string, b: string): number {
  const aPoint = a.indexOf('.');
  const bPoint = b.indexOf('.');
  const aWhole = aPoint < 0 ? a.length : aPoint;
  const bWhole = bPoint < 0 ? b.length : bPoint;
  if (aWhole !== bWhole) return aWhole - bWhole;
  // Same length before the point, so the points meet and text order is numeric order.
  return a < b ? -1 : a > b ? 1 : 0;
}
