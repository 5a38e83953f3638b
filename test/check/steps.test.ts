/** Plants one violation for each check in a copy of the repository's configuration, and sees it caught. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const lawful = {
  'src/main.ts': "import { greeting } from './core/greeting.ts';\n\nprocess.stdout.write(greeting);\n",
};
const greeting = "export const greeting = 'hello';\n";

describe('a check', () => {
  const tsc = ['tsc', '-p', '.', '--noEmit'];
  const biome = ['biome', 'check', '--error-on-warnings', '--vcs-enabled=false'];
  const knip = ['knip', '--no-progress'];

  test.each([
    ['tsc', tsc],
    ['biome', biome],
    ['knip', knip],
  ])('by %s lets what is right pass', async (_, [tool = '', ...args]) => {
    const { code, output } = await runIn({ ...lawful, 'src/core/greeting.ts': greeting }, tool, args);
    expect(output).not.toContain('src/');
    expect(code).toBe(0);
  });

  test.each([
    ['a wrong type', tsc, "export const greeting: number = 'hello';\n", 'TS2322'],
    ['an enum', tsc, "export enum Odd {\n  One = 1,\n}\nexport const greeting = 'hello';\n", 'TS1294'],
    ['an index without a check', tsc, 'const all: string[] = [];\nexport const greeting: string = all[0];\n', 'TS2322'],
    [
      'process.env outside config.ts',
      biome,
      "export const greeting = process.env['GREETING'] ?? 'hello';\n",
      'noProcessEnv',
    ],
    ['a variable that is not used', biome, `const unused = 1;\n${greeting}`, 'noUnusedVariables'],
    [
      'a built-in module without node:',
      biome,
      "import { sep } from 'path';\n\nexport const greeting = sep;\n",
      'useNodejsImportProtocol',
    ],
    [
      'a type imported as a value',
      biome,
      "import { Hash } from 'node:crypto';\n\nexport const greeting = (hash: Hash): string => hash.digest('hex');\n",
      'useImportType',
    ],
    ['a file that is not formatted', biome, 'export const greeting = "hello"\n', 'format'],
    ['an export that nobody uses', knip, `${greeting}export const farewell = 'bye';\n`, 'farewell'],
  ])('catches a planted violation: %s', async (_, [tool = '', ...args], text, sign) => {
    const { code, output } = await runIn({ ...lawful, 'src/core/greeting.ts': text }, tool, args);
    expect(output).toContain(sign);
    expect(code).not.toBe(0);
  });

  test('catches a planted violation: a file that nobody imports', async () => {
    const files = { ...lawful, 'src/core/greeting.ts': greeting, 'src/core/lonely.ts': greeting };
    const { code, output } = await runIn(files, 'knip', ['--no-progress']);
    expect(output).toContain('lonely.ts');
    expect(code).not.toBe(0);
  });

  test('catches a planted violation: a test that is skipped', async () => {
    const text = "import { test } from 'vitest';\n\ntest.skip('later', () => {});\n";
    const { code, output } = await runIn(
      { ...lawful, 'src/core/greeting.ts': greeting, 'test/a.test.ts': text },
      'biome',
      biome.slice(1),
    );
    expect(output).toContain('noSkippedTests');
    expect(code).not.toBe(0);
  });
});

/** Runs a tool over these files with the repository's configuration of it. */
function runIn(
  files: Readonly<Record<string, string>>,
  tool: string,
  args: readonly string[],
): Promise<{ code: number; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-check-'));
  folders.push(folder);
  for (const file of ['tsconfig.json', 'biome.json', 'knip.json']) cpSync(join(root, file), join(folder, file));
  // Dependencies that the few files here do not use are not what is looked for.
  writeFileSync(
    join(folder, 'package.json'),
    '{\n  "name": "planted",\n  "type": "module",\n  "bin": "src/main.ts"\n}\n',
  );
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return new Promise((resolve) => {
    execFile(
      join(root, 'node_modules', '.bin', tool),
      args,
      { cwd: folder, encoding: 'utf8' },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
      },
    );
  });
}
