/** Generated serialisers against graphql-js on the same operations and events, interleaved; both pay for the bytes, not only for the text. */
import { type DocumentNode, execute, parse } from 'graphql';
import type { PublicEvent } from '../src/core/contract/index.ts';
import { createSurface } from '../src/core/surface/index.ts';
import { createCompiler, eventNode } from '../src/core/view/index.ts';
import { contract, field, masked } from '../test/surface/contracts.ts';
import type { Report } from './report.ts';

export const name = 'serialise';

const ROUNDS = 15;
const PER_ROUND = 20_000;
const EVENTS = 1_024;

const text = { required: true } as const;
const trades = contract({
  name: 'trades',
  typeName: 'Trade',
  messageKey: ['orderId'],
  restriction: { topics: null, rows: null, replayMs: null, salt: 'salt' },
  fields: [
    field('orderId', 'string', text),
    field('customerId', 'string', text),
    field('region', 'string', text),
    field('status', 'string', text),
    field('symbol', 'string', text),
    field('side', 'string', text),
    field('quantity', 'int', text),
    field('price', 'number', text),
    field('currency', 'string', text),
    field('venue', 'string', text),
    field('at', 'long', text),
    field('note', 'string'),
    field('account', 'string', { required: true, ...masked('hash') }),
    field('legs', {
      kind: 'array',
      itemsRequired: true,
      items: {
        kind: 'object',
        name: 'TradeLegs',
        fields: [
          field('venue', 'string', text),
          field('fills', { kind: 'array', itemsRequired: true, items: { kind: 'number' } }),
        ],
      },
    }),
  ],
});

const operations: readonly (readonly [string, string])[] = [
  ['6 of 12 fields and the cursor', '{ trades { cursor data { orderId customerId status quantity price at } } }'],
  [
    'all 12 fields and the envelope',
    '{ trades { product cursor topic key time op data { orderId customerId region status symbol side quantity price currency venue at note } } }',
  ],
  ['lists of objects', '{ trades { data { orderId legs { venue fills } } } }'],
  ['a hashed field', '{ trades { data { orderId account } } }'],
];

const regions = ['eu-west-1', 'eu-central-1', 'us-east-1', 'ap-south-1', 'sa-east-1'];

function makeEvents(): readonly PublicEvent[] {
  return Array.from({ length: EVENTS }, (_, n) => ({
    partition: n % 12,
    offset: n,
    time: 1_700_000_000_000 + n,
    op: 'UPSERT' as const,
    topic: `trades/${regions[n % 5]}`,
    unknownLevels: 0,
    key: String(n).padStart(12, '0'),
    conflationKey: null,
    traceparent: null,
    keyData: null,
    // Through JSON, as strings of records are.
    data: JSON.parse(
      JSON.stringify({
        orderId: String(n).padStart(12, '0'),
        customerId: `cust-${n % 97}`,
        region: regions[n % 5],
        status: 'FILLED',
        symbol: 'ACME',
        side: 'BUY',
        quantity: 100 + (n % 900),
        price: 431.25 + (n % 100) / 100,
        currency: 'EUR',
        venue: 'XETRA-FRANKFURT',
        at: `17000000000000${n}`,
        note: 'good till cancelled, routed by smart order router v4',
        account: `account-${n % 300}`,
        legs: [
          { venue: 'A', fills: [1, 2.5, 3] },
          { venue: 'B', fills: [] },
        ],
      }),
    ),
  }));
}

export async function run(report: Report): Promise<void> {
  const surface = createSurface([trades], {
    history: () => Promise.reject(new Error('no history here')),
    publish: () => Promise.reject(new Error('no publishing here')),
  });
  const limits = { maxDepth: 10, maxAliases: 15, maxTokens: 1_000, maxCost: 5_000, maxDirectives: 50 };
  const compiler = createCompiler({ limits, cacheSize: 100 });
  const events = makeEvents();
  const cursor = 'AXsiZmxpZ2h0cyI6WzEyMyw0NTYsNzg5LDEyMyw0NTYsNzg5LDEyMyw0NTYsNzg5XX0';
  const buffer = Buffer.allocUnsafe(65_536);

  for (const [what, selection] of operations) {
    const query = `subscription ${selection}`;
    const { view } = compiler.compile(surface, { query });
    const document = parse(query);
    const generated = (event: PublicEvent): string => view.serialise(event, cursor, 'i');
    const reference = (event: PublicEvent): string =>
      executed(surface.schema, document, eventNode(view.contract, event, cursor));
    const [first] = events;
    if (first === undefined || generated(first) !== reference(first)) throw new Error(`${what}: the outputs differ`);
    const samples = { generated: [] as number[], reference: [] as number[], ratio: [] as number[] };
    // The first rounds are warm-up.
    for (let round = -5; round < ROUNDS; round++) {
      const ours = nanoseconds(events, generated, buffer, PER_ROUND);
      const theirs = nanoseconds(events, reference, buffer, PER_ROUND / 10);
      if (round < 0) continue;
      samples.generated.push(ours);
      samples.reference.push(theirs);
      samples.ratio.push(theirs / ours);
    }
    report.figure(`${what}: generated`, 'ns of CPU an event', samples.generated, 'less');
    report.figure(`${what}: graphql-js execute and JSON.stringify`, 'ns of CPU an event', samples.reference, 'less');
    report.figure(`${what}: graphql-js takes`, 'times as long', samples.ratio, 'more');
  }
  report.note('Both write their text into a buffer as UTF-8; the document is parsed and validated beforehand.');
}

function executed(schema: Parameters<typeof execute>[0]['schema'], document: DocumentNode, trade: unknown): string {
  return JSON.stringify(execute({ schema, document, rootValue: { trades: trade } }));
}

function nanoseconds(
  events: readonly PublicEvent[],
  write: (event: PublicEvent) => string,
  buffer: Buffer,
  count: number,
): number {
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) buffer.write(write(events[i % events.length] as PublicEvent));
  const { user, system } = process.cpuUsage(began);
  return ((user + system) * 1_000) / count;
}
