/** Subscriptions of several products over two embedded clusters, with stock clients. */
import { randomInt } from 'node:crypto';
import type { Client } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { type Ending, subscribe } from './follower.ts';
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
});
