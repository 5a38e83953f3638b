/** How long a newcomer waits: from `npm start` in a fresh checkout to the lines to paste, history written. */
import { Checkout } from '../test/demo/checkout.ts';
import type { Report } from './report.ts';

export const name = 'start';

export async function run(report: Report): Promise<void> {
  const fresh: number[] = [];
  const again: number[] = [];
  for (let round = 0; round < 7; round++) {
    const checkout = new Checkout();
    for (const samples of [fresh, again]) {
      const began = performance.now();
      await using demo = await checkout.start();
      await demo.greeting();
      samples.push((performance.now() - began) / 1000);
      demo.signalAll('SIGTERM');
      await demo.ended;
    }
  }
  report.figure('npm start to ready, without data', 's', fresh);
  report.figure('npm start to ready, with the data of a run before', 's', again);
}
