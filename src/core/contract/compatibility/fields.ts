/** How the fields of an object change, to any depth. */
import { isInput } from '../inputs.ts';
import type { Field, FieldType } from '../model.ts';
import type { Changes } from './change.ts';
import { compareMasks } from './masks.ts';
import { compareTypes, typeText } from './types.ts';

export class FieldComparison {
  readonly changes: Changes;
  /** Whether publishing is offered before and after: what a publisher gives is closed, so an input that goes is refused. */
  readonly #publishes: boolean;

  constructor(changes: Changes, publishes: boolean) {
    this.changes = changes;
    this.#publishes = publishes;
  }

  list(old: readonly Field[], now: readonly Field[], at: string): void {
    const before = new Map(old.map((field) => [field.name, field]));
    const after = new Map(now.map((field) => [field.name, field]));
    for (const field of old) {
      const path = `${at}.${field.name}`;
      const same = after.get(field.name);
      if (same === undefined)
        this.#removed(
          field,
          now.filter(({ name }) => !before.has(name)),
          path,
        );
      else this.#field(field, same, path);
    }
    for (const field of now) if (!before.has(field.name)) this.#added(field, `${at}.${field.name}`);
    const kept = (fields: readonly Field[], others: ReadonlyMap<string, Field>) =>
      fields.filter(({ name }) => others.has(name)).map(({ name }) => name);
    this.changes.said('field-order', at, 'the order of the fields', kept(old, after), kept(now, before));
  }

  fields(old: Extract<FieldType, { kind: 'object' }>, now: Extract<FieldType, { kind: 'object' }>, path: string): void {
    this.list(old.fields, now.fields, path);
  }

  #removed(field: Field, added: readonly Field[], path: string): void {
    const twin = added.find(({ path: at }) => at.length > 0 && at.join('\n') === field.path.join('\n'));
    const what = `the field "${field.name}" is no longer there${twin === undefined ? '' : ` (renamed to "${twin.name}"?)`}`;
    this.changes.readers(
      'field-removed',
      path,
      what,
      'operations that select it are refused, and programs miss its values',
    );
    if (this.#publishes && isInput(field))
      this.changes.publishers('field-removed', path, what, 'an event that still gives it is refused');
  }

  #added(field: Field, path: string): void {
    const what = `the ${field.required ? 'required' : 'optional'} field "${field.name}" (${typeText(field.type)}) is new`;
    if (field.required && field.derivation === null) {
      this.changes.publishers(
        'field-required',
        path,
        what,
        'whoever does not give it yet is refused, and records that lack it are set aside, those of the past too',
      );
    } else this.changes.compatible('field-added', path, what, 'readers ask for what they know');
  }

  #field(old: Field, now: Field, path: string): void {
    compareTypes(this, old.type, now.type, path);
    this.#presence(old, now, path);
    this.#origin(old, now, path);
    compareMasks(this.changes, old, now, path);
    const { changes } = this;
    if (old.deprecated === null && now.deprecated !== null) {
      // A description that comes with the mark is its reason.
      changes.documentation('field-deprecated', path, 'the field is deprecated', 'it is marked so in both documents');
    } else {
      if (old.deprecated !== null && now.deprecated === null)
        changes.documentation('field-deprecated', path, 'the field is no longer deprecated', 'the mark goes');
      changes.said('description', path, 'the description', old.description, now.description);
    }
    this.#values(old, now, path);
    changes.said('classification', path, 'the classification', old.classification, now.classification);
    changes.said('examples', path, 'the examples', old.examples, now.examples);
    // Of integers it is the width, which is part of the type.
    if (old.type.kind === 'string' && now.type.kind === 'string')
      changes.said('format', path, 'the format', old.format, now.format);
  }

  #presence(old: Field, now: Field, path: string): void {
    if (old.required && !now.required)
      this.changes.readers('field-optional', path, 'the field may be absent', 'readers were promised that it never is');
    if (!old.required && now.required && now.derivation === null) {
      const why = 'whoever leaves it out is refused, and records that lack it are set aside, those of the past too';
      this.changes.publishers('field-required', path, 'the field is required now', why);
    } else if (!old.required && now.required) {
      const why = 'readers are promised more than before';
      this.changes.compatible('field-required', path, 'the derived field is always there now', why);
    }
  }

  /** Where the value is from. A path says where the record has it, which is internal; a derivation says what it is. */
  #origin(old: Field, now: Field, path: string): void {
    const [before, after] = [old.derivation?.trim() ?? null, now.derivation?.trim() ?? null];
    if (before === after) {
      if (old.path.join('\n') !== now.path.join('\n')) {
        const why = 'the record is internal: readers are shown the same field';
        this.changes.compatible('field-path', path, 'the record holds it in another place', why);
      }
      return;
    }
    const what =
      before === null
        ? 'the field is derived now'
        : after === null
          ? 'the field is no longer derived'
          : 'the derivation changes';
    this.changes.readers('derivation', path, what, 'the values of equal records mean something else than before');
    if (!this.#publishes) return;
    if (before === null)
      this.changes.publishers('derivation', path, what, 'it is no input any more: an event that gives it is refused');
    if (after === null && now.required)
      this.changes.publishers('derivation', path, what, 'it is a required input now: an event without it is refused');
  }

  #values(old: Field, now: Field, path: string): void {
    const [before, after] = [old.values.map(({ value }) => value), now.values.map(({ value }) => value)];
    const came = after.filter((value) => !before.includes(value));
    const went = before.filter((value) => !after.includes(value));
    const why = 'documented values are a hint: the type stays what it is, so that a new one breaks nobody';
    if (came.length > 0) this.changes.documentation('values', path, `documented values are new: ${list(came)}`, why);
    if (went.length > 0) this.changes.documentation('values', path, `documented values went: ${list(went)}`, why);
    if (came.length + went.length === 0)
      this.changes.said('values', path, 'what is said of the documented values', old.values, now.values);
  }
}

function list(values: readonly string[]): string {
  const shown = values.slice(0, 8).map((value) => JSON.stringify(value));
  return `${shown.join(', ')}${values.length > shown.length ? ` and ${values.length - shown.length} more` : ''}`;
}
