/**
 * A document as YAML: every member in its order, nothing shared, lines as long as they are. Whatever YAML 1.1 would read as something else,
 * dates for one, is quoted: many readers do.
 */
import { Document, visit } from 'yaml';
import type { Json } from './schema.ts';

/** What YAML has no way to write but an escape, or reads as a line break. */
const UNPRINTABLE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/;

export function asyncApiYaml(document: Json): string {
  const yaml = new Document(document, { aliasDuplicateObjects: false, schema: 'yaml-1.1' });
  visit(yaml, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && UNPRINTABLE.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  // They stand between double quotes alone now; the lower ones have been escaped there.
  return yaml
    .toString({ lineWidth: 0 })
    .replace(/[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => `\\u${hex(character)}`);
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}
