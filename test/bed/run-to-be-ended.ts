/** A run with servers and a process of its own, started by bed.test.ts to be ended in every way that a run can end. */
import { spawn } from 'node:child_process';
import { adopt } from './guard.ts';
import { startKafka } from './kafka.ts';
import { startRedis } from './redis.ts';

const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
const own = spawn('sleep', ['600'], { stdio: 'ignore' });
own.unref();
adopt(own.pid);
process.once('message', (order) => {
  process.disconnect();
  if (order === 'throw') throw new Error('an error that nobody caught');
});
process.send?.({ pids: [kafka.brokers[0]?.pid, redis.pid, own.pid], folders: [kafka.folder, redis.folder] });
