/** A gateway over the embedded log with products to stream, and what writes to them. */
import { join } from 'node:path';
import { createEmbeddedLog, type EmbeddedLog } from '../../src/io/log/embedded/index.ts';
import { type GatewayProcess, type ProductSpec, Site } from './node.ts';
import type { Message } from './stream-client.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

export const things: ProductSpec = {
  name: 'things',
  topic: 'things',
  type: 'ThingEvent',
  template: 'things/{region}',
  fields: { id: 'string', seq: 'integer', region: 'string', note: 'string' },
  required: ['id', 'seq', 'region'],
  objectProperties: '      - {property: messageKey, value: {fields: [id]}}',
};

export const TYPE = 'things.ThingEvent.v1';

export interface Thing {
  readonly id: string;
  readonly seq: number;
  readonly region: string;
  readonly note?: string;
}

export const thing = (seq: number, note?: string): Thing => ({
  id: `id-${seq % 17}`,
  seq,
  region: ['eu', 'us', 'ap'][seq % 3] as string,
  ...(note === undefined ? {} : { note }),
});

export const seqs = (messages: readonly Message[]): readonly number[] =>
  messages.map(({ data }) => data?.['seq'] as number);

/** In ascending order: events of several partitions come in no order of their own. */
export const sorted = (numbers: readonly number[]): readonly number[] => [...numbers].sort((a, b) => a - b);

export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

export class StreamSite implements AsyncDisposable {
  readonly site: Site;
  readonly log: EmbeddedLog;
  readonly products: readonly ProductSpec[];

  private constructor(site: Site, log: EmbeddedLog, products: readonly ProductSpec[]) {
    this.site = site;
    this.log = log;
    this.products = products;
  }

  /** `extra`: more YAML of the configuration. */
  static async open(extra = '', more: readonly ProductSpec[] = [], partitions = 3): Promise<StreamSite> {
    const products = [things, ...more];
    const site = new Site({ main: 'embedded' }, products, extra);
    const log = createEmbeddedLog({ name: 'main', path: join(site.folder, 'main.db'), observe: quiet });
    for (const { topic } of products) await log.create(topic, { partitions, cleanup: 'delete' });
    return new StreamSite(site, log, products);
  }

  async start(options: Parameters<Site['start']>[0] = {}): Promise<GatewayProcess> {
    return (await this.site.start(options)).ready();
  }

  /** Writes things to the log as their owners would. */
  async write(given: readonly Thing[], topic = things.topic): Promise<void> {
    await this.log.append(
      topic,
      given.map((one, index) => ({
        key: Buffer.from(one.id),
        value: Buffer.from(JSON.stringify(one)),
        // A millisecond apart, so that "the last" means something.
        timestamp: Date.now() - given.length + index,
      })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log[Symbol.asyncDispose]();
  }
}
