import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ContractSet } from '../../src/core/contract/index.ts';
import type { Labels, MetricName, Observe } from '../../src/core/observe.ts';
import { type ContractWatch, type WatchOptions, watchContracts } from '../../src/io/files/index.ts';
import { type Document, product, yamlOf } from './documents.ts';

/** A directory of contracts, watched; what it tells is kept, and can be waited for. */
class Watched implements AsyncDisposable {
  readonly dir: string;
  readonly gauges = new Map<string, number>();
  readonly logged: { level: string; message: string; fields: unknown }[] = [];
  watch!: ContractWatch;
  private readonly sets: ContractSet[] = [];
  private readonly waiting: ((set: ContractSet) => void)[] = [];

  constructor(dir: string) {
    this.dir = dir;
  }

  static async open(files: Readonly<Record<string, string>>, options: Partial<WatchOptions> = {}): Promise<Watched> {
    const watched = new Watched(await mkdtemp(join(tmpdir(), 'contracts-')));
    for (const [name, text] of Object.entries(files)) await watched.write(name, text);
    watched.watch = await watchContracts({
      dir: watched.dir,
      observe: watched.observe(),
      onChange: (set) => watched.take(set),
      ...options,
    });
    return watched;
  }

  private observe(): Observe {
    const log = (level: string) => (message: string, fields?: unknown) =>
      void this.logged.push({ level, message, fields });
    return {
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      counter: () => ({ add: () => {} }),
      gauge: (name: MetricName, labels?: Labels) => ({
        set: (value) => void this.gauges.set(`${name}${labels === undefined ? '' : JSON.stringify(labels)}`, value),
      }),
    };
  }

  private take(set: ContractSet): void {
    const next = this.waiting.shift();
    if (next === undefined) this.sets.push(set);
    else next(set);
  }

  /** The next change that is told. */
  change(): Promise<ContractSet> {
    const set = this.sets.shift();
    return set === undefined ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve(set);
  }

  get told(): number {
    return this.sets.length;
  }

  async write(name: string, text: string): Promise<void> {
    const file = join(this.dir, name);
    await writeFile(`${file}.tmp`, text);
    await rename(`${file}.tmp`, file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

const orders = (change: (document: Document) => void = () => {}) => {
  const document = product();
  change(document);
  return yamlOf(document);
};
const parcels = orders((d) => {
  d.name = 'parcels';
  d.schema[0].name = 'ParcelEvent';
});
const broken = orders((d) => {
  d.version = 'one';
});
const shown = (set: ContractSet) => set.contracts.map(({ product: name, version }) => `${name} ${version}`);

describe('a directory of contracts', () => {
  test('is in force as soon as it is watched, and only its contracts are', async () => {
    await using watched = await Watched.open({
      'orders.odcs.yaml': orders(),
      'readme.yaml': 'not: a contract',
      'b.odcs.yml': parcels,
    });
    expect(shown(watched.watch.current())).toEqual(['parcels 1.2.0', 'orders 1.2.0']);
    expect(watched.gauges.get('sluice_contracts{"state":"serving"}')).toBe(2);
    expect(watched.gauges.get('sluice_contracts_broken')).toBe(0);
    expect(watched.told).toBe(0);
  });

  test('takes what changes, appears and goes', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() });
    await watched.write(
      'orders.odcs.yaml',
      orders((d) => {
        d.version = '1.3.0';
      }),
    );
    expect(shown(await watched.change())).toEqual(['orders 1.3.0']);
    await watched.write('parcels.odcs.yaml', parcels);
    expect(shown(await watched.change())).toEqual(['orders 1.3.0', 'parcels 1.2.0']);
    await rm(join(watched.dir, 'orders.odcs.yaml'));
    expect(shown(await watched.change())).toEqual(['parcels 1.2.0']);
    expect(watched.watch.current().broken).toEqual([]);
  });

  test('never lets a broken file replace its last good contract, and says so', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() });
    await watched.write('orders.odcs.yaml', broken);
    const set = await watched.change();
    expect(shown(set)).toEqual(['orders 1.2.0']);
    expect(set.broken).toMatchObject([
      {
        file: join(watched.dir, 'orders.odcs.yaml'),
        serving: true,
        findings: [{ rule: 'version', line: 5, column: 10 }],
      },
    ]);
    expect(watched.gauges.get('sluice_contracts_broken')).toBe(1);
    expect(watched.gauges.get('sluice_contracts{"state":"serving"}')).toBe(1);
    expect(watched.logged.filter(({ level }) => level === 'error')).toMatchObject([
      {
        message: expect.stringContaining('its last good contract stays in force'),
        fields: { findings: expect.stringContaining('5:10: error: "one" is not a semantic version') },
      },
    ]);
    await watched.write(
      'orders.odcs.yaml',
      orders((d) => {
        d.version = '1.4.0';
      }),
    );
    expect(shown(await watched.change())).toEqual(['orders 1.4.0']);
    expect(watched.gauges.get('sluice_contracts_broken')).toBe(0);
  });

  test.each([
    ['half a file', orders().slice(0, 300)],
    ['an empty file', ''],
    ['no YAML', 'a: [1'],
    ['a file that is not UTF-8', Buffer.from([0xff, 0xfe, 0x61])],
  ])('goes on serving the last good one through %s', async (_label, text) => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() });
    await watched.write('orders.odcs.yaml', text as string);
    const set = await watched.change();
    expect(shown(set)).toEqual(['orders 1.2.0']);
    expect(set.broken).toHaveLength(1);
  });

  test('serves the others where one was never good', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders(), 'parcels.odcs.yaml': broken });
    expect(shown(watched.watch.current())).toEqual(['orders 1.2.0']);
    expect(watched.watch.current().broken).toMatchObject([{ serving: false }]);
  });

  test('gives a name that two want to whoever had it first', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() });
    // Before orders.odcs.yaml by name, and yet later.
    await watched.write(
      'a.odcs.yaml',
      orders((d) => {
        d.version = '1.9.0';
      }),
    );
    const set = await watched.change();
    expect(shown(set)).toEqual(['orders 1.2.0']);
    expect(set.broken).toMatchObject([
      { file: join(watched.dir, 'a.odcs.yaml'), serving: false, findings: [{ rule: 'unique-product' }] },
    ]);
    // What served another name goes on with it while its new text claims a taken one.
    await watched.write('a.odcs.yaml', parcels);
    expect(shown(await watched.change())).toEqual(['parcels 1.2.0', 'orders 1.2.0']);
    await watched.write(
      'a.odcs.yaml',
      orders((d) => {
        d.version = '1.9.0';
      }),
    );
    const clash = await watched.change();
    expect(shown(clash)).toEqual(['parcels 1.2.0', 'orders 1.2.0']);
    expect(clash.broken).toMatchObject([{ serving: true, findings: [{ rule: 'unique-product' }] }]);
    // Once the name is free, the file that asked for it has it.
    await rm(join(watched.dir, 'orders.odcs.yaml'));
    const free = await watched.change();
    expect(shown(free)).toEqual(['orders 1.9.0']);
    expect(free.broken).toEqual([]);
  });

  test('breaks a contract of a cluster that is not configured', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() }, { clusters: ['other'] });
    expect(watched.watch.current()).toMatchObject({ contracts: [], broken: [{ findings: [{ rule: 'cluster' }] }] });
  });

  test('reloads when it is told to, and tells nobody when nothing changed', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() });
    await watched.watch.reload();
    expect(watched.told).toBe(0);
    await writeFile(join(watched.dir, 'parcels.odcs.yaml'), parcels);
    await watched.watch.reload();
    expect(shown(watched.watch.current())).toEqual(['orders 1.2.0', 'parcels 1.2.0']);
  });

  test('keeps what it served when it goes, and takes what stands there when it is back', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() });
    await rename(watched.dir, `${watched.dir}.gone`);
    await watched.watch.reload();
    expect(shown(watched.watch.current())).toEqual(['orders 1.2.0']);
    expect(
      watched.logged.some(({ level, message }) => level === 'error' && message.includes('could not be reloaded')),
    ).toBe(true);
    await rename(`${watched.dir}.gone`, watched.dir);
    await watched.write('parcels.odcs.yaml', parcels);
    await watched.watch.reload();
    expect(shown(watched.watch.current())).toEqual(['orders 1.2.0', 'parcels 1.2.0']);
  });

  test('is watched anew where another has taken its place', async () => {
    await using watched = await Watched.open({ 'orders.odcs.yaml': orders() });
    await rename(watched.dir, `${watched.dir}.old`);
    await mkdir(watched.dir);
    await watched.write('orders.odcs.yaml', orders());
    await watched.watch.reload();
    await watched.write('parcels.odcs.yaml', parcels);
    expect(shown(await watched.change())).toEqual(['orders 1.2.0', 'parcels 1.2.0']);
    await rm(`${watched.dir}.old`, { recursive: true });
  });

  test('that is not there is refused at the start', async () => {
    await expect(Watched.open({}, { dir: join(tmpdir(), 'no-such-directory-of-contracts') })).rejects.toThrow('ENOENT');
  });
});
