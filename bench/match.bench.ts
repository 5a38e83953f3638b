/**
 * The match index, which caches nothing: 100,000 distinct filters against the naive loop over them, and what filters that do not want a
 * record add to its cost. What the index finds is compared with the naive answer beforehand.
 */
import { compileContract, type PublicEvent, parsePredicate, parseTopicFilter } from '../src/core/contract/index.ts';
import type { LogScan } from '../src/core/log/index.ts';
import { MatchIndex } from '../src/core/routing/index.ts';
import { createFilter, type Filter } from '../src/core/view/index.ts';
import { jsonCodec } from '../src/io/codec/json.ts';
import { eventReader } from '../src/ways/event.ts';
import { quiet } from '../test/log/kafka/storage.ts';
import { contract, field } from '../test/surface/contracts.ts';
import { Random } from '../test/view/random.ts';
import type { Report } from './report.ts';

export const name = 'match';

const FILTERS = 100_000;
const EVENTS = 20_000;
/** Events that the naive loop is shown, once to check the index and in each round. */
const NAIVE_EVENTS = 10;
const ROUNDS = 9;
const WARM_UP = 4;

const text = { required: true } as const;
const orders = contract({
  name: 'orders',
  typeName: 'Order',
  messageKey: ['orderId'],
  template: [{ field: ['desk'] }, { field: ['region'] }, { field: ['customer'] }, { field: ['status'] }],
  templateText: '{desk}/{region}/{customer}/{status}',
  fields: [
    field('orderId', 'string', text),
    field('desk', 'string', text),
    field('region', 'string', text),
    field('customer', 'string', text),
    field('status', 'string', text),
    field('account', 'string', text),
    field('symbol', 'string', text),
    field('side', 'string', text),
    field('quantity', 'int', text),
    field('price', 'number', text),
    field('venue', 'string', text),
    field('note', 'string'),
  ],
});

/** A million topics, 200,000 accounts, 20,000 symbols. */
function randomOrder(random: Random, n: number): Record<string, unknown> {
  return {
    orderId: String(n).padStart(12, '0'),
    desk: random.pick(['orders', 'trades', 'quotes', 'positions', 'risk']),
    region: `r${random.below(20)}`,
    customer: `c${random.below(50)}`,
    status: `s${random.below(200)}`,
    account: `account-${random.below(200_000)}`,
    symbol: `SYM${random.below(20_000)}`,
    side: random.pick(['BUY', 'SELL']),
    quantity: 100 + random.below(900),
    price: random.below(100_000) / 100,
    venue: 'XETRA-FRANKFURT',
    note: 'good till cancelled, routed by smart order router v4, which says nothing',
  };
}

const compiled = compileContract(orders);
const record = (n: number) => ({
  offset: n,
  timestamp: 1_700_000_000_000 + n,
  key: Buffer.from(String(n)),
  headers: [],
});

function eventsOf(random: Random): readonly PublicEvent[] {
  return Array.from({ length: EVENTS }, (_, n) => {
    // Through JSON, as strings of records are.
    const value = Buffer.from(JSON.stringify(randomOrder(random, n)));
    return compiled.address(0, { ...record(n), value }, compiled.project(JSON.parse(value.toString())));
  });
}

interface Asked {
  readonly topic?: string;
  readonly where?: object;
}

function filterOf({ topic, where }: Asked): Filter {
  const predicate = where === undefined ? null : parsePredicate(orders, where, 'where');
  return createFilter(orders, topic === undefined ? null : parseTopicFilter(topic), predicate);
}

/** Of 100: 80 whole topics, 15 with one `*`, 5 that close with `>`. */
function topicFilter(random: Random): string {
  const { desk, region, customer, status } = randomOrder(random, 0);
  const levels = [desk, region, customer, status];
  const roll = random.below(100);
  if (roll >= 95) return [...levels.slice(0, 2 + random.below(2)), '>'].join('/');
  if (roll >= 80) levels[1 + random.below(3)] = '*';
  return levels.join('/');
}

/** Of 100: 50 one account, 10 one symbol, 15 symbol and side, 15 symbol, region and status, 10 account and a least price. */
function equality(random: Random): object {
  const { account, symbol, side, region, status, price } = randomOrder(random, 0);
  const eq = (value: unknown) => ({ eq: value });
  const roll = random.below(100);
  if (roll < 50) return { account: eq(account) };
  if (roll < 60) return { symbol: eq(symbol) };
  if (roll < 75) return { side: eq(side), symbol: eq(symbol) };
  if (roll < 90) return { region: eq(region), status: eq(status), symbol: eq(symbol) };
  return { account: eq(account), price: { gte: price } };
}

const kinds: readonly (readonly [string, (random: Random) => Asked])[] = [
  ['topic filters', (random) => ({ topic: topicFilter(random) })],
  ['equalities', (random) => ({ where: equality(random) })],
  [
    'a mixture of topic filters, equalities and both',
    (random) => {
      const roll = random.below(10);
      return {
        ...(roll < 6 ? { topic: topicFilter(random) } : {}),
        ...(roll >= 4 ? { where: equality(random) } : {}),
      };
    },
  ],
  [
    'one of 500 regions of the topic and a least price each',
    (random) => {
      const { desk, region, customer, price } = randomOrder(random, 0);
      return { topic: `${desk}/${region}/${Number(String(customer).slice(1)) % 5 === 0 ? customer : '*'}/>`, where: { price: { gte: price } } };
    },
  ],
];

function distinct(draw: () => Asked): readonly Filter[] {
  const filters = new Map<string, Filter>();
  while (filters.size < FILTERS) {
    const filter = filterOf(draw());
    filters.set(filter.key, filter);
  }
  return [...filters.values()];
}

interface Counter {
  count: number;
}

function indexOf(filters: readonly Filter[]): MatchIndex<Counter> {
  const index = new MatchIndex<Counter>();
  for (const filter of filters) index.add(filter, { count: 0 });
  return index;
}

export async function run(report: Report): Promise<void> {
  const random = new Random(1);
  const events = eventsOf(random);
  for (const [what, draw] of kinds) {
    const filters = distinct(() => draw(random));
    matching(report, what, filters, events);
  }
  const reader = eventReader(orders, compiled, await jsonCodec.prepare(orders), quiet, () => {});
  const unwanted: readonly (readonly [string, (n: number) => Asked])[] = [
    ['their topic', (n) => ({ topic: `${topicFilter(random).split('/').slice(0, 2).join('/')}/c${n % 50}/none${n}` })],
    ['an equality', (n) => ({ where: { account: { eq: `nobody-${n}` }, region: { eq: 'r1' } } })],
  ];
  for (const [what, draw] of unwanted) {
    const filters = Array.from({ length: FILTERS }, (_, n) => filterOf(draw(n)));
    indifferent(report, what, filters, events, (scan) => reader.read(scan, true));
  }
}

/** Matching alone: CPU of this process, over 20,000 events each round. */
function matching(report: Report, what: string, filters: readonly Filter[], events: readonly PublicEvent[]): void {
  const index = indexOf(filters);
  let visited = 0;
  const visit = (value: Counter): void => {
    value.count += 1;
    visited += 1;
  };
  for (const event of events.slice(0, NAIVE_EVENTS)) {
    const before = visited;
    index.match(event, visit);
    const expected = filters.reduce((sum, filter) => sum + (filter.matches(event) ? 1 : 0), 0);
    if (visited - before !== expected) throw new Error(`${what}: ${visited - before} found, ${expected} match`);
  }
  const own: number[] = [];
  const naive: number[] = [];
  let matches = 0;
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    visited = 0;
    const ns = perItem(events, (event) => index.match(event, visit));
    matches = visited / events.length;
    let passed = 0;
    const some = events.slice(0, NAIVE_EVENTS);
    const asked = perItem(some, (event) => {
      for (const filter of filters) if (filter.matches(event)) passed += 1;
    });
    if (round < 0) continue;
    own.push(ns);
    naive.push(asked / 1_000);
  }
  const many = matches >= 10 ? ` (${(own.reduce((a, b) => a + b) / own.length / matches).toFixed(0)} ns a match)` : '';
  report.figure(`${FILTERS} filters, ${what}: ${matches.toFixed(2)} matches a record${many}`, 'ns a record', own);
  report.figure(`the same, asked one by one`, 'us a record', naive);
}

/** Filters that want none of the records, against one such filter, in turns: by the index alone, and with all that a record costs before it. */
function indifferent(
  report: Report,
  what: string,
  filters: readonly Filter[],
  events: readonly PublicEvent[],
  read: (scan: LogScan) => readonly PublicEvent[],
): void {
  const indexes = { one: indexOf(filters.slice(0, 1)), all: indexOf(filters) };
  const random = new Random(2);
  const records = Array.from({ length: EVENTS }, (_, n) => ({
    ...record(n),
    value: Buffer.from(JSON.stringify(randomOrder(random, n))),
  }));
  const scans = Array.from({ length: EVENTS / 500 }, (_, n): LogScan => {
    const [from, to] = [n * 500, (n + 1) * 500];
    return { incarnation: { cluster: 'c', topic: 't' }, partition: 0, from, to, records: records.slice(from, to), end: to, first: 0 };
  });
  let visited = 0;
  const visit = (): void => {
    visited += 1;
  };
  const bare = { one: [] as number[], all: [] as number[], ratio: [] as number[] };
  const whole = { one: [] as number[], all: [] as number[], ratio: [] as number[] };
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const alone = (index: MatchIndex<Counter>): number => perItem(events, (event) => index.match(event, visit));
    const way = (index: MatchIndex<Counter>): number =>
      perItem(scans, (scan) => {
        for (const event of read(scan)) index.match(event, visit);
      }) / 500;
    const times = [alone(indexes.one), alone(indexes.all), way(indexes.one), way(indexes.all)] as const;
    if (round < 0) continue;
    bare.one.push(times[0]);
    bare.all.push(times[1]);
    bare.ratio.push(times[1] / times[0]);
    whole.one.push(times[2]);
    whole.all.push(times[3]);
    whole.ratio.push(times[3] / times[2]);
  }
  if (visited > 0) throw new Error(`${what}: ${visited} records were wanted`);
  report.figure(`1 filter told apart by ${what}: index alone`, 'ns a record', bare.one);
  report.figure(`${FILTERS} such filters: index alone`, 'ns a record', bare.all);
  report.figure(`${FILTERS} such filters against 1: index alone`, 'times', bare.ratio);
  report.figure(`1 filter told apart by ${what}: from the record's JSON on`, 'ns a record', whole.one);
  report.figure(`${FILTERS} such filters: from the record's JSON on`, 'ns a record', whole.all);
  report.figure(`${FILTERS} such filters against 1: from the record's JSON on`, 'times', whole.ratio);
}

function perItem<T>(items: readonly T[], task: (item: T) => void): number {
  const began = process.cpuUsage();
  for (const item of items) task(item);
  const { user, system } = process.cpuUsage(began);
  return ((user + system) * 1_000) / items.length;
}
