import { describe, expect, test } from 'vitest';
import { Stage, TestSink } from './stage.ts';

describe('at the live edge', () => {
  test('what is appended after ready is delivered, in order, once', async () => {
    const stage = new Stage();
    stage.put(0, 1, 2);
    const subscriber = await stage.join();
    expect(subscriber.ready).toBeNull();
    await stage.settle();
    expect(subscriber.ready).not.toBeNull();
    stage.put(0, 3, 4);
    stage.put(1, 5);
    await stage.settle();
    expect(subscriber.positions).toEqual(['0:2', '0:3', '1:0']);
  });

  test('a resume by the cursor of any event continues right after it', async () => {
    const stage = new Stage();
    const first = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2, null, 4);
    stage.put(1, 5, 6);
    await stage.settle();
    expect(first.events).toHaveLength(5);
    for (const [i, { cursor }] of first.events.entries()) {
      const resumed = await stage.join({ cursor });
      await stage.settle();
      expect(resumed.positions).toEqual(first.positions.slice(i + 1));
    }
  });

  test('one write per socket and tick, however many subscriptions share it', async () => {
    const stage = new Stage();
    const sink = new TestSink();
    const subscribers = await Promise.all(Array.from({ length: 10 }, () => stage.join({ sink })));
    await stage.settle();
    const before = sink.writes;
    stage.put(0, 1, 2, 3);
    await stage.settle();
    expect(sink.writes - before).toBe(1);
    for (const subscriber of subscribers) expect(subscriber.offsets(0)).toEqual([0, 1, 2]);
  });
});
