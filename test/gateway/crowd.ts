/**
 * A crowd of clients that stall, die and resume at random, over WebSocket, TLS and SSE, on two nodes and a real Kafka that
 * another program writes to. In the end each subscription must have received exactly what Kafka holds for it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../bed/ports.ts';
import { certificate } from '../doors/certificate.ts';
import { CrowdClient } from './crowd-client.ts';
import { CrowdWriter, crowdProduct, PARTITIONS, readTopic } from './crowd-feed.ts';
import { type Life, Truth } from './crowd-lives.ts';
import { Happened, type World } from './crowd-world.ts';
import { Metrics } from './metrics.ts';
import { Site } from './node.ts';
import { KafkaUser } from './producer.ts';
import { Seeded } from './seeded.ts';

export interface CrowdOptions {
  readonly bootstrap: string;
  readonly clients: number;
  /** How long they disturb; then they are followed to the end. */
  readonly ms: number;
  readonly seed: number;
}

export interface CrowdOutcome extends Happened {
  readonly records: number;
  readonly lives: number;
  /** Most subscriptions that the nodes said were outside the live path. */
  readonly behind: number;
}

/** Small, so that whoever stalls for a burst is behind both. */
const RING_BYTES = 1_048_576;
const MAX_LAG_BYTES = 262_144;
/** A crowd in which nothing arrives for so long has lost something. */
const SILENCE_MS = 30_000;
/** Closing readings beyond the first ones. */
const MAX_ROUNDS = 100;

/** Throws the first thing that is wrong, with the seed. */
export async function runCrowd({ bootstrap, clients: count, ms, seed }: CrowdOptions): Promise<CrowdOutcome> {
  const chance = new Seeded(seed);
  await using user = new KafkaUser(bootstrap);
  const product = crowdProduct();
  await user.createTopic(product.topic, PARTITIONS);
  const delivery = `delivery: {ringBytes: ${RING_BYTES}, maxLagBytes: ${MAX_LAG_BYTES}}`;
  const site = new Site({ main: bootstrap }, [product], delivery);
  const { certFile, keyFile } = await certificate(site.folder);
  const metrics = [await freePort(), await freePort()].map((port) => ({ port, read: new Metrics(port) }));
  const env = metrics.map(({ port }) => ({ SLUICE_TELEMETRY_METRICS_PORT: String(port) }));
  await using plain = await site.start({ env: env[0] ?? {} });
  await plain.ready();
  const { key } = await site.partner(['crowd']);
  await using secure = await site.start({
    env: { ...env[1], SLUICE_LISTEN_TLS_CERT_FILE: certFile, SLUICE_LISTEN_TLS_KEY_FILE: keyFile },
  });
  await secure.ready();
  await using writer = await CrowdWriter.begin(user.kafka, product.topic);
  await writer.write(Array.from({ length: 200 }, () => 0));

  const stop = new AbortController();
  let failure: string | null = null;
  const world: World = {
    // Two in three connections are plain.
    nodes: [
      { port: plain.port, isTls: false },
      { port: plain.port, isTls: false },
      { port: secure.port, isTls: true },
    ],
    key,
    writer,
    ringBytes: RING_BYTES,
    lives: [],
    happened: new Happened(),
    stopping: stop.signal,
    fail(what) {
      failure ??= what;
      stop.abort();
    },
  };
  const check = (): void => {
    const ended = [plain, secure].find((node) => node.child.exitCode !== null || node.child.signalCode !== null);
    if (ended !== undefined) failure ??= `a node has ended: ${JSON.stringify(ended.lines.slice(-5))}`;
    if (failure !== null) throw new Error(`seed ${seed}: ${failure}`);
  };
  const clients = Array.from({ length: count }, (_, index) => new CrowdClient(index, world, chance.fork()));

  const timer = setTimeout(() => stop.abort(), ms);
  let behind = 0;
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const told = await Promise.all(metrics.map(({ read }) => read.value('sluice_subscriptions_behind')));
      behind = Math.max(
        behind,
        told.reduce<number>((sum, value) => sum + (value ?? 0), 0),
      );
      await pause(100);
    }
  })();
  await Promise.all([
    watching,
    writer.run(chance.fork(), () => stop.signal.aborted),
    ...clients.map((client) => client.run()),
  ]);
  clearTimeout(timer);
  check();

  await Promise.all(clients.map((client) => client.settle()));
  const waiting = await followToTheEnd(clients, writer, world.happened, check);
  for (const client of clients) client.leave();
  check();

  const truth = new Truth(await readTopic(user.kafka, product.topic));
  if (truth.size !== writer.readings.length) throw new Error(`Kafka holds ${truth.size} of ${writer.readings.length}`);
  for (const life of world.lives) {
    const found = truth.difference(life) ?? (waiting.includes(life) ? `its end: ${truth.standing(life)}` : null);
    if (found === null) continue;
    const about = `${life.view.name}, onLag ${life.policy}, ${life.resumes} resumes, ${life.seqs.length} events, ${life.isOver ? 'completed' : 'open'}`;
    throw new Error(`seed ${seed}: a subscription (${about}) differs in ${found}`);
  }
  return { ...world.happened, records: truth.size, lives: world.lives.length, behind };
}

/** Resolves with the lives that still wait for something though nothing comes any more: none where all is well. */
async function followToTheEnd(
  clients: readonly CrowdClient[],
  writer: CrowdWriter,
  happened: Happened,
  check: () => void,
): Promise<readonly Life[]> {
  const isDone = closedBy(writer, await writer.close());
  let since = Date.now();
  let { events } = happened;
  for (let rounds = 0; ; ) {
    check();
    const waiting = clients.flatMap(({ open }) => open).filter((life) => !isDone(life));
    if (happened.events > events) [events, since] = [happened.events, Date.now()];
    if (waiting.length === 0 || Date.now() - since > SILENCE_MS) return waiting;
    // What a notice tells rides in an event: so there are some more for those who may still have to be told of a gap.
    if (rounds++ < MAX_ROUNDS && waiting.some(({ policy }) => policy === 'DROP')) await writer.close();
    await pause(500);
  }
}

/** Whether a life has one of the closing readings in each partition, or a later one: then everything before has been decided. */
function closedBy(writer: CrowdWriter, last: readonly number[]): (life: Life) => boolean {
  const first = writer.readings.length - last.length;
  return (life) => {
    const closed = new Set<number>();
    for (let i = life.seqs.length - 1; i >= 0; i--) {
      const seq = life.seqs[i] as number;
      if (seq < first) continue;
      closed.add((seq - first) % PARTITIONS);
      if (closed.size === PARTITIONS) return true;
    }
    return false;
  };
}
