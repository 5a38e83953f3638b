/** `npm run bench [NAME...]`: runs the benches named, or lists them. Results go into bench/RESULTS.md. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { endServers } from '../test/bed/guard.ts';
import { type Bench, keep, Page } from './report.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.ts'));
const benches = await Promise.all(files.map((file) => import(join(import.meta.dirname, file)) as Promise<Bench>));
const named = process.argv.slice(2);
const unknown = named.filter((name) => !benches.some((bench) => bench.name === name));

if (named.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no bench ${unknown.join(', ')}.`);
  console.log(`npm run bench NAME...  with these:\n${benches.map((bench) => `  ${bench.name}`).join('\n')}`);
  process.exitCode = unknown.length > 0 ? 2 : 0;
}
if (unknown.length === 0) {
  for (const bench of benches.filter(({ name }) => named.includes(name))) {
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
}
await endServers();
