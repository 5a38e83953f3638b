/** `npm run bed`: the servers of the test bed for a developer at the terminal, until Ctrl-C. */
import { serverSet } from './set.ts';

const began = performance.now();
await using set = serverSet();
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
});
const wait = setInterval(() => {}, 1 << 30);
console.log('Starting Kafka 4.1.1, Kafka 3.9.1 and Redis; the first time, Kafka is fetched.');
const [first, second, redis] = await Promise.all([set.kafka('4.1.1'), set.kafka('3.9.1'), set.redis()]);
console.log(`Kafka ${first.version}  ${first.bootstrap}  cluster ${first.clusterId}`);
console.log(`Kafka ${second.version}  ${second.bootstrap}  cluster ${second.clusterId}`);
console.log(`Redis 7      ${redis.url}`);
console.log(`Up in ${((performance.now() - began) / 1000).toFixed(1)} s. Ctrl-C ends them; what they hold is lost.`);
await stopped;
clearInterval(wait);
