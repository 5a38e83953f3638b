/** Runs vitest as `npx vitest run` does over small files in a folder of their own, and reads its last line. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true });
const place = mkdtempSync(join(root, 'node_modules', '.cache', 'sluice-reporter-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const passing = "test('passes', () => expect(1).toBe(1));";

describe('the closing line', () => {
  test('says how many passed, alone on the last line, and the run succeeds', async () => {
    expect(await run('whole', passing)).toEqual({ last: '1 passed, 0 failed', code: 0 });
  });

  test.each([
    ['a test that fails', "test('fails', () => expect(1).toBe(2));"],
    ['a skipped test', "test.skip('later', () => expect(1).toBe(1));"],
    ['a test to be done', "test.todo('later');"],
    ['a test that skips itself', "test('itself', ({ skip }) => skip());"],
    ['an error that nobody caught', "test('leaks', () => { setImmediate(() => { throw new Error('late'); }); });", 2],
    [
      'a suite whose set-up fails',
      "describe('broken', () => { beforeAll(() => { throw new Error('set-up'); }); test('never', () => {}); });",
    ],
  ])('a run that did not do everything fails: %s', async (_, text, passed = 1) => {
    const { last, code } = await run('part', `${passing}\n${text}`);
    expect(last).toMatch(new RegExp(`^${passed} passed, [1-9]\\d* failed$`));
    expect(code).toBe(1);
  });

  test.each([
    ['a file without a test', ''],
    ['a file that does not load', "throw new Error('no');"],
  ])('a run that did not do everything fails: %s', async (_, text) => {
    expect(await run('none', text)).toEqual({ last: expect.stringMatching(/^0 passed, [1-9]\d* failed$/), code: 1 });
  });

  test('a run without a file fails', async () => {
    expect(await run('empty', undefined)).toEqual({ last: '0 passed, 1 failed', code: 1 });
  });
});

function run(name: string, text: string | undefined): Promise<{ last: string | undefined; code: number }> {
  const folder = mkdtempSync(join(place, `${name}-`));
  if (text !== undefined) {
    writeFileSync(
      join(folder, 'a.test.ts'),
      `import { beforeAll, describe, expect, test } from 'vitest';\nvoid [beforeAll, describe];\n${text}\n`,
    );
  }
  const config = join(folder, 'vitest.config.mjs');
  const reporters = JSON.stringify(['default', join(root, 'test', 'reporter.ts')]);
  writeFileSync(
    config,
    `export default { root: ${JSON.stringify(folder)}, test: { include: ['*.test.ts'], exclude: [], reporters: ${reporters} } };\n`,
  );
  const args = [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--config', config];
  const { VITEST: _, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env, encoding: 'utf8' }, (error, stdout) => {
      resolve({ last: stdout.trimEnd().split('\n').at(-1), code: error === null ? 0 : Number(error.code) });
    });
  });
}
