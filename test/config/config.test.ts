import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
let files = 0;

function file(text: string): string {
  files += 1;
  const path = join(folder, `sluice-${files}.yaml`);
  writeFileSync(path, text);
  return path;
}

function problems(text: string, env: Record<string, string> = {}): string {
  try {
    loadConfig(file(text), env, folder);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

const minimal = 'clusters: {main: {type: kafka, brokers: ["127.0.0.1:9092"]}}\n';

describe('the configuration', () => {
  test('without a file is the embedded default of two clusters', () => {
    const config = loadConfig(null, {}, folder);
    expect(Object.keys(config.clusters)).toEqual(['aviation', 'seismic']);
    expect(config.state.cluster).toBe('aviation');
    expect(config.demo).toEqual({ dataDir: join(folder, '.sluice') });
  });

  test('without a file has the contracts that Sluice comes with, wherever it is run', () => {
    const own = join(import.meta.dirname, '..', '..', 'schema', 'contracts');
    expect(loadConfig(null, {}, folder).contracts).toBe(own);
    expect(loadConfig(null, { SLUICE_CONTRACTS: './mine' }, folder).contracts).toBe(join(folder, 'mine'));
  });

  test('needs no more than a cluster, and fills in the rest', () => {
    const config = loadConfig(file(minimal), {}, folder);
    expect(config).toMatchObject({
      site: 'local',
      listen: { host: '127.0.0.1', port: 4000, compression: false },
      state: { cluster: 'main', prefix: '_sluice.' },
      access: { maxStaleness: 30_000 },
      limits: { maxDepth: 10, connectionInitTimeout: 3_000, maxScannedFilters: 20 },
      demo: null,
    });
  });

  test('is frozen to its depth', () => {
    const config = loadConfig(file(minimal), {}, folder);
    expect(() => {
      (config.listen as { port: number }).port = 1;
    }).toThrow(TypeError);
  });

  test('takes relative paths as relative to its file', () => {
    const config = loadConfig(file(`${minimal}contracts: ./c\n`), {}, '/');
    expect(config.contracts).toBe(join(folder, 'c'));
  });

  test('refuses unknown settings with the nearest known name and its place', () => {
    expect(problems(`${minimal}listne: {port: 1}\n`)).toMatch(
      /sluice-\d+\.yaml:2:\d+: listne: unknown setting "listne"; did you mean "listen"\?/,
    );
    expect(problems(`${minimal}listen: {prot: 1}\n`)).toMatch(
      /:2:\d+: listen\.prot: unknown setting "prot"; did you mean "port"\?/,
    );
    expect(problems('clusters: {main: {type: kafka, broker: ["a:1"]}}\n')).toMatch(/did you mean "brokers"/);
  });

  test('reports every finding at once', () => {
    const text = problems('site: "No Good"\nlisten: {port: 70000}\nclusters: {}\naccess: {maxStaleness: 30s}\n');
    expect(text.split('\n')).toHaveLength(4);
    expect(text).toMatch(/PT30S/);
  });

  test('takes Redis in each of its forms, one at a time, and what links need', () => {
    const links = `links: {listen: {host: 0.0.0.0, port: 4100}, address: "10.0.0.1:4100", secret: "\${env:LINKS}"}\n`;
    const text = `${minimal}coordination: {type: redis, url: "redis://x:6379"}\nnode: n1\n${links}`;
    const config = loadConfig(file(text), { LINKS: 'a secret of sixteen', SLUICE_COORDINATION_PASSWORD: 'p' }, folder);
    expect(config).toMatchObject({
      node: 'n1',
      coordination: { type: 'redis', url: 'redis://x:6379', prefix: 'sluice:', password: 'p' },
      links: { listen: { host: '0.0.0.0', port: 4100 }, address: '10.0.0.1:4100', secret: 'a secret of sixteen' },
    });
    const own = loadConfig(file(minimal), {}, folder);
    expect(own.node).toMatch(/^[A-Za-z0-9][A-Za-z0-9-]{0,50}-[0-9a-f]{8}$/);
    expect(loadConfig(file(minimal), {}, folder).node).not.toBe(own.node);
    for (const [setting, words] of [
      ['coordination: {type: redis}', 'needs one of url, sentinel and cluster'],
      ['coordination: {type: redis, url: "redis://x", cluster: ["x:1"]}', 'needs one of url, sentinel and cluster'],
      ['coordination: {type: redis, url: "http://x"}', 'must be redis://host:port'],
      ['coordination: {type: redis, cluster: ["x"]}', 'must be host:port'],
      ['coordination: {type: memcached}', 'coordination'],
      ['node: "a b"', 'must be up to 63 letters'],
      ['links: {secret: short}', 'must be of at least 16 characters'],
      ['links: {address: "here"}', 'must be host:port'],
      ['links: {listen: {prot: 1}}', 'did you mean "port"'],
    ] as const)
      expect(problems(`${minimal}${setting}\n`)).toContain(words);
  });

  test('refuses by name what comes later', () => {
    expect(problems(`${minimal}links: {sites: {us: {url: "wss://us.example:4100"}}}\n`)).toMatch(
      /other sites are not supported yet/,
    );
  });

  test('says where YAML is broken, and which file cannot be read', () => {
    expect(problems('clusters: {\n')).toMatch(/sluice-\d+\.yaml:\d+:\d+: /);
    expect(() => loadConfig('nowhere.yaml', {}, folder)).toThrow(/nowhere\.yaml: cannot be read \(ENOENT\)/);
  });

  test('is overridden by the environment', () => {
    const env = {
      SLUICE_LISTEN_PORT: '4001',
      SLUICE_LISTEN_PUBLIC_URL: 'https://events.example.com',
      SLUICE_CLUSTERS_MAIN_BROKERS: 'a:1,b:2',
      SLUICE_ACCESS_MAX_STALENESS: 'PT5S',
      SLUICE_LIMITS_MAX_SCANNED_FILTERS: '7',
      SLUICE_LISTEN_COMPRESSION: 'true',
      SLUICE_WORKERS: '4',
    };
    const config = loadConfig(file(minimal), env, folder);
    expect(config.listen).toMatchObject({ port: 4001, publicUrl: 'https://events.example.com', compression: true });
    expect(config.clusters['main']).toMatchObject({ brokers: ['a:1', 'b:2'] });
    expect(config.access.maxStaleness).toBe(5_000);
    expect(config.limits.maxScannedFilters).toBe(7);
    expect(config.workers).toBe(4);
  });

  test('takes numbers from the environment as numbers, and text that looks like one as text', () => {
    const env = { SLUICE_CLUSTERS_LOCAL_MAX_BYTES: '2000000', SLUICE_STATE_PREFIX: '12345' };
    const config = loadConfig(file('clusters: {local: {type: embedded, path: ./local.db}}\n'), env, folder);
    expect(config.clusters['local']).toMatchObject({ maxBytes: 2_000_000 });
    expect(config.state.prefix).toBe('12345');
  });

  test('warns of variables that are no settings, and leaves those of clients and Kubernetes alone', () => {
    const config = loadConfig(
      file(minimal),
      { SLUICE_LISTEN_PROT: '1', SLUICE_API_KEY: 'x', SLUICE_PORT_4000_TCP: 'y', SLUICE_SERVICE_HOST: 'z' },
      folder,
    );
    expect(config.warnings).toEqual([
      'the environment sets SLUICE_LISTEN_PROT, which is no setting; did you mean "SLUICE_LISTEN_PORT"?',
    ]);
  });

  test('resolves secrets by reference, and warns of literal ones without showing them', () => {
    writeFileSync(join(folder, 'secret'), 'from-file\n');
    const sasl = (password: string): string =>
      `clusters: {main: {type: kafka, brokers: ["a:1"], sasl: {mechanism: plain, username: u, password: "${password}"}}}\n`;
    expect(loadConfig(file(sasl(`$\{env:PW}`)), { PW: 'from-env' }, folder).clusters['main']).toMatchObject({
      sasl: { password: 'from-env' },
    });
    expect(loadConfig(file(sasl(`$\{file:secret}`)), {}, folder).clusters['main']).toMatchObject({
      sasl: { password: 'from-file' },
    });
    expect(problems(sasl(`$\{env:MISSING}`))).toMatch(/password: the environment variable MISSING is not set/);
    const { warnings } = loadConfig(file(sasl('hunter2')), {}, folder);
    expect(warnings.join()).toMatch(/clusters\.main\.sasl\.password holds a literal secret/);
    expect(warnings.join()).not.toMatch(/hunter2/);
  });

  test('names the clusters that there are when the state names another', () => {
    expect(problems(`${minimal}state: {cluster: other}\n`)).toMatch(/there is no cluster "other"; there are main/);
  });
});
