/** How long the test bed takes, once Kafka is cached: two clusters and Redis at once. */
import { startKafka } from '../test/bed/kafka.ts';
import { startRedis } from '../test/bed/redis.ts';
import type { Report } from './report.ts';

export const name = 'bed';

export async function run(report: Report): Promise<void> {
  const samples: number[] = [];
  for (let round = 0; round <= 5; round++) {
    const began = performance.now();
    const servers = await Promise.all([
      startKafka({ version: '4.1.1' }),
      startKafka({ version: '3.9.1' }),
      startRedis(),
    ]);
    // The first round fetches what the cache lacks.
    if (round > 0) samples.push((performance.now() - began) / 1000);
    await Promise.all(servers.map((server) => server.stop()));
  }
  report.figure('Kafka 4.1.1, Kafka 3.9.1 and Redis serve requests', 's', samples, 'less');
}
