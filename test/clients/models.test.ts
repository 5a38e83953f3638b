/** What generators make of the documents: our templates of any contract, Modelina in seven languages, a client that knows nothing of Sluice. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { catalogue } from '../../src/core/errors.ts';
import { renderAsyncApi } from '../../src/core/surface/index.ts';
import { programOf, run } from '../bed/command.ts';
import { generatorFolder, pythonWith } from '../bed/index.ts';
import { range, StreamSite, sorted, thing } from '../gateway/stream-site.ts';
import { contract, field, flights, orders } from '../surface/contracts.ts';
import { randomContract } from '../surface/random-contract.ts';
import { readings } from '../view/contracts.ts';
import { Random } from '../view/random.ts';
import { builtAll, rendered, renderedAll } from './generated.ts';

const errors = { errors: JSON.stringify(catalogue) };
const document = (of: Parameters<typeof renderAsyncApi>[0]): object =>
  renderAsyncApi(of, { protocol: 'ws', url: 'https://events.example.com' });

/** Under a name of its own: packages that are checked together must not share theirs. */
const named = (given: object, product: string): object => {
  const { info, ...rest } = given as { readonly info: object };
  return { ...rest, info: { ...info, 'x-sluice-product': product } };
};

const wide = contract({
  name: 'wide-things',
  fieldName: 'wideThings',
  typeName: 'EventStream',
  title: 'Größe "&" \\ */ """ Co',
  fields: [
    ...Array.from({ length: 200 }, (_, i) => field(`field${i}`, 'string', { description: `Nr. ${i} */ """ \\` })),
    ...['class', 'from', 'str', 'int', 'None', 'constructor', 'default', 'toString', 'type', 'await'].map((name) =>
      field(name, { kind: 'object', name: `EventStream${name}`, fields: [field('with', 'int', { required: true })] }),
    ),
  ],
});

test('our templates make clients that compile of any contract: random ones, 200 fields, words of the languages', async () => {
  const python = await pythonWith('mypy==1.18.2', 'websockets==15.0.1');
  const contracts = [wide, readings, ...[1, 2, 3, 4].map((seed) => randomContract(new Random(seed)))];
  const renderings = ['typescript', 'python'].flatMap((template) =>
    contracts.map((of, i) => ({ template, document: named(document(of), `things-${i}`), params: errors })),
  );
  const folders = await renderedAll(renderings);
  const built = await builtAll(folders.slice(0, contracts.length));
  for (const folder of built) expect(readdirSync(folder)).toContain('index.js');
  const env = Object.entries(python.env).map(([name, value]) => `${name}=${value}`);
  const sources = folders.slice(contracts.length).map((folder) => join(folder, 'src'));
  expect(await run('env', [...env, python.program, '-m', 'mypy', '--strict', ...sources])).toContain('Success');
}, 300_000);

const languages = ['TypeScript', 'Python', 'Java', 'CSharp', 'Go', 'Rust', 'Kotlin'] as const;

/** Writes Modelina's models of documents, and tells their names. */
const modelina = `
const M = require('@asyncapi/modelina');
const [documents, out] = [JSON.parse(require('node:fs').readFileSync(process.argv[2], 'utf8')), process.argv[3]];
const options = {
  TypeScript: { moduleSystem: 'ESM', exportType: 'named' }, Python: { importsStyle: 'explicit' }, Java: {},
  CSharp: { namespace: 'Models' }, Go: { packageName: 'models' }, Kotlin: { packageName: 'models' },
  Rust: {
    supportFiles: true,
    package: {
      packageName: 'models', packageVersion: '0.1.0', authors: ['Tests'], homepage: 'https://example.com',
      repository: 'https://example.com', license: 'Apache-2.0', description: 'models', edition: '2021',
    },
  },
};
(async () => {
  const names = {};
  for (const [product, document] of Object.entries(documents)) {
    // Compiled together, so apart.
    options.Java = { packageName: 'models.' + product };
    for (const [language, how] of Object.entries(options)) {
      const generator = new M[language + 'FileGenerator']();
      const folder = [out, language, product, 'models'].join('/');
      const models = language === 'Rust'
        ? await generator.generateToPackage(document, folder, how, true)
        : await generator.generateToFiles(document, folder, how, true);
      names[product + ' in ' + language] = models.map(({ modelName }) => modelName).filter((name) => name !== '');
    }
  }
  process.stdout.write(JSON.stringify(names));
})();
`;

test('Modelina makes models in seven languages, each with a name, and what has a compiler here compiles', async () => {
  const generator = await generatorFolder();
  const folder = await rendered('typescript', document(flights), errors);
  const committed = (product: string): unknown =>
    parse(readFileSync(join(import.meta.dirname, `../../asyncapi/generated/${product}.ws.asyncapi.yaml`), 'utf8'));
  const documents = {
    flights: committed('flights'),
    earthquakes: committed('earthquakes'),
    orders: document(orders),
    readings: document(readings),
    lists: document(flights),
  };
  writeFileSync(join(folder, 'documents.json'), JSON.stringify(documents));
  const script = join(folder, 'modelina.cjs');
  writeFileSync(script, modelina);
  mkdirSync(join(folder, 'models'));
  symlinkSync(join(generator, 'node_modules'), join(folder, 'node_modules'));
  const out = join(folder, 'models');
  const told = await run(process.execPath, [script, join(folder, 'documents.json'), out]);
  const names = JSON.parse(told) as Readonly<Record<string, readonly string[]>>;
  expect(Object.keys(names)).toHaveLength(5 * languages.length);
  for (const [where, found] of Object.entries(names)) {
    expect({ where, anonymous: found.filter((name) => /anonymous/i.test(name)) }).toEqual({ where, anonymous: [] });
    expect(found.length).toBeGreaterThan(10);
  }
  await compile(out);
  await compileRust(out, ['flights', 'earthquakes', 'orders']);
  // Not ours to mend: Modelina names the numbers in lists of lists by a type that Rust has not.
  await expect(compileRust(out, ['lists'])).rejects.toThrow('cannot find type `I32`');
}, 300_000);

/** Those of all products at once. */
async function compile(out: string): Promise<void> {
  const files = (language: (typeof languages)[number], ending: string): readonly string[] =>
    readdirSync(join(out, language), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => join(out, language, name));
  const tsc = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
  const strict =
    '--ignoreConfig --strict --noEmit --skipLibCheck --target es2022 --module esnext --moduleResolution bundler';
  await run(process.execPath, [tsc, ...strict.split(' '), ...files('TypeScript', '.ts')]);
  await run(await programOf('python3', 'python3'), ['-m', 'compileall', '-q', join(out, 'Python')]);
  const javac = await programOf('javac', 'default-jdk-headless');
  await run(javac, ['-d', join(out, 'classes'), ...files('Java', '.java')]);
  writeFileSync(join(out, 'Go', 'go.mod'), 'module models\n\ngo 1.21\n');
  await run(await programOf('go', 'golang-go'), ['vet', './...'], { cwd: join(out, 'Go') });
}

/** A crate for each product, in one workspace. */
async function compileRust(out: string, products: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(out, 'workspace-'));
  for (const product of products) {
    cpSync(join(out, 'Rust', product, 'models'), join(folder, product), { recursive: true });
    const manifest = join(folder, product, 'Cargo.toml');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('name = "models"', `name = "${product}"`));
  }
  const members = products.map((product) => `"${product}"`).join(', ');
  writeFileSync(join(folder, 'Cargo.toml'), `[workspace]\nresolver = "2"\nmembers = [${members}]\n`);
  const cargo = await programOf('cargo', 'cargo');
  await run('env', [`CARGO_TARGET_DIR=${join(out, 'target')}`, cargo, 'check', '--quiet'], { cwd: folder });
}

test("the generator's own Python client, unchanged, gets events of the document that the gateway serves", async () => {
  await using site = await StreamSite.open();
  await site.write(range(0, 30).map((seq) => thing(seq)));
  await using gateway = await site.start();
  const { key } = await site.site.partner(['things']);
  const served = await fetch(`${gateway.url}/asyncapi/things.json?protocol=ws`, { headers: { 'x-api-key': key } });
  const given = (await served.json()) as object;
  const folder = await rendered('core-template-client-websocket-python', given, {
    server: 'ws',
    appendClientSuffix: true,
  });
  const python = await pythonWith(...readFileSync(join(folder, 'requirements.txt'), 'utf8').trim().split('\n'));
  const program = `
import json, threading
from client import ThingsClient
done, seen = threading.Event(), []
def handle(event):
    seen.append(event)
    if len(seen) == 30: done.set()
client = ThingsClient(since="earliest", access_token=${JSON.stringify(key)})
client.register_on_thing_event_handler(handle, "type", "things.ThingEvent.v1")
client.connect()
done.wait(60)
client.close()
print("SEEN " + json.dumps([json.loads(event)["data"]["seq"] if isinstance(event, str) else event["data"]["seq"] for event in seen]))
`;
  writeFileSync(join(folder, 'program.py'), program);
  const env = Object.entries(python.env).map(([name, value]) => `${name}=${value}`);
  const said = await run('env', [...env, python.program, 'program.py'], { cwd: folder });
  const seen = JSON.parse(/SEEN (.*)/.exec(said)?.[1] ?? '[]') as readonly number[];
  expect(sorted(seen)).toEqual(range(0, 30));
});
