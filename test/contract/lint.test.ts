import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lintContracts } from '../../src/commands/contracts.ts';
import { type Document, product, yamlOf } from './documents.ts';

async function lint(files: Readonly<Record<string, string>>, json: boolean, target = '') {
  const dir = await mkdtemp(join(tmpdir(), 'lint-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    const written = { stdout: '', stderr: '' };
    const sink = (name: 'stdout' | 'stderr') => ({
      write: (text: string) => {
        written[name] += text;
      },
    });
    const code = await lintContracts(join(dir, target), { json }, { stdout: sink('stdout'), stderr: sink('stderr') });
    return { code, dir, ...written };
  } finally {
    await rm(dir, { recursive: true });
  }
}

const changed = (change: (document: Document) => void) => {
  const document = product();
  change(document);
  return yamlOf(document);
};
const broken = changed((d) => {
  d.version = 'one';
});

describe('sluice contracts lint', () => {
  test('says nothing of good contracts but their number, and exits with 0', async () => {
    expect(await lint({ 'orders.odcs.yaml': yamlOf(product()) }, false)).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '1 contract: 0 errors, 0 warnings.\n',
    });
  });

  test('prints findings like a compiler on stderr, and exits with 1', async () => {
    const { code, dir, stdout, stderr } = await lint({ 'orders.odcs.yaml': broken }, false);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `${join(dir, 'orders.odcs.yaml')}:5:10: error: "one" is not a semantic version [version]\n  5 | version: one\n    |          ^\n  = MAJOR.MINOR.PATCH, such as 1.2.0\n\n1 contract: 1 error, 0 warnings.\n`,
    );
  });

  test('prints JSON alone on stdout where that is asked for', async () => {
    const { code, dir, stdout } = await lint(
      {
        'orders.odcs.yaml': broken,
        'b.odcs.yaml': changed((d) => {
          d.name = 'b';
          d.schema[0].name = 'B';
          d.status = 'deprecated';
        }),
      },
      true,
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      files: 2,
      errors: 1,
      warnings: 1,
      findings: [
        { severity: 'warning', rule: 'deprecation', file: join(dir, 'b.odcs.yaml') },
        {
          severity: 'error',
          rule: 'version',
          file: join(dir, 'orders.odcs.yaml'),
          line: 5,
          column: 10,
          message: '"one" is not a semantic version',
          hint: 'MAJOR.MINOR.PATCH, such as 1.2.0',
        },
      ],
    });
  });

  test('exits with 0 where there are warnings alone', async () => {
    expect(
      await lint(
        {
          'a.odcs.yaml': changed((d) => {
            d.status = 'deprecated';
          }),
        },
        true,
      ),
    ).toMatchObject({ code: 0 });
  });

  test('finds what is wrong between contracts', async () => {
    const { code, stderr } = await lint({ 'a.odcs.yaml': yamlOf(product()), 'b.odcs.yaml': yamlOf(product()) }, false);
    expect(code).toBe(1);
    expect(stderr).toContain('b.odcs.yaml:1:1: error: the product orders with major version 1 is defined by');
  });

  test('lints one file where that is named', async () => {
    expect(await lint({ 'a.odcs.yaml': yamlOf(product()), 'b.odcs.yaml': broken }, false, 'a.odcs.yaml')).toMatchObject(
      { code: 0 },
    );
  });

  test('exits with 1 where there is nothing to lint', async () => {
    for (const target of ['', 'missing']) {
      const { code, stdout } = await lint({}, true, target);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        files: 0,
        errors: 1,
        findings: [{ rule: target === '' ? 'no-contracts' : 'unreadable' }],
      });
    }
  });
});
