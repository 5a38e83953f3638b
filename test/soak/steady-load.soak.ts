/**
 * A gateway under a steady load of 20,000 deliveries a second, while subscribers come and go: its heap after garbage collection is the
 * same in the end as when it had warmed up, and each subscriber has had each event once.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { startKafka } from '../bed/kafka.ts';
import { EventStreamWire, WebSocketWire, type Wire, type WireMessage } from '../gateway/crowd-wires.ts';
import { type GatewayProcess, Site } from '../gateway/node.ts';
import { KafkaUser, readings } from '../gateway/producer.ts';
import { Seeded } from '../gateway/seeded.ts';
import { Inspector } from './inspector.ts';
import type { SoakOptions } from './main.ts';

export const name = 'steady-load';

const SUBSCRIBERS = 200;
const RECORDS_PER_SECOND = 100;
const PARTITIONS = 4;
const STEP_MS = 100;
/** Of a run of some minutes; a shorter one warms up for a third of it. */
const WARM_UP_MS = 60_000;
/** Full before the warm-up ends, so that it does not grow afterwards. */
const RING_BYTES = 1_048_576;
const TOLERANCE = 0.05;
const QUERY = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor topic data { seq id region } } }';

export async function run({ until, seed }: SoakOptions): Promise<string> {
  await using cluster = await startKafka();
  await using user = new KafkaUser(cluster.bootstrap);
  const product = readings();
  await user.createTopic(product.topic, PARTITIONS);
  const site = new Site({ main: cluster.bootstrap }, [product], `delivery: {ringBytes: ${RING_BYTES}}`);
  await using gateway = await site.start({ env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } });
  await gateway.ready();
  using inspector = await Inspector.of(gateway);
  const { key } = await site.partner(['readings']);
  const load = new Load(user, product.topic, gateway, key, new Seeded(seed));

  const begin = performance.now();
  const warm = begin + Math.min(WARM_UP_MS, (until - begin) / 3);
  await load.run(warm);
  const before = await inspector.memory();
  const [since, delivered] = [performance.now(), load.delivered];
  await load.run(until);
  const rate = Math.round((load.delivered - delivered) / ((performance.now() - since) / 1000));
  const after = await inspector.memory();
  load.end();

  const grown = after.heapUsed / before.heapUsed - 1;
  const percent = (growth: number): string => `${(growth * 100).toFixed(1)} %`;
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  const seen =
    `${rate} deliveries/s, ${load.came} subscribers came and went; heap after GC ${mib(before.heapUsed)} MiB, then ${mib(after.heapUsed)} (${percent(grown)}), ` +
    `external ${mib(before.external)}, then ${mib(after.external)}, RSS ${mib(before.rss)}, then ${mib(after.rss)}`;
  if (rate < SUBSCRIBERS * RECORDS_PER_SECOND * 0.95) throw new Error(`too few deliveries to tell anything: ${seen}`);
  if (load.came < 10) throw new Error(`hardly anybody came and went: ${seen}`);
  if (Math.abs(grown) > TOLERANCE) throw new Error(`the heap is not flat: ${seen}`);
  return seen;
}

class Load {
  delivered = 0;
  /** Subscribers beyond the first ones. */
  came = -SUBSCRIBERS;
  readonly #user: KafkaUser;
  readonly #topic: string;
  readonly #gateway: GatewayProcess;
  readonly #key: string;
  readonly #chance: Seeded;
  readonly #subscribers: Subscriber[] = [];
  #written = 0;
  #failure: Error | null = null;

  constructor(user: KafkaUser, topic: string, gateway: GatewayProcess, key: string, chance: Seeded) {
    this.#user = user;
    this.#topic = topic;
    this.#gateway = gateway;
    this.#key = key;
    this.#chance = chance;
  }

  /** Until the performance clock says so, in steps: what is late is made up for. */
  async run(until: number): Promise<void> {
    while (this.#subscribers.length < SUBSCRIBERS) this.#subscribers.push(this.#begin(null));
    const began = performance.now();
    const before = this.#written;
    for (let step = 1; performance.now() < until; step++) {
      await this.#write(before + Math.round((RECORDS_PER_SECOND * STEP_MS * step) / 1000));
      // One in five steps somebody goes and another one comes, half of them where the other had stood.
      if (this.#chance.chance(0.2)) this.#replace();
      if (this.#failure !== null) throw this.#failure;
      await pause(Math.max(0, began + step * STEP_MS - performance.now()));
    }
  }

  end(): void {
    for (const subscriber of this.#subscribers) subscriber.leave();
  }

  async #write(upTo: number): Promise<void> {
    const messages = Array.from({ length: upTo - this.#written }, (_, i) => {
      const seq = this.#written + i;
      const region = 'a region of some length, so that an event is of about three hundred bytes as they are elsewhere';
      const value = JSON.stringify({ id: `id-${seq % 997}`, seq, region });
      return { key: `id-${seq % 997}`, partition: seq % PARTITIONS, value };
    });
    this.#written = upTo;
    if (messages.length > 0) await this.#user.send(this.#topic, messages);
  }

  #replace(): void {
    const index = this.#chance.between(0, SUBSCRIBERS - 1);
    const gone = this.#subscribers[index] as Subscriber;
    gone.leave();
    this.#subscribers[index] = this.#begin(this.#chance.chance(0.5) ? gone : null);
  }

  #begin(after: Subscriber | null): Subscriber {
    this.came += 1;
    const at = { port: this.#gateway.port, isTls: false };
    return new Subscriber(at, this.#key, this.#chance.chance(0.2), after, {
      delivered: () => {
        this.delivered += 1;
      },
      failed: (error) => {
        this.#failure ??= error;
      },
    });
  }
}

interface Heard {
  delivered(): void;
  failed(error: Error): void;
}

class Subscriber {
  cursor: string | null;
  /** Index = partition: the seq that comes next. */
  readonly #next: (number | undefined)[];
  readonly #heard: Heard;
  readonly #wire: Wire;
  #hasLeft = false;

  /** `after`: it goes on where that one had stood. */
  constructor(
    at: { port: number; isTls: boolean },
    key: string,
    isSse: boolean,
    after: Subscriber | null,
    heard: Heard,
  ) {
    this.cursor = after?.cursor ?? null;
    this.#next = this.cursor === null ? [] : [...(after as Subscriber).#next];
    this.#heard = heard;
    const from = this.cursor === null ? { latest: true } : { cursor: this.cursor };
    const operation = { query: QUERY, variables: { from } };
    const options = { at, key, onMessage: (message: WireMessage) => this.#take(message) };
    if (isSse) this.#wire = new EventStreamWire(options, operation, null);
    else {
      const socket = new WebSocketWire(options);
      this.#wire = socket;
      socket.acknowledged.then(
        () => socket.send({ type: 'subscribe', id: '1', payload: operation }),
        () => {},
      );
    }
    void this.#wire.closed.then(() => {
      if (!this.#hasLeft) heard.failed(new Error('a connection was lost'));
    });
  }

  leave(): void {
    this.#hasLeft = true;
    this.#wire.cut('now');
  }

  #take({ type, payload }: WireMessage): void {
    if (type === 'pong') return;
    const data = (payload as { data?: { readings: { cursor: string; data: { seq: number } } } }).data?.readings;
    if (data === undefined) return this.#heard.failed(new Error(`${type}: ${JSON.stringify(payload)}`));
    const { seq } = data.data;
    const partition = seq % PARTITIONS;
    const due = this.#next[partition] ?? seq;
    if (seq !== due) this.#heard.failed(new Error(`${seq} came where ${due} was due`));
    this.#next[partition] = seq + PARTITIONS;
    this.cursor = data.cursor;
    this.#heard.delivered();
  }
}
