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
  const product: Held[] = [];
  const usual: Held[] = [];
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
  for (const [what, held] of [
    ['per idle connection', product],
    ['per idle connection of the usual stack', usual],
  ] as const) {
    report.figure(
      what,
      'KiB',
      held.map(({ resident }) => resident / CONNECTIONS / 1024),
      'less',
    );
    report.figure(
      `${what}, of which in JavaScript's heap`,
      'KiB',
      held.map(({ heap }) => heap / CONNECTIONS / 1024),
      'less',
    );
  }
}

/** Bytes. */
interface Held {
  readonly resident: number;
  readonly heap: number;
}

async function perConnection(server: Child, connect: (connections: number) => Promise<LoadClient>): Promise<Held> {
  await (await connect(BEFORE))[Symbol.asyncDispose]();
  const before = await settled(server);
  await using client = await connect(CONNECTIONS);
  const after = await settled(server);
  client.check(await client.stat(), 0);
  return { resident: after.resident - before.resident, heap: after.heap - before.heap };
}

/** What is held once collecting garbage frees no more of it. */
async function settled(server: Child): Promise<Held> {
  for (let last = Number.POSITIVE_INFINITY; ; ) {
    const { heap } = await server.ask<{ heap: number }>({ do: 'collect' });
    const resident = residentBytes(server.pid);
    if (resident > last * 0.995) return { resident, heap };
    last = resident;
  }
}
