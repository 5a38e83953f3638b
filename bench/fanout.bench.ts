/**
 * What a delivery costs: one event of 300 bytes to a thousand subscribers that select 6 of its 12 fields. The gateway itself
 * (key, grant, hooks of access and usage on) beside the usual stack and beside a C program that writes the same bytes.
 */
import { fanoutRound, type Round, SUBSCRIBERS, TICKS } from './load/generated-fanout.ts';
import { BURSTS, kafkaRounds } from './load/kafka-fanout.ts';
import { proveClient } from './load/proof.ts';
import { generatedSite } from './load/servers.ts';
import type { Report } from './report.ts';

export const name = 'fanout';

const UNIT = 'thousand deliveries per CPU second';

export async function run(report: Report): Promise<void> {
  await proveClient();
  await generated(report);
  await fromKafka(report);
}

async function generated(report: Report): Promise<void> {
  const at = await generatedSite();
  const rounds: Round[] = [];
  for (let round = 0; round < report.rounds; round++) rounds.push(await fanoutRound(at));
  report.note(
    `${SUBSCRIBERS} subscribers; CPU of the server's process alone, user and system, all of its threads, until the last subscriber has the last event. Every message is looked into during warm-up, and counted, with its bytes, while the clock runs.`,
  );
  report.note(
    'Generated: a tick is K events in one scan of one of 12 partitions, and the next comes as soon as the sockets took the last. The limit is a C program with one send of the same bytes per socket and tick.',
  );
  TICKS.forEach((k, i) => {
    const of = (pick: (round: Round) => readonly number[]): number[] => rounds.map((round) => pick(round)[i] as number);
    const [product, cursor, usual, limit] = [
      of((round) => round.product),
      of((round) => round.cursor),
      of((round) => round.usual),
      of((round) => round.limit),
    ];
    const form = `generated, K = ${k}`;
    report.figure(form, UNIT, thousands(product), 'more');
    report.figure(`${form}: usual stack`, UNIT, thousands(usual), 'more');
    report.figure(`${form}: limit in C`, UNIT, thousands(limit), 'more');
    report.figure(`${form}: against the usual stack`, 'times', ratios(product, usual), 'more');
    report.figure(`${form}: share of the limit`, '%', ratios(product, limit, 100), 'more');
    report.figure(`${form}, with cursor`, UNIT, thousands(cursor), 'more');
    report.figure(`${form}, with cursor: against without`, 'times', ratios(cursor, product), 'more');
  });
  report.figure('generated, K = 1, 10 subscriptions per socket', UNIT, thousands(rounds.map(({ ten }) => ten)), 'more');
}

async function fromKafka(report: Report): Promise<void> {
  const rounds = await kafkaRounds(report.rounds);
  report.note(
    'From Kafka: `sluice serve` with its state of record and its events in Kafka 4.1.1, and the usual stack behind kafkajs. A burst is one produce request to one of 12 partitions; the next comes 50 ms later, or when the last subscriber has the one before. Idle CPU in between counts.',
  );
  BURSTS.forEach((k, i) => {
    const product = rounds.map((round) => round.product[i] as number);
    const cursor = rounds.map((round) => round.cursor[i] as number);
    const usual = rounds.map((round) => round.usual[i] as number);
    const form = k === 1 ? 'from Kafka, singles' : `from Kafka, bursts of ${k}`;
    report.figure(form, UNIT, thousands(product), 'more');
    report.figure(`${form}: usual stack`, UNIT, thousands(usual), 'more');
    report.figure(`${form}: against the usual stack`, 'times', ratios(product, usual), 'more');
    report.figure(`${form}, with cursor`, UNIT, thousands(cursor), 'more');
    report.figure(`${form}, with cursor: against without`, 'times', ratios(cursor, product), 'more');
  });
}

const thousands = (rates: readonly number[]): number[] => rates.map((rate) => rate / 1_000);
const ratios = (rates: readonly number[], others: readonly number[], unit = 1): number[] =>
  rates.map((rate, i) => (unit * rate) / (others[i] as number));
