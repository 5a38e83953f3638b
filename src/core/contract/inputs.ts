/** What of a contract's fields a publisher gives. */
import type { Field, FieldType } from './model.ts';

/** Derived fields follow from the others, and so does what holds nothing else. */
export function isInput({ derivation, type }: Field): boolean {
  return derivation === null && holdsInputs(type);
}

function holdsInputs(type: FieldType): boolean {
  switch (type.kind) {
    case 'object':
      return type.fields.some(isInput);
    case 'array':
      return holdsInputs(type.items);
    case 'map':
      return holdsInputs(type.values);
    default:
      return true;
  }
}
