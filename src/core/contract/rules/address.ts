/** Rules on what addresses an event: topic template and message key. */

import { maxTopicLevels } from '../filter.ts';
import type { Placed, Report } from '../findings.ts';
import type { Field, ScalarKind, TemplateLevel } from '../model.ts';
import { suggestion } from '../nearest.ts';
import { encodeLevel } from '../topic.ts';
import { onlyMembers } from './custom.ts';

const maxLevels = 24;
const maxKeyFields = 8;

export function readTemplate(
  place: Placed | undefined,
  object: Placed,
  fields: readonly Field[],
  report: Report,
): { readonly template: readonly TemplateLevel[]; readonly text: string } {
  if (place === undefined) {
    report.error(
      'topic-template',
      object,
      'the product has no topic template',
      'add {property: topicTemplate, value: "aviation/{origin}/{status}"} to customProperties',
    );
    return { template: [], text: '' };
  }
  const text = place.text;
  if (text === null || text === '') {
    report.error('topic-template', place, 'the topic template is not text', 'such as "aviation/{origin}/{status}"');
    return { template: [], text: '' };
  }
  const parts = text.split('/');
  if (parts.length > Math.min(maxLevels, maxTopicLevels)) {
    report.error('topic-template', place, `the topic template has ${parts.length} levels`, `at most ${maxLevels}`);
  }
  const template = parts.flatMap((part): readonly TemplateLevel[] => {
    const level = readLevel(part, place, fields, report);
    return level === null ? [] : [level];
  });
  return { template, text };
}

function readLevel(part: string, place: Placed, fields: readonly Field[], report: Report): TemplateLevel | null {
  const reference = /^\{([^{}]+)\}$/.exec(part)?.[1];
  if (reference !== undefined) {
    const path = reference.split('.');
    checkAddressField(path, place, fields, 'topic-template', report);
    return { field: path };
  }
  if (part === '')
    report.error(
      'topic-template',
      place,
      'a level of the topic template is empty',
      'no "/" at the beginning, at the end, or twice',
    );
  else if (/[{}]/.test(part))
    report.error(
      'topic-template',
      place,
      `the level "${part}" mixes text and field`,
      'a level is either text or one {field}',
    );
  else if (part !== encodeLevel(part) || part.length > 128) {
    report.error(
      'topic-template',
      place,
      `the level "${part}" is not plain text`,
      'no "*", ">", "%" or control characters, at most 128 characters',
    );
  }
  return { literal: part };
}

export function readMessageKey(place: Placed | undefined, fields: readonly Field[], report: Report): readonly string[] {
  if (place === undefined) return [];
  onlyMembers(place, 'message-key', ['fields'], report);
  const names = place.at('fields');
  if (!Array.isArray(names.value) || names.list.length === 0 || names.texts.length !== names.list.length) {
    report.error(
      'message-key',
      names.present ? names : place,
      'the message key names no fields',
      '{fields: [flightId]}',
    );
  }
  if (names.list.length > maxKeyFields)
    report.error('message-key', names, `the message key has ${names.list.length} fields`, `at most ${maxKeyFields}`);
  const seen = new Set<string>();
  for (const item of names.list) {
    if (item.text === null) continue;
    if (seen.has(item.text)) report.error('message-key', item, `"${item.text}" stands here twice`, 'keep one');
    seen.add(item.text);
    checkAddressField(item.text.split('.'), item, fields, 'message-key', report);
  }
  return names.texts;
}

/** An address is text that every event has and that everybody may see: of a required scalar, and no float. A key may be masked, a topic not. */
function checkAddressField(
  path: readonly string[],
  place: Placed,
  fields: readonly Field[],
  rule: 'topic-template' | 'message-key',
  report: Report,
): void {
  const shown = path.join('.');
  let level = fields;
  for (let index = 0; index < path.length; index++) {
    const name = path[index] as string;
    const field = level.find((candidate) => candidate.name === name);
    if (field === undefined) {
      const known = level.map((candidate) => candidate.name);
      return report.error(
        rule,
        place,
        `there is no field "${shown}"`,
        known.length === 0 ? null : suggestion(name, known),
      );
    }
    const error = (what: string, hint: string) =>
      report.error(rule, place, `"${path.slice(0, index + 1).join('.')}" ${what}`, hint);
    if (!field.required)
      error('is not required, so that an event may lack it', 'add "required: true" or choose another field');
    if (field.privacy !== null && rule === 'topic-template')
      error('can be masked, and a topic is seen by everybody', 'choose a field without "privacy"');
    const last = index === path.length - 1;
    if (!last) {
      if (field.type.kind !== 'object') return error('is not an object', 'only fields of objects are reached by dots');
      level = field.type.fields;
    } else if (!(isScalar(field.type.kind) && field.type.kind !== 'number')) {
      error(
        field.type.kind === 'number'
          ? 'is a floating-point number, whose text is not unique'
          : `is ${field.type.kind === 'object' ? 'an' : 'a'} ${field.type.kind}, not a scalar`,
        'choose a string, integer, decimal, boolean, date or timestamp',
      );
    }
  }
}

function isScalar(kind: string): kind is ScalarKind {
  return kind !== 'object' && kind !== 'array' && kind !== 'map';
}
