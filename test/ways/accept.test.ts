/** The way of contracts into the state, over a state that can be had, or not. */
import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/core/access/index.ts';
import type { Contract } from '../../src/core/contract/index.ts';
import { LogError } from '../../src/core/log/index.ts';
import type { Observe } from '../../src/core/observe.ts';
import { type Acceptance, createAcceptance } from '../../src/ways/accept.ts';
import { contractOf, type Document, product, yamlOf } from '../contract/documents.ts';
import { ManualClock } from '../delivery/manual-clock.ts';

/** A node with files that offer contracts, and a state that several nodes may share. */
class State {
  readonly records: { topic: string; key: string; value: string | null }[] = [];
  readonly nodes: Node[] = [];
  /** Why it cannot be written. */
  failure: Error | null = null;

  async transact<Answer>(decide: () => Decision<Answer>): Promise<Answer> {
    await Promise.resolve();
    if (this.failure !== null) throw this.failure;
    const { writes, answer } = decide();
    for (const write of writes) {
      this.records.push(write);
      for (const node of this.nodes) node.acceptance.reader.apply({ ...write, offset: 0, timestamp: 0 });
    }
    return answer;
  }
}

class Node {
  readonly clock = new ManualClock();
  readonly logged: string[] = [];
  readonly acceptance: Acceptance;
  changes = 0;
  broken = 0;
  #documents: readonly Document[];
  #changed = (): void => {};

  constructor(state: State, documents: readonly Document[]) {
    this.#documents = documents;
    const log = (level: string) => (message: string) => void this.logged.push(`${level}: ${message}`);
    const observe: Observe = {
      ...{ debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      counter: () => ({ add: () => {} }),
      gauge: () => ({
        set: (value) => {
          this.broken = value;
        },
      }),
    };
    const read = () => this.#documents.map((document) => contractOf(document, `${document.name}.odcs.yaml`));
    this.acceptance = createAcceptance({
      offered: {
        current: () => ({ contracts: read(), broken: [] }),
        watch: (changed) => {
          this.#changed = changed;
        },
        reload: () => {},
        textOf: (contract: Contract) => yamlOf(this.#documents.find(({ name }) => name === contract.name)),
      },
      transact: (decide) => state.transact(decide),
      clock: this.clock,
      wall: () => 1,
      observe,
      clusters: ['main'],
      isForced: false,
    });
    this.acceptance.watch(() => {
      this.changes += 1;
    });
    state.nodes.push(this);
    this.acceptance.reader.restart();
    for (const record of state.records) this.acceptance.reader.apply({ ...record, offset: 0, timestamp: 0 });
  }

  offer(...documents: readonly Document[]): void {
    this.#documents = documents;
    this.#changed();
  }

  get inForce(): readonly string[] {
    return this.acceptance.current().contracts.map(({ version, tags }) => [version, ...tags].join(' '));
  }
}

const orders = (version: string, ...tags: readonly string[]): Document => ({ ...product(), version, tags });
/** Everything that is on its way has come. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the way of contracts', () => {
  test('waits for the state, accepts what is offered, and is settled then', async () => {
    const state = new State();
    const node = new Node(state, [orders('1.0.0')]);
    let settled = false;
    void node.acceptance.settled.then(() => {
      settled = true;
    });
    node.offer(orders('1.0.1'));
    await quiet();
    expect([settled, state.records.length, node.changes]).toEqual([false, 0, 0]);
    node.acceptance.reader.adopt();
    await quiet();
    expect([settled, node.inForce, state.records.map(({ key }) => key)]).toEqual([
      true,
      ['1.0.1'],
      ['contract/orders'],
    ]);
    expect(node.changes).toBeGreaterThan(0);
  });

  test('writes nothing where everything was accepted before', async () => {
    const state = new State();
    new Node(state, [orders('1.0.0')]).acceptance.reader.adopt();
    await quiet();
    const again = new Node(state, [orders('1.0.0')]);
    again.acceptance.reader.adopt();
    await again.acceptance.settled;
    expect([again.inForce, state.records.length]).toEqual([['1.0.0'], 1]);
  });

  test('keeps what was in force while the state cannot be written, says so, and tries again', async () => {
    const state = new State();
    const node = new Node(state, [orders('1.0.0')]);
    node.acceptance.reader.adopt();
    await node.acceptance.settled;
    state.failure = new LogError('UNAVAILABLE', 'gone');
    node.offer(orders('1.1.0', 'new'));
    await quiet();
    expect(node.inForce).toEqual(['1.0.0']);
    expect(node.logged.filter((line) => line.startsWith('error: Contracts cannot be accepted'))).toHaveLength(1);
    await node.clock.pass(250);
    await quiet();
    expect(node.logged.filter((line) => line.startsWith('error: Contracts cannot be accepted'))).toHaveLength(2);
    state.failure = null;
    await node.clock.pass(500);
    await quiet();
    expect([node.inForce, node.broken]).toEqual([['1.1.0 new'], 0]);
  });

  test('of a state that is read anew goes on with the old one until the new one is whole', async () => {
    const state = new State();
    const node = new Node(state, [orders('1.0.0')]);
    node.acceptance.reader.adopt();
    await node.acceptance.settled;
    node.acceptance.reader.restart();
    node.offer(orders('1.1.0'));
    await quiet();
    expect([node.inForce, state.records.length]).toEqual([['1.0.0'], 1]);
    for (const record of state.records) node.acceptance.reader.apply({ ...record, offset: 0, timestamp: 0 });
    node.acceptance.reader.adopt();
    await quiet();
    expect([node.inForce, state.records.length]).toEqual([['1.1.0'], 2]);
  });

  test('of two nodes with different words of one version ends with those that came last, and with nobody writing', async () => {
    const state = new State();
    const nodes = ['a', 'b'].map((tag) => new Node(state, [orders('1.0.0', tag)]));
    for (const node of nodes) node.acceptance.reader.adopt();
    await quiet();
    const [first, second] = nodes as [Node, Node];
    expect([first.inForce, second.inForce]).toEqual([second.inForce, first.inForce]);
    expect([first.broken + second.broken, state.records.length]).toEqual([1, 2]);
    const superseded = first.broken === 1 ? first : second;
    superseded.offer(orders('1.0.0', 'c'));
    await quiet();
    expect([first.inForce, second.inForce]).toEqual([['1.0.0 c'], ['1.0.0 c']]);
    // Words that it had offered before are an offer of their own, once the file has had others.
    superseded.offer(orders('1.0.0', 'a'));
    await quiet();
    expect([first.inForce, second.inForce, state.records.length]).toEqual([['1.0.0 a'], ['1.0.0 a'], 4]);
  });

  test('offers again what was forgotten', async () => {
    const state = new State();
    const node = new Node(state, [orders('1.0.0')]);
    node.acceptance.reader.adopt();
    await node.acceptance.settled;
    await state.transact(() => ({
      writes: [{ topic: 'contracts', key: 'contract/orders', value: null }],
      answer: null,
    }));
    await quiet();
    expect([node.inForce, state.records.length]).toEqual([['1.0.0'], 3]);
  });
});
