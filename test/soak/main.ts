/**
 * `npm run soak [NAME...] [--minutes N] [--seed N]`: what is too long for `npm test`. Each run ends with a line in
 * test/soak/RECORDS.md that says seed and commit, whether it held or not; the page is committed.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endServers } from '../bed/guard.ts';

export interface SoakOptions {
  /** Performance-clock milliseconds after which no new round begins. */
  readonly until: number;
  /** Whatever is random follows from it. */
  readonly seed: number;
}

/** A file test/soak/*.soak.ts. `run` throws where a promise was broken and answers with what it has seen. */
interface Soak {
  readonly name: string;
  run(options: SoakOptions): Promise<string>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.soak.ts'));
const soaks = await Promise.all(files.map((file) => import(join(import.meta.dirname, file)) as Promise<Soak>));
const chosen = positionals.length === 0 ? soaks : soaks.filter(({ name }) => positionals.includes(name));

if (!(minutes > 0) || !Number.isInteger(seed) || chosen.length < Math.max(1, positionals.length)) {
  console.error(
    `npm run soak [NAME...] [--minutes N] [--seed N], with these names: ${soaks.map(({ name }) => name).join(', ')}`,
  );
  process.exitCode = 2;
} else {
  for (const soak of chosen) await record(soak);
}
await endServers();

async function record({ name, run }: Soak): Promise<void> {
  const began = performance.now();
  console.log(`${name}: ${minutes} minutes, seed ${seed}`);
  const outcome = await run({ until: began + minutes * 60_000, seed }).then(
    (seen) => `held: ${seen}`,
    (error: Error) => `BROKEN: ${error.message}`,
  );
  if (outcome.startsWith('BROKEN')) process.exitCode = 1;
  console.log(`${name} ${outcome}`);
  const page = join(import.meta.dirname, 'RECORDS.md');
  const head = '# Soak runs\n\n| day | commit | soak | minutes | seed | outcome |\n|---|---|---|---|---|---|\n';
  if (!existsSync(page)) writeFileSync(page, head);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const took = ((performance.now() - began) / 60_000).toFixed(1);
  const cells = [new Date().toISOString().slice(0, 10), commit, name, took, seed, outcome.replace(/[|\n]+/g, ' ')];
  appendFileSync(page, `| ${cells.join(' | ')} |\n`);
}
