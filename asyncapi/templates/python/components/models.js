import { errorClass, wrapped } from '../../shared/facts.js';
import { modelsOf } from '../../shared/models.js';
import { docOf, quoted } from './text.js';

const WORDS =
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield';
const NAMES = 'Any Literal NotRequired TypedDict annotations str int float bool list dict object';
/** What a model cannot be called. */
const TAKEN = new Set(
  `${WORDS} ${NAMES} CursorStore EventStream Lost Ready Gap Notice SluiceError StreamConnectionError`.split(' '),
);

export function pythonModels({ document }, codes) {
  return modelsOf(document, new Set([...TAKEN, ...codes.map(errorClass)]));
}

export function modelsText(models) {
  const names = new Set([...TAKEN, ...models.map(({ name }) => name)]);
  const body = models.map((model) => modelText(model, names)).join('\n\n');
  const imports = ['Any', 'Literal', 'NotRequired', 'TypedDict'].filter((name) =>
    new RegExp(`\\b${name}\\b[\\[)\\] |,"]|: ${name}\\n`).test(body),
  );
  return `"""The shape of events, as their JSON has it."""\n\nfrom __future__ import annotations\n\nfrom typing import ${imports.join(', ')}\n\n${body.startsWith('class') ? '\n' : ''}${body}`;
}

/** A field whose name is a word of Python, or one that types are written with, cannot stand in the body of a class. */
function modelText(model, names) {
  const isPlain = model.fields.every(({ name }) => /^(?!__)[A-Za-z_]\w*$/.test(name) && !names.has(name));
  return isPlain ? classText(model) : functionText(model);
}

function classText({ name, doc, deprecated, fields }) {
  const said = docOf(doc, { deprecated });
  const body = fields.map((field) => `    ${field.name}: ${fieldType(field)}\n${docOf(field.doc, field)}`).join('');
  return `class ${name}(TypedDict):\n${said}${said === '' || body === '' ? '' : '\n'}${body || '    pass\n'}`;
}

function functionText({ name, doc, deprecated, fields }) {
  const said = comment(doc, deprecated, '');
  const body = fields.map(
    (field) =>
      `${comment(field.doc, field.deprecated, '        ')}        ${quoted(field.name)}: ${typeQuoted(fieldType(field))},\n`,
  );
  return `${said}${name} = TypedDict(\n    ${quoted(name)},\n    {\n${body.join('')}    },\n)\n`;
}

/** A type as text, in the quotes that need no escapes. */
function typeQuoted(type) {
  return type.includes('"') ? `'${type}'` : `"${type}"`;
}

function comment(doc, deprecated, indent) {
  const text = [...wrapped(doc.trim(), 108), ...(deprecated ? ['Deprecated.'] : [])].join('\n').trim();
  return text === ''
    ? ''
    : `${text
        .split('\n')
        .map((line) => `${indent}# ${line}`.trimEnd())
        .join('\n')}\n`;
}

function fieldType({ required, type }) {
  return required ? typeText(type) : `NotRequired[${typeText(type)}]`;
}

function typeText(type) {
  return type.nullable ? `${plainText(type)} | None` : plainText(type);
}

const plain = { integer: 'int', number: 'float', boolean: 'bool', null: 'None', any: 'Any' };

function plainText(type) {
  switch (type.kind) {
    case 'string':
      return type.values === undefined ? 'str' : `Literal[${type.values.map(quoted).join(', ')}]`;
    case 'array':
      return `list[${typeText(type.of)}]`;
    case 'map':
      return `dict[str, ${typeText(type.of)}]`;
    case 'model':
      return type.name;
    default:
      return plain[type.kind];
  }
}
