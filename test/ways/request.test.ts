/** The request's way, from a key to a placed subscription, over real access, compiler and delivery and a source of arrays. */
import { describe, expect, test } from 'vitest';
import { revokeGrant } from '../../src/core/access/index.ts';
import { type Contract, sealContract } from '../../src/core/contract/index.ts';
import type { Notice, Outlet } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import type { SurfaceHandlers } from '../../src/core/surface/index.ts';
import { createCompiler, OperationError } from '../../src/core/view/index.ts';
import type { Session } from '../../src/ways/ports.ts';
import { createRequestWay } from '../../src/ways/request.ts';
import { address, Setting } from '../access/setting.ts';
import { lines, Stage, Subscriber, TestSink } from '../delivery/stage.ts';
import { flights } from '../surface/contracts.ts';

const peer = { address, door: 'test' };
const handlers: SurfaceHandlers = {
  history: () => Promise.reject(new SluiceError('NOT_FOUND')),
  publish: () => Promise.reject(new SluiceError('NOT_FOUND')),
};
const codeOf = (thrown: unknown): string | undefined => (thrown instanceof SluiceError ? thrown.code : undefined);

/** A node with the product flights in two partitions. */
class Node {
  readonly setting = new Setting();
  readonly stage = new Stage();
  refusal: SluiceError | null = null;
  contracts: readonly Contract[] = [flights];
  readonly way;
  #ids = 0;

  constructor(limits: { maxConnections?: number; maxSubscriptions?: number; maxScannedFilters?: number } = {}) {
    const { source, delivery } = this.stage;
    source.projection = flights.projection;
    this.way = createRequestWay({
      access: this.setting.access,
      delivery,
      source,
      compiler: createCompiler({
        limits: { maxDepth: 10, maxAliases: 15, maxDirectives: 50, maxTokens: 1_000, maxCost: 5_000 },
        cacheSize: 100,
      }),
      clock: this.stage.clock,
      handlers,
      observe: {
        debug() {},
        info() {},
        warn() {},
        error() {},
        counter: () => ({ add() {} }),
        gauge: () => ({ set() {} }),
      },
      contracts: () => this.contracts,
      wall: () => this.setting.wall,
      limits: { maxConnections: 100, maxSubscriptions: 100, maxScannedFilters: 100, ...limits },
      refusing: () => this.refusal,
    });
  }

  connect(more: Parameters<Setting['partner']>[1] = {}) {
    const partner = this.setting.partner(['flights'], more);
    return { ...partner, session: this.way.connect(partner.key.secret, peer) };
  }

  async subscribe(session: Session, from: object = { latest: true }, more = '', signal = new AbortController().signal) {
    const subscriber = new Subscriber(`s${this.#ids++}`, new TestSink());
    const outlet: Outlet = {
      sink: subscriber.sink,
      envelope: lines,
      id: Buffer.from(subscriber.id),
      ready: (cursor) => {
        subscriber.ready = cursor;
      },
      progress: (cursor) => void subscriber.progress.push(cursor),
      ended: (error) => {
        subscriber.error = error;
      },
    };
    const query = `subscription ($from: ReplayFrom) { flights(from: $from${more}) { cursor topic key } }`;
    subscriber.subscription = await this.way.subscribe(session, { query, variables: { from } }, outlet, signal);
    await this.stage.settle();
    return subscriber;
  }
}

/** What the subscription above is sent, by key. */
function keysOf({ messages }: Subscriber): (string | null)[] {
  return messages.map(({ data }) => (data as unknown as { flights: { key: string | null } }).flights.key);
}

function lastCursorOf({ messages }: Subscriber): string {
  const cursors = messages.map(({ data }) => (data as unknown as { flights: { cursor: string } }).flights.cursor);
  return cursors.at(-1) ?? '';
}

describe('a subscription', () => {
  test('is placed, told ready, and sent what is appended after that', async () => {
    const node = new Node();
    const { session } = node.connect();
    node.stage.put(0, 1, 2);
    const subscriber = await node.subscribe(session);
    expect(subscriber.ready).not.toBeNull();
    node.stage.put(0, 3);
    await node.stage.settle();
    expect(keysOf(subscriber)).toEqual(['k3']);
  });

  test('that asks for more than the bounded look-back finds is told so with its first event', async () => {
    const node = new Node();
    const { session } = node.connect();
    node.stage.source.scanEvents = 10_000;
    node.stage.source.put('flights', 0, { value: 1, key: 'old', topic: 'aviation/LAX/JFK/DEP' });
    const filler = Array.from({ length: 20_010 }, () => ({ value: 0, topic: 'aviation/SFO/JFK/DEP' }));
    for (let i = 0; i < 10; i++) node.stage.source.put('flights', 0, ...filler);
    node.stage.source.put('flights', 0, { value: 2, key: 'new', topic: 'aviation/LAX/JFK/DEP' });
    const subscriber = await node.subscribe(session, { last: 2 }, ', topic: "aviation/LAX/>"');
    const examined = node.stage.source.reads.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(examined).toBeLessThanOrEqual(200_000 + 1);
    expect(keysOf(subscriber)).toEqual(['new']);
    const notices: readonly Notice[] | undefined = subscriber.messages[0]?.extensions?.sluice.notices;
    expect(notices).toEqual([{ code: 'SHORT', message: expect.stringContaining('1 matching'), found: 1 }]);
  });

  test('that is given up while it is placed leaves nothing', async () => {
    const node = new Node();
    const { session } = node.connect();
    const giveUp = new AbortController();
    const placing = node.subscribe(session, undefined, '', giveUp.signal);
    giveUp.abort();
    await expect(placing).rejects.toThrow(/given up/);
    expect(node.stage.delivery.subscriptions).toBe(0);
    expect(node.stage.source.tails).toBe(0);
  });

  test('whose grant ends while it is placed is refused', async () => {
    const node = new Node();
    const { session, grants } = node.connect();
    const placing = node.subscribe(session);
    const { access, circumstances } = node.setting;
    node.setting.change(revokeGrant(access.state, circumstances, { grant: grants[0]?.id ?? '' }));
    await expect(placing).rejects.toBeInstanceOf(SluiceError);
    expect(node.stage.delivery.subscriptions).toBe(0);
  });
});

describe('a cursor', () => {
  test('is nothing without access: of another application it is refused where nothing is granted', async () => {
    const node = new Node();
    const { session } = node.connect();
    const { ready } = await node.subscribe(session);
    const stranger = node.setting.application();
    const outside = node.way.connect(node.setting.key(stranger.id).secret, peer);
    const refused = await node.subscribe(outside, { cursor: ready }).catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(OperationError);
    expect((refused as OperationError).errors.map(({ extensions }) => extensions['code'])).toContain('BAD_REQUEST');
    expect(node.stage.delivery.subscriptions).toBe(1);
  });

  test('of another application shows, replayed and live, what one’s own grant shows', async () => {
    const node = new Node();
    const { session } = node.connect();
    const put = (key: string, origin: string): void => {
      node.stage.source.put('flights', 0, { value: 1, key, topic: `aviation/${origin}/JFK/DEP` });
      node.stage.source.deliver();
    };
    put('before', 'LAX');
    const first = await node.subscribe(session, { earliest: true });
    expect(keysOf(first)).toEqual(['before']);
    put('elsewhere', 'SFO');
    put('here', 'LAX');
    const narrow = node.connect({ restrictions: { topics: ['aviation/LAX/>'] } });
    const second = await node.subscribe(narrow.session, { cursor: lastCursorOf(first) });
    put('elsewhere again', 'SFO');
    put('here again', 'LAX');
    await node.stage.settle();
    expect(keysOf(first)).toEqual(['before', 'elsewhere', 'here', 'elsewhere again', 'here again']);
    expect(keysOf(second)).toEqual(['here', 'here again']);
  });
});

describe('a node', () => {
  test.each(['UNAVAILABLE', 'DRAINING'] as const)(
    'that is %s takes neither connections nor subscriptions',
    async (code) => {
      const node = new Node();
      const { session, key } = node.connect();
      node.refusal = new SluiceError(code);
      expect(() => node.way.connect(key.secret, peer)).toThrow(node.refusal);
      await expect(node.subscribe(session)).rejects.toBe(node.refusal);
    },
  );

  test('that begins to drain while a subscription is placed refuses it', async () => {
    const node = new Node();
    const { session } = node.connect();
    const placing = node.subscribe(session);
    node.refusal = new SluiceError('DRAINING');
    await expect(placing).rejects.toBe(node.refusal);
    expect(node.stage.delivery.subscriptions).toBe(0);
  });

  test('has a bound on connections: the next is CONNECTION_LIMIT, and takes the place of one that goes', () => {
    const node = new Node({ maxConnections: 2 });
    const { session, key } = node.connect();
    node.way.connect(key.secret, peer);
    const code = (): string | undefined => {
      try {
        node.way.connect(key.secret, peer);
        return undefined;
      } catch (thrown) {
        return codeOf(thrown);
      }
    };
    expect(code()).toBe('CONNECTION_LIMIT');
    session.close();
    session.close();
    expect(code()).toBeUndefined();
    expect(code()).toBe('CONNECTION_LIMIT');
  });

  test('has a bound on subscriptions, those that are being placed included', async () => {
    const node = new Node({ maxSubscriptions: 2 });
    const { session } = node.connect();
    const first = await node.subscribe(session);
    const placing = node.subscribe(session);
    await expect(node.subscribe(session).catch(codeOf)).resolves.toBe('SUBSCRIPTION_LIMIT');
    await placing;
    await expect(node.subscribe(session).catch(codeOf)).resolves.toBe('SUBSCRIPTION_LIMIT');
    first.subscription?.end(null);
    await expect(node.subscribe(session)).resolves.toBeInstanceOf(Subscriber);
  });
});

describe('filters that neither topic nor equality narrows', () => {
  const late = (minutes: number, more = ''): string => `${more}, where: {delay: {gte: ${minutes}}}`;
  const outcome = (placing: Promise<Subscriber>): Promise<unknown> => placing.then(() => 'placed', codeOf);

  test('are bounded for each application and product, those that are being placed included', async () => {
    const node = new Node({ maxScannedFilters: 2 });
    const { session } = node.connect();
    const first = await node.subscribe(session, undefined, late(1));
    const placing = node.subscribe(session, undefined, late(2));
    const refused = await node.subscribe(session, undefined, late(3)).catch((thrown: unknown) => thrown);
    expect(codeOf(refused)).toBe('SUBSCRIPTION_LIMIT');
    expect((refused as SluiceError).message).toMatch(
      /"flights".*at most 2: add an equality \(eq, in\).*"where".*"topic"/,
    );
    await placing;
    expect(await outcome(node.subscribe(session, undefined, late(3)))).toBe('SUBSCRIPTION_LIMIT');
    // Another application has its own.
    expect(await outcome(node.subscribe(node.connect().session, undefined, late(3)))).toBe('placed');
    first.subscription?.end(null);
    expect(await outcome(node.subscribe(session, undefined, late(3)))).toBe('placed');
    expect(await outcome(node.subscribe(session, undefined, late(4)))).toBe('SUBSCRIPTION_LIMIT');
  });

  test('count once however many subscriptions have them, and until the last of these is gone', async () => {
    const node = new Node({ maxScannedFilters: 1 });
    const { session } = node.connect();
    const one = await node.subscribe(session, undefined, late(1));
    const same = await node.subscribe(session, undefined, late(1));
    one.subscription?.end(null);
    expect(await outcome(node.subscribe(session, undefined, late(2)))).toBe('SUBSCRIPTION_LIMIT');
    same.subscription?.end(null);
    expect(await outcome(node.subscribe(session, undefined, late(2)))).toBe('placed');
  });

  test('leave their place when they are given up before they are placed', async () => {
    const node = new Node({ maxScannedFilters: 1 });
    const { session } = node.connect();
    const giveUp = new AbortController();
    const placing = node.subscribe(session, undefined, late(1), giveUp.signal);
    giveUp.abort();
    await expect(placing).rejects.toThrow(/given up/);
    expect(await outcome(node.subscribe(session, undefined, late(2)))).toBe('placed');
  });

  test.each([
    ['no where', '', 'placed'],
    ['a topic alone', ', topic: "aviation/*/*/*"', 'placed'],
    ['an equality that must hold', ', where: {delay: {gte: 2}, origin: {eq: "LAX"}}', 'placed'],
    ['an equality in each member of an or', ', where: {or: [{origin: {eq: "LAX"}}, {fare: {isNull: true}}]}', 'placed'],
    ['a level of the topic', late(2, ', topic: "aviation/*/JFK/>"'), 'placed'],
    ['the beginning of a level', late(2, ', topic: "aviation/LA*/>"'), 'placed'],
    ['a level that all topics have', late(2, ', topic: "aviation/*/>"'), 'SUBSCRIPTION_LIMIT'],
    ['the beginning of a level that all topics have', late(2, ', topic: "avi*/>"'), 'SUBSCRIPTION_LIMIT'],
    [
      'an equality in one member of an or',
      ', where: {or: [{origin: {eq: "LAX"}}, {delay: {gte: 2}}]}',
      'SUBSCRIPTION_LIMIT',
    ],
    ['what must not equal', ', where: {not: {origin: {eq: "LAX"}}}', 'SUBSCRIPTION_LIMIT'],
    ['an equality of a boolean', ', where: {delay: {gte: 2}, cancelled: {eq: true}}', 'SUBSCRIPTION_LIMIT'],
  ])('are told from others: %s', async (_what, more, expected) => {
    const node = new Node({ maxScannedFilters: 1 });
    const { session } = node.connect();
    await node.subscribe(session, undefined, late(1));
    expect(await outcome(node.subscribe(session, undefined, more))).toBe(expected);
  });

  test('are no longer such where the grant narrows them to topics or rows', async () => {
    const node = new Node({ maxScannedFilters: 1 });
    for (const restrictions of [{ topics: ['aviation/LAX/>'] }, { rows: '{"origin": {"eq": "LAX"}}' }]) {
      const { session } = node.connect({ restrictions });
      await node.subscribe(session, undefined, late(1));
      expect(await outcome(node.subscribe(session, undefined, late(2)))).toBe('placed');
    }
  });

  test('are counted anew under a new contract, and those over the limit end with their cursor', async () => {
    const node = new Node({ maxScannedFilters: 1 });
    const { session } = node.connect();
    const topic = ', topic: "aviation/LAX/>"';
    const both = [
      await node.subscribe(session, undefined, late(1, topic)),
      await node.subscribe(session, undefined, late(2, topic)),
    ];
    const { digest: _digest, projection: _projection, ...parts } = flights;
    const template = [{ literal: 'aviation' }, { literal: 'LAX' }, ...flights.template.slice(2)];
    node.contracts = [sealContract({ ...parts, template, templateText: 'aviation/LAX/{destination}/{status}' })];
    node.stage.delivery.reload('flights');
    await node.stage.settle();
    const [goes, stays] = both[0]?.ended ? both : [...both].reverse();
    expect(stays?.ended).toBe(false);
    expect(goes?.error?.code).toBe('SUBSCRIPTION_LIMIT');
    expect(goes?.error?.details.cursor).toEqual(goes?.ready);
    // The one that stays has the place of the contract in force.
    expect(await outcome(node.subscribe(session, undefined, late(3)))).toBe('SUBSCRIPTION_LIMIT');
  });
});
