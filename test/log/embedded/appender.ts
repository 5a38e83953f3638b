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
  writeSync(
    1,
    `${JSON.stringify(positions.map(({ partition, offset }, index) => [partition, offset, `${who}/${round}/${index}`]))}\n`,
  );
}
await log[Symbol.asyncDispose]();
