/** A document as a page: made from the plain JSON that programs get, so that people read the same. */

import { documentPath } from '../wire/document-paths.ts';
import { connecting } from './connecting.ts';
import { code, escapeHtml, facts, type Look, link, page, phrase, prose, table } from './html.ts';
import { at, type Json, list, record, text } from './reading.ts';
import { examplesOf, messageArticle, schemaArticle } from './schemas.ts';

export function documentPage(document: Json, look: Look, token: string | null): string {
  const info = record(document['info']);
  const title = text(info['title']) ?? '';
  const product = text(info['x-sluice-product']) ?? '';
  const head = `<p>${link('/asyncapi', 'All products', token)}</p>
<h1>${escapeHtml(title)} ${code(product)}</h1>
${prose(text(info['description']) ?? '')}
${summary(document, info)}
<p class="documents">${link(documentPath(product, 'yaml'), 'AsyncAPI as YAML', token, ' class="button"')}
${link(documentPath(product, 'json'), 'as JSON', token)}
${protocolLinks(document, product, token)}</p>
<nav aria-label="On this page"><ul>
${sections.map(([id, label]) => `<li><a href="#${id}">${label}</a></li>`).join('\n')}
</ul></nav>`;
  const main = `<section id="connect" aria-labelledby="connect-title">
<h2 id="connect-title">Connect</h2>
${connecting(document)}
</section>
<section id="topics" aria-labelledby="topics-title">
<h2 id="topics-title">Topics and parameters</h2>
${topics(document)}
${parameters(document)}
</section>
<section id="operations" aria-labelledby="operations-title">
<h2 id="operations-title">Operations</h2>
<div class="stack">
${Object.entries(record(document['operations']))
  .map(([name, operation]) => operationArticle(name, record(operation)))
  .join('\n')}
</div>
</section>
<section id="messages" aria-labelledby="messages-title">
<h2 id="messages-title">Messages</h2>
<div class="stack">
${Object.values(record(at(document, 'components', 'messages')))
  .map((message) => messageArticle(record(message)))
  .join('\n')}
</div>
</section>
<section id="schemas" aria-labelledby="schemas-title">
<h2 id="schemas-title">Schemas</h2>
<div class="stack">
${Object.entries(record(at(document, 'components', 'schemas')))
  .map(([name, schema]) => schemaArticle(name, record(schema)))
  .join('\n')}
</div>
</section>`;
  return page(look, { title: `${title} · AsyncAPI · Sluice`, head, main });
}

const sections = [
  ['connect', 'Connect'],
  ['topics', 'Topics and parameters'],
  ['operations', 'Operations'],
  ['messages', 'Messages'],
  ['schemas', 'Schemas'],
] as const;

function summary(document: Json, info: Json): string {
  const levels = list(info['x-sluice-sla']).map((level) => {
    const { property, value, unit } = record(level);
    return `${property} ${value}${unit === undefined ? '' : ` ${unit}`}`;
  });
  const support = list(info['x-sluice-support']).map((way) => {
    const { channel, url } = record(way);
    const label = escapeHtml(String(channel));
    // Whatever else a contract calls an address is shown and not followed.
    return typeof url === 'string' && /^(https?:|mailto:)/i.test(url)
      ? `<a href="${escapeHtml(url)}" rel="noreferrer">${label}</a>`
      : label;
  });
  const replay = record(info['x-sluice-replay']);
  const tags = list(info['tags']).map((tag) => escapeHtml(String(record(tag)['name'])));
  const definition = text(at(info, 'externalDocs', 'url'));
  return facts([
    ['Version', escapeHtml(`${text(info['version'])} (${text(info['x-sluice-status'])})`)],
    ['Id', code(text(document['id']) ?? '')],
    ['Owner', escapeOrNull(info['x-sluice-owner'])],
    ['Domain', escapeOrNull(info['x-sluice-domain'])],
    ['Promise', levels.length === 0 ? null : escapeHtml(levels.join(', '))],
    ['Support', support.join(' · ')],
    [
      'Replay',
      escapeHtml(
        [
          list(replay['from']).join(', '),
          replay['maxDepth'] === undefined ? '' : `as far as ${replay['maxDepth']} back`,
        ]
          .filter((part) => part !== '')
          .join('; '),
      ),
    ],
    [
      'Defined at',
      definition === null ? null : `<a href="${escapeHtml(definition)}" rel="noreferrer">${escapeHtml(definition)}</a>`,
    ],
    ['Tags', tags.join(', ')],
  ]);
}

function escapeOrNull(value: unknown): string | null {
  return typeof value === 'string' ? escapeHtml(value) : null;
}

function protocolLinks(document: Json, product: string, token: string | null): string {
  const names = Object.keys(record(document['servers']));
  return (['ws', 'sse'] as const)
    .filter((protocol) => (protocol === 'ws' ? names.includes('ws') : true))
    .map((protocol) => link(documentPath(product, 'yaml', protocol), `for generators: ${protocol}`, token))
    .join('\n');
}

function topics(document: Json): string {
  const topic = Object.values(record(document['channels']))
    .map((channel) => record(channel)['x-sluice-topic'])
    .find((found) => found !== undefined);
  if (topic === undefined) return '';
  const rows = Object.entries(record(record(topic)['parameters'])).map(([name, parameter]) => {
    const { description, examples } = record(parameter);
    return [code(name), phrase(text(description) ?? ''), examplesOf(examples)];
  });
  return `<p>Topics are ${code(text(record(topic)['template']) ?? '')}.</p>
${rows.length === 0 ? '' : table('Levels of a topic', ['Level', 'What it is', 'Examples'], rows)}`;
}

function parameters(document: Json): string {
  const queries: readonly (readonly [string, unknown])[] = [
    ['of the stream', at(document, 'components', 'operationBindings', 'stream', 'http', 'query')],
    ...Object.entries(record(document['operations'])).map(
      ([name, operation]) => [`of ${name}`, at(operation, 'bindings', 'http', 'query')] as const,
    ),
  ];
  return queries
    .filter(([, query]) => query !== undefined)
    .map(([label, query]) => {
      const rows = Object.entries(record(record(query)['properties'])).map(([name, schema]) => {
        const { description, examples, default: fallback } = record(schema);
        const initial = fallback === undefined ? '' : ` Default: ${code(String(fallback))}.`;
        return [code(name), `${phrase(text(description) ?? '')}${initial}`, examplesOf(examples)];
      });
      return `<h3>Parameters ${escapeHtml(label)}</h3>
${table(`Parameters ${label}`, ['Parameter', 'What it does', 'Examples'], rows)}`;
    })
    .join('\n');
}

function operationArticle(name: string, operation: Json): string {
  const messages = list(operation['messages']).map((message) => {
    const key = String(record(message)['$ref']).split('/').at(-1) ?? '';
    const full = key.charAt(0).toUpperCase() + key.slice(1);
    return `<a href="#message-${escapeHtml(full)}">${escapeHtml(full)}</a>`;
  });
  return `<article>
<h3>${escapeHtml(name)} <span class="mark">${operation['action'] === 'send' ? 'you send' : 'you receive'}</span></h3>
<p>${phrase(text(operation['summary']) ?? '')}</p>
${operation['description'] === undefined ? '' : prose(text(operation['description']) ?? '')}
<p>${messages.join(', ')}</p>
</article>`;
}
