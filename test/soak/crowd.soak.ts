/** The crowd of test/gateway/crowd.test.ts for longer: every subscription receives exactly what Kafka holds for it. */
import { startKafka } from '../bed/kafka.ts';
import { runCrowd } from '../gateway/crowd.ts';
import type { SoakOptions } from './main.ts';

export const name = 'crowd';

export async function run({ until, seed }: SoakOptions): Promise<string> {
  await using cluster = await startKafka();
  const ms = Math.max(1, until - performance.now());
  const { events, lives, resumes, records } = await runCrowd({ bootstrap: cluster.bootstrap, clients: 200, ms, seed });
  return `${lives} subscriptions with ${resumes} resumes, ${events} events of ${records} records, exactly`;
}
