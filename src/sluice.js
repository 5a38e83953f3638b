#!/usr/bin/env node
/**
 * What `sluice` starts. An older Node than Sluice is written for cannot even read its files, so it hands over to the one that
 * npm has installed with it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('./main.ts', import.meta.url);
const newer = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import(main.href);
} else if (existsSync(newer)) {
  const child = spawn(newer, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
} else {
  process.stderr.write(`Sluice needs Node 24 or newer; this is ${process.version}. "npm ci" brings one with it.\n`);
  process.exitCode = 1;
}
