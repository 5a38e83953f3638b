/** Rules on properties: names, paths, types to any depth, derivations, privacy. */
import { compileDerivation } from '../derive.ts';
import type { Placed, Report } from '../findings.ts';
import type { Field, FieldType, Masking } from '../model.ts';
import { fieldOperators, graphqlName, isReservedType, pascal, typeNamesOf } from '../names.ts';
import { suggestion } from '../nearest.ts';
import { parsePath } from '../path.ts';
import { onlyMembers, readCustom } from './custom.ts';
import { readScalar } from './scalar.ts';
import { readRoles } from './terms.ts';

const maxDepth = 32;
const maxFields = 2000;
const classifications = ['public', 'internal', 'confidential', 'restricted'];

export class FieldReader {
  private readonly report: Report;
  private readonly roles: readonly string[];
  /** GraphQL type names in use, with the place that took them. */
  private readonly typeNames = new Map<string, string>();
  private count = 0;

  constructor(report: Report, roles: readonly string[]) {
    this.report = report;
    this.roles = roles;
  }

  readRoot(object: Placed, typeName: string): readonly Field[] {
    for (const name of typeNamesOf(typeName, true)) this.typeNames.set(name, 'the product');
    return this.readProperties(object, typeName, 0);
  }

  private readProperties(owner: Placed, typeName: string, depth: number): readonly Field[] {
    const place = owner.at('properties');
    const properties = place.list;
    if (properties.length === 0) {
      this.report.error(
        'no-properties',
        place.present ? place : owner,
        'the object has no properties',
        'what no property names never leaves: name at least one',
      );
      return [];
    }
    if (depth > maxDepth) {
      this.report.error('nesting', place, `objects are nested more than ${maxDepth} deep`, 'flatten them');
      return [];
    }
    const names = new Set<string>();
    const fields: Field[] = [];
    for (const property of properties) {
      this.count += 1;
      if (this.count === maxFields + 1)
        this.report.error(
          'nesting',
          property,
          `the contract has more than ${maxFields} properties`,
          'split the product',
        );
      if (this.count > maxFields) return fields;
      const name = this.readName(property, names);
      fields.push(this.readField(property, name, typeName, depth));
    }
    return fields;
  }

  private readName(property: Placed, taken: Set<string>): string {
    const place = property.at('name');
    const name = place.text;
    if (name === null) return '';
    if (!graphqlName.test(name)) {
      const right = name.replace(/[^_0-9A-Za-z]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '');
      this.report.error(
        'field-name',
        place,
        `"${name}" is not a legal GraphQL name`,
        `letters, digits and "_": "${/^\d|^$/.test(right) ? `_${right}` : right}" would be; "physicalName" keeps the name in the record`,
      );
    } else if (name.startsWith('__'))
      this.report.error(
        'field-name',
        place,
        `"${name}" begins with "__", which GraphQL keeps for itself`,
        `"${name.replace(/^_+/, '')}" would be right`,
      );
    else if (fieldOperators.some((operator) => operator === name))
      this.report.error('reserved-name', place, `"${name}" is an operator of filters`, 'choose another name');
    if (taken.has(name))
      this.report.error('duplicate-field', place, `a second "${name}" in one object`, 'public names are unique');
    taken.add(name);
    return name;
  }

  private readField(property: Placed, name: string, typeName: string, depth: number): Field {
    const custom = readCustom(property, 'property', this.report);
    const type = this.readType(property, typeName + pascal(name), depth);
    const derivation = this.readDerivation(property, type);
    const path = derivation === null ? this.readPath(property, name, type) : [];
    const required = property.at('required').truth;
    const classification = this.readClassification(property, custom.has('privacy'));
    const privacy = this.readPrivacy(custom.get('privacy'), type, required);
    return {
      name,
      // A type that cannot be read has its finding; what refers to the field need not have another.
      type: type ?? { kind: 'string' },
      required,
      description: property.at('description').text ?? property.at('businessName').text,
      path,
      derivation,
      deprecated: property.at('deprecated').truth
        ? (property.at('description').text ?? 'This field is deprecated.')
        : null,
      values: property.at('enum').list.map((item) => ({
        value: String(item.at('value').value),
        label: item.at('label').text,
        description: item.at('description').text,
      })),
      classification,
      privacy,
      mask: null,
      examples: property.at('examples').list.map((item) => item.value),
      format: property.at('logicalTypeOptions').at('format').text,
    };
  }

  /** `name` is the name of the object or entry type, should it be one. */
  private readType(property: Placed, name: string, depth: number): FieldType | null {
    const place = property.at('logicalType');
    switch (place.text) {
      case 'object':
        this.takeTypeName(name, property);
        return { kind: 'object', name, fields: this.readProperties(property, name, depth + 1) };
      case 'array': {
        const items = property.at('items');
        if (!items.present) {
          this.report.error('array-items', property, 'an array without "items"', 'add "items: {logicalType: string}"');
          return null;
        }
        const type = depth > maxDepth ? this.tooDeep(items) : this.readType(items, name, depth + 1);
        return type === null ? null : { kind: 'array', items: type, itemsRequired: items.at('required').truth };
      }
      case 'map':
        return this.readMap(property, name, depth);
      case 'vector':
        return { kind: 'array', items: { kind: 'number' }, itemsRequired: true };
      default:
        return readScalar(property, this.report);
    }
  }

  private tooDeep(place: Placed): null {
    this.report.error('nesting', place, `types are nested more than ${maxDepth} deep`, 'flatten them');
    return null;
  }

  private readMap(property: Placed, name: string, depth: number): FieldType | null {
    const map = property.at('map');
    const key = map.at('key').at('logicalType');
    const values = map.at('value');
    if (key.text !== null && key.text !== 'string') {
      this.report.error(
        'map-key',
        key,
        `a map with keys of type ${key.text}`,
        'keys are strings in JSON: "logicalType: string"',
      );
    }
    if (!values.present) return null;
    const entry = `${name}Entry`;
    this.takeTypeName(entry, property);
    const type = depth > maxDepth ? this.tooDeep(values) : this.readType(values, `${name}Value`, depth + 1);
    return type === null
      ? null
      : { kind: 'map', name: entry, values: type, valuesRequired: values.at('required').truth };
  }

  private takeTypeName(name: string, property: Placed): void {
    const label = property.at('name').text ?? 'the items';
    for (const derived of typeNamesOf(name, false)) {
      const taken = this.typeNames.get(derived);
      if (taken !== undefined) {
        this.report.error(
          'type-name',
          property,
          `the GraphQL type "${derived}" of "${label}" is that of ${taken === 'the product' ? taken : `"${taken}"`} already`,
          'rename the property',
        );
        return;
      }
      if (isReservedType(derived)) {
        this.report.error(
          'reserved-name',
          property,
          `the GraphQL type "${derived}" of "${label}" is reserved`,
          'rename the property',
        );
        return;
      }
    }
    for (const derived of typeNamesOf(name, false)) this.typeNames.set(derived, label);
  }

  private readPath(property: Placed, name: string, type: FieldType | null): readonly string[] {
    const place = property.at('physicalName');
    if (place.text === null) return [name];
    const path = parsePath(place.text);
    if (path === null) {
      this.report.error(
        'path',
        place,
        `"${place.text}" is not a path into the record`,
        "keys joined by dots: properties.mag, coordinates[0], ['odd.name']",
      );
      return [name];
    }
    if (path.length === 0 && type !== null && type.kind !== 'object') {
      this.report.error(
        'path',
        place,
        '"." names the enclosing object, and this is not one',
        'only an object that groups fields can have it',
      );
    }
    return path;
  }

  private readDerivation(property: Placed, type: FieldType | null): string | null {
    const place = property.at('transformLogic');
    const expression = place.text;
    if (expression === null) return null;
    if (property.at('physicalName').present) {
      this.report.warning(
        'derivation',
        property.at('physicalName'),
        'a derived field is not read from a path',
        'remove "physicalName" or "transformLogic"',
      );
    }
    const compiled = compileDerivation(expression);
    if (!('run' in compiled)) {
      const at = compiled.at === null ? '' : ` (at character ${compiled.at + 1})`;
      this.report.error(
        'derivation',
        place,
        `the CEL expression does not compile: ${compiled.message}${at}`,
        compiled.hint ?? 'CEL over "source", such as source.delay > 15',
      );
      return expression;
    }
    const fits = type === null || resultFits(compiled.type, type);
    if (!fits)
      this.report.error(
        'derivation-type',
        place,
        `the expression gives ${compiled.type}, the property is ${property.at('logicalType').text}`,
        'convert it: string(...), int(...), double(...)',
      );
    return expression;
  }

  private readClassification(property: Placed, hasPrivacy: boolean): string | null {
    const place = property.at('classification');
    const classification = place.text;
    if (classification === null) return null;
    if (!classifications.includes(classification)) {
      this.report.error(
        'classification',
        place,
        `"${classification}" is no classification`,
        suggestion(classification, classifications),
      );
    } else if (classification === 'restricted' && !hasPrivacy) {
      this.report.warning(
        'classification',
        place,
        'a restricted field without "privacy" is shown to every grant',
        'add {property: privacy, value: {masking: hash, visibleTo: [...]}}',
      );
    }
    return classification;
  }

  private readPrivacy(place: Placed | undefined, type: FieldType | null, required: boolean): Field['privacy'] {
    if (place === undefined) return null;
    onlyMembers(place, 'privacy', ['masking', 'visibleTo'], this.report);
    const at = place.at('masking');
    // YAML reads a plain `null` as nothing, which is just what it says here.
    const masking =
      at.value === null ? 'null' : (['hash', 'redact', 'null'] as const).find((known) => known === at.text);
    if (masking === undefined) {
      const hint = at.text === null ? 'one of hash, redact, null' : suggestion(at.text, ['hash', 'redact', 'null']);
      this.report.error(
        'privacy',
        at,
        at.text === null ? 'privacy without masking' : `"${at.text}" is no masking`,
        hint,
      );
    } else if (masking === 'null' && required) {
      this.report.error(
        'privacy',
        at,
        'a required field cannot be masked with null',
        'hash or redact it, or make it optional',
      );
    } else if (masking !== 'null' && type !== null && type.kind !== 'string') {
      this.report.error(
        'privacy',
        at,
        `${masking} makes a string, and the field is none`,
        'null, on an optional field',
      );
    }
    const visibleTo = readRoles(place.at('visibleTo'), this.roles, 'privacy', this.report);
    return { masking: masking ?? ('redact' satisfies Masking), visibleTo };
  }
}

const fitting: Readonly<Record<string, readonly FieldType['kind'][]>> = {
  string: ['string', 'long', 'decimal', 'date', 'timestamp', 'time'],
  int: ['int', 'long', 'number', 'decimal', 'timestamp', 'date', 'time'],
  uint: ['int', 'long', 'number', 'decimal', 'timestamp', 'date', 'time'],
  double: ['int', 'long', 'number', 'decimal'],
  bool: ['boolean'],
  'google.protobuf.Timestamp': ['timestamp'],
};

/** Whether CEL's own idea of the result can be of the type. What is dynamic is known only with the record. */
function resultFits(result: string, type: FieldType): boolean {
  if (result === 'dyn' || result === 'null_type' || result === 'null') return true;
  const known = fitting[result];
  if (known !== undefined) return known.includes(type.kind);
  if (result.startsWith('list')) return type.kind === 'array';
  if (result.startsWith('map')) return type.kind === 'map' || type.kind === 'object';
  return false;
}
