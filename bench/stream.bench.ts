/**
 * What a delivery by the stream door costs beside one by GraphQL over WebSocket: the same events, to a thousand subscribers each, in
 * messages of nearly equal length, one run after the other on one gateway.
 */
import type { LoadClient } from './load/client.ts';
import { measured, type Run, SUBSCRIBERS, TICKS } from './load/generated-fanout.ts';
import { generatedSite, type Product, startProduct } from './load/servers.ts';
import { trades } from './load/trades.ts';
import type { Report } from './report.ts';

export const name = 'stream';

/** A CloudEvent has more of an envelope: so it carries fewer fields. */
const streamed = { fields: 'orderId,customerId,quantity,status,venue,ts,note' };
const query = `subscription { trades { cursor topic time data { ${Object.keys(trades.fields).join(' ')} } } }`;
/** Share by which a message of the one may be longer than one of the other. */
const TOLERANCE = 0.08;

export async function run(report: Report): Promise<void> {
  const at = await generatedSite();
  const rounds: { readonly stream: Run; readonly graphql: Run }[][] = [];
  for (let round = 0; round < report.rounds; round++) {
    await using server = await startProduct(at.site, at.key, 'generated');
    // Whoever comes second finds warm code and a larger heap: they take turns.
    const [first, second] = [streams, graphql];
    const order = round % 2 === 0 ? [first, second] : [second, first];
    const found = new Map<typeof first, Run[]>();
    for (const door of order) found.set(door, await runs(server, await door(server)));
    const [stream, other] = [found.get(streams) as Run[], found.get(graphql) as Run[]];
    rounds.push(stream.map((one, i) => ({ stream: one, graphql: other[i] as Run })));
  }
  const bytes = TICKS.map(
    (k, i) => `K = ${k}: ${rounds[0]?.[i]?.stream.writeBytes} and ${rounds[0]?.[i]?.graphql.writeBytes}`,
  );
  report.note(
    `${SUBSCRIBERS} subscribers; CPU of the server's process alone, until the last subscriber has the last event. Bytes of one write to one socket, stream and GraphQL, ${bytes.join('; ')}.`,
  );
  TICKS.forEach((k, i) => {
    const of = rounds.map((round) => round[i] as { readonly stream: Run; readonly graphql: Run });
    for (const { stream, graphql: other } of of) {
      const ratio = stream.writeBytes / other.writeBytes;
      if (Math.abs(ratio - 1) > TOLERANCE)
        throw new Error(`messages of ${stream.writeBytes} and ${other.writeBytes} bytes`);
    }
    const unit = 'thousand deliveries per CPU second';
    report.figure(
      `K = ${k}`,
      unit,
      of.map(({ stream }) => stream.rate / 1_000),
      'more',
    );
    report.figure(
      `K = ${k}: GraphQL`,
      unit,
      of.map(({ graphql: other }) => other.rate / 1_000),
      'more',
    );
    report.figure(
      `K = ${k}: against GraphQL`,
      'times',
      of.map(({ stream, graphql: other }) => stream.rate / other.rate),
      'more',
    );
  });
}

const streams = (server: Product): Promise<LoadClient> => server.stream(trades.name, streamed, SUBSCRIBERS);
const graphql = (server: Product): Promise<LoadClient> => server.connect(query, SUBSCRIBERS);

async function runs({ child }: Product, connected: LoadClient): Promise<Run[]> {
  await using client = connected;
  const all: Run[] = [];
  for (const k of TICKS) all.push(await measured(child, client, k));
  return all;
}
