/** A gateway over two embedded clusters with three products, and what writes to them: trains and buses share the beginning of their topics. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { contractText, type ProductSpec, Site } from './node.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function product(name: string, cluster: string, template: string, overrides: Partial<ProductSpec> = {}): ProductSpec {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1, -1)}Event`;
  return {
    name,
    topic: name,
    cluster,
    type,
    template,
    fields: { id: 'string', seq: 'integer', region: 'string' },
    objectProperties: '      - {property: messageKey, value: {fields: [id]}}',
    ...overrides,
  };
}

export const trains = product('trains', 'rail', 'travel/rail/{region}');
export const busses = product('busses', 'road', 'travel/road/{region}', {
  type: 'BusEvent',
  fields: { id: 'string', seq: 'integer', region: 'string', driver: 'string' },
  required: ['id', 'seq', 'region'],
});
export const quakes = product('quakes', 'road', 'earth/{region}/{id}');

export interface Ride {
  readonly id: string;
  readonly seq: number;
  readonly region: string;
}

export const rideOf = (seq: number): Ride => ({
  id: `id-${seq % 17}`,
  seq,
  region: ['eu', 'us', 'ap'][seq % 3] as string,
});

export class WildcardSite implements AsyncDisposable {
  readonly site: Site;
  readonly #logs: Readonly<Record<string, EmbeddedLog>>;

  private constructor(site: Site, logs: Readonly<Record<string, EmbeddedLog>>) {
    this.site = site;
    this.#logs = logs;
  }

  static async open(products: readonly ProductSpec[] = [trains, busses, quakes], extra = ''): Promise<WildcardSite> {
    const site = new Site({ rail: 'embedded', road: 'embedded' }, products, extra);
    const open = (name: string): EmbeddedLog =>
      createEmbeddedLog({ name, path: join(site.folder, `${name}.db`), observe: quiet });
    const logs = { rail: open('rail'), road: open('road') };
    await logs.rail.create('trains', { partitions: 3, cleanup: 'delete' });
    await logs.road.create('busses', { partitions: 2, cleanup: 'delete' });
    await logs.road.create('quakes', { partitions: 1, cleanup: 'delete' });
    return new WildcardSite(site, logs);
  }

  async write({ cluster = '', topic }: ProductSpec, from: number, to: number): Promise<void> {
    const records = Array.from({ length: to - from }, (_, index) => rideOf(from + index)).map((ride) => ({
      key: Buffer.from(ride.id),
      value: Buffer.from(JSON.stringify(ride)),
      timestamp: Date.now(),
    }));
    await this.#logs[cluster]?.append(topic, records);
  }

  publish(spec: ProductSpec): void {
    this.site.putContract(spec.name, contractText(spec));
  }

  withdraw({ name }: ProductSpec): void {
    rmSync(join(this.site.contracts, `${name}.odcs.yaml`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Object.values(this.#logs).map((log) => log[Symbol.asyncDispose]()));
  }
}
