import { errorClass } from '../../shared/facts.js';
import { modelsOf } from '../../shared/models.js';
import { docOf, quoted } from './text.js';

/** What a model cannot be called: types that models are written with, and what the package has beside them. */
const TAKEN = new Set(
  'Readonly Record String Number Boolean Object Array Function Symbol Promise Error Date Map Set CursorStore EventStream Gap Lost Notice Projected Reached Ready Socket Stream StreamEvent StreamOptions SluiceError ConnectionError SubscribeOptions Delayed Range'.split(
    ' ',
  ),
);

export async function modelsText({ document }, codes) {
  const models = await modelsOf(document, new Set([...TAKEN, ...codes.map(errorClass)]));
  return `${models.map(modelText).join('\n')}`;
}

function modelText({ name, doc, deprecated, fields }) {
  return `${docOf(doc, { deprecated })}export interface ${name} {\n${fields.map(fieldText).join('')}}\n`;
}

function fieldText({ name, required, type, doc, deprecated }) {
  const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);
  return `${docOf(doc, { indent: '  ', deprecated })}  readonly ${key}${required ? '' : '?'}: ${typeText(type)};\n`;
}

function typeText(type) {
  return type.nullable ? `${plainText(type)} | null` : plainText(type);
}

function plainText(type) {
  switch (type.kind) {
    case 'string':
      return type.values === undefined ? 'string' : type.values.map(quoted).join(' | ');
    case 'integer':
    case 'number':
      return 'number';
    case 'array': {
      const of = typeText(type.of);
      return `readonly ${/ /.test(of) ? `(${of})` : of}[]`;
    }
    case 'map':
      return `Readonly<Record<string, ${typeText(type.of)}>>`;
    case 'model':
      return type.name;
    case 'any':
      return 'unknown';
    default:
      return type.kind;
  }
}
