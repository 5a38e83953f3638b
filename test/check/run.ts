/** Runs all checks at once and says of each how it went. */
import type { Counts } from '../reporter.ts';
import { steps } from './steps.ts';

export async function check(): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0 };
  await Promise.all(
    steps.map(async ({ name, run }) => {
      const wrong = await run();
      if (wrong === undefined) counts.passed += 1;
      else counts.failed += 1;
      console.log(wrong === undefined ? `ok     ${name}` : `FAILED ${name}\n${wrong}\n`);
    }),
  );
  return counts;
}
