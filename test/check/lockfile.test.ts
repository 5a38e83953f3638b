import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Locked {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const path = join(import.meta.dirname, '..', '..', 'package-lock.json');
const packages = (JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Locked> }).packages;

describe('package-lock.json', () => {
  test('names no registry: whoever installs takes the packages from their own', () => {
    expect(Object.entries(packages).filter(([, { resolved }]) => resolved?.includes('://'))).toEqual([]);
  });

  // An `npm install` from a registry that lacks a platform's package drops it here, and `npm ci` then refuses the file.
  test('lists every optional package, so that npm ci accepts it on every platform', () => {
    const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          packages[`${place}/node_modules/${name}`] === undefined && packages[`node_modules/${name}`] === undefined,
      ),
    );
    expect(missing).toEqual([]);
  });
});
