import { describe, expect, test } from 'vitest';
import { cursorSection } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { Stage, type Subscriber, TestSink } from './stage.ts';

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('a slow reader', () => {
  test('leaves the live path, is served from the window once it drains, and rejoins: nothing lost, nothing doubled', async () => {
    const stage = new Stage();
    const slow = await stage.join({ id: 'slow' });
    const quick = await stage.join({ id: 'fast' });
    await stage.settle();
    slow.sink.stalled = true;
    for (let i = 0; i < 40; i++) {
      stage.put(0, i);
      await stage.settle();
    }
    expect(quick.offsets(0)).toEqual(range(0, 40));
    expect(slow.events).toEqual([]);
    slow.sink.drain();
    await stage.settle();
    expect(slow.offsets(0)).toEqual(range(0, 40));
    const writes = slow.sink.writes;
    stage.put(0, 40);
    await stage.settle();
    expect(slow.offsets(0)).toEqual(range(0, 41));
    expect(slow.sink.writes).toBe(writes + 1);
    expect(stage.source.reads).toEqual([]);
  });

  test('is served from the log when the window has moved on, and rejoins', async () => {
    const stage = new Stage({ ringBytes: 3_000 });
    const slow = await stage.join({ id: 'slow' });
    await stage.settle();
    slow.sink.stalled = true;
    for (let i = 0; i < 300; i += 3) {
      stage.put(i % 2, i, i + 1, i + 2);
      await stage.settle();
    }
    slow.sink.drain();
    await stage.settle();
    expect(stage.source.reads.length).toBeGreaterThan(0);
    stage.put(0, 1);
    stage.put(1, 1);
    await stage.settle();
    expect(slow.offsets(0)).toEqual(range(0, stage.source.end('flights', 0)));
    expect(slow.offsets(1)).toEqual(range(0, stage.source.end('flights', 1)));
  });

  test('harms nobody, and costs no memory: what its socket holds is bounded, the window is bounded', async () => {
    const stage = new Stage({ ringBytes: 20_000, maxLagBytes: 5_000 });
    const slow: Subscriber[] = [];
    for (let i = 0; i < 30; i++) slow.push(await stage.join({ id: `slow-${i + 10}` }));
    const quick = await stage.join({ id: 'quick-1' });
    await stage.settle();
    for (const { sink } of slow) sink.stalled = true;
    let worst = 0;
    for (let i = 0; i < 2_000; i += 10) {
      stage.put(0, ...range(i, i + 10));
      await stage.settle();
      expect(quick.events).toHaveLength(i + 10);
      await stage.clock.pass(1_000);
      worst = Math.max(worst, stage.metrics.get('sluice_window_bytes{}') ?? 0);
    }
    expect(worst).toBeGreaterThan(10_000);
    expect(worst).toBeLessThanOrEqual(20_000);
    // One write each, of the first tick's ten events.
    expect(Math.max(...slow.map(({ sink }) => sink.writes))).toBe(1);
    expect(Math.max(...slow.map(({ sink }) => sink.mostHeld))).toBeLessThan(5_000);
    for (const { sink } of slow) sink.drain();
    await stage.clock.pass(10_000);
    for (const subscriber of slow) expect(subscriber.offsets(0)).toEqual(range(0, 2_000));
  });

  test('gets chunks of bounded size, one at a time, and nothing while its socket holds one', async () => {
    const stage = new Stage({ maxLagBytes: 2_000 });
    stage.put(0, ...range(0, 500));
    const slow = await stage.join({ from: await stage.source.place('flights', { kind: 'earliest' }) });
    slow.sink.stalled = true;
    for (let writes = 1; slow.events.length < 500; writes++) {
      await stage.settle();
      expect(slow.sink.writes).toBe(writes);
      slow.sink.drain(true);
    }
    expect(slow.sink.mostHeld).toBeLessThan(2_500);
    expect(slow.offsets(0)).toEqual(range(0, 500));
  });

  test('on a shared socket holds up its neighbours on that socket only, each of which gets its turn', async () => {
    const stage = new Stage({ maxLagBytes: 1_000 });
    const sink = new TestSink();
    const sharing = [await stage.join({ sink }), await stage.join({ sink }), await stage.join({ sink })];
    const apart = await stage.join();
    await stage.settle();
    sink.stalled = true;
    stage.put(0, ...range(0, 100));
    await stage.settle();
    expect(apart.offsets(0)).toEqual(range(0, 100));
    for (let i = 0; i < 9; i++) {
      sink.drain(true);
      await stage.settle();
    }
    const counts = sharing.map(({ events }) => events.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (let i = 0; i < 500; i++) {
      sink.drain(true);
      await stage.settle();
    }
    for (const subscriber of sharing) expect(subscriber.offsets(0)).toEqual(range(0, 100));
  });

  test('whose socket is gone ends without an error and leaves nothing', async () => {
    const stage = new Stage();
    const gone = await stage.join();
    await stage.settle();
    gone.sink.closed = true;
    stage.put(0, 1);
    await stage.settle();
    expect(gone.error).toBeNull();
    expect(stage.delivery.subscriptions).toBe(0);
  });
});

describe('history', () => {
  test('is read with several partitions interleaved, then goes live without a seam', async () => {
    const stage = new Stage({}, 3);
    for (let p = 0; p < 3; p++) stage.put(p, ...range(0, 400));
    const subscriber = await stage.join({ from: await stage.source.place('flights', { kind: 'earliest' }) });
    await stage.settle();
    stage.put(1, 7);
    await stage.settle();
    for (let p = 0; p < 3; p++) expect(subscriber.offsets(p)).toEqual(range(0, p === 1 ? 401 : 400));
    const firstHalf = new Set(subscriber.events.slice(0, 600).map(({ partition }) => partition));
    expect(firstHalf.size).toBe(3);
  });

  test('does not pass through the live path: the tail begins at the end', async () => {
    const stage = new Stage();
    stage.put(0, ...range(0, 500));
    const subscriber = await stage.join({ from: await stage.source.place('flights', { kind: 'earliest' }) });
    await stage.settle();
    expect(subscriber.offsets(0)).toEqual(range(0, 500));
    expect(stage.source.reads.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(500);
  });

  test('is read once for subscriptions at close positions', async () => {
    const stage = new Stage();
    stage.put(0, ...range(0, 1_000));
    const from = await stage.source.place('flights', { kind: 'earliest' });
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < 20; i++) subscribers.push(await stage.join({ from }));
    await stage.settle();
    for (const subscriber of subscribers) expect(subscriber.offsets(0)).toEqual(range(0, 1_000));
    const read = stage.source.reads.reduce((sum, { from: a, to }) => sum + to - a, 0);
    expect(read).toBeLessThanOrEqual(2_000);
  });

  test('is not read again for each who comes a little later, though everybody takes the partitions in turn and readers are few', async () => {
    const stage = new Stage({ maxReplayReaders: 3, maxLagBytes: 2_000 }, 6);
    for (let partition = 0; partition < 6; partition++) stage.put(partition, ...range(0, 500));
    const { incarnation } = await stage.source.place('flights', { kind: 'earliest' });
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < 12; i++)
      subscribers.push(await stage.join({ from: { incarnation, vector: Array.from({ length: 6 }, () => i * 3) } }));
    await stage.settle();
    for (const [i, subscriber] of subscribers.entries()) expect(subscriber.offsets(5)).toEqual(range(i * 3, 500));
    const read = stage.source.reads.reduce((sum, { from, to }) => sum + to - from, 0);
    // Each on its own would read 36,000.
    expect(read).toBeLessThan(15_000);
  });

  test('that is no longer held for one is still read for another who waits close by', async () => {
    const stage = new Stage({ maxReplayReaders: 1 });
    stage.put(0, ...range(0, 300));
    const { incarnation } = await stage.source.place('flights', { kind: 'earliest' });
    // So that the span of a scan is known, and the reader is free again.
    await stage.join({ from: { incarnation, vector: [250, 0] } });
    await stage.settle();
    const gone = await stage.join({ from: { incarnation, vector: [100, 0] } });
    const held = await stage.join({ from: { incarnation, vector: [120, 0] } });
    stage.source.trim('flights', 0, 110);
    await stage.settle();
    await stage.clock.pass(1_000);
    expect(gone.error).toMatchObject({ code: 'CURSOR_EXPIRED' });
    expect(held.offsets(0)).toEqual(range(120, 300));
  });

  test('is read by a bounded number of readers, and everybody gets a turn', async () => {
    const stage = new Stage({ maxReplayReaders: 2, maxLagBytes: 1_000 });
    stage.put(0, ...range(0, 600));
    stage.put(1, ...range(0, 600));
    const { incarnation } = await stage.source.place('flights', { kind: 'earliest' });
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < 9; i++)
      subscribers.push(await stage.join({ from: { incarnation, vector: [i * 60, 540 - i * 60] } }));
    await stage.settle();
    subscribers.forEach((subscriber, i) => {
      expect(subscriber.offsets(0)).toEqual(range(i * 60, 600));
      expect(subscriber.offsets(1)).toEqual(range(540 - i * 60, 600));
    });
    // One that makes room may still be closing when the next one opens.
    expect(stage.source.mostRanges).toBeLessThanOrEqual(4);
    await stage.clock.pass(10_000);
    expect(stage.source.openRanges).toBe(0);
  });

  test('waits while the source is unavailable and goes on where it was', async () => {
    const stage = new Stage();
    stage.put(0, ...range(0, 300));
    const subscriber = await stage.join({ from: await stage.source.place('flights', { kind: 'earliest' }) });
    stage.source.failure = new SluiceError('UNAVAILABLE');
    await stage.clock.pass(20_000);
    expect([subscriber.events.length, subscriber.ended]).toEqual([0, false]);
    stage.source.failure = null;
    await stage.clock.pass(10_000);
    expect(subscriber.offsets(0)).toEqual(range(0, 300));
  });
});

describe('the window', () => {
  test('serves a resume without touching the log, also when nobody was subscribed meanwhile', async () => {
    const stage = new Stage();
    const first = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2, 3);
    await stage.settle();
    first.subscription?.end(null);
    stage.put(0, 4, 5);
    await stage.clock.pass(50_000);
    stage.put(1, 6);
    const resumed = await stage.join({ cursor: first.events[0]?.cursor ?? '' });
    await stage.settle();
    expect([resumed.offsets(0), resumed.offsets(1)]).toEqual([[1, 2, 3, 4], [0]]);
    expect(stage.source.reads).toEqual([]);
  });

  test('and its tail go a bounded time after the last subscription: no tail, timer or entry is left', async () => {
    const stage = new Stage();
    const subscriber = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2, 3);
    await stage.settle();
    subscriber.subscription?.end(null);
    expect(stage.source.tails).toBe(1);
    await stage.clock.pass(60_000);
    expect([stage.source.tails, stage.clock.timers, stage.metrics.get('sluice_window_bytes{}')]).toEqual([0, 0, 0]);
    const resumed = await stage.join({ cursor: subscriber.events[0]?.cursor ?? '' });
    await stage.settle();
    expect(resumed.offsets(0)).toEqual([1, 2]);
  });
});

describe('onLag', () => {
  const lagging = async (onLag: 'DROP' | 'CONFLATE' | 'END' | 'CATCH_UP'): Promise<[Stage, Subscriber]> => {
    const stage = new Stage({ maxLagBytes: 2_000 });
    const subscriber = await stage.join({ onLag });
    await stage.settle();
    subscriber.sink.stalled = true;
    for (let i = 0; i < 100; i += 5) {
      stage.put(0, ...range(i, i + 5));
      await stage.settle();
    }
    return [stage, subscriber];
  };

  test('CATCH_UP loses nothing', async () => {
    const [stage, subscriber] = await lagging('CATCH_UP');
    subscriber.sink.drain();
    await stage.settle();
    expect(subscriber.offsets(0)).toEqual(range(0, 100));
    expect(subscriber.notices).toEqual([]);
  });

  test('DROP goes on at the live edge and names the exact range with the next event', async () => {
    const [stage, subscriber] = await lagging('DROP');
    subscriber.sink.drain();
    await stage.settle();
    expect(subscriber.offsets(0)).toEqual(range(0, 5));
    stage.put(0, 100);
    await stage.settle();
    expect(subscriber.offsets(0)).toEqual([...range(0, 5), 100]);
    expect(subscriber.notices).toEqual([
      expect.objectContaining({ code: 'GAP', missing: [{ partition: 0, from: 5, to: 100 }] }),
    ]);
  });

  test('CONFLATE sends the newest event of each key and says how many gave way', async () => {
    const [stage, subscriber] = await lagging('CONFLATE');
    subscriber.sink.drain();
    await stage.settle();
    const got = subscriber.events.map(({ value }) => value);
    expect(got.slice(0, 5)).toEqual(range(0, 5));
    expect(got.slice(-5)).toEqual(range(95, 100));
    expect(got.length).toBeLessThan(60);
    const superseded = subscriber.notices.reduce((sum, notice) => sum + Number(notice['superseded']), 0);
    expect(subscriber.notices.every(({ code }) => code === 'CONFLATED')).toBe(true);
    expect(got.length + superseded).toBe(100);
    stage.put(0, 1, 1, 1);
    await stage.settle();
    expect(subscriber.offsets(0).slice(-3)).toEqual([100, 101, 102]);
  });

  test('END ends with the cursor, even if the socket never drains', async () => {
    const [stage, subscriber] = await lagging('END');
    expect(subscriber.error?.code).toBe('LAGGED');
    const cursor = String(subscriber.error?.details.cursor);
    expect(cursorSection(cursor, 'flights').vector).toEqual([5, 0]);
    const resumed = await stage.join({ cursor });
    await stage.settle();
    expect(resumed.offsets(0)).toEqual(range(5, 100));
  });

  test('does not apply to history that was asked for', async () => {
    const stage = new Stage({ maxLagBytes: 500 });
    stage.put(0, ...range(0, 300));
    const from = await stage.source.place('flights', { kind: 'earliest' });
    const subscribers = [await stage.join({ from, onLag: 'END' }), await stage.join({ from, onLag: 'DROP' })];
    await stage.settle();
    for (const subscriber of subscribers) expect(subscriber.offsets(0)).toEqual(range(0, 300));
  });
});
