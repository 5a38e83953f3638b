/** The servers that benches compare, each a process of its own on one core. */
import { join } from 'node:path';
import { freePort } from '../../test/bed/ports.ts';
import { Site } from '../../test/gateway/node.ts';
import { program } from './build.ts';
import { Child, cores } from './child.ts';
import { LoadClient } from './client.ts';
import { trades, usualQuery } from './trades.ts';

const script = (name: string): string => join(import.meta.dirname, `${name}.ts`);

interface Running extends AsyncDisposable {
  readonly child: Child;
  readonly port: number;
}

export interface Product extends Running {
  connect(query: string, connections: number, subscriptions?: number): Promise<LoadClient>;
  /** `asked`: the parameters of the URL. */
  stream(product: string, asked: Readonly<Record<string, string>>, connections: number): Promise<LoadClient>;
}

/** Arguments of Node for a server whose garbage is collected on order. */
export const collecting = ['--expose-gc'];

/** A place to run gateways over generated records in: an embedded state of record, in which a partner has its key and grant. */
export async function generatedSite(): Promise<{ readonly site: Site; readonly key: string }> {
  const site = new Site({ main: 'embedded' }, [trades], 'log: {level: warn}');
  return { site, key: (await site.partner([trades.name])).key };
}

/** A gateway of a site in this bench's hands: `observed` reads the site's clusters and keeps when events came in. */
export async function startProduct(
  site: Site,
  key: string,
  kind: 'generated' | 'observed' | 'plain',
  nodeArgs: readonly string[] = [],
): Promise<Product> {
  const port = await freePort();
  const args = [...nodeArgs, script('product'), site.config(port), kind];
  const child = new Child(`the gateway (${kind})`, cores.server, process.execPath, args);
  await child.answer();
  return {
    child,
    port,
    connect: (query, connections, subscriptions = 1) =>
      LoadClient.connect({ port, connections, subscriptions, query, key, placed: 'ready' }),
    stream: (product, asked, connections) =>
      LoadClient.connect({
        port,
        connections,
        query: `/v1/streams/${product}?${new URLSearchParams({ ...asked, access_token: key })}`,
        placed: 'stream',
      }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

export interface Usual extends Running {
  connect(connections: number): Promise<LoadClient>;
}

/** The usual stack, over generated records or over kafkajs's own consumer. */
export async function startUsual(
  source: { readonly brokers: string; readonly topic: string } | null,
  nodeArgs: readonly string[] = [],
): Promise<Usual> {
  const port = await freePort();
  const from = source === null ? [] : [source.brokers, source.topic];
  const args = [...nodeArgs, script('usual'), String(port), ...from];
  const child = new Child('the usual stack', cores.server, process.execPath, args);
  await child.answer();
  let all = 0;
  return {
    child,
    port,
    async connect(connections) {
      const client = await LoadClient.connect({ port, connections, query: usualQuery, placed: 'sent' });
      all += connections;
      // Nothing tells a client of this stack that it is subscribed.
      while ((await child.ask<{ subscriptions: number }>({ do: 'subscriptions' })).subscriptions < all);
      return client;
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

export interface Limit extends Running {
  readonly client: LoadClient;
}

/** The C program that writes the same bytes, with its receiver. */
export async function startLimit(connections: number): Promise<Limit> {
  const port = await freePort();
  const child = new Child('the limit', cores.server, await program('limit'), [String(port), String(connections)]);
  await child.answer();
  const client = await LoadClient.connect({ port, connections, placed: 'raw' });
  await child.answer();
  return {
    child,
    port,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await child[Symbol.asyncDispose]();
    },
  };
}
