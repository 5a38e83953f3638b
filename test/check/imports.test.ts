/**
 * A small tree in a temporary folder that follows every import rule, then one broken import for each rule: the tree alone
 * is clean, and each planted import is caught by its rule. A rule without a planted import fails here.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { afterAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const rules = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as {
  readonly forbidden: readonly { readonly name: string }[];
  readonly options: ICruiseOptions;
};

/** Modules of a tree that breaks no rule: path, then what it imports, `type ` before what it imports as types. */
const lawful: Readonly<Record<string, readonly string[]>> = {
  'src/core/errors.ts': [],
  'src/core/observe.ts': ['src/core/errors.ts'],
  'src/core/log/index.ts': ['src/core/log/inner.ts'],
  'src/core/log/inner.ts': ['src/core/errors.ts', 'node:crypto', 'node:zlib'],
  'src/core/contract/index.ts': ['src/core/contract/inner.ts'],
  'src/core/contract/inner.ts': ['src/core/log/index.ts', 'zod', 'yaml', '@marcbachmann/cel-js'],
  'src/core/surface/index.ts': ['src/core/contract/index.ts', 'graphql', '@graphql-tools/schema'],
  'src/core/access/index.ts': ['src/core/surface/index.ts'],
  'src/core/view/index.ts': ['src/core/access/index.ts', 'type src/core/log/index.ts'],
  'src/core/routing/index.ts': ['src/core/view/index.ts'],
  'src/core/usage/index.ts': ['src/core/routing/index.ts'],
  'src/core/delivery/index.ts': ['src/core/usage/index.ts', 'src/core/observe.ts'],
  'src/ways/event.ts': ['src/core/delivery/index.ts', 'src/ways/state.ts'],
  'src/ways/state.ts': ['src/core/errors.ts'],
  'src/io/log/kafka/index.ts': ['src/core/log/index.ts', 'src/io/log/kafka/options.ts', 'kafkajs', 'node:net'],
  'src/io/log/kafka/options.ts': ['zod'],
  'src/io/log/embedded/index.ts': ['src/core/log/index.ts', 'node:sqlite'],
  'src/io/files/index.ts': ['src/core/contract/index.ts', 'node:fs'],
  'src/io/observe/index.ts': ['src/core/observe.ts', 'pino'],
  'src/io/demo/index.ts': ['vega-datasets'],
  'src/io/doors/graphql/index.ts': ['type src/ways/event.ts', 'ws', 'graphql-ws', 'graphql-yoga'],
  'src/io/doors/http/index.ts': ['src/core/errors.ts', 'node:http'],
  'src/config.ts': ['src/io/log/kafka/options.ts', 'src/core/errors.ts'],
  'src/upstream.ts': ['src/config.ts', 'src/core/routing/index.ts', 'src/io/log/kafka/index.ts'],
  'src/gateway.ts': ['src/config.ts', 'src/ways/event.ts', 'src/upstream.ts', 'src/io/doors/graphql/index.ts'],
  'src/workers.ts': ['src/upstream.ts', 'src/ways/state.ts', 'src/io/link/index.ts'],
  'src/io/link/index.ts': ['src/core/routing/index.ts', 'ws'],
  'src/commands/serve.ts': ['src/gateway.ts', 'src/config.ts', 'src/workers.ts'],
  'src/main.ts': ['src/commands/serve.ts', 'commander'],
  'test/some.test.ts': ['src/io/log/kafka/options.ts', 'src/core/log/inner.ts', 'vitest'],
};

/** For each rule, imports that break it. */
const planted: Readonly<Record<string, readonly (readonly [from: string, imports: string])[]>> = {
  'no-circular': [['src/core/log/circle.ts', 'src/core/log/circle.ts']],
  resolvable: [['src/core/log/lost.ts', 'src/core/log/nowhere.ts']],
  'declared-packages': [['src/io/files/dev.ts', 'fast-check']],
  'product-not-tests': [['src/io/files/tested.ts', 'test/some.test.ts']],
  'core-order-log': [['src/core/log/right.ts', 'src/core/contract/index.ts']],
  'core-order-contract': [['src/core/contract/right.ts', 'type src/core/surface/index.ts']],
  'core-order-surface': [['src/core/surface/right.ts', 'src/core/access/index.ts']],
  'core-order-access': [['src/core/access/right.ts', 'src/core/view/index.ts']],
  'core-order-view': [['src/core/view/right.ts', 'src/core/delivery/index.ts']],
  'core-order-routing': [['src/core/routing/right.ts', 'src/core/usage/index.ts']],
  'core-order-usage': [['src/core/usage/right.ts', 'type src/core/delivery/index.ts']],
  'core-left-of-all': [['src/core/errors.ts', 'src/core/log/index.ts']],
  'core-known-modules': [['src/core/delivery/unknown.ts', 'src/core/utils/index.ts']],
  'core-fronts-inside': [['src/core/contract/inside.ts', 'src/core/log/inner.ts']],
  'core-fronts': [
    ['src/io/files/inside.ts', 'type src/core/contract/inner.ts'],
    ['src/gateway.ts', 'src/core/log/inner.ts'],
  ],
  'core-alone': [
    ['src/core/view/outward.ts', 'src/config.ts'],
    ['src/core/view/outward-too.ts', 'type src/ways/state.ts'],
  ],
  'core-builtins': [
    ['src/core/access/file.ts', 'node:fs'],
    ['src/core/access/timer.ts', 'node:timers/promises'],
    ['src/core/access/database.ts', 'node:sqlite'],
  ],
  'core-packages': [['src/core/routing/driver.ts', 'kafkajs']],
  'ways-on-core': [['src/ways/adapter.ts', 'src/io/files/index.ts']],
  'ways-pure': [['src/ways/socket.ts', 'node:net']],
  'adapters-apart': [
    ['src/io/log/kafka/sibling.ts', 'src/io/log/embedded/index.ts'],
    ['src/io/files/other.ts', 'type src/io/observe/index.ts'],
    ['src/io/files/way.ts', 'type src/ways/state.ts'],
  ],
  'doors-apart': [
    ['src/io/doors/graphql/sibling.ts', 'src/io/doors/http/index.ts'],
    ['src/io/doors/http/reader.ts', 'src/io/files/index.ts'],
  ],
  'wire-alone': [
    ['src/io/doors/wire/upward.ts', 'src/io/doors/http/index.ts'],
    ['src/io/doors/wire/way.ts', 'type src/ways/state.ts'],
  ],
  'doors-types-of-ways': [['src/io/doors/http/way.ts', 'src/ways/event.ts']],
  'config-on-options': [['src/config.ts', 'src/io/files/index.ts']],
  'gateway-wires': [['src/io/doors/http/gate.ts', 'type src/gateway.ts']],
  'upstream-behind-gateway': [['src/commands/own-logs.ts', 'type src/upstream.ts']],
  'workers-wire': [['src/gateway.ts', 'src/workers.ts']],
  'commands-last': [['src/config.ts', 'src/commands/serve.ts']],
  'commands-through-gateway': [['src/commands/short-cut.ts', 'src/io/log/kafka/index.ts']],
  'home-of-kafkajs': [['src/io/files/kafka.ts', 'kafkajs']],
  'home-of-sqlite': [['src/io/files/database.ts', 'node:sqlite']],
  'home-of-ws': [['src/io/files/socket.ts', 'ws']],
  'home-of-graphql-yoga': [['src/io/link/yoga.ts', 'graphql-yoga']],
  'home-of-pino': [['src/io/doors/http/log.ts', 'type pino']],
  'home-of-redis': [['src/io/log/kafka/cache.ts', 'redis']],
  'home-of-vega-datasets': [['src/io/files/data.ts', 'vega-datasets']],
  'home-of-fflate': [['src/io/files/archive.ts', 'fflate']],
  'home-of-commander': [['src/io/files/options.ts', 'commander']],
};

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Writes such modules into a new folder, cruises them with the repository's rules, and answers `rule: from → to`. */
async function cruised(modules: Readonly<Record<string, readonly string[]>>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-imports-'));
  folders.push(folder);
  for (const [path, imports] of Object.entries(modules)) {
    const lines = imports.map((imported, i) => statement(path, imported, i));
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${lines.join('\n')}\nexport const it = 1;\nexport type It = typeof it;\n`);
  }
  for (const file of ['node_modules', 'package.json', 'tsconfig.json'])
    symlinkSync(join(root, file), join(folder, file));
  const options = { ...rules.options, validate: true, ruleSet: { forbidden: [...rules.forbidden] }, baseDir: folder };
  const tsConfig = extractTsConfig(join(root, 'tsconfig.json'));
  const resolving = { ...rules.options.enhancedResolveOptions, symlinks: false };
  const { output } = await cruise(['src', 'test'], options as ICruiseOptions, resolving, { tsConfig });
  return (output as ICruiseResult).summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}

function statement(from: string, imported: string, i: number): string {
  const type = imported.startsWith('type ');
  const target = type ? imported.slice(5) : imported;
  const path = /^(src|test)\//.test(target) ? `./${relative(dirname(from), target)}` : target;
  return type ? `export type { It as T${i} } from '${path}';` : `import '${path}';`;
}

describe('the import rules', () => {
  test('let a tree pass that follows them', async () => {
    expect(await cruised(lawful)).toEqual([]);
  });

  test('catches every planted violation', async () => {
    expect(Object.keys(planted).sort()).toEqual(rules.forbidden.map(({ name }) => name).sort());
    const modules: Record<string, readonly string[]> = { ...lawful, 'src/core/utils/index.ts': [] };
    for (const [from, imported] of Object.values(planted).flat()) {
      modules[from] = [...(modules[from] ?? []), imported];
    }
    const caught = await cruised(modules);
    const missed = Object.entries(planted).flatMap(([rule, imports]) =>
      imports
        .filter(([from]) => !caught.some((violation) => violation.startsWith(`${rule}: ${from} → `)))
        .map(([from]) => `${rule}: ${from}`),
    );
    expect(missed).toEqual([]);
  });

  test('cruises every TypeScript file of the repository', async () => {
    // Listed first: a file that is written meanwhile is nobody's fault.
    const files = ['src', 'test', 'bench'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    );
    const { output } = await cruise(['src', 'test', 'bench'], { ...rules.options, baseDir: root });
    const seen = new Set((output as ICruiseResult).modules.map(({ source }) => source));
    expect(files.filter((file) => !seen.has(file))).toEqual([]);
  });
});
