/** What the process holds once all that nobody holds is gone. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (how: object) => void;

/** Bytes of the heap and of buffers in use after a collection. */
export async function bytesHeld(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await turn();
    collect({ type: 'major', flavor: 'last-resort' });
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
