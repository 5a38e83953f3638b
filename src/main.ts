#!/usr/bin/env node
/**
 * The command line: what there is to say, exit codes, and signals. Each command is a file of its own under commands/ and is
 * loaded when it is asked for.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ConfigError, type Config, loadConfig, processEnvironment } from './config.ts';
import { asSluiceError } from './core/errors.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
const out = { stdout: process.stdout, stderr: process.stderr };

const configure = (file: string | undefined): Config => loadConfig(file ?? null, processEnvironment, process.cwd());

const program = new Command('sluice')
  .description('An event gateway for a mesh of Kafka clusters.')
  .version(version)
  .showSuggestionAfterError()
  .exitOverride();

const withConfig = (command: Command): Command =>
  command.option('-c, --config <file>', 'the configuration file; without it, the embedded default');
const withJson = (command: Command): Command => command.option('--json', 'print JSON alone to stdout', false);

withConfig(program.command('serve', { isDefault: true }).description('run the gateway')).action(async (options: { config?: string }) => {
  const { serve } = await import('./commands/serve.ts');
  await finish(serve(configure(options.config), out));
});

const contracts = program.command('contracts').description('data-product contracts');
withJson(contracts.command('lint [dir]').description('check a directory of contracts')).action(
  async (dir: string | undefined, options: { json: boolean }) => {
    const { lintContracts } = await import('./commands/contracts.ts');
    await finish(lintContracts(dir ?? './schema/contracts', options, out));
  },
);

const generate = program.command('generate').description('files generated from the contracts');
generate
  .command('schema')
  .description('write the GraphQL schema of the contracts')
  .option('--contracts <dir>', 'the contracts', './schema/contracts')
  .option('--out <dir>', 'where to write', './schema/generated')
  .option('--check', 'write nothing; fail where the files are not current', false)
  .action(async (options: { contracts: string; out: string; check: boolean }) => {
    const { generateSchema } = await import('./commands/generate.ts');
    await finish(generateSchema({ contractsDir: options.contracts, outDir: options.out, check: options.check }, out));
  });

async function finish(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else if (error instanceof ConfigError) {
    process.stderr.write(`The configuration cannot be used:\n${error.message}\n`);
    process.exitCode = 2;
  } else {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
}

/** What went wrong in words; the stack only where nobody foresaw it. */
function explain(error: unknown): string {
  const known = asSluiceError(error);
  if (known.code !== 'INTERNAL') return `${known.code}: ${known.message}`;
  const cause = known.cause instanceof Error ? known.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.name === 'LogError' ? cause.message : (cause.stack ?? cause.message);
}
