/**
 * From the contract to the application: the document is served, clients are generated from it, they compile, and receive what is in real
 * Kafka, over connections that are cut.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogue } from '../../src/core/errors.ts';
import { run } from '../bed/command.ts';
import { bed, pythonWith } from '../bed/index.ts';
import { Cable } from '../gateway/cable.ts';
import { type GatewayProcess, Site } from '../gateway/node.ts';
import { KafkaUser } from '../gateway/producer.ts';
import { diagnosticsOf } from '../surface/asyncapi-reader.ts';
import { Driven, type Python } from './driven.ts';
import { builtAll, renderedAll } from './generated.ts';
import { inPython, inTypeScript, shapesOf } from './literals.ts';
import { type Product, products } from './products.ts';
import { type Held, readTopics } from './truth.ts';

/** So many of a product's records are written while somebody reads already. */
const LATE = 1000;
const CUTS = 5;
const root = join(import.meta.dirname, '../..');

interface Event {
  readonly id: string;
  readonly source: string;
  readonly sequence: string;
  readonly time: string;
  readonly partitionkey?: string;
  readonly op?: string;
  readonly cursor: string;
  readonly data: unknown;
}

interface Client {
  subscribe(options: object): AsyncIterableIterator<Event, undefined> & { close(): Promise<void> };
}

let kafka: KafkaUser;
let site: Site;
let gateway: GatewayProcess;
let key: string;
let python: Python;
let held: ReadonlyMap<string, readonly (readonly Held[])[]>;
const documents = new Map<string, string>();
/** Folders of clients, by product. */
const typescript = new Map<string, string>();
const pythons = new Map<string, string>();
const compiled = new Map<string, string>();
const received = new Map<string, Event[]>();

beforeAll(async () => {
  const { bootstrap } = await bed().kafka();
  kafka = new KafkaUser(bootstrap);
  site = new Site({ main: bootstrap, aviation: bootstrap, seismic: bootstrap }, []);
  for (const { name, contract, topic } of products) {
    site.putContract(name, contract);
    await kafka.createTopic(topic, 3);
  }
  gateway = await (await site.start()).ready();
  ({ key } = await site.partner(products.map(({ name }) => name)));
  for (const { name } of products) {
    const served = await fetch(`${gateway.url}/asyncapi/${name}.json?protocol=ws`, { headers: { 'x-api-key': key } });
    documents.set(name, await served.text());
  }
  const params = { errors: JSON.stringify(catalogue) };
  const renderings = (['typescript', 'python'] as const).flatMap((template) =>
    [...documents].map(([name, text]) => ({ name, template, document: JSON.parse(text) as object, params })),
  );
  const folders = await renderedAll(renderings);
  renderings.forEach(
    ({ name, template }, i) => void (template === 'python' ? pythons : typescript).set(name, folders[i] ?? ''),
  );
  const built = await builtAll([...typescript.values()]);
  [...typescript.keys()].forEach((name, i) => void compiled.set(name, built[i] ?? ''));
  python = await pythonWith('websockets==15.0.1', 'mypy==1.18.2');
  for (const { topic, records } of products) await write(topic, records.slice(0, -LATE));
}, 300_000);

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await kafka?.[Symbol.asyncDispose]();
});

async function write(
  topic: string,
  records: readonly { readonly key: string; readonly value: string | null }[],
): Promise<void> {
  for (let at = 0; at < records.length; at += 500) await kafka.send(topic, records.slice(at, at + 500));
}

/** Cut often enough that each connection breaks before all events are over. */
async function cableFor({ records }: Product): Promise<Cable> {
  const bytes = records.reduce((sum, { value }) => sum + 400 + (value ?? '').length, 0);
  const cable = await Cable.to(gateway.port);
  cable.allowances.push(...Array.from({ length: CUTS }, () => Math.floor(bytes / (2 * CUTS))));
  return cable;
}

const options = (name: string, { port }: Cable) => ({ url: `ws://127.0.0.1:${port}/v1/streams/${name}` });

describe('documents of real products', () => {
  test.each(products.map(({ name }) => name))('that of %s is valid', async (name) => {
    expect(await diagnosticsOf(documents.get(name) ?? '')).toEqual([]);
  });
});

describe('events on real Kafka, cut five times', () => {
  test.each(products)('a TypeScript client of $name gets all of them', async (product) => {
    const { name, topic, records } = product;
    const path = pathToFileURL(join(compiled.get(name) ?? '', 'index.js')).href;
    const client = (await import(/* @vite-ignore */ path)) as Client;
    const cable = await cableFor(product);
    let readies = 0;
    const stream = client.subscribe({
      ...options(name, cable),
      apiKey: key,
      since: 'earliest',
      maxDelayMs: 50,
      onReady: () => {
        readies += 1;
      },
    });
    const events: Event[] = [];
    let late: Promise<void> | undefined;
    for await (const event of stream) {
      events.push(event);
      late ??= write(topic, records.slice(-LATE));
      if (events.length === records.length) break;
    }
    await late;
    expect({ cuts: cable.cuts, readies }).toEqual({ cuts: CUTS, readies: CUTS + 1 });
    cable.close();
    received.set(name, events);
  });

  test.each(products)('a Python client of $name gets all of them', async (product) => {
    const { name, records } = product;
    const cable = await cableFor(product);
    const given = { ...options(name, cable), api_key: key, since: 'earliest', max_delay: 0.05 };
    const module = `${name.replaceAll('-', '_')}_client`;
    await using driven = new Driven(python, pythons.get(name) ?? '', module, given, records.length);
    await driven.until(({ end }) => end === records.length);
    const readies = driven.told.filter(({ ready }) => ready !== undefined).length;
    expect({ cuts: cable.cuts, readies }).toEqual({ cuts: CUTS, readies: CUTS + 1 });
    cable.close();
    expect(positioned(driven.events as readonly unknown[] as readonly Event[])).toEqual(
      positioned(received.get(name) ?? []),
    );
  });

  test('they are what a consumer finds in the Kafka topics, by position', async () => {
    held = await readTopics(kafka.kafka, new Map(products.map(({ topic, records }) => [topic, records.length])));
    for (const { name, topic, data } of products) {
      const truth = held.get(topic) ?? [];
      const partitions = byPartition(received.get(name) ?? []);
      expect(partitions.size).toBe(3);
      const keyed = !name.startsWith('optional');
      for (const [partition, events] of partitions) {
        const expected = (truth[partition] ?? []).map(({ offset, timestamp, key: of, value }) => ({
          sequence: String(offset).padStart(19, '0'),
          time: new Date(timestamp).toISOString(),
          ...(keyed ? { partitionkey: of } : {}),
          ...(name === 'earthquakes' ? { op: value === null ? 'DELETE' : 'UPSERT' } : {}),
          data: value === null ? null : data(value),
        }));
        const found = events.map(({ sequence, time, partitionkey, op, data: given }) => ({
          sequence,
          time,
          ...(partitionkey === undefined ? {} : { partitionkey }),
          ...(op === undefined ? {} : { op }),
          data: given,
        }));
        expect(found).toEqual(expected);
      }
    }
  });
});

/** Without cursors, which tell how far a connection had come in the other partitions. */
function positioned(events: readonly Event[]): ReadonlyMap<number, readonly object[]> {
  return byPartition(events.map((event) => ({ ...event, cursor: '' })));
}

/** Of the source's end; events of one partition in the order in which they came. */
function byPartition(events: readonly Event[]): ReadonlyMap<number, readonly Event[]> {
  return Map.groupBy(events, ({ source }) => Number(source.split('/').at(-1)));
}

describe('what was received is what the clients declare', () => {
  test('in TypeScript: as literals, tsc --strict takes it, and nothing that differs', async () => {
    const folder = dirname([...typescript.values()][0] ?? '');
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const files = [...typescript].map(([name, client]) => {
      const file = join(folder, `${name}.literals.ts`);
      writeFileSync(file, inTypeScript(join(client, 'src/models.ts'), shapesOf(received.get(name) ?? [])));
      return file;
    });
    const config = {
      extends: './tsconfig.json',
      compilerOptions: { noEmit: true, allowImportingTsExtensions: true },
      files,
      include: [],
    };
    writeFileSync(join(folder, 'tsconfig.literals.json'), JSON.stringify(config));
    await run(process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(folder, 'tsconfig.literals.json'),
    ]);
  });

  test('in Python: mypy --strict takes the clients, and what they gave as literals, and nothing that differs', async () => {
    const sources = [...pythons].map(([, client]) => join(client, 'src'));
    const folder = dirname([...pythons.values()][0] ?? '');
    const files = [...pythons].map(([name, client]) => {
      const module = `${name.replaceAll('-', '_')}_client`;
      expect(existsSync(join(client, 'src', module))).toBe(true);
      const file = join(folder, `${module}_literals.py`);
      writeFileSync(file, inPython(module, shapesOf(received.get(name) ?? [])));
      return file;
    });
    const env = [`PYTHONPATH=${python.env['PYTHONPATH']}`, `MYPYPATH=${sources.join(':')}`];
    const told = await run('env', [...env, python.program, '-m', 'mypy', '--strict', ...sources, ...files], {
      cwd: folder,
    });
    expect(told).toContain('Success');
  });
});
