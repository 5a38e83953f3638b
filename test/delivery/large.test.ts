/** Events too large to be copied for each subscriber: a small head of one's own, and one payload for all. */
import { expect, test } from 'vitest';
import { LARGE_PAYLOAD } from '../../src/core/delivery/index.ts';
import { LARGE_VALUE as BIG, Stage, type Subscriber, TestSink, viewOf } from './stage.ts';

test('a large event is one payload for all its subscribers, those of one socket included, in its place between the others', async () => {
  const stage = new Stage();
  const shared = new TestSink();
  const subscribers: Subscriber[] = [];
  for (let i = 0; i < 20; i++)
    subscribers.push(await stage.join({ id: `s${10 + i}`, ...(i < 3 ? { sink: shared } : {}) }));
  await stage.settle();
  stage.put(0, 1, 2, BIG, 3, BIG, BIG, 4);
  await stage.settle();
  for (const subscriber of subscribers) expect(subscriber.offsets(0)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  const payloads = new Set(subscribers.flatMap(({ sink }) => [...sink.shared]));
  expect(payloads.size).toBe(3);
  for (const payload of payloads) expect(payload.length).toBeGreaterThan(LARGE_PAYLOAD);
});

test('a socket that is full in the middle of large events gets each of them once', async () => {
  const stage = new Stage({ maxLagBytes: 2_000 });
  const slow = await stage.join();
  const quick = await stage.join();
  await stage.settle();
  slow.sink.stalled = true;
  stage.put(0, 1, BIG, 2);
  await stage.settle();
  stage.put(0, BIG, BIG, 3);
  await stage.settle();
  while (slow.events.length < 6) {
    slow.sink.drain(true);
    await stage.settle();
  }
  expect([slow.offsets(0), quick.offsets(0)]).toEqual([
    [0, 1, 2, 3, 4, 5],
    [0, 1, 2, 3, 4, 5],
  ]);
  // One message at a time, however small the bound.
  expect(slow.sink.mostHeld).toBeLessThan(2 * LARGE_PAYLOAD);
});

test('a large batch is one payload too, and the cursor of who ends before it stands before it', async () => {
  const stage = new Stage();
  const batch = { maxEvents: 2, maxDelayMs: 50 };
  const view = viewOf({ batch });
  const subscribers: Subscriber[] = [];
  for (let i = 0; i < 4; i++) subscribers.push(await stage.join({ view, batch, id: `s${i}` }));
  await stage.settle();
  stage.put(0, 1, 2, BIG, 3, 4, 5);
  await stage.settle();
  for (const subscriber of subscribers) {
    expect(subscriber.offsets(0)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(subscriber.messages.map(({ data }) => data.batch?.length)).toEqual([2, 2, 2]);
  }
  expect(new Set(subscribers.flatMap(({ sink }) => [...sink.shared])).size).toBe(1);
});

test('those who catch up from one position share large events as well', async () => {
  const stage = new Stage();
  stage.put(0, 1, BIG, 2, BIG);
  const from = await stage.source.place('flights', { kind: 'earliest' });
  const subscribers: Subscriber[] = [];
  for (let i = 0; i < 20; i++) subscribers.push(await stage.join({ id: `s${10 + i}`, from }));
  await stage.settle();
  for (const subscriber of subscribers) expect(subscriber.offsets(0)).toEqual([0, 1, 2, 3]);
  expect(new Set(subscribers.flatMap(({ sink }) => [...sink.shared])).size).toBe(2);
});
