/**
 * Who may import whom. The reading order of the core is one total order; errors and the observe port stand left of all.
 * test/check/imports.test.ts plants a violation of each rule and sees it caught: a rule without a planted violation is
 * not known to hold.
 */
const coreOrder = ['log', 'contract', 'surface', 'access', 'view', 'routing', 'usage', 'delivery'];

/** Packages and built-in modules that the core may use: pure functions, nothing that opens or waits for anything. */
const corePackages = ['graphql', '@graphql-tools/schema', 'zod', 'yaml', '@marcbachmann/cel-js'];
const coreBuiltins = ['crypto', 'zlib', 'buffer'];

/** Packages that only one place may know. */
const homes = [
  { place: 'io/log/kafka', packages: ['kafkajs', 'snappy', 'lz4-napi', '@node-rs/[^/]+'] },
  { place: 'io/log/embedded', builtins: ['sqlite'] },
  { place: 'io/(doors|link)', packages: ['ws'] },
  { place: 'io/doors', packages: ['graphql-yoga', 'graphql-ws', 'graphql-sse', '@graphql-yoga/[^/]+'] },
  { place: 'io/observe', packages: ['pino', 'pino-pretty', '@opentelemetry/[^/]+'] },
  { place: 'io/cluster/redis', packages: ['redis', '@redis/[^/]+'] },
  { place: 'io/demo', packages: ['vega-datasets'] },
  { place: 'io/generator', packages: ['fflate', 'modern-tar'] },
  { place: '(main\\.ts|commands)', packages: ['commander'] },
];

/** Of a package that is not installed, the path is its bare name. */
const packagePath = (names) => `^(node_modules/)?(${names.join('|')})(/|$)`;
const builtinPath = (names) => `^(node:)?(${names.join('|')})$`;
/** The folder of one adapter: io/log/kafka, io/doors/graphql, io/files. */
const adapter = '^src/io/((?:log|cluster|doors)/[^/]+|[^/]+)/';
const front = '^src/core/[^/]+/index\\.ts$';
const leftOfAll = '^src/core/(errors|observe)\\.ts$';
const error = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    error(
      'no-circular',
      'Two modules that need each other are one module, or a third is missing.',
      {},
      { circular: true },
    ),
    error('resolvable', 'An import that cannot be found.', {}, { couldNotResolve: true }),
    error(
      'declared-packages',
      'The product uses only packages of its own dependencies.',
      { path: '^src/' },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    ),
    error(
      'product-not-tests',
      'The product does not import tests or benches.',
      { path: '^src/' },
      { path: '^(test|bench)/' },
    ),
    ...coreOrder
      .slice(0, -1)
      .map((name, i) =>
        error(
          `core-order-${name}`,
          `log < contract < surface < access < view < routing < usage < delivery: ${name} imports only to its left.`,
          { path: `^src/core/${name}/` },
          { path: `^src/core/(${coreOrder.slice(i + 1).join('|')})/` },
        ),
      ),
    error(
      'core-left-of-all',
      'errors.ts and observe.ts stand left of everything.',
      { path: leftOfAll },
      { path: '^src/', pathNot: leftOfAll },
    ),
    error(
      'core-known-modules',
      'The core has the modules of the order, errors.ts and observe.ts, and no others.',
      { path: '^src/' },
      { path: '^src/core/', pathNot: [leftOfAll, `^src/core/(${coreOrder.join('|')})/`] },
    ),
    error(
      'core-fronts-inside',
      'A core module is imported through its index.ts.',
      { path: '^src/core/([^/]+)/' },
      { path: '^src/core/[^/]+/', pathNot: ['^src/core/$1/', front] },
    ),
    error(
      'core-fronts',
      'A core module is imported through its index.ts.',
      { path: '^(src|bench)/', pathNot: '^src/core/' },
      { path: '^src/core/[^/]+/', pathNot: front },
    ),
    error(
      'core-alone',
      'The core imports nothing outside the core.',
      { path: '^src/core/' },
      { path: '^src/(?!core/)' },
    ),
    error(
      'core-builtins',
      'The core is pure: no socket, clock, timer, file or environment.',
      { path: '^src/core/' },
      { dependencyTypes: ['core'], pathNot: builtinPath(coreBuiltins) },
    ),
    error(
      'core-packages',
      'The core knows languages (GraphQL, YAML, CEL, zod), never a driver.',
      { path: '^src/core/' },
      { path: '^node_modules/', pathNot: packagePath(corePackages) },
    ),
    error(
      'ways-on-core',
      'The ways are lists of the core’s steps.',
      { path: '^src/ways/' },
      { path: '^src/(?!core/|ways/)' },
    ),
    error(
      'ways-pure',
      'Whatever opens or waits comes to a way through a port.',
      { path: '^src/ways/' },
      { dependencyTypes: ['core'], pathNot: builtinPath(coreBuiltins) },
    ),
    error(
      'adapters-apart',
      'An adapter imports core fronts and its own folder, never another adapter.',
      { path: adapter, pathNot: '^src/io/doors/' },
      { path: '^src/', pathNot: ['^src/core/', '^src/io/$1/'] },
    ),
    error(
      'doors-apart',
      'A door imports core fronts, its own folder, what doors share of the wire, and types of the ways.',
      { path: '^src/io/(doors/[^/]+)/' },
      { path: '^src/', pathNot: ['^src/core/', '^src/io/$1/', '^src/io/doors/wire/', '^src/ways/'] },
    ),
    error(
      'wire-alone',
      'What doors share of the wire knows the core and no door.',
      { path: '^src/io/doors/wire/' },
      { path: '^src/', pathNot: ['^src/core/', '^src/io/doors/wire/'] },
    ),
    error(
      'doors-types-of-ways',
      'A door knows the types of the ways; gateway.ts hands it the functions.',
      { path: '^src/io/doors/' },
      { path: '^src/ways/', dependencyTypesNot: ['type-only'] },
    ),
    error(
      'config-on-options',
      'config.ts may import the options.ts of an adapter and core fronts.',
      { path: '^src/config\\.ts$' },
      { path: '^src/', pathNot: ['^src/core/', '^src/io/.*/options\\.ts$'] },
    ),
    error(
      'gateway-wires',
      'Only main.ts and commands/ import gateway.ts.',
      { path: '^src/', pathNot: '^src/(main\\.ts$|commands/)' },
      { path: '^src/gateway\\.ts$' },
    ),
    error(
      'upstream-behind-gateway',
      'Where a node reads from is part of the wiring: what needs it asks gateway.ts, or workers.ts.',
      { path: '^src/', pathNot: '^src/(gateway|workers)\\.ts$' },
      { path: '^src/upstream\\.ts$' },
    ),
    error(
      'workers-wire',
      'The parent of several processes and what its workers read from are wiring: only commands/ import workers.ts.',
      { path: '^src/', pathNot: '^src/commands/' },
      { path: '^src/workers\\.ts$' },
    ),
    error(
      'commands-last',
      'Nothing imports the command line but itself.',
      { path: '^src/', pathNot: '^src/(main\\.ts$|commands/)' },
      { path: '^src/(main\\.ts$|commands/)' },
    ),
    error(
      'commands-through-gateway',
      'Only gateway.ts wires: a command asks it for adapters and ways.',
      { path: '^src/(main\\.ts$|commands/)' },
      { path: '^src/(io|ways)/', dependencyTypesNot: ['type-only'] },
    ),
    ...homes.map(({ place, packages, builtins }) =>
      error(
        `home-of-${(packages ?? builtins)[0]}`,
        `Only src/${place} knows this package.`,
        { path: '^src/', pathNot: `^src/${place}(/|$)` },
        { path: packages ? packagePath(packages) : builtinPath(builtins) },
      ),
    ),
  ],
  options: {
    doNotFollow: { path: '^node_modules/' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Type-only imports are imports too: the order is one of reading.
    tsPreCompilationDeps: true,
    builtInModules: { add: ['node:sqlite', 'sqlite'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
