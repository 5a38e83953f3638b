/** What a selection lets out. */
import type { Contract, Field, FieldType } from '../contract/index.ts';
import { keyIsHashed } from './mask.ts';
import type { Selection } from './selection.ts';

/** Whether the output of an event or batch holds the cursor, or anything hashed for this application. */
export function shows(contract: Contract, selection: Selection, what: 'cursor' | 'hash'): boolean {
  return selection.fields.some(({ name, of }) => {
    switch (name) {
      case 'cursor':
        return what === 'cursor';
      case 'key':
        return what === 'hash' && keyIsHashed(contract);
      case 'events':
        return of !== null && shows(contract, of, what);
      case 'data':
        return what === 'hash' && of !== null && hashes(contract.fields, of);
      default:
        return false;
    }
  });
}

function hashes(fields: readonly Field[], selection: Selection): boolean {
  return selection.fields.some(({ name, of }) => {
    const field = fields.find((candidate) => candidate.name === name);
    if (field === undefined) return false;
    return field.mask === 'hash' || (field.mask === null && of !== null && typeHashes(field.type, of));
  });
}

function typeHashes(type: FieldType, selection: Selection): boolean {
  switch (type.kind) {
    case 'object':
      return hashes(type.fields, selection);
    case 'array':
      return typeHashes(type.items, selection);
    case 'map':
      return selection.fields.some(({ of }) => of !== null && typeHashes(type.values, of));
    default:
      return false;
  }
}
