/**
 * A document as YAML: every member in its order, nothing shared, lines as long as they are. Whatever YAML 1.1 would read as something else,
 * dates for one, is quoted: many readers do.
 */
import { stringify } from 'yaml';
import type { Json } from './schema.ts';

export function asyncApiYaml(document: Json): string {
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 0, schema: 'yaml-1.1' });
}
