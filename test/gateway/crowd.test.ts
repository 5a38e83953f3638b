import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { bed } from '../bed/index.ts';
import { runCrowd } from './crowd.ts';

/** A soak runs it for longer: `npm run soak -- crowd`. */
const CROWD_MS = Number(process.env['CROWD_MS'] ?? 120_000);
const CLIENTS = 200;

test(
  `${CLIENTS} clients that stall, die and resume at random receive exactly what Kafka holds for each, in order per partition, once`,
  async () => {
    const seed = Number(process.env['CROWD_SEED'] ?? randomInt(2 ** 31));
    process.stdout.write(`crowd: seed ${seed}\n`);
    const { bootstrap } = await bed().kafka();
    const happened = await runCrowd({ bootstrap, clients: CLIENTS, ms: CROWD_MS, seed });
    process.stdout.write(`crowd: ${JSON.stringify(happened)}\n`);
    // What did not happen was not tested.
    for (const [what, times] of Object.entries(happened)) expect(times, what).toBeGreaterThan(0);
  },
  CROWD_MS + 240_000,
);
