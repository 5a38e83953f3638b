import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { buildSchema, validateSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { generateAsyncApi, generateSchema } from '../../src/commands/generate.ts';

const committed = { contractsDir: 'schema/contracts', outDir: 'schema/generated' };

async function run(options: {
  contractsDir: string;
  outDir: string;
  check: boolean;
}): Promise<{ code: number; told: string }> {
  const out = { stdout: new PassThrough(), stderr: new PassThrough() };
  const told = text(out.stderr);
  const code = await generateSchema(options, out);
  out.stderr.end();
  return { code, told: await told };
}

async function directory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-generate-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

describe('sluice generate schema', () => {
  test('the committed schema is what the committed contracts make', async () => {
    expect(await run({ ...committed, check: true })).toEqual({ code: 0, told: '' });
    const schema = buildSchema(await readFile('schema/generated/schema.graphql', 'utf8'));
    expect(validateSchema(schema)).toEqual([]);
    expect(Object.keys(schema.getSubscriptionType()?.getFields() ?? {})).toContain('flights');
  });

  test('names a missing file and the line at which an old one differs, and writes nothing while it checks', async () => {
    await using out = await directory();
    const options = { ...committed, outDir: out.path };
    const file = join(out.path, 'schema.graphql');
    expect(await run({ ...options, check: true })).toEqual({
      code: 1,
      told: `${file} is missing: run "sluice generate schema"\n`,
    });
    expect((await run({ ...options, check: false })).code).toBe(0);
    const fresh = await readFile(file, 'utf8');
    expect((await run({ ...options, check: true })).code).toBe(0);
    const old = fresh.replace('type Query', 'type Old');
    await writeFile(file, old);
    const { code, told } = await run({ ...options, check: true });
    expect([code, told]).toEqual([1, `${file} differs from the contracts at line 3: run "sluice generate schema"\n`]);
    expect(await readFile(file, 'utf8')).toBe(old);
  });

  test('a broken contract is reported with its place and nothing is written', async () => {
    await using contracts = await directory();
    await writeFile(join(contracts.path, 'bad.odcs.yaml'), 'apiVersion: v3.2.0\nkind: DataContract\n');
    const { code, told } = await run({ contractsDir: contracts.path, outDir: contracts.path, check: false });
    expect(code).toBe(1);
    expect(told).toMatch(/bad\.odcs\.yaml:\d+:\d+: error: /);
    await expect(readFile(join(contracts.path, 'schema.graphql'))).rejects.toThrow('ENOENT');
  });
});

describe('sluice generate asyncapi', () => {
  const url = 'https://events.example.com';
  const documents = { contractsDir: 'schema/contracts', outDir: 'asyncapi/generated', url };

  async function runDocuments(
    options: Parameters<typeof generateAsyncApi>[0],
  ): Promise<{ code: number; told: string }> {
    const out = { stdout: new PassThrough(), stderr: new PassThrough() };
    const told = text(out.stderr);
    const code = await generateAsyncApi(options, out);
    out.stderr.end();
    return { code, told: await told };
  }

  test('the committed documents are what the committed contracts make', async () => {
    expect(await runDocuments({ ...documents, check: true })).toEqual({ code: 0, told: '' });
    expect((await readdir(documents.outDir)).toSorted()).toEqual([
      'earthquakes.asyncapi.yaml',
      'earthquakes.sse.asyncapi.yaml',
      'earthquakes.ws.asyncapi.yaml',
      'flights.asyncapi.yaml',
      'flights.sse.asyncapi.yaml',
      'flights.ws.asyncapi.yaml',
    ]);
  });

  test('names every document that is missing, old, or made by nothing any more, and mends them when it writes', async () => {
    await using out = await directory();
    await using contracts = await directory();
    await copyFile('schema/contracts/flights.odcs.yaml', join(contracts.path, 'flights.odcs.yaml'));
    const options = { contractsDir: contracts.path, outDir: out.path, url, check: false };
    const again = 'run "sluice generate asyncapi"';
    const at = (name: string): string => join(out.path, name);
    expect((await runDocuments({ ...options, outDir: join(out.path, 'none'), check: true })).told).toContain(
      'is missing',
    );
    expect((await runDocuments(options)).code).toBe(0);
    expect((await runDocuments({ ...options, check: true })).code).toBe(0);
    await rm(at('flights.ws.asyncapi.yaml'));
    const fresh = await readFile(at('flights.asyncapi.yaml'), 'utf8');
    await writeFile(at('flights.asyncapi.yaml'), fresh.replace('asyncapi: 3.0.0', 'asyncapi: 2.6.0'));
    await writeFile(at('gone.asyncapi.yaml'), fresh);
    await writeFile(at('notes.md'), 'not ours');
    expect(await runDocuments({ ...options, check: true })).toEqual({
      code: 1,
      told: [
        `${at('flights.asyncapi.yaml')} differs from the contracts at line 3: ${again}\n`,
        `${at('flights.ws.asyncapi.yaml')} is missing: ${again}\n`,
        `${at('gone.asyncapi.yaml')} is made by nothing any more: ${again}\n`,
      ].join(''),
    });
    expect((await runDocuments(options)).code).toBe(0);
    expect((await readdir(out.path)).toSorted()).toEqual([
      'flights.asyncapi.yaml',
      'flights.sse.asyncapi.yaml',
      'flights.ws.asyncapi.yaml',
      'notes.md',
    ]);
    expect(await readFile(at('flights.asyncapi.yaml'), 'utf8')).toBe(fresh);
  });

  test('puts the address of the gateway into them, and refuses what is none', async () => {
    await using out = await directory();
    const options = { ...documents, outDir: out.path, check: false };
    expect((await runDocuments({ ...options, url: 'http://localhost:4000' })).code).toBe(0);
    expect(await readFile(join(out.path, 'flights.ws.asyncapi.yaml'), 'utf8')).toContain('host: localhost:4000');
    for (const wrong of ['events.example.com', 'ftp://events.example.com', 'https://'])
      expect(await runDocuments({ ...options, url: wrong })).toEqual({
        code: 1,
        told: `--url ${wrong}: expected the gateway's address, such as https://events.example.com\n`,
      });
  });

  test('a broken contract is reported with its place and nothing is written', async () => {
    await using contracts = await directory();
    await writeFile(join(contracts.path, 'bad.odcs.yaml'), 'apiVersion: v3.2.0\nkind: DataContract\n');
    const { code, told } = await runDocuments({
      contractsDir: contracts.path,
      outDir: contracts.path,
      url,
      check: false,
    });
    expect([code, told]).toEqual([1, expect.stringMatching(/bad\.odcs\.yaml:\d+:\d+: error: /)]);
    expect(await readdir(contracts.path)).toEqual(['bad.odcs.yaml']);
  });
});
