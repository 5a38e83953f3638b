import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { catalogue } from '../../src/core/errors.ts';
import { metrics } from '../../src/core/observe.ts';

const protocol = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8');

describe('docs/PROTOCOL.md', () => {
  test('lists exactly the errors of the catalogue, with status, close code, retry and text', () => {
    const rows = [...protocol.matchAll(/^\| ([A-Z_]+) \| (\d+) \| (\d+) \| (\w+) \| (.*) \|$/gm)].map((row) =>
      row.slice(1),
    );
    const wanted = Object.entries(catalogue).map(([code, entry]) => [
      code,
      `${entry.status}`,
      `${entry.close}`,
      entry.retry,
      entry.text,
    ]);
    expect(rows).toEqual(wanted);
  });

  test('has no catalogue text that names internals', () => {
    for (const { text } of Object.values(catalogue)) expect(text).not.toMatch(/kafka|broker|host|stack|sqlite/i);
  });
});

describe('docs/OPERATIONS.md', () => {
  test('lists exactly the metrics that are exported, with their help', () => {
    const operations = readFileSync(new URL('../../docs/OPERATIONS.md', import.meta.url), 'utf8');
    const rows = [...operations.matchAll(/^\| `(sluice_\w+)` \| (.*) \|$/gm)].map((row) => row.slice(1));
    expect(rows).toEqual(Object.entries(metrics));
  });
});
