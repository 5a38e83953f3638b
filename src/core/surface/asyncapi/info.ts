/** What a document says of the product: who stands behind it, what is promised, what comes of it. */
import type { Contract } from '../../contract/index.ts';
import { formatDuration } from '../temporal.ts';
import { sentences } from '../text.ts';
import type { Json } from './schema.ts';

/** `id`: does not change with the version. The owner's name is its namespace where it can be one. */
export function documentId({ tenant, domain, product }: Contract): string {
  const owner = (tenant ?? domain ?? '').toLowerCase();
  const namespace = /^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$/.test(owner) && owner !== 'urn' ? owner : 'sluice';
  return `urn:${namespace}:data-product:${product}`;
}

export function info(contract: Contract): Json {
  const { title, version, owner, tags, status, sla, support, deprecation, product, domain, replay } = contract;
  const contact = contactOf(contract);
  const depth = replayDepth(contract);
  return {
    title,
    version,
    description: description(contract),
    ...(contact === null ? {} : { contact }),
    ...(tags.length === 0 ? {} : { tags: [...new Set(tags)].map((name) => ({ name })) }),
    ...(contract.definition === null
      ? {}
      : {
          externalDocs: {
            description: 'The contract, or what its data mean, as the owner publishes it.',
            url: contract.definition,
          },
        }),
    'x-sluice-product': product,
    'x-sluice-status': status,
    ...(owner === null ? {} : { 'x-sluice-owner': owner }),
    ...(domain === null ? {} : { 'x-sluice-domain': domain }),
    ...(sla.length === 0 ? {} : { 'x-sluice-sla': sla.map((level) => present(level)) }),
    ...(support.length === 0 ? {} : { 'x-sluice-support': support.map((way) => present(way)) }),
    'x-sluice-replay': { from: replay.from, ...(depth === null ? {} : { maxDepth: depth }) },
    ...(deprecation === null ? {} : { 'x-sluice-deprecation': present(deprecation) }),
  };
}

function description(contract: Contract): string {
  const { title, version, status, deprecation, description: about } = contract;
  const { successor = null, noticePeriod = null } = deprecation ?? {};
  const ending =
    status === 'deprecated'
      ? sentences(
          `**Deprecated**: ${title} ${version} will go`,
          successor === null ? null : `Use ${successor}`,
          noticePeriod === null ? null : `Notice period: ${noticePeriod}`,
        )
      : null;
  const told = [ending, about.purpose, about.usage, about.limitations].filter((part): part is string => part !== null);
  return [
    ...told,
    'Written from your side: receive means that you receive. Events are ordered within a partition, hence per key. Every message carries a cursor: come back with the last one that you have dealt with, and you go on right after it, with nothing lost.',
  ].join('\n\n');
}

/** The first ways of support that are a mailbox and a page. */
function contactOf({ owner, support }: Contract): Json | null {
  const urls = support.flatMap(({ url }) => (url !== null && URL.canParse(url) ? [url] : []));
  const mail = urls.find((url) => /^mailto:[^@\s?]+@[^@\s?]+$/.test(url))?.slice('mailto:'.length);
  const page = urls.find((url) => /^https?:/.test(url));
  if (owner === null && mail === undefined && page === undefined) return null;
  return {
    ...(owner === null ? {} : { name: owner }),
    ...(mail === undefined ? {} : { email: mail }),
    ...(page === undefined ? {} : { url: page }),
  };
}

/** How far back a stream may begin: the contract's depth, or that of the grant where it is less. */
function replayDepth({ replay, restriction }: Contract): string | null {
  const depths = [replay.maxDepthMs, restriction.replayMs].filter((ms): ms is number => ms !== null);
  return depths.length === 0 ? null : formatDuration(Math.min(...depths));
}

function present(record: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}
