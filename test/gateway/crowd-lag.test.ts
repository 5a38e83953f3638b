import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bed } from '../bed/index.ts';
import { freePort } from '../bed/ports.ts';
import { CrowdWriter, crowdProduct, type Held, PARTITIONS, readingOf, readTopic } from './crowd-feed.ts';
import { Life, Truth, vectorOf } from './crowd-lives.ts';
import { type CrowdView, heavyViews, lightViews, type Policy, queryOf } from './crowd-views.ts';
import { WebSocketWire, type WireMessage } from './crowd-wires.ts';
import { Metrics } from './metrics.ts';
import { type GatewayProcess, Site } from './node.ts';
import { KafkaUser } from './producer.ts';

const all = heavyViews[0] as CrowdView;

let user: KafkaUser;
let gateway: GatewayProcess;
let metrics: Metrics;
let writer: CrowdWriter;
let topic: string;
let key: string;

beforeAll(async () => {
  const { bootstrap } = await bed().kafka();
  user = new KafkaUser(bootstrap);
  const product = crowdProduct();
  topic = product.topic;
  await user.createTopic(topic, PARTITIONS);
  const site = new Site({ main: bootstrap }, [product], 'delivery: {ringBytes: 1048576, maxLagBytes: 262144}');
  const port = await freePort();
  metrics = new Metrics(port);
  gateway = await site.start({ env: { SLUICE_TELEMETRY_METRICS_PORT: String(port) } });
  await gateway.ready();
  key = (await site.partner(['crowd'])).key;
  writer = await CrowdWriter.begin(user.kafka, topic);
});
afterAll(async () => {
  await writer?.[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
  await user?.[Symbol.asyncDispose]();
});

/** One subscriber with one subscription, which tells what it gets as it comes. */
class Subscriber implements AsyncDisposable {
  readonly life: Life;
  readonly wire: WebSocketWire;
  readonly notices: { readonly code: string; readonly at: number }[] = [];
  error: { readonly code: string; readonly cursor: string } | null = null;
  readonly #waiting = new Set<() => void>();

  private constructor(policy: Policy) {
    this.life = new Life(all, policy, { latest: true });
    const at = { port: gateway.port, isTls: false };
    this.wire = new WebSocketWire({ at, key, onMessage: (message) => this.#take(message) });
  }

  /** Live, with a few events that have come. */
  static async live(policy: Policy): Promise<Subscriber> {
    const subscriber = new Subscriber(policy);
    await subscriber.wire.acknowledged;
    subscriber.subscribe({ latest: true });
    await subscriber.until(({ life }) => life.start !== null);
    await writer.write(small(10));
    await subscriber.until(({ life }) => life.seqs.length === 10);
    return subscriber;
  }

  subscribe(from: object): void {
    this.error = null;
    const payload = { query: queryOf(all, this.life.policy), variables: { from } };
    this.wire.send({ type: 'subscribe', id: '1', payload });
  }

  async until(holds: (subscriber: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (!this.wire.isOpen) throw new Error(`closed: ${JSON.stringify(this.wire.close)}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Falls behind what the sockets and the window hold, by twelve megabytes, and then some small ones for each key. */
  async stall(): Promise<void> {
    this.wire.pause();
    for (let i = 0; i < 15; i++) await writer.write(small(8, 90_000));
    await writer.write(small(500));
    await metrics.reaches('sluice_records_read_total', {}, (read) => read === writer.readings.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.wire.cut('now');
    await metrics.reaches('sluice_subscriptions', {}, (count) => count === 0);
  }

  #take({ type, payload }: WireMessage): void {
    const { life } = this;
    if (type === 'pong') {
      const { ready, progress } = (payload as { sluice: Record<string, Record<string, string>> }).sluice;
      life.cursor = (ready ?? progress)?.['1'] ?? null;
      life.start ??= vectorOf(life.cursor as string);
    } else if (type === 'error') {
      this.error = (payload as [{ extensions: { code: string; cursor: string } }])[0].extensions;
    } else {
      const { data, extensions } = payload as {
        data: { crowd: { cursor: string; data: { seq: number; pad: string } } };
        extensions?: { sluice: { notices: Parameters<Life['note']>[0][] } };
      };
      const { seq, pad } = data.crowd.data;
      expect(pad).toBe(writer.readings[seq]?.pad);
      for (const notice of extensions?.sluice.notices ?? []) {
        this.notices.push({ code: notice.code, at: life.seqs.length });
        life.note(notice);
      }
      life.seqs.push(seq);
      life.cursor = data.crowd.cursor;
    }
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

const small = (count: number, padLength = 0): number[] => Array.from({ length: count }, () => padLength);
const truth = async (): Promise<Truth> => new Truth(await readTopic(user.kafka, topic));
const isBehind = (count: number): Promise<void> =>
  metrics.reaches('sluice_subscriptions_behind', {}, (behind) => behind === count);

describe('a subscription that falls behind its socket and the window', () => {
  test('with onLag CONFLATE is sent the newest event of each key, is told how many gave way, and gets every one once it is live again', async () => {
    await using subscriber = await Subscriber.live('CONFLATE');
    await subscriber.stall();
    await isBehind(1);
    const { life, wire } = subscriber;
    const stalledAt = writer.readings.length;
    wire.resume();
    await isBehind(0);
    await writer.write(small(200));
    await subscriber.until(
      () => life.seqs.at(-1) === writer.readings.length - 1 || life.seqs.slice(-200).every((seq) => seq >= stalledAt),
    );
    const held = await truth();
    expect(held.difference(life)).toBeNull();
    const first = Math.min(...life.seqs);
    const since = writer.readings.slice(first, stalledAt);
    const newest = new Map(since.map(({ id, seq }) => [id, seq]));
    const received = life.seqs.filter((seq) => seq < stalledAt);
    expect(new Map(received.map((seq) => [writer.readings[seq]?.id as string, seq]))).toEqual(newest);
    expect(life.conflated).toBeGreaterThan(300);
    expect(received.length + life.conflated).toBe(since.length);
    expect(new Set(subscriber.notices.map(({ code }) => code))).toEqual(new Set(['CONFLATED']));
    expect(life.seqs.filter((seq) => seq >= stalledAt).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, i) => stalledAt + i),
    );
  });

  test('with onLag DROP goes on at the newest, and a GAP notice names exactly what it was not sent', async () => {
    await using subscriber = await Subscriber.live('DROP');
    await subscriber.stall();
    await isBehind(1);
    const { life, wire } = subscriber;
    const stalledAt = writer.readings.length;
    wire.resume();
    await isBehind(0);
    await writer.close();
    await subscriber.until(() => life.seqs.filter((seq) => seq >= stalledAt).length === PARTITIONS);
    const held = await truth();
    expect(held.difference(life)).toBeNull();
    expect(subscriber.notices.map(({ code }) => code)).toEqual(['GAP']);
    // Told with the first event after it.
    expect(life.seqs[subscriber.notices[0]?.at as number]).toBeGreaterThanOrEqual(stalledAt);
    const told = life.gaps.flatMap(({ partition, from, to }) =>
      held.matching(all)[partition]?.filter(({ offset }) => from <= offset && offset < to),
    );
    const missing = writer.readings.slice(Math.min(...life.seqs)).filter(({ seq }) => !life.seqs.includes(seq));
    expect(missing.length).toBeGreaterThan(500);
    expect(told.map((one) => one?.reading.seq).sort()).toEqual(missing.map(({ seq }) => seq).sort());
  });

  test('with onLag END is ended though it reads nothing, gets what it was sent before that, and its cursor resumes exactly', async () => {
    await using subscriber = await Subscriber.live('END');
    await subscriber.stall();
    await metrics.reaches('sluice_errors_total', { code: 'LAGGED' }, (errors) => errors === 1);
    await metrics.reaches('sluice_subscriptions', {}, (count) => count === 0);
    const { life, wire } = subscriber;
    expect(subscriber.error).toBeNull();
    wire.resume();
    await subscriber.until(({ error }) => error !== null);
    expect(subscriber.error?.code).toBe('LAGGED');
    const before = life.seqs.length;
    expect(before).toBeLessThan(10 + 120);
    life.cursor = subscriber.error?.cursor as string;
    life.isOver = true;
    // All that lies before its cursor has come.
    expect((await truth()).difference(life)).toBeNull();
    life.isOver = false;
    subscriber.subscribe({ cursor: life.cursor });
    await subscriber.until(() => life.seqs.length === 10 + 120 + 500);
    await writer.close();
    await subscriber.until(() => life.seqs.length === 10 + 120 + 500 + PARTITIONS);
    expect((await truth()).difference(life)).toBeNull();
    expect({ error: subscriber.error, notices: subscriber.notices }).toEqual({ error: null, notices: [] });
  });
});

describe('what the crowd is held against', () => {
  const view = lightViews.find(({ name }) => name === 'high') as CrowdView;
  const held: Held[][] = [[], []];
  for (let seq = 0; seq < 200; seq++) held[seq % 2]?.push({ offset: seq >> 1, reading: readingOf(seq, 0) });
  const whole = new Truth(held);
  const inOrder = whole.matching(view).flat();
  const lifeOf = (policy: Policy, change: (seqs: number[]) => void): Life => {
    const life = new Life(view, policy, { earliest: true });
    life.start = [0, 0];
    life.seqs.push(...inOrder.map(({ reading }) => reading.seq));
    change(life.seqs);
    return life;
  };

  test('sees an event that is missing, doubled, out of order, of another view, or not of Kafka, under every policy', () => {
    const changes: readonly ((seqs: number[]) => void)[] = [
      (seqs) => seqs.splice(3, 1),
      (seqs) => seqs.splice(3, 0, seqs[3] as number),
      (seqs) => seqs.splice(3, 2, seqs[4] as number, seqs[3] as number),
      (seqs) => seqs.splice(3, 0, held[0]?.find(({ reading }) => !view.matches(reading))?.reading.seq as number),
      (seqs) => seqs.push(1_000),
    ];
    for (const policy of ['CATCH_UP', 'CONFLATE', 'DROP', 'END'] as const) {
      expect(whole.difference(lifeOf(policy, () => {}))).toBeNull();
      for (const change of changes)
        expect(whole.difference(lifeOf(policy, change)), `${policy} ${change}`).not.toBeNull();
    }
  });

  test('excuses what a GAP notice names and what a newer one of its key replaced, and nothing else', () => {
    const third = inOrder[3] as Held;
    const drop = lifeOf('DROP', (seqs) => seqs.splice(3, 1));
    drop.gaps.push({ partition: 0, from: third.offset, to: third.offset + 1 });
    expect(whole.difference(drop)).toBeNull();
    drop.seqs.splice(4, 1);
    expect(whole.difference(drop)).not.toBeNull();
    const told = lifeOf('DROP', () => {});
    told.gaps.push({ partition: 0, from: third.offset, to: third.offset + 1 });
    expect(whole.difference(told)).toMatch(/left out/);

    const list = whole.matching(view)[0] as readonly Held[];
    const replaced = list.find(({ offset, reading }) =>
      list.some((later) => later.offset > offset && later.reading.id === reading.id),
    );
    const newest = list.at(-2) as Held;
    const without = (gone: Held | undefined): Life => {
      const life = lifeOf('CONFLATE', (seqs) => seqs.splice(seqs.indexOf(gone?.reading.seq as number), 1));
      life.conflated = 1;
      return life;
    };
    expect(whole.difference(without(replaced))).toBeNull();
    expect(whole.difference(without(newest))).not.toBeNull();
  });
});
