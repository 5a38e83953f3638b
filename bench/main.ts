/** `npm run bench [NAME...]`: runs the benches named, or lists them. Results go into bench/RESULTS.md. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { endServers } from '../test/bed/guard.ts';
import { type Bench, keep, Page } from './report.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.ts'));
const benches = await Promise.all(files.map((file) => import(join(import.meta.dirname, file)) as Promise<Bench>));
const named = process.argv.slice(2);
const unknown = named.filter((name) => !benches.some((bench) => bench.name === name));

if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}.`);
  process.exitCode = 2;
} else {
  for (const bench of benches.filter(({ name }) => named.includes(name))) await measure(bench);
}
if (named.length === 0 || unknown.length > 0) {
  console.log(`npm run bench NAME...  with these:\n${benches.map(({ name }) => `  ${name}`).join('\n')}`);
}
await endServers();

async function measure(bench: Bench): Promise<void> {
  console.log(`\n${bench.name}`);
  const report = new Page();
  try {
    await bench.run(report);
    keep(bench.name, report.section(bench.name));
  } catch (error) {
    console.error(`${bench.name} failed:`, error);
    process.exitCode = 1;
  }
}
