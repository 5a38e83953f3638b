/** Keys of publishing on Kafka, whose gateway is killed again and again while it publishes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bed, freePort, randomName } from '../bed/index.ts';
import { openLog } from '../log/kafka/storage.ts';
import { type GatewayProcess, Site } from './node.ts';
import { cloudEvent, type OnceAnswer, publishOnce } from './once-client.ts';
import { KafkaUser, type Reading, readingOf, readings } from './producer.ts';
import { recordsOf } from './records.ts';
import { range } from './stream-site.ts';

const TYPE = 'readings.ReadingEvent.v1';
const REQUESTS = 240;
const EVENTS = 5;
const PUBLISHERS = 8;
/** Requests that have been answered when the gateway is killed. */
const KILLS = [20, 60, 110, 160, 200];

let bootstrap: string;
let site: Site;
let port: number;
let gateway: GatewayProcess;
const product = readings();

const start = async (): Promise<GatewayProcess> => (await site.start({ port })).ready();

beforeAll(async () => {
  ({ bootstrap } = await bed().kafka());
  await using user = new KafkaUser(bootstrap);
  await user.createTopic(product.topic, 4);
  site = new Site({ main: bootstrap }, [product]);
  port = await freePort();
  gateway = await start();
});

afterAll(() => gateway?.[Symbol.asyncDispose]());

test('a gateway that is killed in the middle of many publishes, which are repeated until they are answered, has published each event once', async () => {
  const { key } = await site.partner(['readings']);
  const at = `${gateway.url}/v1/streams/readings/events`;
  const requests = range(0, REQUESTS).map((n) => ({
    key: randomName('once'),
    events: range(n * EVENTS, (n + 1) * EVENTS).map((seq) => cloudEvent(readingOf(seq), TYPE)),
  }));
  const answers: OnceAnswer[] = [];
  let lost = 0;
  let replayed = 0;
  let answered = 0;
  const kills = [...KILLS];
  let restarting: Promise<void> = Promise.resolve();
  const kill = async (): Promise<void> => {
    await gateway.stop('SIGKILL');
    gateway = await start();
    await gateway.shows(key, ['readings']);
  };

  const publish = async (n: number): Promise<void> => {
    const request = requests[n] as (typeof requests)[number];
    for (;;) {
      await restarting;
      const answer = await publishOnce(at, key, request.key, request.events).catch(() => null);
      if (answer === null) lost++;
      if (answer !== null && answer.status < 500) {
        answers[n] = answer;
        if (answer.isReplayed) replayed++;
        if (++answered === kills[0]) {
          kills.shift();
          restarting = kill();
        }
        return;
      }
    }
  };
  const queue = requests.keys();
  await Promise.all(
    range(0, PUBLISHERS).map(async () => {
      for (const n of queue) await publish(n);
    }),
  );
  expect(kills).toEqual([]);
  // The others were under way when it died, each time.
  expect(lost).toBeGreaterThanOrEqual(KILLS.length);
  // Some had been committed, and only the answer was lost.
  expect(replayed).toBeGreaterThan(0);
  expect(answers.map(({ status }) => status)).toEqual(requests.map(() => 201));

  await using log = openLog(bootstrap);
  const seqs = async (): Promise<number[]> =>
    (await recordsOf(log, product.topic)).map(({ value }) => (JSON.parse(`${value}`) as Reading).seq);
  expect((await seqs()).sort((a, b) => a - b)).toEqual(range(0, REQUESTS * EVENTS));

  const again = await Promise.all(requests.map((each) => publishOnce(at, key, each.key, each.events)));
  expect(again).toEqual(answers.map((answer) => ({ ...answer, isReplayed: true })));
  expect(await seqs()).toHaveLength(REQUESTS * EVENTS);
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
