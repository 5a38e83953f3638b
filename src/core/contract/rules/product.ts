/** Rules on what a product is: name, version, life-cycle, owner, promises. */
import type { Placed, Report } from '../findings.ts';
import type { Contract } from '../model.ts';
import {
  camel,
  graphqlName,
  isReservedType,
  kebab,
  pascal,
  reservedProductName,
  semver,
  typeNamesOf,
} from '../names.ts';
import { suggestion } from '../nearest.ts';

export const statuses = ['proposed', 'draft', 'active', 'deprecated', 'retired'] as const;

export type Identity = Pick<
  Contract,
  | 'name'
  | 'major'
  | 'product'
  | 'fieldName'
  | 'typeName'
  | 'version'
  | 'status'
  | 'title'
  | 'domain'
  | 'tenant'
  | 'description'
  | 'tags'
  | 'owner'
  | 'support'
  | 'definition'
  | 'sla'
>;

/** `object` is the schema object that the product's type is named after; null in a catalogued document without one. */
export function readProduct(root: Placed, object: Placed | null, report: Report): Identity {
  const name = readName(root.at('name'), report);
  const { version, major } = readVersion(root.at('version'), report);
  const status = readStatus(root, report);
  const suffix = major > 1 ? `V${major}` : '';
  checkApiVersion(root.at('apiVersion'), report);
  const description = root.at('description');
  return {
    name,
    major,
    product: major > 1 ? `${name}-v${major}` : name,
    fieldName: camel(name) + suffix,
    typeName: readTypeName(name, object, report) + suffix,
    version,
    status,
    title: object?.at('businessName').text ?? root.at('dataProduct').text ?? titleOf(name),
    domain: root.at('domain').text,
    tenant: root.at('tenant').text,
    description: {
      purpose: description.at('purpose').text,
      usage: description.at('usage').text,
      limitations: description.at('limitations').text,
    },
    tags: root.at('tags').texts,
    owner: readOwner(root.at('team')),
    support: root.at('support').list.map((item) => ({
      channel: item.at('channel').text ?? '',
      url: item.at('url').text,
      tool: item.at('tool').text,
    })),
    definition: readDefinition(root.at('authoritativeDefinitions')),
    sla: root.at('slaProperties').list.map((item) => ({
      property: item.at('property').text ?? '',
      value: String(item.at('value').value ?? ''),
      unit: item.at('unit').text,
    })),
  };
}

function titleOf(name: string): string {
  const words = name.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function readName(place: Placed, report: Report): string {
  const name = place.text;
  if (name === null) {
    if (!place.present) report.error('name', place, 'the product has no name', 'add "name: flights", in kebab-case');
    return '';
  }
  if (!kebab.test(name)) {
    const right = name
      .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '');
    report.error(
      'name',
      place,
      `"${name}" is not in kebab-case`,
      right === '' ? 'begin with a letter' : `"${right}" would be`,
    );
  } else if (name.length > 63) report.error('name', place, 'the name is longer than 63 characters', 'shorten it');
  else if (/-v\d+$/.test(name)) {
    report.error(
      'name',
      place,
      `"${name}" ends in a major version`,
      'the major comes from "version": from 2 on it is added to the name',
    );
  } else {
    const reserved = reservedProductName(name);
    if (reserved !== null) report.error('reserved-name', place, reserved, 'choose another name');
  }
  return name;
}

function readVersion(place: Placed, report: Report): { readonly version: string; readonly major: number } {
  const version = place.text;
  const match = version === null ? null : semver.exec(version);
  if (version !== null && match === null) {
    report.error('version', place, `"${version}" is not a semantic version`, 'MAJOR.MINOR.PATCH, such as 1.2.0');
  }
  const major = Number(match?.[1] ?? 1);
  if (match !== null && (major < 1 || major > 9999)) {
    report.error(
      'version',
      place,
      `the major version is ${match[1]}`,
      'a product begins at 1.0.0; say that it is not final by "status: draft"',
    );
  }
  return { version: version ?? '', major };
}

function readStatus(root: Placed, report: Report): Identity['status'] {
  const place = root.at('status');
  const status = statuses.find((known) => known === place.text);
  if (status !== undefined) return status;
  if (place.text !== null)
    report.error('status', place, `"${place.text}" is not a state of the life-cycle`, suggestion(place.text, statuses));
  else if (!place.present) report.error('status', place, 'the product has no status', `one of ${statuses.join(', ')}`);
  return 'draft';
}

function checkApiVersion(place: Placed, report: Report): void {
  if (place.text?.startsWith('v2.')) {
    report.error(
      'api-version',
      place,
      `ODCS ${place.text} is not read`,
      'move the document to v3.2.0; v3.0 and v3.1 are read too',
    );
  }
}

function readTypeName(name: string, object: Placed | null, report: Report): string {
  const place = object?.at('name');
  const written = place?.text ?? null;
  if (place === undefined || written === null) return pascal(name);
  const typeName = written.replace(/Event$/, '');
  if (typeName === '') {
    report.error(
      'type-name',
      place,
      '"Event" leaves no name for the type of the data',
      'name what happens: "FlightEvent" gives the type "Flight"',
    );
  } else if (!graphqlName.test(typeName) || typeName.startsWith('__')) {
    report.error(
      'type-name',
      place,
      `"${typeName}" is not a legal GraphQL name`,
      `"${pascal(typeName.replace(/[^_0-9A-Za-z]+/g, '-')) || 'Flight'}" would be`,
    );
  } else if (typeNamesOf(typeName, true).some(isReservedType)) {
    report.error('reserved-name', place, `the type name "${typeName}" is reserved`, 'choose another name');
  } else if (typeName.length > 100)
    report.error('type-name', place, 'the name is longer than 100 characters', 'shorten it');
  return typeName;
}

/** The team's name; in v3.0's form the first owner among its members, else the first member. */
function readOwner(team: Placed): string | null {
  const members = Array.isArray(team.value) ? team.list : team.at('members').list;
  const owner = members.find((member) => member.at('role').text?.toLowerCase() === 'owner') ?? members[0];
  return team.at('name').text ?? owner?.at('name').text ?? owner?.at('username').text ?? null;
}

/** Of the definitions that are meant for readers the first of the best kind; others (of transformations, of code) are the owner's. */
function readDefinition(place: Placed): string | null {
  for (const kind of ['canonicalUrl', 'businessDefinition']) {
    const found = place.list.find((item) => item.at('type').text === kind)?.at('url').text ?? null;
    if (found !== null && /^https?:/i.test(found) && URL.canParse(found)) return found;
  }
  return null;
}
