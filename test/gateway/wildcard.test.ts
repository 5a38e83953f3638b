/** Subscriptions of several products over two embedded clusters, with stock clients. */
import { randomInt } from 'node:crypto';
import type { Client } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { type Ending, subscribe } from './follower.ts';
import type { GatewayProcess } from './node.ts';
import { busses, quakes, type Ride, trains, WildcardSite } from './wildcard-site.ts';

interface Shown {
  readonly cursor: string;
  readonly product: string;
  readonly topic: string;
  readonly train?: Ride;
  readonly bus?: Ride;
}

const QUERY = `subscription ($topic: TopicFilter, $products: [String!], $from: ReplayFrom) {
  events(topic: $topic, products: $products, from: $from) {
    cursor product topic
    ... on TrainEvent { train: data { id seq region } }
    ... on BusEvent { bus: data { id seq region } }
  }
}`;

interface Notice {
  readonly code: string;
  readonly product: string;
  readonly [more: string]: unknown;
}

/** What came of each product, in order, and of each key within it. */
class Rides {
  readonly seqs: Record<string, number[]> = {};
  readonly notices: Notice[] = [];
  cursor: string | undefined;
  count = 0;
  readonly #lastOf = new Map<string, number>();

  take({ cursor, product, train, bus }: Shown, extensions: unknown): void {
    const { id, seq } = (train ?? bus) as Ride;
    const key = `${product} ${id}`;
    // One key is one partition: its events come in the order in which they were written.
    if (seq <= (this.#lastOf.get(key) ?? -1)) throw new Error(`${key}: ${seq} came after ${this.#lastOf.get(key)}`);
    this.#lastOf.set(key, seq);
    this.seqs[product] = [...(this.seqs[product] ?? []), seq];
    this.cursor = cursor;
    this.count += 1;
    const said = (extensions as { sluice?: { notices: Notice[] } } | undefined)?.sluice?.notices ?? [];
    this.notices.push(...said);
  }

  expectExactly(expected: Readonly<Record<string, number>>): void {
    const got = Object.fromEntries(
      Object.entries(this.seqs).map(([name, seqs]) => [name, [...seqs].sort((a, b) => a - b)]),
    );
    expect(got).toEqual(
      Object.fromEntries(
        Object.entries(expected).map(([name, count]) => [name, Array.from({ length: count }, (_, i) => i)]),
      ),
    );
  }
}

function follow(
  client: Client,
  variables: Record<string, unknown>,
  rides: Rides,
  enough: (rides: Rides) => boolean,
): Promise<Ending> {
  return subscribe<Shown>(client, QUERY, variables, (event, extensions) => {
    rides.take(event, extensions);
    return enough(rides);
  });
}

describe('a subscription of several products', () => {
  test('gives the events of both clusters, and resumes from any cursor exactly', async () => {
    await using site = await WildcardSite.open();
    await using gateway = await site.site.start();
    await gateway.ready();
    const { key } = await site.site.partner(['trains', 'busses', 'quakes']);
    const count = 2_000;
    const writing = (async () => {
      for (let at = 0; at < count; at += 100) {
        await Promise.all([
          site.write(trains, at, at + 100),
          site.write(busses, at, at + 100),
          site.write(quakes, at, at + 100),
        ]);
      }
    })();
    const rides = new Rides();
    let connections = 0;
    while (rides.count < 2 * count) {
      const client = gateway.client(key);
      connections += 1;
      const until = rides.count + 1 + randomInt(400);
      const from = rides.cursor === undefined ? { earliest: true } : { cursor: rides.cursor };
      const ending = await follow(
        client,
        { topic: 'travel/>', from },
        rides,
        ({ count: got }) => got >= until || got >= 2 * count,
      );
      expect(ending.errors).toEqual([]);
      await client.dispose();
    }
    await writing;
    rides.expectExactly({ trains: count, busses: count });
    expect(rides.notices).toEqual([]);
    expect(connections).toBeGreaterThan(8);
  });

  test('begins with so many events of all products together', async () => {
    await using site = await WildcardSite.open();
    await using gateway = await site.site.start();
    await gateway.ready();
    const { key } = await site.site.partner(['trains', 'busses']);
    await site.write(trains, 0, 20);
    await site.write(busses, 0, 20);
    await site.write(trains, 20, 25);
    const rides = new Rides();
    const client = gateway.client(key);
    await follow(client, { from: { last: 9 } }, rides, ({ count }) => count === 9);
    await client.dispose();
    // The busses' last four were written before the trains' last five.
    const sorted = Object.values(rides.seqs).map((seqs) => [...seqs].sort((a, b) => a - b));
    expect(sorted.map((seqs) => seqs.length).sort()).toEqual([4, 5]);
    expect(rides.seqs['trains']?.toSorted((a, b) => a - b)).toEqual([20, 21, 22, 23, 24]);
  });

  test('is joined by a product that is granted, left by one whose grant ends, which comes back where it left', async () => {
    await using site = await WildcardSite.open();
    await using gateway = await site.site.start();
    await gateway.ready();
    const { app, key, grants } = await site.site.partner(['trains', 'busses']);
    const client = gateway.client(key);
    const following = new Following(client, { topic: 'travel/>', from: { earliest: true } });
    await site.write(trains, 0, 10);
    await site.write(busses, 0, 10);
    await following.until(({ count }) => count === 20);

    await site.site.command('grant', 'revoke', '--grant', grants[1] as string);
    await site.write(busses, 10, 20);
    await following.until(async () => {
      await site.write(trains, following.next, following.next + 1);
      following.next += 1;
      return following.rides.notices.length > 0;
    });
    const [left] = following.rides.notices;
    expect(left).toMatchObject({ code: 'LEFT', product: 'busses', reason: 'GRANT_ENDED' });
    expect(left?.['message']).toContain('"busses" is no longer part of this subscription');
    expect(following.rides.seqs['busses']).toHaveLength(10);

    await site.site.command('grant', 'create', '--app', app, '--product', 'busses');
    await following.until(({ seqs }) => seqs['busses']?.length === 20);
    expect(following.rides.notices).toMatchObject([
      { code: 'LEFT' },
      { code: 'JOINED', product: 'busses', message: expect.stringContaining('where it had left') },
    ]);
    following.rides.expectExactly({ trains: following.next, busses: 20 });
    await client.dispose();
  });

  test('a cursor of before a grant ended resumes the product where it stood, once it is granted again', async () => {
    await using site = await WildcardSite.open();
    await using gateway = await site.site.start();
    await gateway.ready();
    const { app, key, grants } = await site.site.partner(['trains', 'busses']);
    await site.write(trains, 0, 5);
    await site.write(busses, 0, 5);
    const rides = new Rides();
    const first = gateway.client(key);
    await follow(first, { from: { earliest: true } }, rides, ({ count }) => count === 10);
    await first.dispose();
    await site.site.command('grant', 'revoke', '--grant', grants[1] as string);
    await until(async () => !(await products(gateway, key)).includes('busses'));
    await site.write(busses, 5, 10);
    await site.write(trains, 5, 10);
    // Its type went with its grant: the operation names trains alone.
    const second = gateway.client(key);
    const query = `subscription ($from: ReplayFrom) { events(from: $from) { cursor product topic ... on TrainEvent { train: data { id seq region } } } }`;
    await subscribe<Shown>(second, query, { from: { cursor: rides.cursor } }, (event, extensions) => {
      rides.take(event, extensions);
      return rides.count === 15;
    });
    await second.dispose();
    expect(rides.notices).toMatchObject([{ code: 'LEFT', product: 'busses' }]);
    await site.site.command('grant', 'create', '--app', app, '--product', 'busses');
    await gateway.shows(key, ['busses']);
    const third = gateway.client(key);
    await follow(third, { from: { cursor: rides.cursor } }, rides, ({ count }) => count === 20);
    await third.dispose();
    rides.expectExactly({ trains: 10, busses: 10 });
  });

  test('is joined by a product that is published and left by one that is withdrawn', async () => {
    await using site = await WildcardSite.open([trains]);
    await using gateway = await site.site.start();
    await gateway.ready();
    const { app, key } = await site.site.partner(['trains']);
    const client = gateway.client(key);
    const query = 'subscription { events(topic: "travel/>") { cursor product topic } }';
    const seen: Shown[] = [];
    const notices: Notice[] = [];
    let wake = (): void => {};
    const ending = subscribe<Shown>(client, query, {}, (event, extensions) => {
      seen.push(event);
      notices.push(...((extensions as { sluice?: { notices: Notice[] } } | undefined)?.sluice?.notices ?? []));
      wake();
      return undefined;
    });
    const until = async (look: () => boolean): Promise<void> => {
      while (!look()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    let next = 0;
    /** Writes until what was written is seen: when a subscription is placed, or a product has joined, cannot be known from outside. */
    const prod = async (spec: typeof trains, look: () => boolean): Promise<void> => {
      const writing = setInterval(() => void site.write(spec, next, ++next), 50);
      await until(look);
      clearInterval(writing);
    };
    await prod(trains, () => seen.length > 0);
    site.publish(busses);
    await gateway.line(({ msg, product }) => msg === 'contract in force' && product === 'busses');
    await site.site.command('grant', 'create', '--app', app, '--product', 'busses');
    await prod(busses, () => seen.some(({ product }) => product === 'busses'));
    expect(notices).toMatchObject([{ code: 'JOINED', product: 'busses' }]);
    site.withdraw(busses);
    await gateway.line(({ msg, product }) => msg === 'contract withdrawn' && product === 'busses');
    await prod(trains, () => notices.length > 1);
    expect(notices[1]).toMatchObject({ code: 'LEFT', product: 'busses', reason: 'NOT_FOUND' });
    await client.dispose();
    expect((await ending).errors).toEqual([]);
  });

  test('sees of each product what its grant leaves, topics and fields, and nothing of others', async () => {
    await using site = await WildcardSite.open();
    await using gateway = await site.site.start();
    await gateway.ready();
    const app = await site.site.command<{ id: string }>('app', 'create', '--name', 'narrow');
    const { secret } = await site.site.command<{ secret: string }>('key', 'create', '--app', app.id);
    await site.site.command('grant', 'create', '--app', app.id, '--product', 'trains', '--topics', 'travel/rail/eu');
    await site.site.command('grant', 'create', '--app', app.id, '--product', 'busses', '--hidden', 'driver');
    await gateway.shows(secret, ['trains', 'busses']);
    await site.write(trains, 0, 30);
    await site.write(quakes, 0, 30);
    const rides = new Rides();
    const client = gateway.client(secret);
    const query = `subscription { events(from: {earliest: true}) { cursor product topic ... on TrainEvent { train: data { id seq region } } } }`;
    await subscribe<Shown>(client, query, {}, (event, extensions) => {
      rides.take(event, extensions);
      return rides.count === 10;
    });
    expect(rides.seqs['trains']?.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => 3 * i));
    const hidden = 'subscription { events { ... on BusEvent { data { driver } } } }';
    const refused = await subscribe<Shown>(client, hidden, {}, () => true);
    expect(refused.errors).toMatchObject([{ message: expect.stringContaining('"driver"') }]);
    const ungranted = 'subscription { events(products: ["trains", "quakes"]) { topic } }';
    const unknown = await subscribe<Shown>(client, ungranted, {}, () => true);
    expect(unknown.errors).toMatchObject([
      { message: 'products: there is no stream "quakes".', extensions: { code: 'NOT_FOUND', path: 'products' } },
    ]);
    // Its own topics are within travel/rail/eu: nothing that it may see can match.
    const beyond = 'subscription { events(topic: "travel/rail/us") { topic } }';
    const none = await subscribe<Shown>(client, beyond, {}, () => true);
    expect(none.errors).toMatchObject([{ extensions: { code: 'BAD_FILTER', path: 'topic' } }]);
    await client.dispose();
  });
});

async function products(gateway: GatewayProcess, key: string): Promise<readonly string[]> {
  const { data } = await gateway.ask<{ products: { name: string }[] }>(key, '{ products { name } }');
  return data?.products.map(({ name }) => name) ?? [];
}

/** Looks again and again: what a command has written is heard of a moment after. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A subscription that goes on while its test does something. */
class Following {
  readonly rides = new Rides();
  readonly ending: Promise<Ending>;
  /** The next train that a test may write. */
  next = 10;
  #wake = (): void => {};

  constructor(client: Client, variables: Record<string, unknown>) {
    this.ending = follow(client, variables, this.rides, () => {
      this.#wake();
      return false;
    });
  }

  async until(look: (rides: Rides) => boolean | Promise<boolean>): Promise<void> {
    while (!(await look(this.rides))) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        this.ending.then((ending) => {
          throw new Error(`it has ended: ${JSON.stringify(ending)}`);
        }),
      ]);
    }
  }
}
