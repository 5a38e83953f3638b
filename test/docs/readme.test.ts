import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.ts';
import { bed, freePort, pythonWith, randomName } from '../bed/index.ts';
import { Checkout, type Demo, type Greeting } from '../demo/checkout.ts';
import { Terminal } from '../demo/terminal.ts';
import { type ProductSpec, Site } from '../gateway/node.ts';
import { KafkaUser } from '../gateway/producer.ts';
import { blocksOf, blockWith, readDocument, root } from './blocks.ts';
import { Wire } from './wire.ts';

const node = join(root, 'node_modules', '.bin', 'node');

/** A folder with stock clients in which a program of a reader's stands. */
function project(file: string, code: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-reader-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, file), code);
  return folder;
}

function runTypeScript(code: string, env: Record<string, string>): Terminal {
  return new Terminal(node, ['program.ts'], project('program.ts', code), env);
}

async function runPython(code: string, env: Record<string, string>): Promise<Terminal> {
  const python = await pythonWith('gql[websockets]==4.0.0');
  return new Terminal(python.program, ['program.py'], project('program.py', code), { ...python.env, ...env });
}

function runShell(code: string, env: Record<string, string>): Terminal {
  return new Terminal('bash', ['-c', code], root, env);
}

/** The port in the documents is the default one, which others may have taken. */
const at = (code: string, url: string): string => code.replaceAll('127.0.0.1:4000', new URL(url).host);

describe("the README's resume code", () => {
  const flights: ProductSpec = {
    name: 'flights',
    topic: randomName('flights'),
    type: 'FlightEvent',
    template: 'flights/{seq}',
    fields: { id: 'string', seq: 'integer' },
  };

  test('loses and doubles nothing when it is cut off before the first event, drained, killed and cut off again', async () => {
    const { bootstrap } = await bed().kafka();
    await using user = new KafkaUser(bootstrap);
    await user.createTopic(flights.topic, 6);
    const site = new Site({ main: bootstrap }, [flights]);
    let gateway = await (await site.start()).ready();
    const { port } = gateway;
    const again = async (): Promise<void> => {
      gateway = await (await site.start({ port })).ready();
    };
    const { key } = await site.partner(['flights']);
    await using wire = await Wire.to(port);
    let written = 0;
    const write = async (count: number): Promise<void> => {
      const messages = Array.from({ length: count }, (_, i) => {
        const seq = written + i;
        return { key: `key-${seq % 41}`, value: JSON.stringify({ id: `key-${seq % 41}`, seq }) };
      });
      await user.send(flights.topic, messages);
      written += count;
    };
    await write(100);
    const before = written;
    await using program = runTypeScript(blockWith('README.md', 'ts', 'createClient'), {
      SLUICE_URL: `ws://127.0.0.1:${wire.port}/graphql`,
      SLUICE_API_KEY: key,
    });
    const seen = (): number[] => [...program.stdout.matchAll(/^flights\/(\d+)$/gm)].map(([, seq]) => Number(seq));
    const seenAll = async (): Promise<void> => {
      await program.until(() => (seen().length >= written - before ? true : null));
    };

    // Placed, but cut off before there was an event whose cursor it could keep.
    await wire.carried('"ready"');
    wire.cut();
    await write(200);
    await seenAll();

    const drained = write(3_000);
    await program.until(() => (seen().length >= 300 ? true : null));
    expect((await gateway.stop('SIGTERM')).code).toBe(0);
    await drained;
    await write(200);
    await again();
    await seenAll();

    const killed = write(3_000);
    await program.until(() => (seen().length >= 3_600 ? true : null));
    expect((await gateway.stop('SIGKILL')).signal).toBe('SIGKILL');
    await killed;
    await write(200);
    await again();
    await seenAll();

    const cut = write(3_000);
    await program.until(() => (seen().length >= 6_900 ? true : null));
    wire.cut();
    await cut;
    await seenAll();

    // One more, after which nothing of what was before can still be on its way.
    await write(41);
    await seenAll();
    const all = seen();
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: written - before }, (_, i) => before + i));
    const last = new Map<number, number>();
    for (const seq of all) {
      expect(seq).toBeGreaterThan(last.get(seq % 41) ?? -1);
      last.set(seq % 41, seq);
    }
    await gateway[Symbol.asyncDispose]();
  });

  test('gives up where trying again would not help', async () => {
    const site = new Site({ main: 'embedded' }, [flights]);
    await using gateway = await (await site.start()).ready();
    const code = blockWith('README.md', 'ts', 'createClient');
    const stranger = await site.partner([]);
    for (const SluiceApiKey of ['nonsense', stranger.key]) {
      await using program = runTypeScript(code, { SLUICE_URL: gateway.socketUrl, SLUICE_API_KEY: SluiceApiKey });
      expect((await program.ended).code).toBe(1);
    }
  });
});

describe('code for the demo', () => {
  let demo: Demo;
  let greeting: Greeting;
  let env: Record<string, string>;

  beforeAll(async () => {
    demo = await new Checkout().start();
    greeting = await demo.greeting();
    env = { SLUICE_API_KEY: greeting.key };
  });

  afterAll(async () => {
    await demo?.[Symbol.asyncDispose]();
  });

  const event = /"cursor" ?: ?"|'cursor': '|cursor: '/;

  test("the README's curl shows events", async () => {
    await using shell = runShell(at(blockWith('README.md', 'sh', '/graphql'), greeting.url), env);
    await shell.prints(event);
  });

  test("the README's stream shows events of the past and of now", async () => {
    await using shell = runShell(at(blockWith('README.md', 'sh', '/v1/streams/'), greeting.url), env);
    await shell.prints(/"type":"sluice\.ready"/);
    await shell.prints(/"subject":"aviation\/LAX\/.*"data":\{"origin":"LAX","destination":"\w+"\}\}/);
  });

  test("the README's document is one of the product's WebSocket", async () => {
    await using shell = runShell(at(blockWith('README.md', 'sh', '/asyncapi/'), greeting.url), env);
    await shell.prints(/^asyncapi: 3\.0\.0$/m);
    await shell.prints(new RegExp(`host: ${new URL(greeting.url).host}\\n +pathname: /v1/streams/flights`));
  });

  test("the README's Python shows events", async () => {
    await using python = await runPython(at(blockWith('README.md', 'python', 'gql'), greeting.url), env);
    await python.prints(event);
  });

  test.each(['flights(topic', 'events(topic'])(
    "the README's GraphQL is a subscription that is taken: %s",
    async (field) => {
      const query = JSON.stringify({ query: blockWith('README.md', 'graphql', field) });
      const response = await fetch(`${greeting.url}/graphql`, {
        method: 'POST',
        headers: { 'x-api-key': greeting.key, accept: 'text/event-stream', 'content-type': 'application/json' },
        body: query,
      });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (!/^: ready /m.test(text)) {
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) expect.fail(text);
        text += value;
      }
      await reader?.cancel();
    },
  );

  test.each(['curl', 'typescript', 'python'] as const)("the page's example in %s shows events", async (id) => {
    const page = await (await fetch(greeting.url)).text();
    const escaped = new RegExp(`<code id="text-${id}">([^<]*)</code>`).exec(page)?.[1] ?? '';
    const code = escaped.replace(/&#(\d+);/g, (_, number) => String.fromCharCode(Number(number)));
    expect(code).toContain(new URL(greeting.url).host);
    await using program =
      id === 'curl' ? runShell(code, env) : id === 'python' ? await runPython(code, env) : runTypeScript(code, env);
    await program.prints(event);
  });
});

test("the README's lines put a gateway on one's own Kafka and let a partner in", async () => {
  const { bootstrap } = await bed().kafka();
  await using user = new KafkaUser(bootstrap);
  const topic = randomName('flights');
  await user.createTopic(topic, 3);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-own-'));
  const config = blockWith('README.md', 'yaml', 'clusters').replace('127.0.0.1:9092', bootstrap);
  // The state of record of its own, since the cluster is shared.
  writeFileSync(join(folder, 'sluice.yaml'), `${config}state: {prefix: ${randomName('state')}.}\n`);
  mkdirSync(join(folder, 'contracts'));
  const contract = readFileSync(join(root, 'schema', 'contracts', 'flights.odcs.yaml'), 'utf8')
    .replace('server: aviation', 'server: main')
    .replace('physicalName: aviation.flights.v1', `physicalName: ${topic}`);
  writeFileSync(join(folder, 'contracts', 'flights.odcs.yaml'), contract);
  mkdirSync(join(folder, 'bin'));
  symlinkSync(join(root, 'src', 'sluice.js'), join(folder, 'bin', 'sluice'));
  const port = await freePort();
  const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, SLUICE_LISTEN_PORT: `${port}` };

  const [lint = '', serve = ''] = blockWith('README.md', 'sh', 'sluice serve').trim().split('\n');
  const shell = (line: string): Terminal => new Terminal('bash', ['-c', line], folder, env);
  await using linting = shell(lint);
  expect(await linting.ended).toEqual({ code: 0, signal: null });
  await using gateway = shell(serve);
  await gateway.says(/"msg":"ready"/);

  let app = '';
  let key = '';
  for (const line of blockWith('README.md', 'sh', 'sluice app create').trim().split('\n')) {
    await using command = shell(line.replace('<id of the application>', app));
    expect(await command.ended, command.stderr).toEqual({ code: 0, signal: null });
    app ||= /\bapp-\w+/.exec(command.stdout)?.[0] ?? '';
    key ||= /\bslk_\S+/.exec(command.stdout)?.[0] ?? '';
  }
  await using program = runTypeScript(blockWith('README.md', 'ts', 'createClient'), {
    SLUICE_URL: `ws://127.0.0.1:${port}/graphql`,
    SLUICE_API_KEY: key,
  });
  const record = /^# {3}(\{[\s\S]*?^# {3}\})$/m.exec(contract)?.[1]?.replace(/^# {3}/gm, '') ?? '';
  const value = JSON.stringify(JSON.parse(record));
  // The program says nothing of when it is subscribed: flights arrive until it has seen one.
  const arriving = new AbortController();
  const arrivals = (async () => {
    while (!arriving.signal.aborted) await user.send(topic, [{ key: 'a', value }]);
  })();
  await program.prints(/^aviation\/LAX\/BNA\/early$/m);
  arriving.abort();
  await arrivals;
  gateway.signalAll('SIGTERM');
  expect(await gateway.ended).toEqual({ code: 0, signal: null });
});

describe('what the documents point to', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'docs/PROTOCOL.md', 'docs/OPERATIONS.md', 'docs/CONFORMANCE.md'];

  test.each(documents)('exists: %s', (path) => {
    const text = readDocument(path);
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect(existsSync(join(root, dirname(path), target)), target).toBe(true);
    const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };
    for (const [, script = ''] of text.matchAll(/npm run ([a-z]+)/g)) expect(Object.keys(scripts)).toContain(script);
  });

  test('every block of the README has a test that runs it', () => {
    const run = [
      'npm ci',
      'SLUICE_API_KEY=slk_',
      'curl',
      'createClient',
      'from gql',
      'clusters',
      'serve',
      'app create',
    ];
    // This one in clients.test.ts.
    const others = [
      'generate client',
      'subscription {\n  flights(topic',
      'subscription {\n  events(topic',
      "the event's way",
    ];
    for (const { code } of blocksOf('README.md'))
      expect([...run, ...others].filter((text) => code.includes(text)).length, code).toBeGreaterThan(0);
  });

  test('.ci/run runs the command with which the README tests', () => {
    const command = /^npm ci && npm test/m.exec(readDocument('README.md'))?.[0] ?? 'none';
    expect(readDocument('.ci/run').trim().split('\n').at(-1)).toBe(command);
  });

  test('the configuration that docs/OPERATIONS.md shows is accepted', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-operations-'));
    const file = join(folder, 'sluice.yaml');
    const text = blockWith('docs/OPERATIONS.md', 'yaml', 'clusters:');
    writeFileSync(file, text);
    const config = loadConfig(file, { AVIATION_PASSWORD: 'x', LINK_SECRET: 'x'.repeat(16) }, folder);
    expect(config.warnings).toEqual([]);
    expect(Object.keys(parse(text) as object).sort()).toEqual(
      Object.keys(config)
        .filter((name) => !['warnings', 'demo'].includes(name))
        .sort(),
    );
  });
});
