/** How long a newcomer waits for `npm start`, first with no data, then with those of the time before, until its lines can be pasted. */
import { rmSync } from 'node:fs';
import { Checkout } from '../test/demo/checkout.ts';
import type { Report } from './report.ts';

export const name = 'start';

const ROUNDS = 7;

export async function run(report: Report): Promise<void> {
  const checkout = new Checkout();
  const first: number[] = [];
  const again: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    rmSync(checkout.data, { recursive: true, force: true });
    for (const samples of [first, again]) {
      const began = performance.now();
      await using demo = await checkout.start();
      await demo.greeting();
      // The first round reads the disk for all the others.
      if (round > 0) samples.push((performance.now() - began) / 1000);
    }
  }
  rmSync(checkout.folder, { recursive: true, force: true });
  report.figure('npm start to ready, the first time', 's', first, 'less');
  report.figure('npm start to ready, with data', 's', again, 'less');
}
