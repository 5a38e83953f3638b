/**
 * What a partner is shown of a field: a mask changes its type. `hash` is a String (an HMAC that is stable for one application and
 * differs between applications), `redact` the String `***` whatever the value, `null` the field's own type and always null.
 */
import type { Contract, Field, FieldType } from '../contract/index.ts';

export interface Shown {
  readonly type: FieldType;
  readonly required: boolean;
}

const TEXT: FieldType = { kind: 'string' };

export function shown(field: Field): Shown {
  switch (field.mask) {
    case 'hash':
      return { type: TEXT, required: field.required };
    case 'redact':
      // Never null, so that not even the presence of a value shows.
      return { type: TEXT, required: true };
    case 'null':
      return { type: field.type, required: false };
    case null:
      return { type: field.type, required: field.required };
  }
}

/** The fields with something to show: an object whose every field is hidden has no GraphQL type, so it goes too. */
export function visible(fields: readonly Field[]): readonly Field[] {
  return fields.filter((field) => !empty(shown(field).type));
}

function empty(type: FieldType): boolean {
  switch (type.kind) {
    case 'object':
      return visible(type.fields).length === 0;
    case 'array':
      return empty(type.items);
    case 'map':
      return empty(type.values);
    default:
      return false;
  }
}

/** Whether the contract has a stream to serve; others are only listed among the products. */
export function isServed(contract: Contract): boolean {
  return contract.source !== null && visible(contract.fields).length > 0;
}
