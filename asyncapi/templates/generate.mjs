/**
 * Runs @asyncapi/generator once, in a process of its own: it is large, leaves timers and cannot be stopped. What it is to do comes as JSON in
 * the first argument: {template, document, out, params}. `template` is a folder, in which it is compiled, too. Exits with 0, or with 1 and the reason on stderr.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { template, document, out, params } = JSON.parse(process.argv[2]);
const require = createRequire(import.meta.url);
const Generator = require('@asyncapi/generator');
try {
  const generator = new Generator(template, out, { templateParams: params, forceWrite: true });
  await generator.generateFromString(readFileSync(document, 'utf8'));
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
