/**
 * The page for people at `/`: what this is, the products, how to subscribe. One document without a single request to
 * anywhere else: it works without a network, without scripts, by keyboard, on a phone and in the dark.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Contract } from '../../../core/contract/index.ts';
import { examples } from './examples.ts';
import { mark, script, style } from './look.ts';

export { exampleOperation } from './examples.ts';
export { mark, style } from './look.ts';

export interface PageOptions {
  readonly site: string;
  /** As partners reach it: `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Shown to everybody: the demo's. Otherwise a visitor gives a key and sees what it may see. */
  readonly products: readonly Contract[] | null;
  /** GraphiQL is authenticated already (the demo on loopback). */
  readonly open: boolean;
}

interface Page {
  readonly html: string;
  /** Content-Security-Policy that allows exactly what the page holds. */
  readonly policy: string;
}

/** The page as something that stands at a path; rendered anew for each request, since contracts change. */
export function pageRoute(options: () => PageOptions): {
  handle(request: IncomingMessage, response: ServerResponse): void;
} {
  return {
    handle(request, response) {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': 0 }).end();
        return;
      }
      const { html, policy } = renderPage(options());
      response.writeHead(200, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Length': Buffer.byteLength(html),
        'Content-Security-Policy': policy,
        'Cache-Control': 'no-cache',
      });
      response.end(request.method === 'HEAD' ? undefined : html);
    },
  };
}

function renderPage(options: PageOptions): Page {
  const { site, url, products, open } = options;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Sluice: subscribe to this company's event streams over GraphQL.">
<title>Sluice · ${escapeHtml(site)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#products">Skip to the products</a>
<header>
<p class="name">${mark}Sluice <span>${escapeHtml(site)}</span></p>
<h1>Events as they happen, and none of them lost</h1>
<p>This gateway serves data products: streams of events, each with an owner, a schema and a promise. Subscribe over GraphQL,
on a WebSocket or with plain HTTP. Every event carries a <code>cursor</code>; reconnect with the last one you have and you
continue right after it.</p>
<p class="go"><a class="button" href="/graphql">${open ? 'Open GraphiQL and press play' : 'Open GraphiQL'}</a>
<a href="#how">How to subscribe in code</a></p>
</header>
<main>
<section id="products" aria-labelledby="products-title">
<h2 id="products-title">Products</h2>
${products === null ? keyForm() : `<div class="products">\n${products.map(product).join('\n') || '<p>No product is served yet.</p>'}\n</div>`}
</section>
${subscribe(products?.[0] ?? null, url, open)}
</main>
<footer><p><a href="/graphql">GraphiQL</a> · <a href="/asyncapi">AsyncAPI</a> · <a href="/readyz">Health</a></p></footer>
<script>${script}</script>
</body>
</html>
`;
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html, policy };
}

function product(contract: Contract): string {
  const { title, product: name, version, status, owner, description, templateText, fields, sla } = contract;
  const facts = [
    ['Owner', owner],
    ['Version', `${version} (${status})`],
    ['Topics', templateText === '' ? null : templateText],
    ['Fields', fields.map((field) => field.name).join(' ')],
    [
      'Promise',
      sla.map(({ property, value, unit }) => `${property} ${value}${unit === null ? '' : ` ${unit}`}`).join(', ') ||
        null,
    ],
  ].flatMap(([term, text]) =>
    text == null
      ? []
      : [
          `<dt>${term}</dt><dd>${term === 'Topics' || term === 'Fields' ? `<code>${escapeHtml(text).replaceAll('/', '/<wbr>')}</code>` : escapeHtml(text)}</dd>`,
        ],
  );
  return `<article>
<h3>${escapeHtml(title)} <code>${escapeHtml(name)}</code></h3>
${description.purpose === null ? '' : `<p>${escapeHtml(description.purpose)}</p>`}
<dl>${facts.join('')}</dl>
</article>`;
}

function keyForm(): string {
  return `<form id="key-form">
<label for="key">Your API key</label>
<input id="key" name="key" type="password" autocomplete="off" required>
<button type="submit">Show my products</button>
</form>
<div id="mine" class="products" role="status"></div>`;
}

function subscribe(contract: Contract | null, url: string, open: boolean): string {
  const codes = examples(contract, url);
  const tabs = codes
    .map(
      ({ id, label }, i) =>
        `<button type="button" role="tab" id="tab-${id}" aria-controls="code-${id}" aria-selected="${i === 0}"${i === 0 ? '' : ' tabindex="-1"'}>${label}</button>`,
    )
    .join('');
  const panels = codes
    .map(
      ({ id, label, code }) => `<div role="tabpanel" id="code-${id}" aria-labelledby="tab-${id}">
<div class="bar"><h3>${label}</h3><button type="button" class="copy" data-copy="text-${id}">Copy</button></div>
<pre tabindex="0"><code id="text-${id}">${escapeHtml(code)}</code></pre>
</div>`,
    )
    .join('\n');
  return `<section id="how" aria-labelledby="how-title">
<h2 id="how-title">How to subscribe</h2>
<p>You need an API key, sent as <code>Authorization: Bearer</code>, as <code>X-API-Key</code>, or in the WebSocket's
<code>connection_init</code>.${open ? ' The demo printed one in the terminal: <code>export SLUICE_API_KEY=…</code>' : ' The owner of a product grants it.'}</p>
<div class="tabs" role="tablist" aria-label="Language" hidden>${tabs}</div>
${panels}
</section>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
