import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { buildSchema, validateSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { generateSchema } from '../../src/commands/generate.ts';

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
