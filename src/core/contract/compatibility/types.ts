/** How types of fields change: what a reader is given, and what may be written. */
import type { FieldType, ScalarType } from '../model.ts';
import { ranges } from '../scalars.ts';
import type { Changes } from './change.ts';

export interface TypeWalk {
  readonly changes: Changes;
  /** For the fields of objects inside. */
  fields(old: Extract<FieldType, { kind: 'object' }>, now: Extract<FieldType, { kind: 'object' }>, path: string): void;
}

export function compareTypes(walk: TypeWalk, old: FieldType, now: FieldType, path: string): void {
  const { changes } = walk;
  if (old.kind === 'object' && now.kind === 'object') return walk.fields(old, now, path);
  if (old.kind === 'array' && now.kind === 'array') {
    compareInner(changes, path, 'items', old.itemsRequired, now.itemsRequired);
    return compareTypes(walk, old.items, now.items, path);
  }
  if (old.kind === 'map' && now.kind === 'map') {
    compareInner(changes, path, 'values', old.valuesRequired, now.valuesRequired);
    return compareTypes(walk, old.values, now.values, path);
  }
  if (old.kind !== now.kind) {
    const what = `the type changes from ${typeText(old)} to ${typeText(now)}`;
    changes.readers('field-type', path, what, 'readers are given values of another type than they were promised');
    changes.publishers('field-type', path, what, 'values of the type that was asked for are refused');
    return;
  }
  compareScalars(changes, old as ScalarType, now as ScalarType, path);
}

export function typeText(type: FieldType): string {
  switch (type.kind) {
    case 'array':
      return `a list of ${typeText(type.items)}`;
    case 'map':
      return `a map of ${typeText(type.values)}`;
    case 'decimal':
      return type.precision === undefined ? 'decimal' : `decimal(${type.precision},${type.scale ?? 0})`;
    case 'int':
    case 'long':
      return type.width ?? type.kind;
    default:
      return type.kind;
  }
}

function compareInner(changes: Changes, path: string, noun: string, old: boolean, now: boolean): void {
  if (old && !now)
    changes.readers(`${noun}-optional`, path, `its ${noun} may be null`, 'readers were promised that none of them is');
  if (!old && now)
    changes.publishers(`${noun}-required`, path, `its ${noun} may no longer be null`, 'what holds a null is refused');
}

function compareScalars(changes: Changes, old: ScalarType, now: ScalarType, path: string): void {
  if (old.kind === 'int') compareRanges(changes, rangeOf(old), rangeOf(now), describe(old, now), path);
  else if (old.kind === 'long') compareLongs(changes, old, now, path);
  else if (old.kind === 'decimal') compareDecimals(changes, old, now, path);
  else compareForms(changes, old, now, path);
}

function rangeOf({ width }: ScalarType): readonly [number, number] {
  return (ranges[width ?? 'i32'] ?? ranges['i32']) as readonly [number, number];
}

function describe(old: ScalarType, now: ScalarType): string {
  return `the type changes from ${typeText(old)} to ${typeText(now)}`;
}

function compareRanges(
  changes: Changes,
  [oldLeast, oldMost]: readonly [number, number],
  [least, most]: readonly [number, number],
  what: string,
  path: string,
): void {
  if (least < oldLeast || most > oldMost) widened(changes, path, what);
  if (least > oldLeast || most < oldMost) narrowed(changes, path, what);
}

function widened(changes: Changes, path: string, what: string): void {
  changes.readers('field-widened', path, what, 'readers may be given values beyond what the documents promised');
}

function narrowed(changes: Changes, path: string, what: string): void {
  changes.publishers(
    'field-narrowed',
    path,
    what,
    'values that were right are refused, and records that hold them set aside',
  );
}

/** Readers are given text of up to 64 bits whatever the record's width is. */
function compareLongs(changes: Changes, old: ScalarType, now: ScalarType, path: string): void {
  if (old.width === now.width) return;
  if (now.width !== undefined) narrowed(changes, path, describe(old, now));
  else
    changes.compatible(
      'field-widened',
      path,
      describe(old, now),
      'readers are given text with room for 64 bits already',
    );
}

function compareDecimals(changes: Changes, old: ScalarType, now: ScalarType, path: string): void {
  const [oldScale, scale] = [old.scale ?? 0, now.scale ?? 0];
  const [oldWhole, whole] = [(old.precision ?? 0) - oldScale, (now.precision ?? 0) - scale];
  const what = describe(old, now);
  if (scale !== oldScale) {
    const readers =
      'every value has a text with another number of digits: filters, topics, keys and patterns mean something else';
    changes.readers('field-scale', path, what, readers);
    changes.publishers('field-scale', path, what, 'the documents ask for another number of digits');
    return;
  }
  if (whole > oldWhole) widened(changes, path, what);
  if (whole < oldWhole) narrowed(changes, path, what);
}

/** Finest last; text has as many digits as it likes. */
const fineness: readonly (ScalarType['unit'] | undefined)[] = ['d', 's', 'ms', 'us', 'ns', undefined];

/** Dates and times: readers are given text whatever the record holds. */
function compareForms(changes: Changes, old: ScalarType, now: ScalarType, path: string): void {
  if (old.unit !== now.unit) {
    const what = `the record holds it as ${formText(now)} instead of ${formText(old)}`;
    const coarser = old.kind !== 'date' && fineness.indexOf(now.unit) < fineness.indexOf(old.unit);
    if (coarser) narrowed(changes, path, what);
    else
      changes.compatible(
        'field-form',
        path,
        what,
        'the form in the record is internal: readers are given the same text',
      );
  }
  if (old.zoned !== true && now.zoned === true)
    changes.publishers('field-narrowed', path, 'times must name their offset', 'times without one are refused');
  if (old.zoned === true && now.zoned !== true)
    changes.compatible('field-form', path, 'times need not name their offset', 'readers are given UTC as before');
}

function formText({ unit }: ScalarType): string {
  return unit === undefined ? 'text' : `a number of ${unit}`;
}
