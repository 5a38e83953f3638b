/** What changes in a document beside the contract that Sluice makes of it: prices, quality, other systems' custom properties. */
import { Placed } from '../findings.ts';
import { readYaml } from '../yaml.ts';
import type { Changes } from './change.ts';
import { topicObject } from './places.ts';

const WHY = 'nothing that partners are served follows from it';

/** Members that a contract is made from: they are compared there. */
const known = {
  document:
    'name version status tenant domain description tags schema team support slaProperties customProperties'.split(' '),
  schema: 'name physicalName physicalType logicalType businessName properties customProperties'.split(' '),
  property:
    'name physicalName logicalType physicalType required description businessName deprecated enum classification examples transformLogic properties items map customProperties'.split(
      ' ',
    ),
};

const ours = {
  document: ['envelope', 'operations', 'replay', 'deprecation', 'deletes'],
  schema: ['topicTemplate', 'messageKey'],
  property: ['privacy'],
};

/** Documentation changes alone; both texts have been read as contracts without a finding. */
export function compareDocuments(changes: Changes, oldText: string, newText: string): void {
  const [old, now] = [rootOf(oldText), rootOf(newText)];
  rest(changes, 'document', old, now, '');
  const [before, after] = [topicObject(old), topicObject(now)];
  if (before !== null && after !== null) {
    rest(changes, 'schema', before, after, 'schema');
    properties(changes, before, after, 'fields');
  }
}

function rootOf(text: string): Placed {
  return new Placed(readYaml(text, '').value, []);
}

function rest(changes: Changes, level: keyof typeof known, old: Placed, now: Placed, at: string): void {
  const prefix = at === '' ? '' : `${at}.`;
  const members = [...new Set([...old.keys, ...now.keys])].filter((member) => !known[level].includes(member));
  for (const member of members)
    if (textOf(old, member) !== textOf(now, member))
      changes.documentation('document', level === 'property' ? at : `${prefix}${member}`, `"${member}" changed`, WHY);
  const [before, after] = [customOf(old, level), customOf(now, level)];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(name) === after.get(name)) continue;
    const verb = before.has(name) ? (after.has(name) ? 'changed' : 'went') : 'is new';
    const path = level === 'document' ? `customProperties.${name}` : at;
    changes.documentation('custom-property', path, `the custom property "${name}" ${verb}`, WHY);
  }
}

/** Others' custom properties: name -> text of the whole entry. */
function customOf(owner: Placed, level: keyof typeof ours): ReadonlyMap<string, string> {
  const entries = owner.at('customProperties').list.map((entry) => [entry.at('property').text ?? '', entry] as const);
  return new Map(
    entries.filter(([name]) => !ours[level].includes(name)).map(([name, entry]) => [name, JSON.stringify(entry.value)]),
  );
}

function properties(changes: Changes, old: Placed, now: Placed, at: string): void {
  const after = new Map(now.at('properties').list.map((property) => [property.at('name').text, property]));
  for (const property of old.at('properties').list) {
    const same = after.get(property.at('name').text);
    if (same !== undefined) nested(changes, property, same, `${at}.${property.at('name').text}`);
  }
}

function nested(changes: Changes, old: Placed, now: Placed, path: string): void {
  rest(changes, 'property', old, now, path);
  properties(changes, old, now, path);
  if (old.at('items').present && now.at('items').present) nested(changes, old.at('items'), now.at('items'), path);
  const [before, after] = [old.at('map').at('value'), now.at('map').at('value')];
  if (before.present && after.present) nested(changes, before, after, path);
}

/** Of a type's options those that are not part of the type. */
function textOf(owner: Placed, member: string): string | undefined {
  const { value } = owner.at(member);
  if (member !== 'logicalTypeOptions' || typeof value !== 'object' || value === null) return JSON.stringify(value);
  const { format: _format, timezone: _timezone, ...others } = value as Readonly<Record<string, unknown>>;
  return Object.keys(others).length === 0 ? undefined : JSON.stringify(others);
}
