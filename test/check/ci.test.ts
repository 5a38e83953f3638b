import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8');

/** What a shell script runs: its lines without comments and without how it finds its place. */
function commandsOf(script: string): string[] {
  return script.split('\n').filter((line) => line !== '' && !/^(#|set |cd )/.test(line));
}

test('continuous integration runs the test command of the README and nothing else', () => {
  const [command, ...others] = commandsOf(read('.ci/run'));
  expect(others).toEqual([]);
  expect(command).toBe('npm ci && npm test');
  expect(read('README.md')).toMatch(new RegExp(`^${command} `, 'm'));
});

test('every npm command that the documents name is there', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = ['README.md', 'CONTRIBUTING.md', 'docs/OPERATIONS.md'].flatMap((file) =>
    [...read(file).matchAll(/\bnpm (?:run ([a-z]+)|(start|test))\b/g)].map(([, run, own]) => run ?? own),
  );
  expect(new Set(named)).toEqual(new Set(Object.keys(scripts)));
});
