/** `sluice cluster show`: the nodes of a site as coordination knows them, and what each says of itself. */
import type { Config } from '../config.ts';
import { asSluiceError, SluiceError } from '../core/errors.ts';
import { ownerOf, type Surveyed } from '../core/routing/index.ts';
import { type NodeReport, openCoordination, openObserve } from '../gateway.ts';
import type { Out } from './state.ts';

interface ShownNode {
  readonly node: string;
  readonly incarnation: string;
  readonly address: string;
  readonly seenMsAgo: number;
  readonly report: NodeReport | null;
}

interface ShownProduct {
  readonly product: string;
  readonly partitions: number;
  /** Index = partition. */
  readonly owners: readonly string[];
}

/** How long a Redis that has just been dialled may take. */
const PATIENCE_MS = 5_000;

/** Exit codes: 0; 1 where nobody can be asked. */
export async function showCluster(config: Config, json: boolean, out: Out): Promise<number> {
  const observe = await openObserve({ ...config, log: { level: 'silent' }, telemetry: {} }, false);
  try {
    const coordination = openCoordination(config, observe);
    if (coordination === null) {
      throw new SluiceError(
        'NOT_FOUND',
        'This site has one node, since its coordination is of type memory: set coordination to {type: redis, url: ...} for several.',
      );
    }
    await using asked = coordination;
    const nodes = (await surveyed(() => asked.survey())).map(shown).sort((a, b) => (a.node < b.node ? -1 : 1));
    const products = productsOf(nodes);
    if (json) out.stdout.write(`${JSON.stringify({ site: config.site, nodes, products })}\n`);
    else out.stdout.write(textOf(config.site, nodes, products));
    return 0;
  } catch (thrown) {
    const error = asSluiceError(thrown);
    out.stderr.write(`${error.code}: ${error.message}\n`);
    return 1;
  } finally {
    await observe[Symbol.asyncDispose]();
  }
}

async function surveyed(survey: () => Promise<readonly Surveyed[]>): Promise<readonly Surveyed[]> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await survey();
    } catch (thrown) {
      if (performance.now() > until) throw new SluiceError('UNAVAILABLE', (thrown as Error).message, { cause: thrown });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function shown({ node, incarnation, address, seenMsAgo, about }: Surveyed): ShownNode {
  let report: NodeReport | null = null;
  try {
    report = about === null ? null : (JSON.parse(about) as NodeReport);
  } catch {
    // Of another version.
  }
  return { node, incarnation, address, seenMsAgo, report };
}

/** Those that somebody reads now. */
function productsOf(nodes: readonly ShownNode[]): ShownProduct[] {
  const counts = new Map<string, number>();
  for (const { product, partitions } of nodes.flatMap(({ report }) => report?.carried ?? []))
    counts.set(product, Math.max(partitions, counts.get(product) ?? 0));
  const names = nodes.map(({ node }) => node);
  return [...counts].sort().map(([product, partitions]) => ({
    product,
    partitions,
    owners: Array.from({ length: partitions }, (_, partition) => ownerOf(product, partition, names)),
  }));
}

function textOf(site: string, nodes: readonly ShownNode[], products: readonly ShownProduct[]): string {
  const lines = [`Site ${site}: ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}.`];
  for (const { node, address, seenMsAgo, report } of nodes) {
    lines.push('', `${node}  ${address}, heard of ${Math.round(seenMsAgo)} ms ago`);
    if (report === null) {
      lines.push('  has not described itself yet');
      continue;
    }
    lines.push(`  since ${report.startedAt}`);
    for (const link of report.links) {
      const rtt = link.rttMs === null ? '' : `, ${link.rttMs.toFixed(1)} ms`;
      const bytes = `${link.receivedBytes} bytes received, ${link.sentBytes} sent`;
      lines.push(`  link to ${link.node}: ${link.up ? `up${rtt}, ${bytes}` : 'down'}`);
    }
    for (const { product, from, interest, silentMs } of report.carried) {
      const ways = Object.entries(from).map(
        ([other, partitions]) => `${partitions.join(' ')} from ${other === node ? 'Kafka' : other}`,
      );
      const wants = interest?.entries == null ? 'everything' : `${interest.entries} entries`;
      lines.push(
        `  ${product}: wants ${wants}; partitions ${ways.join(', ')}; silent for ${Math.round(silentMs)} ms at most`,
      );
    }
  }
  for (const { product, owners } of products) {
    const by = Map.groupBy(owners.keys(), (partition) => owners[partition] as string);
    const shares = [...by].sort().map(([node, partitions]) => `${node} ${partitions.join(' ')}`);
    lines.push('', `${product}: ${owners.length} partitions, owned by ${shares.join('; ')}`);
  }
  return `${lines.join('\n')}\n`;
}
