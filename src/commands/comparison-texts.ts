/** A comparison of contracts as text in the manner of a compiler, as JSON, and as Markdown for a pull request. */
import { type Finding, formatFindings, formatRemarks } from '../core/contract/index.ts';
import { type ComparedProduct, type Comparison, kindTexts, remarkOf } from './comparison.ts';

/** An application that would be told, or refused. */
export interface Holder {
  readonly grant: string;
  readonly application: string;
  readonly name: string;
}

export interface Told extends Comparison {
  /** Of a plan: who holds a grant on each product that would break. */
  readonly holders?: ReadonlyMap<string, readonly Holder[]>;
  /** Of a plan: what else is in the way of a contract. */
  readonly refused?: readonly Finding[];
}

const verdictTexts: Readonly<Record<ComparedProduct['verdict'], string>> = {
  same: 'nothing changes',
  compatible: 'compatible',
  'new-major': 'a new major, beside the old one',
  'not-promised': 'breaking, and nothing was promised yet',
  breaking: 'breaking: raise the major version and serve it beside the old one',
  added: 'new',
  removed: 'removed; nobody was served',
  withdrawn: 'withdrawn from whoever uses it',
};

function headline({ product, from, to, verdict }: ComparedProduct): string {
  const versions = from === null ? to : to === null ? from : from === to ? from : `${from} -> ${to}`;
  return `${product} ${versions}: ${verdictTexts[verdict]}`;
}

/** `text`: of a file, for the lines that are pointed at. */
export function comparisonText(
  { products, graphql, holders, refused = [], ...told }: Told,
  text: (file: string) => string | null,
): string {
  const parts = products.map((product) => {
    const lines = [headline(product), formatRemarks(product.changes.map(remarkOf), { text })];
    for (const { kind, path, what } of product.asyncapi)
      if (isTold(kind)) lines.push(`AsyncAPI: ${kindTexts[kind]}: ${path}: ${what}`);
    for (const holder of holders?.get(product.product) ?? []) lines.push(`granted to ${holderText(holder)}`);
    return `${lines.filter((line) => line !== '').join('\n')}\n`;
  });
  const schema = graphql.map(({ kind, type, what }) => `GraphQL: ${kindTexts[kind]}: ${what} [${type}]`);
  if (schema.length > 0) parts.push(`${schema.join('\n')}\n`);
  if (refused.length > 0) parts.push(`${formatFindings(refused, { text })}\n`);
  return [...parts, `${summary({ products, ...told })}\n`].join('\n');
}

/** What people read; the rest of what a document's diff holds is in the JSON. */
function isTold(kind: string): boolean {
  return kind.startsWith('breaking');
}

function holderText({ application, name, grant }: Holder): string {
  return `${application} "${name.replace(/\p{Cc}/gu, '?')}" (${grant})`;
}

export function summary({ products, isBreaking }: Pick<Told, 'products' | 'isBreaking'>): string {
  if (products.length === 0) return 'Nothing changes.';
  const changes = products.flatMap((product) => product.changes);
  const counts = (['breaking-readers', 'breaking-publishers', 'compatible', 'documentation'] as const)
    .map((kind) => [changes.filter((change) => change.kind === kind).length, kindTexts[kind]] as const)
    .filter(([count]) => count > 0)
    .map(([count, kind]) => `${count} ${kind}`);
  return `${products.length} ${products.length === 1 ? 'product changes' : 'products change'} (${counts.join(', ')}): ${isBreaking ? 'a promise would be broken' : 'no promise is broken'}.`;
}

export function comparisonJson({ holders, ...told }: Told): unknown {
  if (holders === undefined) return told;
  return {
    ...told,
    products: told.products.map((product) => ({ ...product, grants: holders.get(product.product) ?? [] })),
  };
}

/** First line of the Markdown: by it a comment is found again. */
const marker = '<!-- sluice contracts diff -->';

export function comparisonMarkdown({ products, graphql, holders, refused = [], ...told }: Told): string {
  const lines = [marker, '## Data-product contracts', '', escaped(summary({ products, ...told })), ''];
  for (const product of products) {
    lines.push(`### ${escaped(headline(product))}`, '', '| | what | why | where |', '|---|---|---|---|');
    for (const { kind, what, why, rule, file, line } of product.changes)
      lines.push(`| ${emphasised(kind)} | ${escaped(what)} | ${escaped(why)} (${rule}) | ${code(`${file}:${line}`)} |`);
    lines.push('');
    const granted = holders?.get(product.product) ?? [];
    if (granted.length > 0)
      lines.push(
        `Granted to ${granted.map(({ application, name }) => `${escaped(name)} (${code(application)})`).join(', ')}.`,
        '',
      );
    const documents = product.asyncapi.filter(({ kind }) => isTold(kind));
    if (documents.length > 0)
      lines.push(
        ...folded(
          'AsyncAPI',
          documents.map(({ kind, path, what }) => `${emphasised(kind)}: ${code(path)}: ${escaped(what)}`),
        ),
      );
  }
  for (const { file, line, message, hint } of refused)
    lines.push(`- **refused**: ${escaped(message)}: ${escaped(hint ?? '')} (${code(`${file}:${line}`)})`, '');
  if (graphql.length > 0)
    lines.push(
      ...folded(
        'GraphQL',
        graphql.map(({ kind, what, type }) => `${emphasised(kind)}: ${escaped(what)} (${type})`),
      ),
    );
  return `${lines.join('\n').trimEnd()}\n`;
}

function folded(title: string, items: readonly string[]): readonly string[] {
  return ['<details>', `<summary>${title}</summary>`, '', ...items.map((item) => `- ${item}`), '', '</details>', ''];
}

function emphasised(kind: keyof typeof kindTexts): string {
  return isTold(kind) ? `**${kindTexts[kind]}**` : kindTexts[kind];
}

/** Names and descriptions are whatever a contract says: nothing of them is markup, a table's border or a mention of somebody. */
function escaped(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]|#~!]/g, '\\$&')
    .replace(/[&<>@]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}
