/** Nodes of one site: who owns what, one live read of each partition, and nothing lost or told twice whatever becomes of the others. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PublicEvent } from '../../src/core/contract/index.ts';
import type { SluiceError } from '../../src/core/errors.ts';
import {
  createRemote,
  createSiteSource,
  createStreamServer,
  Interest,
  JournalRelay,
  ownerOf,
  type Placement,
  type Remote,
  type Scan,
  type Source,
  type SourceTail,
  shareTails,
} from '../../src/core/routing/index.ts';
import type { Filter } from '../../src/core/view/index.ts';
import { ManualClock } from '../delivery/manual-clock.ts';
import { MemorySource } from '../delivery/memory-source.ts';
import { MemoryChannel } from '../link/memory-channel.ts';
import { filterOf } from './filters.ts';
import { noJournal, observe } from './stream.ts';

const product = 'p';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One node: its reading, shared; its server; its links to the others. */
class Node {
  readonly id: string;
  readonly source: Source;
  readonly links = new Map<string, { readonly remote: Remote; readonly channel: MemoryChannel }>();
  projection = 'p1';
  readonly #site: Site;
  readonly #server: ReturnType<typeof createStreamServer>;
  readonly #watching = new Set<() => void>();
  readonly #own: Source;
  readonly reading: MemorySource;

  constructor(site: Site, id: string) {
    this.id = id;
    this.#site = site;
    this.reading = site.log;
    this.#own = shareTails(counted(site.log, site.reads, id), turn);
    this.#server = createStreamServer({
      source: this.#own,
      journal: new JournalRelay(noJournal, [], site.clock),
      standing: {},
      observe,
      wait: turn,
    });
    this.source = createSiteSource({
      own: this.#own,
      siblings: {
        self: id,
        get nodes() {
          return site.ids;
        },
        source: (other) => this.links.get(other)?.remote.source ?? null,
        watch: (changed) => {
          this.#watching.add(changed);
          return () => this.#watching.delete(changed);
        },
      },
      projection: () => this.projection,
      clock: site.clock,
      observe,
    });
  }

  connect(other: Node): void {
    if (this.links.has(other.id) || !this.#site.alive(other) || !this.#site.alive(this)) return;
    const [here, there] = MemoryChannel.pair();
    void other.#server.serve(there);
    const remote = createRemote(here, this.#site.clock, observe);
    const link = { remote, channel: here };
    this.links.set(other.id, link);
    void remote.closed.then(() => {
      if (this.links.get(other.id) === link) this.links.delete(other.id);
      this.changed();
    });
    this.changed();
  }

  cut(other: Node): void {
    this.links.get(other.id)?.channel.close();
  }

  changed(): void {
    for (const changed of [...this.#watching]) changed();
  }
}

function counted(log: MemorySource, reads: Map<string, number>, id: string): Source {
  return {
    place: (...asked) => log.place(...asked),
    extent: (...asked) => log.extent(...asked),
    range: (name, incarnation, partition, from, to) => log.range(name, incarnation, partition, from, to),
    append: (...asked) => log.append(...asked),
    appendOnce: (...asked) => log.appendOnce(...asked),
    tail(name, from, handler, options = {}) {
      const tail = log.tail(name, from, handler, options);
      const mine = (options.partitions ?? [...from.vector.keys()]).map((partition) => `${id} ${partition}`);
      for (const key of mine) reads.set(key, (reads.get(key) ?? 0) + 1);
      return {
        close() {
          tail.close();
          for (const key of mine) reads.set(key, (reads.get(key) ?? 0) - 1);
        },
      };
    },
  };
}

class Site {
  readonly log: MemorySource;
  readonly clock = new ManualClock();
  /** Open live reads of the log, by node and partition. */
  readonly reads = new Map<string, number>();
  readonly all: Node[];
  ids: readonly string[] = [];

  constructor(partitions: number, nodes: number) {
    this.log = new MemorySource({
      auto: true,
      every: (ms, task) => {
        let cancel = (): void => {};
        const again = (): void => {
          cancel = this.clock.after(ms, () => {
            task();
            again();
          });
        };
        again();
        return () => cancel();
      },
    });
    this.log.create(product, partitions);
    this.log.scanEvents = 3;
    this.all = Array.from({ length: nodes }, (_, i) => new Node(this, `n${i}`));
  }

  alive(node: Node): boolean {
    return this.ids.includes(node.id);
  }

  node(i: number): Node {
    return this.all[i % this.all.length] as Node;
  }

  join(node: Node): void {
    if (this.alive(node)) return;
    this.ids = [...this.ids, node.id];
    this.connectAll();
    for (const each of this.all) each.changed();
  }

  /** Its links break; the others hear of it in the membership later. */
  kill(node: Node): void {
    if (!this.alive(node) || this.ids.length === 1) return;
    for (const each of this.all) {
      each.cut(node);
      node.cut(each);
    }
    this.ids = this.ids.filter((id) => id !== node.id);
    for (const each of this.all) each.changed();
  }

  connectAll(): void {
    for (const one of this.all) for (const other of this.all) if (one !== other) one.connect(other);
  }

  /** Live reads of a partition over the whole site. */
  readers(partition: number): string[] {
    return [...this.reads].filter(([key, open]) => open > 0 && key.endsWith(` ${partition}`)).map(([key]) => key);
  }

  /** Time in which everybody can speak. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await this.clock.pass(500);
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 12; i += 1) await turn();
  }
}

class Listener {
  readonly interest = new Interest();
  /** Each with the version from which on it is contained. */
  readonly wants: { readonly filter: Filter; readonly version: number }[] = [];
  readonly scans: Scan[] = [];
  readonly failures: SluiceError[] = [];
  readonly from: Placement;
  partitions = 0;
  tail: SourceTail | null = null;

  constructor(from: Placement) {
    this.from = from;
  }

  scan(scan: Scan): void {
    this.scans.push(scan);
  }

  grown(partitions: number): void {
    this.partitions = partitions;
  }

  failed(error: SluiceError): void {
    this.failures.push(error);
  }

  position(partition: number): number {
    return this.scans.findLast((scan) => scan.partition === partition)?.to ?? this.from.vector[partition] ?? 0;
  }

  want(filter: Filter): void {
    this.wants.push({ filter, version: this.interest.add(filter) });
  }

  /** That nothing is missing of what it wanted, where the scan claims to cover that, and that nothing else was told. */
  expectCovered(scan: Scan, all: readonly PublicEvent[]): void {
    if (scan.interest === 0) return expect(scan.events).toEqual(all);
    const told = new Map(scan.events.map((event) => [event.offset, event]));
    expect(all.filter(({ offset }) => told.has(offset))).toEqual(scan.events);
    for (const { filter, version } of this.wants)
      if (version <= scan.interest)
        for (const event of all) if (filter.matches(event)) expect(told.get(event.offset)).toEqual(event);
  }

  expectExact(log: MemorySource): void {
    expect(this.failures).toEqual([]);
    for (let partition = 0; partition < log.partitions(product); partition += 1) {
      let next = this.from.vector[partition] ?? 0;
      for (const scan of this.scans.filter((each) => each.partition === partition)) {
        expect(scan.from).toBe(next);
        const wanted = [];
        for (let offset = scan.from; offset < scan.to; offset += 1) wanted.push(log.event(product, partition, offset));
        this.expectCovered(
          scan,
          wanted.filter((event) => event !== null),
        );
        next = scan.to;
      }
    }
  }
}

function follow(node: Node, from: Placement, filter: Filter = filterOf({})): Listener {
  const listener = new Listener(from);
  listener.want(filter);
  listener.tail = node.source.tail(product, from, listener, { interest: listener.interest });
  return listener;
}

function topicFilter(which: number): Filter {
  return filterOf({ topic: `k/${which % 5}/>` });
}

async function caughtUp(site: Site, listener: Listener): Promise<void> {
  const isAt = (partition: number): boolean => listener.position(partition) === site.log.end(product, partition);
  for (let i = 0; i < 60; i += 1) {
    if (listener.failures.length > 0) return;
    if (Array.from({ length: site.log.partitions(product) }, (_, p) => p).every(isAt)) return;
    await site.clock.pass(500);
    await site.settle();
  }
  throw new Error('it never catches up');
}

async function siteOf(partitions: number, nodes: number): Promise<Site> {
  const site = new Site(partitions, nodes);
  for (const node of site.all) site.join(node);
  await site.settle();
  return site;
}

describe('ownership', () => {
  const nodes = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 });

  test('is the same in whatever order the nodes are known', () => {
    fc.assert(
      fc.property(nodes, fc.string(), fc.nat(100), (some, name, partition) => {
        expect(ownerOf(name, partition, [...some].reverse())).toBe(ownerOf(name, partition, some));
      }),
    );
  });

  test('whoever goes changes the owner of its own partitions alone, whoever comes takes only its own', () => {
    fc.assert(
      fc.property(nodes, fc.nat(), (some, which) => {
        fc.pre(some.length > 1);
        const gone = some[which % some.length] as string;
        const rest = some.filter((node) => node !== gone);
        for (let partition = 0; partition < 50; partition += 1) {
          const [before, after] = [ownerOf('p', partition, some), ownerOf('p', partition, rest)];
          if (before !== gone) expect(after).toBe(before);
        }
      }),
    );
  });

  test('is spread evenly', () => {
    const some = ['a', 'b', 'c', 'd'];
    const counts = new Map<string, number>();
    for (let partition = 0; partition < 4_000; partition += 1) {
      const owner = ownerOf('p', partition, some);
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    // Four standard deviations of a fair draw.
    for (const node of some) expect(Math.abs((counts.get(node) ?? 0) - 1_000)).toBeLessThan(110);
  });
});

describe('nodes of a site', () => {
  test('each partition is read live by its owner alone, however many nodes and tails want it', async () => {
    const site = await siteOf(6, 3);
    const from = await site.log.place(product, { kind: 'latest' });
    const listeners = site.all.flatMap((node) => [follow(node, from), follow(node, from)]);
    for (let partition = 0; partition < 6; partition += 1) site.log.put(product, partition, { value: 1 }, { value: 2 });
    for (const listener of listeners) await caughtUp(site, listener);
    for (const listener of listeners) listener.expectExact(site.log);
    for (let partition = 0; partition < 6; partition += 1)
      expect(site.readers(partition)).toEqual([`${ownerOf(product, partition, site.ids)} ${partition}`]);
    for (const listener of listeners) listener.tail?.close();
    await site.settle();
    for (let partition = 0; partition < 6; partition += 1) expect(site.readers(partition)).toEqual([]);
  });

  test('without a link to the owner a node reads for itself, and stops when there is one', async () => {
    const site = await siteOf(4, 2);
    const [one, two] = [site.node(0), site.node(1)];
    const from = await site.log.place(product, { kind: 'latest' });
    const foreign = [0, 1, 2, 3].filter((partition) => ownerOf(product, partition, site.ids) === two.id);
    expect(foreign.length).toBeGreaterThan(0);
    const listener = follow(one, from);
    await caughtUp(site, listener);
    one.cut(two);
    await site.settle();
    for (const partition of foreign) expect(site.readers(partition)).toContain(`${one.id} ${partition}`);
    for (const partition of foreign) site.log.put(product, partition, { value: 3 });
    await caughtUp(site, listener);
    one.connect(two);
    await site.settle();
    for (const partition of foreign) expect(site.readers(partition)).toEqual([`${two.id} ${partition}`]);
    for (const partition of foreign) site.log.put(product, partition, { value: 4 });
    await caughtUp(site, listener);
    listener.expectExact(site.log);
  });

  test('an owner that is silent is left, and asked again later', async () => {
    const site = await siteOf(4, 2);
    const [one, two] = [site.node(0), site.node(1)];
    const foreign = [0, 1, 2, 3].filter((partition) => ownerOf(product, partition, site.ids) === two.id);
    const listener = follow(one, await site.log.place(product, { kind: 'latest' }));
    await caughtUp(site, listener);
    one.links.get(two.id)?.channel.hold();
    for (const partition of foreign) site.log.put(product, partition, { value: 3 });
    await caughtUp(site, listener);
    for (const partition of foreign) expect(site.readers(partition)).toContain(`${one.id} ${partition}`);
    one.links.get(two.id)?.channel.release();
    await site.pass(11_000);
    for (const partition of foreign) expect(site.readers(partition)).toEqual([`${two.id} ${partition}`]);
    listener.expectExact(site.log);
  });

  test('events of another version of the contract are not taken from the owner', async () => {
    const site = await siteOf(4, 2);
    const [one, two] = [site.node(0), site.node(1)];
    const listener = follow(one, await site.log.place(product, { kind: 'latest' }));
    one.projection = 'p2';
    site.log.projection = 'p1';
    for (let partition = 0; partition < 4; partition += 1) site.log.put(product, partition, { value: 1 });
    await caughtUp(site, listener);
    const foreign = [0, 1, 2, 3].filter((partition) => ownerOf(product, partition, site.ids) === two.id);
    for (const partition of foreign) expect(site.readers(partition)).toContain(`${one.id} ${partition}`);
    listener.expectExact(site.log);
  });

  test('a log that was recreated ends the tails of every node with SOURCE_RESET', async () => {
    const site = await siteOf(4, 3);
    const from = await site.log.place(product, { kind: 'latest' });
    const listeners = site.all.map((node) => follow(node, from));
    await site.settle();
    site.log.create(product, 4);
    for (let i = 0; i < 10; i += 1) {
      await site.clock.pass(500);
      await site.settle();
    }
    for (const { failures } of listeners) expect(failures.map(({ code }) => code)).toEqual(['SOURCE_RESET']);
    for (let partition = 0; partition < 4; partition += 1) expect(site.readers(partition)).toEqual([]);
  });

  test('lose and double nothing, whoever joins, dies, is cut off, stands still and is of another version meanwhile', async () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ do: fc.constant('put' as const), at: fc.nat(5), count: fc.nat(12) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('follow' as const), at: fc.nat(3), back: fc.nat(9) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), at: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), at: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), at: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), at: fc.nat(3), to: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('link' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const), at: fc.nat(3), to: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('version' as const), at: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('grow' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('want' as const), at: fc.nat(9), which: fc.nat(4) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const), count: fc.nat(4) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(4_000) }) },
    );
    let moved = 0;
    let partial = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const site = await siteOf(3, 4);
        const held: MemoryChannel[] = [];
        const listeners: Listener[] = [];
        let value = 0;
        const begin = async (at: number, back: number): Promise<void> => {
          const { incarnation, vector } = await site.log.place(product, { kind: 'latest' });
          const from = { incarnation, vector: vector.map((end) => Math.max(0, end - back)) };
          listeners.push(follow(site.node(at), from, topicFilter(listeners.length)));
        };
        await begin(0, 0);
        await begin(1, 0);
        for (const each of steps) {
          switch (each.do) {
            case 'put':
              for (let i = 0; i < each.count; i += 1)
                site.log.put(product, each.at % site.log.partitions(product), value % 7 === 0 ? null : { value }, {
                  value: ++value,
                  topic: `k/${value % 5}/x`,
                });
              break;
            case 'follow':
              await begin(each.at, each.back);
              break;
            case 'leave': {
              const [gone] = listeners.splice(each.at % listeners.length, 1);
              gone?.tail?.close();
              gone?.expectExact(site.log);
              if (listeners.length === 0) await begin(0, 0);
              break;
            }
            case 'join':
              site.join(site.node(each.at));
              break;
            case 'kill':
              site.kill(site.node(each.at));
              moved += 1;
              break;
            case 'cut':
              site.node(each.at).cut(site.node(each.to));
              moved += 1;
              break;
            case 'link':
              site.connectAll();
              break;
            case 'hold': {
              const channel = site.node(each.at).links.get(site.node(each.to).id)?.channel;
              channel?.hold();
              if (channel !== undefined) held.push(channel);
              break;
            }
            case 'release':
              for (const channel of held.splice(0)) channel.release();
              break;
            case 'version':
              site.node(each.at).projection = site.node(each.at).projection === 'p1' ? 'p2' : 'p1';
              break;
            case 'grow':
              if (site.log.partitions(product) < 6) site.log.grow(product, site.log.partitions(product) + 1);
              break;
            case 'want':
              listeners[each.at % listeners.length]?.want(topicFilter(each.which));
              break;
            case 'turn':
              for (let i = 0; i < each.count; i += 1) await turn();
              break;
            default:
              await site.clock.pass(each.ms);
          }
        }
        for (const listener of listeners) await caughtUp(site, listener);
        for (const listener of listeners) listener.expectExact(site.log);
        // Once all is well again each partition is read once.
        for (const channel of held.splice(0)) channel.release();
        for (const node of site.all) {
          node.projection = 'p1';
          site.join(node);
        }
        await site.settle();
        site.connectAll();
        await site.settle();
        // Whoever was avoided is asked again in five minutes at the latest.
        const isSettled = (): boolean =>
          Array.from({ length: site.log.partitions(product) }, (_, p) => p).every(
            (p) => site.readers(p).join() === `${ownerOf(product, p, site.ids)} ${p}`,
          );
        for (let passed = 0; passed < 700_000 && !isSettled(); passed += 1_000) await site.pass(1_000);
        for (let partition = 0; partition < site.log.partitions(product); partition += 1) {
          expect(site.readers(partition)).toEqual([`${ownerOf(product, partition, site.ids)} ${partition}`]);
          site.log.put(product, partition, { value: ++value });
        }
        for (const listener of listeners) await caughtUp(site, listener);
        for (const listener of listeners) listener.expectExact(site.log);
        for (const listener of listeners) listener.tail?.close();
        for (const { scans } of listeners) partial += scans.filter(({ interest }) => interest > 0).length;
        await site.settle();
      }),
      { numRuns: 40 },
    );
    expect(moved).toBeGreaterThan(20);
    expect(partial).toBeGreaterThan(20);
  });
});
