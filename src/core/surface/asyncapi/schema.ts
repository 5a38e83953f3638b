/** JSON Schemas of a contract's data, as the stream door writes them; every object is a schema of its own with a name. */
import { type Field, type FieldType, ranges, type ScalarType } from '../../contract/index.ts';
import { fieldDescription } from '../definitions.ts';
import { fieldExamples, formats } from './example.ts';
import { given, received, type Side } from './side.ts';

export type Json = Readonly<Record<string, unknown>>;

export function schemaRef(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** Schemas by name in order of first use. `$id` is the name again: generators of models name what they make after it. */
export class Schemas {
  readonly #byName = new Map<string, Json>();

  /** `define` may add others; they stand after it. */
  add(name: string, define: () => Json): Json {
    if (!this.#byName.has(name)) {
      this.#byName.set(name, {});
      this.#byName.set(name, { $id: name, ...define() });
    }
    return schemaRef(name);
  }

  all(): Json {
    return Object.fromEntries(this.#byName);
  }
}

/**
 * An object as a schema of its own. What is received is open: a compatible version of the contract adds fields. `nullable` stands in the schema itself, since it
 * is used in one place; beside a `$ref` it would be a union, which most languages have no name for.
 */
export function objectSchema(
  schemas: Schemas,
  side: Side,
  object: {
    readonly name: string;
    readonly fields: readonly Field[];
    readonly nullable: boolean;
    readonly notes: Json;
  },
): Json {
  return schemas.add(object.name + side.suffix, () => {
    const fields = side.fields(object.fields);
    const required = fields.filter((field) => side.shape(field).required).map(({ name }) => name);
    return {
      type: orNull('object', object.nullable),
      ...object.notes,
      ...(required.length > 0 ? { required } : {}),
      // What a publisher gives beside them is refused.
      ...(side === given ? { additionalProperties: false } : {}),
      properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(schemas, side, field)])),
    };
  });
}

function fieldSchema(schemas: Schemas, side: Side, field: Field): Json {
  const { type, required } = side.shape(field);
  if (side === received && field.mask !== null) return { ...maskedSchema(field, type, !required), ...notesOf(field) };
  const notes = notesOf(side === received ? field : { ...field, mask: null });
  const schema = typeSchema(schemas, side, type, { nullable: !required, notes });
  const format = type.kind === 'string' ? formats[field.format ?? ''] : undefined;
  const examples = fieldExamples(field);
  return {
    ...schema,
    ...(format === undefined ? {} : { format: field.format }),
    ...(examples.length > 0 && schema['$ref'] === undefined ? { examples } : {}),
  };
}

/** What stands in the place of a masked value. */
function maskedSchema(field: Field, type: FieldType, nullable: boolean): Json {
  if (field.mask === 'redact') return { type: 'string', const: '***' };
  if (field.mask === 'hash') {
    return { type: orNull('string', nullable), pattern: '^[A-Za-z0-9_-]{22}$', examples: fieldExamples(field) };
  }
  const { type: own, format } = typeSchema(new Schemas(), received, type, { nullable: true, notes: {} }) as {
    type?: unknown;
    format?: unknown;
  };
  // Of an object that is always null nothing inside is worth telling.
  return { type: own ?? ['object', 'null'], ...(format === undefined ? {} : { format }) };
}

/** What is said of a field beside its type. */
function notesOf(field: Field): Json {
  const privacy =
    field.mask === null && field.privacy !== null
      ? ` Masked (${field.privacy.masking}) unless the grant shows it.`
      : '';
  const description = `${fieldDescription(field)}${privacy}`.trim();
  return {
    ...(description === '' ? {} : { description }),
    ...(field.deprecated === null ? {} : { deprecated: true }),
    ...(field.classification === null ? {} : { 'x-sluice-classification': field.classification }),
    ...(field.mask === null ? {} : { 'x-sluice-masking': field.mask }),
    // Documentation, not an enum: a new value must not break a client.
    ...(field.values.length === 0 ? {} : { 'x-sluice-values': field.values.map(valueHint) }),
  };
}

function valueHint({ value, label, description }: Field['values'][number]): Json {
  return { value, ...(label === null ? {} : { label }), ...(description === null ? {} : { description }) };
}

interface Place {
  readonly nullable: boolean;
  readonly notes: Json;
}

function typeSchema(schemas: Schemas, side: Side, type: FieldType, { nullable, notes }: Place): Json {
  switch (type.kind) {
    case 'object':
      return objectSchema(schemas, side, { name: type.name, fields: type.fields, nullable, notes });
    case 'array': {
      const items = typeSchema(schemas, side, type.items, { nullable: !type.itemsRequired, notes: {} });
      return { type: orNull('array', nullable), ...notes, items };
    }
    case 'map': {
      const values = typeSchema(schemas, side, type.values, { nullable: !type.valuesRequired, notes: {} });
      return { type: orNull('object', nullable), ...notes, additionalProperties: values };
    }
    default:
      return { ...scalarSchema(type, nullable), ...notes };
  }
}

/** 64-bit integers and decimals are strings, so that no digit is lost. */
function scalarSchema(type: ScalarType, nullable: boolean): Json {
  switch (type.kind) {
    case 'boolean':
      return { type: orNull('boolean', nullable) };
    case 'int': {
      const [minimum, maximum] = type.width === undefined ? [] : (ranges[type.width] ?? []);
      return {
        type: orNull('integer', nullable),
        format: 'int32',
        ...(minimum === undefined ? {} : { minimum, maximum }),
      };
    }
    case 'number':
      return { type: orNull('number', nullable), format: 'double' };
    case 'long':
      return { type: orNull('string', nullable), format: 'int64', pattern: '^-?(0|[1-9][0-9]{0,18})$' };
    case 'decimal':
      return { type: orNull('string', nullable), format: 'decimal', pattern: decimalPattern(type) };
    case 'date':
      return { type: orNull('string', nullable), format: 'date' };
    case 'timestamp':
      return { type: orNull('string', nullable), format: 'date-time' };
    case 'time':
      // The format `time` needs an offset, which a time of day need not have.
      return {
        type: orNull('string', nullable),
        pattern: '^[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$',
      };
    case 'string':
      return { type: orNull('string', nullable) };
  }
}

function decimalPattern({ precision, scale = 0 }: ScalarType): string {
  if (precision === undefined) return '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$';
  const whole = precision - scale;
  const digits = whole <= 1 ? (whole === 1 ? '[0-9]' : '0') : `(0|[1-9][0-9]{0,${whole - 1}})`;
  return `^-?${digits}${scale === 0 ? '' : `\\.[0-9]{${scale}}`}$`;
}

function orNull(type: string, nullable: boolean): string | readonly string[] {
  return nullable ? [type, 'null'] : type;
}
