/**
 * The command line: what there is to say, exit codes, and signals. Each command is a file of its own under commands/ and is
 * loaded when it is asked for.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { CreateGrantArguments } from './commands/grant.ts';
import type { OpenJournal } from './commands/state.ts';
import { type Config, ConfigError, type Environment, loadConfig, processEnvironment } from './config.ts';
import { asSluiceError } from './core/errors.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const out = { stdout: process.stdout, stderr: process.stderr };

/** `more`: settings of the command line, under their names in the environment, which they go before. */
const configure = (file: string | undefined, more: Environment = {}): Config =>
  loadConfig(file ?? null, { ...processEnvironment, ...more }, process.cwd());

const program = new Command('sluice')
  .description('An event gateway for a mesh of Kafka clusters.')
  .version(version)
  .showSuggestionAfterError()
  .exitOverride();

const withConfig = (command: Command): Command =>
  command.option('-c, --config <file>', 'the configuration file; without it, the embedded default');
const withJson = (command: Command): Command => command.option('--json', 'print JSON alone to stdout', false);

withConfig(program.command('serve', { isDefault: true }).description('run the gateway'))
  .option('--workers <n>', 'processes that share the port; default: 1, or what the configuration says')
  .action(async (options: { config?: string; workers?: string }) => {
    const { serve } = await import('./commands/serve.ts');
    const more = options.workers === undefined ? {} : { SLUICE_WORKERS: options.workers };
    await finish(serve(configure(options.config, more), out));
  });

program.command('worker', { hidden: true }).action(async () => {
  const { work } = await import('./commands/worker.ts');
  await finish(work(process.stderr.isTTY === true));
});

const contracts = program.command('contracts').description('data-product contracts');
withJson(contracts.command('lint [dir]').description('check a directory of contracts')).action(
  async (dir: string | undefined, options: { json: boolean }) => {
    const { lintContracts } = await import('./commands/contracts.ts');
    await finish(lintContracts(dir ?? './schema/contracts', options, out));
  },
);
withJson(
  contracts
    .command('diff <old> <new>')
    .description('say what changes between two directories of contracts, or two files'),
)
  .option('--format <format>', 'text, json or markdown', 'text')
  .action(async (old: string, now: string, options: { format: string; json: boolean }) => {
    const { diffContracts } = await import('./commands/contracts-diff.ts');
    await finish(diffContracts(old, now, options.json ? 'json' : options.format, out));
  });

const contractsAgainstState = <Options extends object>(
  name: string,
  description: string,
  optional: readonly (readonly [flag: string, description: string])[],
  act: (open: OpenJournal, what: string, options: Options & Common, clusters: readonly string[]) => Promise<number>,
): void =>
  stateCommand<Options>(contracts, name, description, [], optional, (open, options, config, [what = '']) =>
    act(open, what, options, Object.keys(config.clusters)),
  );
contractsAgainstState<{ format: string }>(
  'plan <dir>',
  'say what a directory of contracts would change where these are in force, and who holds grants on what breaks',
  [['--format <format>', 'text, json or markdown']],
  async (open, path, { format, json }, clusters) => {
    const { planContracts } = await import('./commands/contracts-plan.ts');
    return planContracts(open, { path, format: json ? 'json' : (format ?? 'text'), clusters }, out);
  },
);
contractsAgainstState<{ breaking?: boolean }>(
  'accept <dir>',
  'have the contracts of a directory accepted, before any gateway has read them',
  [['--breaking', 'also what breaks a promise, and lower versions']],
  async (open, path, { breaking = false, json }, clusters) => {
    const { acceptDirectory } = await import('./commands/contracts-accept.ts');
    return acceptDirectory(open, { path, breaking, clusters, json }, out);
  },
);
contractsAgainstState(
  'forget <product>',
  'take back what was promised of a product that is gone',
  [],
  async (open, product, { json }) => {
    const { forgetContract } = await import('./commands/contracts-accept.ts');
    return forgetContract(open, { product, json }, out);
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
generate
  .command('asyncapi')
  .description('write the AsyncAPI documents of the contracts')
  .option('--contracts <dir>', 'the contracts', './schema/contracts')
  .option('--out <dir>', 'where to write', './asyncapi/generated')
  .option('--url <url>', 'where partners reach the gateway', 'https://events.example.com')
  .option('--check', 'write nothing; fail where the files are not current', false)
  .action(async (options: { contracts: string; out: string; url: string; check: boolean }) => {
    const { generateAsyncApi } = await import('./commands/generate.ts');
    const { contracts: contractsDir, out: outDir, url, check } = options;
    await finish(generateAsyncApi({ contractsDir, outDir, url, check }, out));
  });

generate
  .command('client')
  .description("write a client of a product's stream")
  .requiredOption('--product <name>', 'the product, with its major from 2 on: flights, flights-v2')
  .requiredOption('--language <language>', 'typescript, python, java or dart')
  .requiredOption('--out <dir>', 'where to write: a folder that is empty or does not exist')
  .option('--contracts <dir>', 'the contracts', './schema/contracts')
  .option('--url <url>', 'where partners reach the gateway', 'https://events.example.com')
  .option('--generator <dir>', 'where @asyncapi/generator is installed; default: beside the templates')
  .option('--timeout <seconds>', 'the longest that it may take', seconds, 60)
  .action(async (options: ClientArguments) => {
    const { generateClient } = await import('./commands/generate-client.ts');
    const { contracts: contractsDir, out: outDir, generator, timeout, ...rest } = options;
    const more = generator === undefined ? {} : { generatorDir: generator };
    await finish(generateClient({ ...rest, ...more, contractsDir, outDir, timeoutMs: timeout * 1000 }, out));
  });

interface ClientArguments {
  readonly product: string;
  readonly language: string;
  readonly out: string;
  readonly contracts: string;
  readonly url: string;
  readonly generator?: string;
  readonly timeout: number;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 3600)) throw new InvalidArgumentError('Expected seconds, more than 0 and at most 3600.');
  return value;
}

interface Common {
  readonly config?: string;
  readonly json: boolean;
}

/** A command of the state of record: under a group, with --config and --json. */
function stateCommand<Options>(
  group: Command,
  name: string,
  description: string,
  required: readonly (readonly [flag: string, description: string])[],
  optional: readonly (readonly [flag: string, description: string])[],
  act: (open: OpenJournal, options: Options & Common, config: Config, args: readonly string[]) => Promise<number>,
): void {
  const command = withJson(withConfig(group.command(name).description(description)));
  for (const [flag, text] of required) command.requiredOption(flag, text);
  for (const [flag, text] of optional) command.option(flag, text);
  // Commander hands over the arguments, then the options, then the command itself.
  command.action(async (...given: readonly unknown[]) => {
    const options = given.at(-2) as Options & Common;
    const config = configure(options.config);
    const { openJournal, openObserve } = await import('./gateway.ts');
    await finish(
      act(
        async () => {
          const observe = await openObserve(
            { ...config, log: { level: 'error' }, telemetry: {} },
            process.stderr.isTTY,
          );
          const journal = openJournal(config, observe);
          const close = async (): Promise<void> => {
            await journal[Symbol.asyncDispose]();
            await observe[Symbol.asyncDispose]();
          };
          return { journal, close };
        },
        options,
        config,
        given.slice(0, -2) as string[],
      ),
    );
  });
}

const app = program.command('app').description('applications: the programs of partners');
stateCommand<{ name: string }>(
  app,
  'create',
  'create an application',
  [['--name <name>', 'what people call it']],
  [],
  async (open, options) => {
    const { createApp } = await import('./commands/app.ts');
    return createApp(open, options, out);
  },
);
stateCommand(app, 'list', 'list applications', [], [], async (open, options) => {
  const { listApps } = await import('./commands/app.ts');
  return listApps(open, options, out);
});

const appFlag = ['--app <id>', 'the application'] as const;
const key = program.command('key').description('API keys of applications');
stateCommand<{ app: string; expires?: string }>(
  key,
  'create',
  'create a key, shown this once',
  [appFlag],
  [['--expires <when>', 'a duration (P90D) or a date and time; default: never']],
  async (open, options) => {
    const { createAppKey } = await import('./commands/key.ts');
    return createAppKey(open, options, out);
  },
);
stateCommand<{ app?: string }>(
  key,
  'list',
  'list keys, without their secrets',
  [],
  [appFlag],
  async (open, options) => {
    const { listKeys } = await import('./commands/key.ts');
    return listKeys(open, options, out);
  },
);
stateCommand<{ key: string }>(
  key,
  'revoke',
  'revoke a key; its live subscriptions end',
  [['--key <id>', 'the key']],
  [],
  async (open, options) => {
    const { revokeAppKey } = await import('./commands/key.ts');
    return revokeAppKey(open, options, out);
  },
);

const grant = program.command('grant').description('which applications may see which products');
stateCommand<Omit<CreateGrantArguments, 'contracts' | 'json'>>(
  grant,
  'create',
  'grant an application access to a product',
  [appFlag, ['--product <name>', 'the product, with its major from 2 on: flights, flights-v2']],
  [
    ['--roles <role...>', 'roles of the contract'],
    ['--topics <filter...>', 'topic filters of which one must match'],
    ['--hidden <field...>', 'fields not to be seen'],
    ['--rows <json>', 'a filter as JSON; only events that match are seen'],
    ['--replay <duration>', 'how far back it may read, such as P1D'],
  ],
  async (open, options, config) => {
    const { createAppGrant } = await import('./commands/grant.ts');
    const { checkContracts } = await import('./gateway.ts');
    // Where the contracts are not at hand, product and restrictions are checked by their form alone.
    const { files, contracts } = await checkContracts(config.contracts);
    return createAppGrant(open, { ...options, contracts: files === 0 ? null : contracts }, out);
  },
);
stateCommand<{ app?: string }>(grant, 'list', 'list grants', [], [appFlag], async (open, options) => {
  const { listGrants } = await import('./commands/grant.ts');
  return listGrants(open, options, out);
});
stateCommand<{ grant: string }>(
  grant,
  'revoke',
  'close a grant; its live subscriptions end',
  [['--grant <id>', 'the grant']],
  [],
  async (open, options) => {
    const { revokeAppGrant } = await import('./commands/grant.ts');
    return revokeAppGrant(open, options, out);
  },
);

withJson(
  withConfig(
    program
      .command('cluster')
      .description('the nodes of a site')
      .command('show')
      .description('show the nodes of the site: what they own, want and carry, and their links'),
  ),
).action(async (options: Common) => {
  const { showCluster } = await import('./commands/cluster-show.ts');
  await finish(showCluster(configure(options.config), options.json, out));
});

async function finish(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // As with a configuration that cannot be used: 1 is for what was understood, and refused or found wrong.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof ConfigError) {
    process.stderr.write(`The configuration cannot be used:\n${error.message}\n`);
    process.exitCode = 2;
  } else {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
  // A gateway that cannot start has logs and watchers open already; nothing of them is worth waiting for.
  process.exit();
}

/** What went wrong in words; the stack only where nobody foresaw it. */
function explain(error: unknown): string {
  const known = asSluiceError(error);
  if (known.code !== 'INTERNAL') return `${known.code}: ${known.message}`;
  const cause = known.cause instanceof Error ? known.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.name === 'LogError' ? cause.message : (cause.stack ?? cause.message);
}
