/** What docs/CLIENTS.md shows, as it stands there, against the demo. */
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { programOf, run } from '../bed/command.ts';
import { generatorFolder, installLine } from '../bed/index.ts';
import { Checkout, type Demo, type Greeting } from '../demo/checkout.ts';
import { Terminal } from '../demo/terminal.ts';
import { blocksOf, blockWith, readDocument, root } from './blocks.ts';

const page = 'docs/CLIENTS.md';
const checkout = new Checkout();
let demo: Demo;
let greeting: Greeting;

beforeAll(async () => {
  const templates = join(checkout.folder, 'asyncapi/templates');
  const filter = (path: string): boolean => !path.endsWith('node_modules');
  cpSync(join(root, 'asyncapi/templates'), templates, { recursive: true, filter });
  // The bed has run this line already, and it takes a minute.
  expect(blockWith(page, 'sh', 'npm ci')).toBe(`${installLine('asyncapi/templates')}\n`);
  symlinkSync(join(await generatorFolder(), 'node_modules'), join(templates, 'node_modules'));
  demo = await checkout.start();
  greeting = await demo.greeting();
}, 300_000);

afterAll(async () => {
  await demo?.[Symbol.asyncDispose]();
});

const at = (code: string): string => code.replaceAll('127.0.0.1:4000', new URL(greeting.url).host);

/** Runs a block in the checkout; fails where a line of it fails. */
async function shell(code: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await using terminal = new Terminal('bash', ['-ec', at(code)], checkout.folder, env);
  const { code: exit } = await terminal.ended;
  expect({ exit, stderr: exit === 0 ? '' : terminal.stderr }).toEqual({ exit: 0, stderr: '' });
}

test('the TypeScript client is generated, built and receives events', async () => {
  await shell(blockWith(page, 'sh', '--language typescript'));
  await shell(blockWith(page, 'sh', 'npm run build'));
  const folder = mkdtempSync(join(tmpdir(), 'sluice-reader-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(checkout.folder, 'flights-client'), join(folder, 'node_modules/flights-client'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'program.ts'), at(blockWith(page, 'ts', 'flights-client')));
  const env = { SLUICE_API_KEY: greeting.key };
  await using program = new Terminal(process.execPath, ['program.ts'], folder, env);
  await program.prints(/(aviation\/LAX\/\S+ \d+\n){10}/);
}, 300_000);

test('the Python client is generated, installed and receives events', async () => {
  const python = await programOf('python3', 'python3-pip');
  // Where people have a virtual environment.
  const Pythonuserbase = mkdtempSync(join(tmpdir(), 'sluice-packages-'));
  await shell(blockWith(page, 'sh', 'pip install'), {
    PYTHONUSERBASE: Pythonuserbase,
    PIP_USER: '1',
    PIP_BREAK_SYSTEM_PACKAGES: '1',
  });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-reader-'));
  writeFileSync(join(folder, 'program.py'), at(blockWith(page, 'python', 'flights_client')));
  const env = { SLUICE_API_KEY: greeting.key, PYTHONUSERBASE: Pythonuserbase, PYTHONUNBUFFERED: '1' };
  await using program = new Terminal(python, ['program.py'], folder, env);
  await program.prints(/(aviation\/LAX\/\S+ \d+\n){3}/);
}, 300_000);

test('a client is fetched from the gateway', async () => {
  await shell(blockWith(page, 'sh', 'curl'), { SLUICE_API_KEY: greeting.key });
  const listed = await run(await programOf('python3', 'python3'), [
    '-m',
    'zipfile',
    '-l',
    join(checkout.folder, 'flights-client.zip'),
  ]);
  expect(listed).toContain('flights-client/src/flights_client/models.py');
});

test('no block of the page is left out, and the README has one of them', async () => {
  expect(blockWith('README.md', 'sh', 'generate client')).toBe(blockWith(page, 'sh', '--language typescript'));
  expect(blocksOf(page).map(({ language }) => language)).toEqual(['sh', 'sh', 'sh', 'sh', 'ts', 'sh', 'python']);
  // The command's own words and the page agree on the options.
  const help = await run(process.execPath, [join(root, 'src/main.ts'), 'generate', 'client', '--help']);
  const options = [...help.matchAll(/^ {2}(--\w+) </gm)].map(([, option]) => option);
  expect(options.length).toBe(7);
  for (const option of options) expect(readDocument(page)).toContain(`| \`${option}\` |`);
});
