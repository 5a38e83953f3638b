/**
 * A process that appends to an embedded log until it is killed or has done its rounds:
 * `node appender.ts PATH TOPIC WHO ROUNDS`. Each line that it prints is one acknowledged append, as
 * [[partition, offset, text], ...]; printed synchronously, so that what was acknowledged is known whenever it dies.
 */
import { writeSync } from 'node:fs';
import { argv } from 'node:process';

import { createEmbeddedLog } from '../../../src/io/log/embedded/index.ts';
import { Lines } from './storage.ts';

const [path = '', topic = '', who = '', rounds = '0'] = argv.slice(2);
const log = createEmbeddedLog({ name: 'appender', path, observe: new Lines() });
for (let round = 0; round < Number(rounds); round += 1) {
  // Mostly small appends, some of several slices, so that a kill also hits one that has given the event loop back.
  const size = round % 7 === 6 ? 1_500 : 1 + (round % 20);
  const records = Array.from({ length: size }, (_, index) => {
    const text = `${who}/${round}/${index}`;
    return { partition: index % 3, key: Buffer.from(text), value: Buffer.from(`${text} ${'x'.repeat(200)}`) };
  });
  const positions = await log.append(topic, records);
  const told = positions.map(({ partition, offset }, index) => [partition, offset, `${who}/${round}/${index}`]);
  say(`${JSON.stringify(told)}\n`);
}
await log[Symbol.asyncDispose]();

/** Synchronous also when the reader is slow and the pipe, which does not block, is full. */
function say(line: string): void {
  const bytes = Buffer.from(line);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
