/** A run with servers, started by bed.test.ts to be ended in every way that a run can end. */
import { startKafka } from './kafka.ts';
import { startRedis } from './redis.ts';

const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
process.once('message', (order) => {
  process.disconnect();
  if (order === 'throw') throw new Error('an error that nobody caught');
});
process.send?.({ pids: [kafka.brokers[0]?.pid, redis.pid], folders: [kafka.folder, redis.folder] });
