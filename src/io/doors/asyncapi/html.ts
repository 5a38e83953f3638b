/** What every page of this door is made of: one document without a script, and without a request to anywhere else. */
import { createHash } from 'node:crypto';

/** The look that pages of the gateway share. */
export interface Look {
  /** SVG. */
  readonly mark: string;
  /** CSS. */
  readonly style: string;
}

const more = `
main { padding-top: 1.2rem; }
main section, main article { scroll-margin-top: 1rem; }
article h2 { margin: 0 0 .4rem; font-size: 1.3rem; }
section > h3 { margin-top: 1.8rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; margin: 1.4rem 0 0; padding: .7rem 0; border-block: 1px solid var(--line); }
.documents { display: flex; flex-wrap: wrap; gap: .6rem 1.25rem; align-items: center; margin: 1.2rem 0 0; }
.stack { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; }
.stack > article { min-width: 0; }
p, h1, h2, h3 { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .8rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: .94rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
td:first-child { white-space: nowrap; }
td ul { margin: .2rem 0 0; padding-left: 1.1rem; }
tr:last-child td { border-bottom: 0; }
.mark { display: inline-block; border: 1px solid var(--line); border-radius: .35rem; padding: 0 .4rem; font-size: .82rem; color: var(--soft); }
.warn { border-left: 4px solid var(--brand); padding-left: .8rem; }
pre { border: 1px solid var(--line); border-radius: .5rem; background: var(--paper); }
summary { cursor: pointer; margin-top: .8rem; color: var(--brand); min-height: 1.75rem; }
`;

/** Allows the page's own style and a form to this gateway. */
export function policyOf({ style }: Look): string {
  const hash = createHash('sha256')
    .update(style + more)
    .digest('base64');
  return `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
}

export function page(
  { mark, style }: Look,
  { title, head, main }: { readonly title: string; readonly head: string; readonly main: string },
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}${more}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<p class="name">${mark}Sluice <span>AsyncAPI</span></p>
${head}
</header>
<main id="main">
${main}
</main>
<footer></footer>
</body>
</html>
`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Paragraphs with bold and code; whatever else Markdown has stays as it is written. */
export function prose(text: string): string {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => `<p>${phrase(paragraph)}</p>`)
    .join('\n');
}

export function phrase(text: string): string {
  return escapeHtml(text)
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replace(/`([^`]+)`/g, '<code>$1</code>');
}

export function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

/** `path`: of this gateway. A key that came in the URL goes on with the link. */
export function link(path: string, label: string, token: string | null, attributes = ''): string {
  const url =
    token === null ? path : `${path}${path.includes('?') ? '&' : '?'}access_token=${encodeURIComponent(token)}`;
  return `<a href="${escapeHtml(url)}"${attributes}>${escapeHtml(label)}</a>`;
}

/** Only what is text of a term and a fact; facts are HTML. */
export function facts(pairs: readonly (readonly [term: string, fact: string | null])[]): string {
  const known = pairs.filter(([, fact]) => fact !== null && fact !== '');
  return `<dl>${known.map(([term, fact]) => `<dt>${escapeHtml(term)}</dt><dd>${fact}</dd>`).join('')}</dl>`;
}

/** Cells are HTML. */
export function table(label: string, heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}"><table><thead><tr>${head}</tr></thead><tbody>
${body}
</tbody></table></div>`;
}
