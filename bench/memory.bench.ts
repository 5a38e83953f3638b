/** What an idle connection with one subscription holds in memory: the gateway and the usual stack, turn by turn. */
import { type Child, residentBytes } from './load/child.ts';
import type { LoadClient } from './load/client.ts';
import { collecting, generatedSite, startProduct, startUsual } from './load/servers.ts';
import { plainQuery } from './load/trades.ts';
import type { Report } from './report.ts';

export const name = 'memory';

const CONNECTIONS = 5_000;
/** Come and gone before it is measured, so that code and caches are there. */
const BEFORE = 500;

export async function run(report: Report): Promise<void> {
  const { site, key } = await generatedSite();
  const product: number[] = [];
  const usual: number[] = [];
  for (let round = 0; round < report.rounds; round++) {
    {
      await using server = await startProduct(site, key, 'generated', collecting);
      product.push(await perConnection(server.child, (connections) => server.connect(plainQuery, connections)));
    }
    await using server = await startUsual(null, collecting);
    usual.push(await perConnection(server.child, (connections) => server.connect(connections)));
  }
  report.note(
    `Resident memory (RSS) after ${CONNECTIONS} connections with one subscription each, less that before, both after garbage collection, divided by ${CONNECTIONS}; ${BEFORE} others have come and gone before.`,
  );
  report.figure('per idle connection', 'KiB', product, 'less');
  report.figure('per idle connection: usual stack', 'KiB', usual, 'less');
}

async function perConnection(server: Child, connect: (connections: number) => Promise<LoadClient>): Promise<number> {
  await (await connect(BEFORE))[Symbol.asyncDispose]();
  const before = await settled(server);
  await using client = await connect(CONNECTIONS);
  const after = await settled(server);
  client.check(await client.stat(), 0);
  return (after - before) / CONNECTIONS / 1024;
}

/** Resident bytes once collecting garbage frees no more of them. */
async function settled(server: Child): Promise<number> {
  for (let last = Number.POSITIVE_INFINITY; ; ) {
    await server.ask({ do: 'collect' });
    const now = residentBytes(server.pid);
    if (now > last * 0.995) return now;
    last = now;
  }
}
