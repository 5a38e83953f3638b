import { mkdtempSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Comparison } from '../../src/commands/comparison.ts';
import { diffContracts } from '../../src/commands/contracts-diff.ts';
import { type Document, product, yamlOf } from '../contract/documents.ts';
import { run as runProcess } from '../gateway/node.ts';
import { run } from './desk.ts';

/** Two directories, `old` and `new`; a file: name -> document. */
async function directories(
  old: Readonly<Record<string, Document | string>>,
  now: Readonly<Record<string, Document | string>>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'diff-'));
  for (const [name, files] of Object.entries({ old, new: now })) {
    await mkdir(join(folder, name));
    for (const [file, document] of Object.entries(files))
      writeFileSync(
        join(folder, name, `${file}.odcs.yaml`),
        typeof document === 'string' ? document : yamlOf(document),
      );
  }
  return { folder, old: join(folder, 'old'), now: join(folder, 'new') };
}

const changed = (change: (document: Document) => void): Document => {
  const document = product();
  change(document);
  return document;
};
const withNote = changed((d) => {
  d.version = '1.3.0';
  d.schema[0].properties.push({ name: 'note', logicalType: 'string' });
});
const withoutWeight = changed((d) => {
  d.version = '1.3.0';
  d.schema[0].properties.splice(4, 1);
});
const parcels = (members: Document = {}): Document =>
  changed((d) => {
    Object.assign(d, { name: 'parcels', ...members });
    d.schema[0].name = 'ParcelEvent';
  });

const diff = async (
  old: Readonly<Record<string, Document | string>>,
  now: Readonly<Record<string, Document | string>>,
  format = 'text',
) => {
  const at = await directories(old, now);
  return { ...at, ...(await run((out) => diffContracts(at.old, at.now, format, out))) };
};

describe('sluice contracts diff', () => {
  test('says nothing changes where nothing does, whatever the files are called', async () => {
    const { code, stdout, stderr } = await diff({ a: product() }, { b: product() });
    expect([code, stdout, stderr]).toEqual([0, 'Nothing changes.\n', '']);
  });

  test('tells of a compatible change like a compiler, and exits with 0', async () => {
    const { code, stdout, stderr, now } = await diff({ orders: product() }, { orders: withNote });
    expect([code, stderr]).toEqual([0, '']);
    const line = yamlOf(withNote)
      .split('\n')
      .findIndex((text) => text.includes('name: note'));
    expect(stdout).toContain('orders 1.2.0 -> 1.3.0: compatible\n');
    expect(stdout).toContain(
      `${join(now, 'orders.odcs.yaml')}:${line + 1}:9: compatible: the optional field "note" (string) is new [field-added]\n` +
        `  ${line + 1} |       - name: note\n`,
    );
    expect(stdout).toContain('  = readers ask for what they know\n');
    expect(stdout).not.toMatch(/breaking/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(
      '1 product changes (1 compatible, 1 documentation): no promise is broken.',
    );
  });

  test('tells of a breaking change on contract, GraphQL schema and AsyncAPI document, and exits with 1', async () => {
    const { code, stdout, old } = await diff({ orders: product() }, { orders: withoutWeight });
    expect(code).toBe(1);
    expect(stdout).toContain('orders 1.2.0 -> 1.3.0: breaking: raise the major version');
    // What is gone is shown where it was.
    expect(stdout).toMatch(
      new RegExp(
        `${join(old, 'orders.odcs.yaml')}:\\d+:\\d+: breaking for readers: the field "weight" is no longer there`,
      ),
    );
    expect(stdout).toContain('breaking for publishers: the field "weight" is no longer there');
    expect(stdout).toContain('AsyncAPI: breaking for readers: ');
    expect(stdout).toContain('GraphQL: breaking for readers: Order.weight was removed. [FIELD_REMOVED]');
    expect(stdout).toContain('a promise would be broken.');
  });

  test.each(['breaking-readers', 'breaking-publishers'])(
    'has no %s of documents where the contract has none',
    async (kind) => {
      const { json } = await diff({ orders: product() }, { orders: withNote }, 'json');
      const { products, graphql } = json<Comparison>();
      expect(products[0]?.asyncapi.length).toBeGreaterThan(0);
      expect([...graphql, ...(products[0]?.asyncapi ?? [])].filter((one) => one.kind === kind)).toEqual([]);
    },
  );

  test('prints JSON alone, with the place of each change', async () => {
    const { code, json, old } = await diff({ orders: product() }, { orders: withoutWeight }, 'json');
    expect(code).toBe(1);
    const { products, graphql, isBreaking } = json<Comparison>();
    expect(isBreaking).toBe(true);
    expect(products).toMatchObject([{ product: 'orders', from: '1.2.0', to: '1.3.0', verdict: 'breaking' }]);
    expect(products[0]?.changes[0]).toEqual({
      kind: 'breaking-readers',
      rule: 'field-removed',
      path: 'fields.weight',
      what: 'the field "weight" is no longer there',
      why: expect.any(String),
      file: join(old, 'orders.odcs.yaml'),
      line: expect.any(Number),
      column: expect.any(Number),
    });
    expect(graphql).toContainEqual({
      kind: 'breaking-readers',
      type: 'FIELD_REMOVED',
      what: 'Order.weight was removed.',
    });
    expect(products[0]?.asyncapi).toContainEqual(
      expect.objectContaining({ kind: 'breaking-readers', path: expect.stringContaining('weight') }),
    );
  });

  test('prints Markdown that can be found again, in which nothing of a contract is markup', async () => {
    const hostile = changed((d) => {
      d.version = '1.3.0';
      d.schema[0].properties.splice(4, 1);
      d.schema[0].properties[1].enum = [{ value: '<b>|@all *_x_*' }];
    });
    const { code, stdout } = await diff({ orders: product() }, { orders: hostile }, 'markdown');
    expect(code).toBe(1);
    expect(stdout.startsWith('<!-- sluice contracts diff -->\n## Data-product contracts\n')).toBe(true);
    expect(stdout).toContain('| | what | why | where |\n|---|---|---|---|\n| ');
    expect(stdout).toContain('| **breaking for readers** | the field "weight" is no longer there | ');
    const row = stdout.split('\n').find((line) => line.includes('documented values'));
    // Four cells, and none of it a tag, a mention or emphasis.
    expect(row?.match(/(?<!\\)\|/g)).toHaveLength(5);
    expect(row).toContain('"&#60;b&#62;\\|&#64;all \\*\\_x\\_\\*"');
    expect(stdout).not.toContain('<b>');
  });

  test('of a new major beside the old one says what moving on means, and exits with 0', async () => {
    const next = { ...withoutWeight, version: '2.0.0' };
    const { code, stdout } = await diff({ orders: product() }, { orders: product(), 'orders.v2': next });
    expect(code).toBe(0);
    expect(stdout).toContain('orders-v2 1.2.0 -> 2.0.0: a new major, beside the old one');
    expect(stdout).toContain('breaking for readers: the field "weight" is no longer there');
    expect(stdout).toContain('no promise is broken.');
    expect(stdout).not.toMatch(/^(GraphQL|AsyncAPI): breaking/m);
  });

  test('of a new major in the place of the old one says that the old one goes, and exits with 1', async () => {
    const { code, stdout } = await diff({ orders: product() }, { orders: { ...withoutWeight, version: '2.0.0' } });
    expect(code).toBe(1);
    expect(stdout).toContain('orders 1.2.0: withdrawn from whoever uses it');
    expect(stdout).toContain('keep it beside orders-v2 until it is retired');
  });

  test('of two files compares the next major with the old one', async () => {
    const at = await directories({ orders: product() }, { orders: { ...withoutWeight, version: '2.0.0' } });
    const files = [join(at.old, 'orders.odcs.yaml'), join(at.now, 'orders.odcs.yaml')] as const;
    const major = await run((out) => diffContracts(...files, 'text', out));
    expect([major.code, major.stdout.split('\n')[0]]).toEqual([
      0,
      'orders-v2 1.2.0 -> 2.0.0: a new major, beside the old one',
    ]);
    writeFileSync(files[1], yamlOf(withoutWeight));
    expect((await run((out) => diffContracts(...files, 'text', out))).code).toBe(1);
  });

  test('takes what was promised to nobody for no promise', async () => {
    const { code, stdout } = await diff(
      { orders: { ...product(), status: 'draft' }, parcels: parcels({ status: 'proposed' }) },
      { orders: { ...withoutWeight, status: 'draft' } },
    );
    expect(code).toBe(0);
    expect(stdout).toContain('orders 1.2.0 -> 1.3.0: breaking, and nothing was promised yet');
    expect(stdout).toContain('parcels 1.2.0: removed; nobody was served');
  });

  test('knows a directory without contracts: everything is new, or goes', async () => {
    expect(await diff({}, { orders: product() })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('orders 1.2.0: new'),
    });
    expect(await diff({ orders: product() }, {})).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('orders 1.2.0: withdrawn'),
    });
  });

  test.each([
    ['a broken contract', 'old', { orders: 'name: [1' }, {}, 'text', 'orders.odcs.yaml:1'],
    ['a broken new contract', 'new', { orders: product() }, { orders: 'a: b' }, 'text', 'orders.odcs.yaml:1'],
    ['an unknown format', '', {}, {}, 'yaml', '--format yaml: one of text, json, markdown'],
  ])('exits with 2 on %s, which it names', async (_label, side, old, now, format, said) => {
    const { code, stdout, stderr } = await diff(old, now, format);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(said);
    expect(stderr).toContain(side);
  });

  test('exits with 2 on a path that is not there', async () => {
    const at = await directories({}, { orders: product() });
    const { code, stderr } = await run((out) => diffContracts(join(at.folder, 'nowhere'), at.now, 'text', out));
    expect(code).toBe(2);
    expect(stderr).toContain('nowhere:1:1: error: cannot be read (ENOENT)');
  });

  test('does the same from the command line, where a wrong use is 2 too', async () => {
    const at = await directories({ orders: product() }, { orders: withoutWeight });
    const sluice = (...args: string[]) => runProcess(['contracts', 'diff', ...args], at.folder);
    const [broken, json, alone, good] = await Promise.all([
      sluice('old', 'new'),
      sluice('old', 'new', '--json'),
      sluice('old'),
      sluice('old', 'old', '--format', 'markdown'),
    ]);
    expect(broken).toMatchObject({ code: 1, stdout: expect.stringContaining('old/orders.odcs.yaml:') });
    expect([json.code, JSON.parse(json.stdout).isBreaking]).toEqual([1, true]);
    expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining("missing required argument 'new'") });
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing changes.') });
  });
});
