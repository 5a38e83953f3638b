/**
 * Models out of Modelina. What it knows of a schema becomes a tree of a few kinds that each language writes in its own way: Modelina's
 * own text renames fields that are words of the language, so that it no longer fits the JSON.
 */
import { TypeScriptGenerator } from '@asyncapi/modelina';

/**
 * [{name, doc, deprecated, fields: [{name, required, type, doc, deprecated}]}], in the order of the document. A type is
 * {kind: 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'any', nullable}, a string with `values` where it can be no others;
 * {kind: 'array' | 'map', nullable, of}; {kind: 'model', nullable, name}. `taken`: names that the language or the client has already.
 */
export async function modelsOf(document, taken) {
  const found = [];
  const collect = ({ model, content }) => {
    found.push(model);
    return content;
  };
  await new TypeScriptGenerator({ modelType: 'interface', presets: [{ interface: { self: collect } }] }).generate(
    escaped(document),
  );
  const nameOf = (model) => {
    const name = model.originalInput?.$id ?? model.name;
    return taken.has(name) ? `${name}Model` : name;
  };
  // Modelina renders side by side: what is done first is no order to rely on.
  const order = Object.keys(document.components.schemas);
  found.sort((a, b) => order.indexOf(a.originalInput?.$id) - order.indexOf(b.originalInput?.$id));
  return found.map((model) => ({ name: nameOf(model), ...notesOf(model), fields: fieldsOf(model, nameOf) }));
}

/** Modelina takes what every JavaScript object inherits for fields that it has met already: such names are others while it looks. */
const ESCAPE = 'sluice-field-';

function escaped(document) {
  const renamed = (name) => (name in Object.prototype ? ESCAPE + name : name);
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => {
    if (schema.properties === undefined) return [name, schema];
    const properties = Object.entries(schema.properties).map(([field, of]) => [renamed(field), of]);
    return [
      name,
      { ...schema, required: (schema.required ?? []).map(renamed), properties: Object.fromEntries(properties) },
    ];
  });
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(schemas) } };
}

function notesOf({ originalInput }) {
  return { doc: originalInput?.description ?? '', deprecated: originalInput?.deprecated === true };
}

/** Modelina adds one for what a schema leaves open; it is none of the data's. */
function fieldsOf(model, nameOf) {
  const given = model.originalInput?.properties ?? {};
  return Object.values(model.properties)
    .filter(({ unconstrainedPropertyName: name }) => Object.hasOwn(given, name))
    .map(({ unconstrainedPropertyName: name, required, property }) => ({
      name: name.startsWith(ESCAPE) ? name.slice(ESCAPE.length) : name,
      required,
      type: typeOf(property, nameOf),
      ...notesOf(property),
    }));
}

function typeOf(model, nameOf) {
  const nullable = model.options.isNullable === true;
  const constant = model.options.const?.originalInput;
  switch (model.constructor.name) {
    case 'ConstrainedStringModel':
      return { kind: 'string', nullable, ...(typeof constant === 'string' ? { values: [constant] } : {}) };
    case 'ConstrainedIntegerModel':
      return { kind: 'integer', nullable };
    case 'ConstrainedFloatModel':
      return { kind: 'number', nullable };
    case 'ConstrainedBooleanModel':
      return { kind: 'boolean', nullable };
    case 'ConstrainedArrayModel':
      return { kind: 'array', nullable, of: typeOf(model.valueModel, nameOf) };
    case 'ConstrainedDictionaryModel':
      return { kind: 'map', nullable, of: typeOf(model.value, nameOf) };
    case 'ConstrainedEnumModel':
      return { kind: 'string', nullable, values: model.values.map(({ value }) => JSON.parse(value)) };
    case 'ConstrainedReferenceModel':
      return typeOfReference(model.ref, nullable, nameOf);
    default:
      return { kind: model.originalInput?.type === 'null' ? 'null' : 'any', nullable: false };
  }
}

function typeOfReference(model, nullable, nameOf) {
  if (model.constructor.name !== 'ConstrainedObjectModel') {
    const type = typeOf(model, nameOf);
    return { ...type, nullable: type.nullable || nullable };
  }
  return { kind: 'model', nullable: nullable || model.options.isNullable === true, name: nameOf(model) };
}
