/**
 * What a channel tells of its topics. AsyncAPI has parameters for what stands in an address; a topic stands in a parameter of the query, so that
 * the levels are told beside it, in the same form.
 */
import type { Contract, Field } from '../../contract/index.ts';
import { fieldDescription } from '../definitions.ts';
import { visible } from '../shown.ts';
import { fieldExamples } from './example.ts';
import type { Json } from './schema.ts';

export function topicOf({ template, templateText, fields }: Contract): Json {
  if (template.length === 0) return {};
  const levels = template.flatMap((level) => ('field' in level ? [level.field] : []));
  return {
    'x-sluice-topic': {
      template: templateText,
      parameters: Object.fromEntries(levels.map((path) => [path.join('.'), parameter(fieldAt(fields, path))])),
    },
  };
}

function fieldAt(fields: readonly Field[], [name, ...rest]: readonly string[]): Field | undefined {
  const field = visible(fields).find((candidate) => candidate.name === name);
  if (field === undefined || rest.length === 0) return field;
  return field.type.kind === 'object' ? fieldAt(field.type.fields, rest) : undefined;
}

function parameter(field: Field | undefined): Json {
  if (field === undefined) return {};
  const description = fieldDescription(field);
  const documented = field.values.map(({ value }) => value);
  const examples = documented.length > 0 ? documented : fieldExamples(field).map(String);
  return { ...(description === '' ? {} : { description }), ...(examples.length === 0 ? {} : { examples }) };
}
