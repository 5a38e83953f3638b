/** The GraphQL types of one contract's data: output, input and filter types, each object and map once. */
import { type Field, type FieldType, isInput } from '../contract/index.ts';
import { scalarNames } from './scalars.ts';
import { shown, visible } from './shown.ts';
import { block, deprecatedBy, described, sentences } from './text.ts';

/** Definitions by name in order of first use, and the scalars and scalar filters that they use. */
export class Definitions {
  readonly #byName = new Map<string, string>();
  readonly #scalars = new Set<string>();
  readonly #filters = new Set<string>();

  get scalars(): ReadonlySet<string> {
    return this.#scalars;
  }

  get filters(): ReadonlySet<string> {
    return this.#filters;
  }

  text(): readonly string[] {
    return [...this.#byName.values()];
  }

  add(name: string, define: () => string): string {
    if (!this.#byName.has(name)) {
      // Holds the place, so that definitions stand in order of first use.
      this.#byName.set(name, '');
      this.#byName.set(name, define());
    }
    return name;
  }

  scalar(name: string): string {
    this.#scalars.add(name);
    return name;
  }

  /** The type's name with its list wrappers, without the outer `!`. */
  output(type: FieldType): string {
    switch (type.kind) {
      case 'object':
        return this.object(type.name, type.fields, null);
      case 'array':
        return `[${this.output(type.items)}${type.itemsRequired ? '!' : ''}]`;
      case 'map':
        return `[${this.add(type.name, () =>
          block(`"An entry of a map." type ${type.name}`, [
            'key: String!',
            `value: ${this.output(type.values)}${type.valuesRequired ? '!' : ''}`,
          ]),
        )}!]`;
      default:
        return this.scalar(scalarNames[type.kind]);
    }
  }

  object(name: string, fields: readonly Field[], description: string | null): string {
    return this.add(name, () =>
      block(
        `${described(description)}type ${name}`,
        visible(fields).map((field) => {
          const { type, required } = shown(field);
          return `${described(fieldDescription(field))}${field.name}: ${this.output(type)}${required ? '!' : ''}${deprecatedBy(field.deprecated)}`;
        }),
      ),
    );
  }

  input(type: FieldType): string {
    switch (type.kind) {
      case 'object':
        return this.inputObject(type.name, type.fields);
      case 'array':
        return `[${this.input(type.items)}${type.itemsRequired ? '!' : ''}]`;
      case 'map':
        return `[${this.add(`${type.name}Input`, () =>
          block(`"An entry of a map." input ${type.name}Input`, [
            'key: String!',
            `value: ${this.input(type.values)}${type.valuesRequired ? '!' : ''}`,
          ]),
        )}!]`;
      default:
        return this.scalar(scalarNames[type.kind]);
    }
  }

  inputObject(name: string, fields: readonly Field[]): string {
    return this.add(`${name}Input`, () =>
      block(
        `input ${name}Input`,
        written(fields).map((field) => {
          const text = `${described(fieldDescription({ ...field, mask: null }))}${field.name}: ${this.input(field.type)}`;
          // GraphQL does not let a required input field be deprecated.
          return field.required ? `${text}!` : `${text}${deprecatedBy(field.deprecated)}`;
        }),
      ),
    );
  }

  /** Name of the filter type of an object, or null where none of its fields may be filtered by. `nested`: the object itself may be null. */
  filter(name: string, fields: readonly Field[], nested = false): string | null {
    const members = filtered(fields);
    if (members.length === 0) return null;
    const presence = nested && !members.some((field) => field.name === 'isNull');
    return this.add(`${name}Filter`, () => {
      const own = `${name}Filter`;
      return block(`"All conditions given must hold." input ${own}`, [
        ...members.map((field) => {
          const type =
            field.type.kind === 'object'
              ? this.filter(field.type.name, field.type.fields, true)
              : this.#leafFilter(field.type);
          return `${described(fieldDescription(field))}${field.name}: ${type}${deprecatedBy(field.deprecated)}`;
        }),
        ...(presence ? ['isNull: Boolean'] : []),
        `and: [${own}!]`,
        `or: [${own}!]`,
        `not: ${own}`,
      ]);
    });
  }

  #leafFilter(type: Exclude<FieldType, { kind: 'object' }>): string {
    const scalar = type.kind === 'array' || type.kind === 'map' ? 'Null' : this.scalar(scalarNames[type.kind]);
    this.#filters.add(scalar);
    return `${scalar}Filter`;
  }
}

/** The filter type of a scalar, by GraphQL's name of the scalar; `Null` is that of lists and maps, which are there or not. */
export function scalarFilter(scalar: string): string {
  if (scalar === 'Null') return block('input NullFilter', ['isNull: Boolean']);
  const ordered = scalar === 'Boolean' ? [] : ['gt', 'gte', 'lt', 'lte'];
  return block(`input ${scalar}Filter`, [
    `eq: ${scalar}`,
    `ne: ${scalar}`,
    `in: [${scalar}!]`,
    ...ordered.map((comparison) => `${comparison}: ${scalar}`),
    ...(scalar === 'String' ? ['prefix: String'] : []),
    'isNull: Boolean',
  ]);
}

/** Fields that a publisher gives. */
export function written(fields: readonly Field[]): readonly Field[] {
  return fields.filter(isInput);
}

/** Fields that a filter may name. A masked field would be an oracle. */
function filtered(fields: readonly Field[]): readonly Field[] {
  return fields.filter((field) => {
    if (field.mask !== null || logical.has(field.name)) return false;
    return field.type.kind !== 'object' || filtered(field.type.fields).length > 0;
  });
}

/** A public field of such a name can be selected but not filtered by. */
const logical: ReadonlySet<string> = new Set(['and', 'or', 'not']);

export function fieldDescription(field: Field): string {
  const values = field.values.map(({ value, label }) => (label === null ? `\`${value}\`` : `\`${value}\` (${label})`));
  return sentences(
    field.description,
    values.length === 0 ? null : `Documented values: ${values.join(', ')}`,
    field.mask === null ? null : maskTexts[field.mask],
  );
}

const maskTexts = {
  hash: 'Masked: a keyed hash of the value, the same for equal values',
  redact: 'Masked: always `***`',
  null: 'Masked: always null',
} as const;
