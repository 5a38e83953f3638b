/** Messages and schemas of a document as pieces of a page. */
import { code, escapeHtml, phrase, table } from './html.ts';
import { at, type Json, list, record, text } from './reading.ts';

export function messageArticle(message: Json): string {
  const name = text(message['name']) ?? '';
  const examples = list(message['examples']).map((example) => {
    const { name: label, summary, payload } = record(example);
    return `<details><summary>Example: ${escapeHtml(text(summary) ?? text(label) ?? '')}</summary>
<pre tabindex="0"><code>${escapeHtml(JSON.stringify(payload, null, 2))}</code></pre></details>`;
  });
  return `<article id="message-${escapeHtml(name)}">
<h3>${escapeHtml(name)}</h3>
<p>${phrase(text(message['summary']) ?? text(message['title']) ?? '')}</p>
<p>${code(text(message['contentType']) ?? '')}, ${reference(at(message, 'payload', '$ref'))}</p>
${examples.join('\n')}
</article>`;
}

export function schemaArticle(name: string, schema: Json): string {
  const required = list(schema['required']);
  const rows = Object.entries(record(schema['properties'])).map(([field, value]) => {
    const property = record(value);
    return [
      `${code(field)}${required.includes(field) ? '' : ' <span class="mark">optional</span>'}`,
      `${typeOf(property)}${marks(property)}`,
      `${phrase(text(property['description']) ?? '')}${values(property['x-sluice-values'])}`,
      examplesOf(property['examples']),
    ];
  });
  return `<article id="schema-${escapeHtml(name)}">
<h3>${escapeHtml(name)}</h3>
${schema['description'] === undefined ? '' : `<p>${phrase(text(schema['description']) ?? '')}</p>`}
${rows.length > 0 ? table(`Fields of ${name}`, ['Field', 'Type', 'What it is', 'Examples'], rows) : `<p>${typeOf(schema)}</p>`}
</article>`;
}

export function examplesOf(examples: unknown): string {
  return list(examples)
    .slice(0, 5)
    .map((example) => code(typeof example === 'string' ? example : JSON.stringify(example)))
    .join(', ');
}

function reference(ref: unknown): string {
  const name = String(ref).split('/').at(-1) ?? '';
  return `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`;
}

/** HTML: `string (date-time) or null`, `list of FlightLeg`. */
function typeOf(schema: Json): string {
  if (schema['$ref'] !== undefined) return reference(schema['$ref']);
  const types = Array.isArray(schema['type']) ? schema['type'] : [schema['type']];
  const names = types.filter((type) => type !== 'null').map((type) => oneType(String(type), schema));
  if (names.length === 0) return 'null';
  return names.join(' or ') + (names.length < types.length ? ' or null' : '');
}

function oneType(type: string, schema: Json): string {
  if (schema['const'] !== undefined) return `always ${code(String(schema['const']))}`;
  if (schema['enum'] !== undefined)
    return list(schema['enum'])
      .map((value) => code(String(value)))
      .join(' or ');
  if (type === 'array') return schema['items'] === undefined ? 'list' : `list of ${typeOf(record(schema['items']))}`;
  if (type === 'object' && schema['additionalProperties'] !== undefined)
    return `map of text to ${typeOf(record(schema['additionalProperties']))}`;
  return `${escapeHtml(type)}${schema['format'] === undefined ? '' : ` (${escapeHtml(String(schema['format']))})`}`;
}

function marks(property: Json): string {
  const shown = [
    property['deprecated'] === true ? 'deprecated' : null,
    text(property['x-sluice-classification']),
    property['x-sluice-masking'] === undefined ? null : `masked: ${property['x-sluice-masking']}`,
  ].filter((mark): mark is string => mark !== null);
  return shown.map((mark) => ` <span class="mark">${escapeHtml(mark)}</span>`).join('');
}

/** What the description has no room for. */
function values(hints: unknown): string {
  const told = list(hints).filter((hint) => record(hint)['description'] !== undefined);
  if (told.length === 0) return '';
  const items = told.map((hint) => {
    const { value, description } = record(hint);
    return `<li>${code(String(value))}: ${phrase(String(description))}</li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}
