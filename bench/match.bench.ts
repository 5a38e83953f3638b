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
/** Records of a round, and of the scan that is read before they are matched. */
const RECORDS = 10_000;
const SCAN = 500;
/** Events that the naive loop is asked about, once to check the index and in each round. */
const NAIVE_EVENTS = 5;
const ROUNDS = 9;
const WARM_UP = 3;

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

function scansOf(random: Random): readonly LogScan[] {
  return Array.from({ length: RECORDS / SCAN }, (_, n): LogScan => {
    const [from, to] = [n * SCAN, (n + 1) * SCAN];
    const records = Array.from({ length: SCAN }, (__, i) => ({
      offset: from + i,
      timestamp: 1_700_000_000_000 + i,
      key: Buffer.from(String(from + i)),
      value: Buffer.from(JSON.stringify(randomOrder(random, from + i))),
      headers: [],
    }));
    return { incarnation: { cluster: 'c', topic: 't' }, partition: 0, from, to, records, end: to, first: 0 };
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
    'one of 500 desks with regions and a least price each',
    (random) => {
      const { desk, region, price, status } = randomOrder(random, 0);
      const side = `s${Number(String(status).slice(1)) % 5}`;
      return { topic: `${desk}/${region}/*/${side}*`, where: { price: { gte: price } } };
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
  const scans = scansOf(random);
  const compiled = compileContract(orders);
  const reader = eventReader(orders, compiled, await jsonCodec.prepare(orders), quiet, () => {});
  const read = (scan: LogScan): readonly PublicEvent[] => reader.read(scan, true);
  report.note(
    `Records of 300 B are read in scans of ${SCAN}, and what was read is matched next, as on the event's way. CPU of this process.`,
  );
  for (const [what, draw] of kinds)
    matching(
      report,
      what,
      distinct(() => draw(random)),
      scans,
      read,
    );
  const unwanted: readonly (readonly [string, (n: number) => Asked])[] = [
    ['the topic', (n) => ({ topic: topicFilter(random).replace(/s\d+$|\*$|>$/, `none${n}`) })],
    ['an equality', (n) => ({ where: { region: { eq: 'r1' }, account: { eq: `nobody-${n}` } } })],
  ];
  for (const [what, draw] of unwanted) {
    const filters = Array.from({ length: FILTERS }, (_, n) => filterOf(draw(n)));
    indifferent(report, what, filters, scans, read);
  }
}

type Read = (scan: LogScan) => readonly PublicEvent[];

function matching(
  report: Report,
  what: string,
  filters: readonly Filter[],
  scans: readonly LogScan[],
  read: Read,
): void {
  const index = indexOf(filters);
  let visited = 0;
  const visit = (value: Counter): void => {
    value.count += 1;
    visited += 1;
  };
  const some = read(scans[0] as LogScan).slice(0, NAIVE_EVENTS);
  for (const event of some) {
    const before = visited;
    index.match(event, visit);
    const expected = filters.reduce((sum, filter) => sum + (filter.matches(event) ? 1 : 0), 0);
    if (visited - before !== expected) throw new Error(`${what}: ${visited - before} found, ${expected} match`);
  }
  const own: number[] = [];
  const match: number[] = [];
  const naive: number[] = [];
  let matches = 0;
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    visited = 0;
    const { matching: ns } = record(scans, read, index, visit);
    matches = visited / RECORDS;
    const asked = microseconds(() => {
      for (const event of some) for (const filter of filters) if (filter.matches(event)) visited += 1;
    });
    if (round < 0) continue;
    own.push(ns);
    match.push(ns / matches);
    naive.push(asked / NAIVE_EVENTS);
  }
  report.figure(`${what}: ${matches.toFixed(1)} matches a record, index`, 'ns a record', own, 'less');
  if (matches > 10) report.figure(`${what}: index, all by its matches`, 'ns a match', match, 'less');
  report.figure(`${what}: each filter asked`, 'us a record', naive, 'less');
}

/** Filters that want none of the records, against one such filter, in turns: by the index alone, and with all that a record costs before it. */
function indifferent(
  report: Report,
  what: string,
  filters: readonly Filter[],
  scans: readonly LogScan[],
  read: Read,
): void {
  const indexes = [indexOf(filters.slice(0, 1)), indexOf(filters)] as const;
  const unwanted = (): void => {
    throw new Error(`${what}: a record was wanted`);
  };
  const alone: [number[], number[], number[]] = [[], [], []];
  const whole: [number[], number[], number[]] = [[], [], []];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const [one, all] = indexes.map((index) => record(scans, read, index, unwanted)) as [Cost, Cost];
    if (round < 0) continue;
    [one.matching, all.matching, all.matching / one.matching].forEach((value, i) => void alone[i]?.push(value));
    [one.whole, all.whole, all.whole / one.whole].forEach((value, i) => void whole[i]?.push(value));
  }
  for (const [samples, of] of [
    [alone, 'index alone'],
    [whole, 'from the JSON of the record on'],
  ] as const) {
    report.figure(`unwanted, told apart by ${what}, ${of}: 1 filter`, 'ns a record', samples[0], 'less');
    report.figure(`unwanted, told apart by ${what}, ${of}: ${FILTERS} filters`, 'ns a record', samples[1], 'less');
    report.figure(`unwanted, told apart by ${what}, ${of}: ${FILTERS} against 1`, 'times', samples[2], 'less');
  }
}

/** Nanoseconds a record: of matching, and of all from reading the record on. */
interface Cost {
  readonly matching: number;
  readonly whole: number;
}

function record(
  scans: readonly LogScan[],
  read: Read,
  index: MatchIndex<Counter>,
  visit: (value: Counter) => void,
): Cost {
  let matching = 0;
  const whole = microseconds(() => {
    for (const scan of scans) {
      const events = read(scan);
      matching += microseconds(() => {
        for (const event of events) index.match(event, visit);
      });
    }
  });
  return { matching: (matching * 1_000) / RECORDS, whole: (whole * 1_000) / RECORDS };
}

function microseconds(task: () => void): number {
  const began = process.cpuUsage();
  task();
  const { user, system } = process.cpuUsage(began);
  return user + system;
}
