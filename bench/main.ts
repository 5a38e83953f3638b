/**
 * `npm run bench [NAME...]`: runs the benches named, or lists them. Results go into bench/RESULTS.md, unless `--rounds N` asks for
 * a quick look of fewer rounds than a figure needs.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endServers } from '../test/bed/guard.ts';
import { type Bench, committedPage, keep, mediansOf, Page, ROUNDS } from './report.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.ts'));
const benches = await Promise.all(files.map((file) => import(join(import.meta.dirname, file)) as Promise<Bench>));
const { positionals: named, values } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string' } } });
const rounds = Math.max(1, Number(values.rounds ?? ROUNDS) || ROUNDS);
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
  const report = new Page(mediansOf(committedPage(), bench.name), rounds);
  try {
    await bench.run(report);
    if (report.flagged.length > 0) console.log(`Worse than committed: ${report.flagged.join('; ')}`);
    if (rounds >= ROUNDS) keep(bench.name, report.section(bench.name));
    else console.log(`Not kept: figures need ${ROUNDS} rounds.`);
  } catch (error) {
    console.error(`${bench.name} failed:`, error);
    process.exitCode = 1;
  }
}
