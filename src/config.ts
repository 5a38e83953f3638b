/**
 * The sole reader of configuration and environment: a YAML file, overridden by SLUICE_ variables, validated, frozen, passed
 * down. Secrets come by reference only: `${env:NAME}` or `${file:PATH}`.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { nearest } from './core/contract/index.ts';
import { parseDuration } from './core/surface/index.ts';
import { redisOptions } from './io/cluster/redis/options.ts';
import { linkOptions, nodeName } from './io/link/options.ts';
import { embeddedOptions } from './io/log/embedded/options.ts';
import { kafkaOptions } from './io/log/kafka/options.ts';

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms === null) context.addIssue({ code: 'custom', message: 'must be an ISO 8601 duration such as PT30S' });
  return ms ?? 0;
});
const port = z.coerce.number().int().min(0).max(65_535);
const bytes = z.coerce.number().int().min(1_024);
const count = z.coerce.number().int().min(1);

const schema = z.strictObject({
  site: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens')
    .default('local'),
  listen: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: port.default(4000),
      /** Where partners reach this site from outside; default: what it listens on. */
      publicUrl: z.url().optional(),
      /** permessage-deflate on WebSockets: what clients send may be compressed. */
      compression: z.boolean().default(false),
      tls: z.strictObject({ certFile: z.string().min(1), keyFile: z.string().min(1) }).optional(),
    })
    .prefault({}),
  /** Processes that share the port; with more than one, another one reads for them. */
  workers: count.max(256).default(1),
  contracts: z.string().min(1).default('./schema/contracts'),
  apiProducts: z.string().min(1).default('./schema/api-products'),
  clusters: z
    .record(
      z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/),
      z.discriminatedUnion('type', [kafkaOptions, embeddedOptions]),
    )
    .refine((clusters) => Object.keys(clusters).length > 0, 'needs at least one cluster'),
  state: z
    .strictObject({
      cluster: z.string().min(1).optional(),
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9._-]*$/)
        .default('_sluice.'),
    })
    .prefault({}),
  coordination: z
    .discriminatedUnion('type', [z.strictObject({ type: z.literal('memory') }), redisOptions])
    .prefault({ type: 'memory' }),
  /** Unique in the site; default: the machine's name and something of its own at each start. */
  node: nodeName.optional(),
  links: linkOptions.prefault({}),
  access: z.strictObject({ maxStaleness: duration.prefault('PT30S') }).prefault({}),
  limits: z
    .strictObject({
      maxDepth: count.default(10),
      maxAliases: count.default(15),
      maxDirectives: count.default(50),
      maxTokens: count.default(1_000),
      maxCost: count.default(5_000),
      maxFrameBytes: bytes.default(1_048_576),
      connectionInitTimeout: duration.prefault('PT3S'),
      maxConnections: count.default(20_000),
      maxSubscriptions: count.default(100_000),
      maxSubscriptionsPerConnection: count.default(100),
      /** Of one application on one product: distinct filters that neither topic nor an equality tells apart. */
      maxScannedFilters: count.default(20),
    })
    .prefault({}),
  delivery: z
    .strictObject({
      ringBytes: bytes.default(67_108_864),
      maxLagBytes: bytes.default(1_048_576),
      drainTimeout: duration.prefault('PT8S'),
    })
    .prefault({}),
  /** The folder into which the generator of clients was installed; default: beside its templates. */
  asyncapi: z.strictObject({ generator: z.string().min(1).optional() }).prefault({}),
  telemetry: z.strictObject({ otlp: z.url().optional(), metricsPort: port.optional() }).prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info') })
    .prefault({}),
});

export type Config = z.output<typeof schema> & {
  readonly node: string;
  readonly state: { readonly cluster: string; readonly prefix: string };
  /** Things that are allowed and unwise, for the log. */
  readonly warnings: readonly string[];
  /** Set for the embedded default that runs without a file: where its data lie. */
  readonly demo: { readonly dataDir: string } | null;
};

/** Everything wrong with the configuration, a line each: where, what, and what would be right. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's own environment: nothing else reads it. */
export const processEnvironment: Environment = process.env;

/** Variables with the prefix that are not configuration: the clients' key, and what Kubernetes sets for a service named sluice. */
const NOT_CONFIGURATION = /^SLUICE_(API_KEY|SERVICE_HOST|SERVICE_PORT.*|PORT(_\d+_.*)?)$/;

/**
 * Reads `file`, or the embedded default where it is null. Relative paths in a file are relative to it. Throws ConfigError with
 * all findings at once.
 */
export function loadConfig(file: string | null, env: Environment, cwd: string): Config {
  const base = file === null ? cwd : dirname(resolve(cwd, file));
  const source = file === null ? embeddedDefault() : readSource(file, cwd);
  const problems: string[] = [...source.problems];
  const warnings: string[] = [];
  const tree = source.value;
  if (isObject(tree['links']) && tree['links']['sites'] !== undefined) {
    problems.push(`${source.at(['links', 'sites'])}: other sites are not supported yet: remove it.`);
    delete tree['links']['sites'];
  }
  override(tree, env, warnings);
  warnLiterals(tree, [], warnings);
  const resolved = resolveSecrets(tree, env, base, [], (path, what) => problems.push(`${source.at(path)}: ${what}`));
  const parsed = schema.safeParse(resolved);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(...explain(issue, source.at));
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const config = parsed.data;
  const cluster = config.state.cluster ?? (Object.keys(config.clusters)[0] as string);
  if (config.clusters[cluster] === undefined) {
    throw new ConfigError([
      `${source.at(['state', 'cluster'])}: there is no cluster "${cluster}"; there are ${Object.keys(config.clusters).join(', ')}.`,
    ]);
  }
  const paths = { contracts: resolve(base, config.contracts), apiProducts: resolve(base, config.apiProducts) };
  const { generator } = config.asyncapi;
  for (const options of Object.values(config.clusters)) {
    if (options.type === 'embedded') options.path = resolve(base, options.path);
  }
  return deepFreeze({
    ...config,
    ...paths,
    node: config.node ?? ownName(),
    asyncapi: generator === undefined ? {} : { generator: resolve(base, generator) },
    state: { ...config.state, cluster },
    warnings,
    demo: file === null ? { dataDir: resolve(cwd, '.sluice') } : null,
  });
}

/** Nodes of one machine, and lives of one node, differ in it. */
function ownName(): string {
  const machine = hostname()
    .replace(/[^A-Za-z0-9-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 50);
  return `${machine === '' ? 'node' : machine}-${randomBytes(4).toString('hex')}`;
}

interface Source {
  readonly value: Record<string, unknown>;
  readonly problems: readonly string[];
  /** `file:line:column (path)` of a path, as near as it exists. */
  at(path: readonly PropertyKey[]): string;
}

/** Its contracts are those that Sluice comes with, wherever it is run: they name the demo's clusters, and others do not. */
function embeddedDefault(): Source {
  const value = {
    site: 'demo',
    contracts: fileURLToPath(new URL('../schema/contracts', import.meta.url)),
    clusters: {
      aviation: { type: 'embedded', path: './.sluice/aviation.db' },
      seismic: { type: 'embedded', path: './.sluice/seismic.db' },
    },
    state: { cluster: 'aviation' },
  };
  return { value, problems: [], at: (path) => (path.length === 0 ? 'configuration' : path.map(String).join('.')) };
}

function readSource(file: string, cwd: string): Source {
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new ConfigError([
      `${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}): name a configuration file with --config.`,
    ]);
  }
  const lines = new LineCounter();
  const document: Document = parseDocument(text, { lineCounter: lines });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const problems = document.errors.map((error) => `${place(error.pos[0])}: ${error.message.split('\n')[0]}`);
  const value: unknown = problems.length > 0 ? {} : (document.toJS() ?? {});
  if (!isObject(value)) throw new ConfigError([`${file}:1:1: must be a mapping of settings.`]);
  return {
    value,
    problems,
    at(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const node: unknown = document.getIn(path.slice(0, length), true);
        const range = isObject(node) ? (node['range'] as [number, number, number] | undefined) : undefined;
        if (range !== undefined) return `${place(range[0])}: ${path.map(String).join('.')}`;
      }
      return path.length === 0 ? file : `${file}: ${path.map(String).join('.')}`;
    },
  };
}

/** SLUICE_LISTEN_PORT=4001 sets listen.port; words of a name are joined by _, so publicUrl is PUBLIC_URL. Cluster names are matched as written in the file. */
function override(tree: Record<string, unknown>, env: Environment, warnings: string[]): void {
  const names = new Map<string, Leaf>();
  const add = (leaf: Leaf, above: readonly string[] = []): void => {
    const path = [...above, ...leaf.path];
    const words = path.map((part) => part.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]/g, '_'));
    names.set(`SLUICE_${words.join('_').toUpperCase()}`, { path, type: leaf.type });
  };
  for (const leaf of leaves(schema)) add(leaf);
  for (const leaf of leaves(redisOptions)) add(leaf, ['coordination']);
  const clusters = isObject(tree['clusters']) ? Object.entries(tree['clusters']) : [];
  for (const [cluster, options] of clusters) {
    const kind = isObject(options) && options['type'] === 'embedded' ? embeddedOptions : kafkaOptions;
    for (const leaf of leaves(kind)) add(leaf, ['clusters', cluster]);
    for (const name of ['mechanism', 'username', 'password', 'token'])
      add({ path: ['sasl', name], type: z.string() }, ['clusters', cluster]);
  }
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('SLUICE_') || text === undefined || NOT_CONFIGURATION.test(name)) continue;
    const setting = names.get(name);
    if (setting === undefined) {
      warnings.push(`the environment sets ${name}, which is no setting${didYouMean(name, names.keys())}`);
      continue;
    }
    setIn(tree, setting.path, asTyped(text, setting));
  }
}

/** The environment has text alone. */
function asTyped(text: string, { path, type }: Leaf): unknown {
  if (/^(brokers|cluster|nodes)$/.test(path.at(-1) as string) && path.length > 2 - Number(path[0] === 'coordination'))
    return text.split(',');
  if (type instanceof z.ZodNumber && /^-?\d+$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

/** A setting that has no settings below it. */
interface Leaf {
  readonly path: readonly string[];
  readonly type: z.ZodType;
}

function* leaves(type: z.ZodType, path: readonly string[] = []): Generator<Leaf> {
  const inner =
    type instanceof z.ZodDefault || type instanceof z.ZodPrefault || type instanceof z.ZodOptional
      ? type.unwrap()
      : type;
  if (inner instanceof z.ZodObject) {
    for (const [name, child] of Object.entries(inner.shape)) yield* leaves(child as z.ZodType, [...path, name]);
  } else {
    yield { path, type: inner as z.ZodType };
  }
}

function setIn(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = tree;
  for (const part of path.slice(0, -1)) {
    if (!isObject(at[part])) at[part] = {};
    at = at[part] as Record<string, unknown>;
  }
  at[path.at(-1) as string] = value;
}

const REFERENCE = /\$\{(env|file):([^}]+)\}/g;

function resolveSecrets(
  value: unknown,
  env: Environment,
  base: string,
  path: readonly string[],
  problem: (path: readonly string[], what: string) => void,
): unknown {
  if (typeof value === 'string') {
    return value.replace(REFERENCE, (_, kind: string, name: string) => {
      if (kind === 'env') {
        const found = env[name];
        if (found === undefined) problem(path, `the environment variable ${name} is not set.`);
        return found ?? 'unset';
      }
      try {
        return readFileSync(resolve(base, name), 'utf8').trimEnd();
      } catch {
        problem(path, `the file ${name} cannot be read.`);
        return 'unset';
      }
    });
  }
  if (Array.isArray(value))
    return value.map((item, i) => resolveSecrets(item, env, base, [...path, String(i)], problem));
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, resolveSecrets(item, env, base, [...path, name], problem)]),
    );
  }
  return value;
}

function warnLiterals(value: unknown, path: readonly string[], warnings: string[]): void {
  if (!isObject(value)) return;
  for (const [name, item] of Object.entries(value)) {
    if (/^(password|secret|clientSecret|token)$/.test(name) && typeof item === 'string' && !item.includes('${')) {
      warnings.push(
        `${[...path, name].join('.')} holds a literal secret: name it by \${env:NAME} or \${file:PATH} instead`,
      );
    }
    warnLiterals(item, [...path, name], warnings);
  }
}

function explain(issue: z.core.$ZodIssue, at: Source['at']): string[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => `${at([...issue.path, key])}: unknown setting "${key}"${didYouMean(key, known)}.`);
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const nearest = issue.errors.reduce((best, next) => (next.length < best.length ? next : best));
    return nearest.flatMap((inner) => explain({ ...inner, path: [...issue.path, ...inner.path] }, at));
  }
  return [`${at(issue.path)}: ${issue.message}.`];
}

/** The settings known at a path of the schema, for "did you mean". */
function keysAt(path: readonly PropertyKey[]): string[] {
  if (path[0] === 'clusters' && path.length === 2)
    return [...new Set([...Object.keys(kafkaOptions.shape), ...Object.keys(embeddedOptions.shape)])];
  const prefix = path.map(String);
  const known = new Set<string>();
  for (const { path: leaf } of leaves(schema)) {
    const next = leaf[prefix.length];
    if (next !== undefined && prefix.every((part, i) => leaf[i] === part)) known.add(next);
  }
  return [...known];
}

function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearest(name, known);
  return near === null ? '' : `; did you mean "${near}"?`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}
