/** Where in a document a change stands. */
import { Placed } from '../findings.ts';
import { type Path, readYaml } from '../yaml.ts';

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The place of a change's path in this text; null where the text has nothing of it. */
export function placesIn(text: string, file: string): (path: string) => Place | null {
  const located = readYaml(text, file);
  const root = new Placed(located.value, []);
  return (path) => {
    const found = find(root, path.split('.'));
    return found === null ? null : located.locate(found);
  };
}

const inCustom: Readonly<Record<string, 'document' | 'schema'>> = {
  operations: 'document',
  replay: 'document',
  deprecation: 'document',
  deletes: 'document',
  topicTemplate: 'schema',
  messageKey: 'schema',
};

function find(root: Placed, [head = '', ...rest]: readonly string[]): Path | null {
  const object = topicObject(root);
  if (head === 'fields') return object === null ? null : findField(object, rest);
  if (head === 'schema') return present(object?.at(rest[0] ?? 'name'));
  if (head === 'source') return present(object?.at('physicalName')) ?? present(root.at('servers'));
  if (head === 'title') return present(object?.at('businessName')) ?? present(root.at('dataProduct'));
  if (head === 'customProperties') return present(customOf(root, rest.join('.')));
  const level = inCustom[head];
  if (level === undefined) return present(root.at(head));
  const owner = level === 'document' ? root : object;
  const value = owner === null ? null : customOf(owner, head);
  if (value === null) return null;
  const member = rest[0];
  if (member === undefined) return value.path;
  const inside = value.list.find((entry) => entry.at('kind').text === member) ?? value.at(member);
  return inside.present ? inside.path : value.path;
}

function present(place: Placed | null | undefined): Path | null {
  return place?.present === true ? place.path : null;
}

/** The schema object that a contract is made from, as reading it finds it. */
export function topicObject(root: Placed): Placed | null {
  const objects = root.at('schema').list;
  return objects.find((object) => object.at('physicalType').text === 'topic') ?? objects[0] ?? null;
}

function customOf(owner: Placed, name: string): Placed | null {
  const entry = owner.at('customProperties').list.find((one) => one.at('property').text === name);
  return entry?.at('value') ?? null;
}

function findField(object: Placed, names: readonly string[]): Path | null {
  let at: Placed = object;
  for (const name of names) {
    const found = innermost(at)
      .at('properties')
      .list.find((property) => property.at('name').text === name);
    if (found === undefined) return null;
    at = found;
  }
  return at === object ? present(object.at('properties')) : at.path;
}

/** Lists and maps have no level of their own in a path. */
function innermost(place: Placed): Placed {
  const items = place.at('items');
  if (items.present) return innermost(items);
  const value = place.at('map').at('value');
  return value.present ? innermost(value) : place;
}
