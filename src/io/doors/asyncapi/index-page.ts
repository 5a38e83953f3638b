/** The index: which products there are documents of, and where. */
import type { Contract } from '../../../core/contract/index.ts';
import { asyncApiProtocols } from '../../../core/surface/index.ts';
import { clientPath, documentPath, pagePath } from '../wire/document-paths.ts';
import { code, escapeHtml, facts, type Look, link, page, phrase } from './html.ts';

export interface IndexEntry {
  readonly product: string;
  readonly title: string;
  readonly version: string;
  readonly status: string;
  readonly owner: string | null;
  readonly description: string | null;
  /** Paths of this gateway: the page, the document that shows all, and those for generators by protocol. */
  readonly html: string;
  readonly json: string;
  readonly yaml: string;
  readonly protocols: Readonly<Record<string, { readonly json: string; readonly yaml: string }>>;
  /** Archives of clients by language; none where this gateway generates none. */
  readonly clients: Readonly<Record<string, string>>;
}

/** `languages`: of the clients that can be had here. */
export function indexEntries(contract: Contract, languages: readonly string[]): IndexEntry {
  const { product, title, version, status, owner, description } = contract;
  const protocols = asyncApiProtocols(contract).filter((protocol) => protocol !== 'all');
  return {
    product,
    title,
    version,
    status,
    owner,
    description: description.purpose,
    html: pagePath(product),
    json: documentPath(product, 'json'),
    yaml: documentPath(product, 'yaml'),
    protocols: Object.fromEntries(
      protocols.map((protocol) => [
        protocol,
        { json: documentPath(product, 'json', protocol), yaml: documentPath(product, 'yaml', protocol) },
      ]),
    ),
    clients: Object.fromEntries(
      protocols.includes('ws') ? languages.map((language) => [language, clientPath(product, language)]) : [],
    ),
  };
}

export function indexPage(entries: readonly IndexEntry[], look: Look, token: string | null): string {
  const head = `<h1>Streams, described for programs</h1>
<p>For each product that you may see: an <a href="https://www.asyncapi.com/" rel="noreferrer">AsyncAPI</a> document of its stream over WebSocket and
server-sent events, to read here, and to give to a generator of clients.</p>`;
  const articles = entries.map(
    (entry) => `<article>
<h2 id="${escapeHtml(entry.product)}">${link(entry.html, entry.title, token)} ${code(entry.product)}</h2>
${entry.description === null ? '' : `<p>${phrase(entry.description)}</p>`}
${facts([
  ['Owner', entry.owner === null ? null : escapeHtml(entry.owner)],
  ['Version', escapeHtml(`${entry.version} (${entry.status})`)],
  [
    'To read',
    `${link(entry.html, 'page', token)} · ${link(entry.yaml, 'YAML', token)} · ${link(entry.json, 'JSON', token)}`,
  ],
  ...Object.entries(entry.protocols).map(
    ([name, { json, yaml }]) => [`For ${name}`, `${link(yaml, 'YAML', token)} · ${link(json, 'JSON', token)}`] as const,
  ),
  [
    'Clients',
    Object.entries(entry.clients)
      .map(([language, path]) => link(path, language, token))
      .join(' · '),
  ],
])}
</article>`,
  );
  const main = `<section class="products" aria-label="Products">
${articles.join('\n') || '<p>No product is shown to this key.</p>'}
</section>`;
  return page(look, { title: 'AsyncAPI documents · Sluice', head, main });
}
