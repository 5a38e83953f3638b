import { describe, expect, test } from 'vitest';
import { cursorSection } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { Stage, type Subscriber, TestSink, viewOf } from './stage.ts';

const vectorOf = (cursor: unknown): readonly number[] => cursorSection(String(cursor), 'flights').vector;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

async function leavesNothing(stage: Stage): Promise<void> {
  await stage.clock.pass(120_000);
  expect({ tails: stage.source.tails, timers: stage.clock.timers, ranges: stage.source.openRanges }).toEqual({
    tails: 0,
    timers: 0,
    ranges: 0,
  });
  expect([stage.delivery.subscriptions, stage.metrics.get('sluice_window_bytes{}')]).toEqual([0, 0]);
}

describe('the end of a subscription', () => {
  test('comes once, with the error and the cursor right after what was handed over', async () => {
    const stage = new Stage();
    const subscriber = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    subscriber.subscription?.end(new SluiceError('GRANT_ENDED'));
    subscriber.subscription?.end(new SluiceError('DRAINING'));
    expect(subscriber.error?.code).toBe('GRANT_ENDED');
    expect(vectorOf(subscriber.error?.details.cursor)).toEqual([2, 0]);
    stage.put(0, 3);
    await stage.settle();
    expect(subscriber.offsets(0)).toEqual([0, 1]);
    await leavesNothing(stage);
  });

  test('in the same tick as the beginning tells no ready', async () => {
    const stage = new Stage();
    const subscriber = await stage.join();
    subscriber.subscription?.end(null);
    await stage.settle();
    expect([subscriber.ready, subscriber.error]).toEqual([null, null]);
    await leavesNothing(stage);
  });

  test('leaves nothing, wherever it stood: live, stalled, reading, waiting for the source, collecting a batch', async () => {
    const stage = new Stage({ ringBytes: 500 });
    stage.put(0, ...range(0, 200));
    const earliest = await stage.source.place('flights', { kind: 'earliest' });
    const subscribers = [
      await stage.join(),
      await stage.join({ id: 'stalled' }),
      await stage.join({ batch: { maxEvents: 9, maxDelayMs: 900_000 } }),
    ];
    await stage.settle();
    (subscribers[1] as Subscriber).sink.stalled = true;
    stage.put(0, 1);
    await stage.settle();
    const reading = await stage.join({ from: earliest });
    stage.source.gate = () => new Promise(() => {});
    stage.clock.turn();
    stage.clock.turn();
    for (const subscriber of [...subscribers, reading]) subscriber.subscription?.end(null);
    await stage.clock.pass(120_000);
    expect({ tails: stage.source.tails, timers: stage.clock.timers }).toEqual({ tails: 0, timers: 0 });
  });

  test('draining ends everybody with DRAINING and the cursor, and refuses whoever comes after', async () => {
    const stage = new Stage();
    const live = await stage.join();
    const stalled = await stage.join({ id: 'stalled' });
    await stage.settle();
    stalled.sink.stalled = true;
    stage.put(0, 1, 2);
    await stage.settle();
    stage.put(0, 3);
    await stage.settle();
    stage.delivery.drain(new SluiceError('DRAINING'));
    expect([live, stalled].map(({ error }) => error?.code)).toEqual(['DRAINING', 'DRAINING']);
    expect(vectorOf(live.error?.details.cursor)).toEqual([3, 0]);
    // What its socket holds has been handed over.
    expect(vectorOf(stalled.error?.details.cursor)).toEqual([2, 0]);
    const late = await stage.join();
    await stage.settle();
    expect(late.error?.code).toBe('DRAINING');
    // At once, not after lingering: the process is to end.
    expect({ tails: stage.source.tails, timers: stage.clock.timers }).toEqual({ tails: 0, timers: 0 });
    await leavesNothing(stage);
  });
});

describe('the source', () => {
  test('that fails ends everybody on its product with the error and the cursor, and nobody else', async () => {
    const stage = new Stage();
    stage.source.create('quakes', 1);
    const live = await stage.join();
    const behind = await stage.join({ id: 'behind' });
    const other = await stage.join({ product: 'quakes' });
    await stage.settle();
    behind.sink.stalled = true;
    stage.put(0, 1);
    stage.put(0, 2);
    await stage.settle();
    stage.put(0, 3);
    await stage.settle();
    stage.source.fail('flights', new SluiceError('SOURCE_RESET'));
    expect([live, behind].map(({ error }) => error?.code)).toEqual(['SOURCE_RESET', 'SOURCE_RESET']);
    expect(vectorOf(live.error?.details.cursor)).toEqual([3, 0]);
    expect(vectorOf(behind.error?.details.cursor)).toEqual([2, 0]);
    expect(other.ended).toBe(false);
  });

  test('recreated while somebody reads: SOURCE_RESET, never another event under the same offset', async () => {
    const stage = new Stage();
    const live = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    stage.source.create('flights', 2);
    stage.put(0, 11, 12, 13);
    await stage.settle();
    expect(live.error?.code).toBe('SOURCE_RESET');
    expect(live.events.map(({ value }) => value)).toEqual([1, 2]);
    const anew = await stage.join({ from: await stage.source.place('flights', { kind: 'earliest' }) });
    await stage.settle();
    expect(anew.events.map(({ value }) => value)).toEqual([11, 12, 13]);
  });

  test('that no longer holds a position in catch-up: the missing ranges, and a cursor that moves only those partitions', async () => {
    const stage = new Stage();
    stage.put(0, ...range(0, 300));
    stage.put(1, ...range(0, 300));
    const slow = await stage.join({ from: await stage.source.place('flights', { kind: 'earliest' }) });
    slow.sink.stalled = true;
    await stage.settle();
    stage.source.trim('flights', 1, 280);
    slow.sink.drain();
    await stage.settle();
    const [at0 = 0, at1 = 0] = vectorOf(slow.error?.details.cursor);
    expect(slow.error?.code).toBe('CURSOR_EXPIRED');
    expect(slow.error?.details.missing).toEqual([{ partition: 1, from: at1, to: 280 }]);
    expect(vectorOf(slow.error?.details.resume)).toEqual([at0, 280]);
    const resumed = await stage.join({ cursor: String(slow.error?.details.resume) });
    await stage.settle();
    expect([...slow.offsets(0), ...resumed.offsets(0)]).toEqual(range(0, 300));
    expect([...slow.offsets(1), ...resumed.offsets(1)]).toEqual([...range(0, at1), ...range(280, 300)]);
  });

  test('that tells the first positions held as a whole vector is understood too', async () => {
    const stage = new Stage();
    const live = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    stage.source.fail('flights', new SluiceError('CURSOR_EXPIRED', undefined, { details: { vector: [9, 0] } }));
    expect(live.error?.details.missing).toEqual([{ partition: 0, from: 2, to: 9 }]);
    expect(vectorOf(live.error?.details.resume)).toEqual([9, 0]);
    expect(live.error?.details['vector']).toBeUndefined();
  });

  test('whose incarnation is not that of the placement: SOURCE_RESET for the subscription, nobody else', async () => {
    const stage = new Stage();
    const old = await stage.source.place('flights', { kind: 'earliest' });
    stage.source.create('flights', 2);
    const live = await stage.join();
    const stale = await stage.join({ from: old });
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    expect(stale.error?.code).toBe('SOURCE_RESET');
    expect(live.offsets(0)).toEqual([0]);
  });
});

describe('what goes wrong in one view', () => {
  const poisonous = (at: number) =>
    viewOf({
      name: 'poison',
      serialise: (event, cursor) => {
        if (event.offset === at) throw new TypeError('boom');
        return `{"data":{"event":{"partition":${event.partition},"offset":${event.offset},"value":0,"as":"","cursor":"${cursor}"}}}`;
      },
    });

  test('ends its subscriptions with INTERNAL right before the event, and touches nobody else', async () => {
    const stage = new Stage();
    const sink = new TestSink();
    const bad = [await stage.join({ view: poisonous(2) }), await stage.join({ view: poisonous(2), sink })];
    const good = [await stage.join(), await stage.join({ sink })];
    await stage.settle();
    stage.put(0, ...range(0, 5));
    await stage.settle();
    for (const subscriber of bad) {
      expect(subscriber.error?.code).toBe('INTERNAL');
      expect(subscriber.offsets(0)).toEqual([0, 1]);
      expect(vectorOf(subscriber.error?.details.cursor)).toEqual([2, 0]);
    }
    for (const subscriber of good) expect(subscriber.offsets(0)).toEqual(range(0, 5));
    const logged = stage.logged.find(({ level }) => level === 'error');
    expect(logged?.fields).toEqual(
      expect.objectContaining({ product: 'flights', partition: 0, offset: 2, error: 'TypeError: boom' }),
    );
  });

  test('the same while catching up', async () => {
    const stage = new Stage();
    stage.put(0, ...range(0, 5));
    const bad = await stage.join({
      view: poisonous(3),
      from: await stage.source.place('flights', { kind: 'earliest' }),
    });
    await stage.settle();
    expect([bad.error?.code, bad.offsets(0), vectorOf(bad.error?.details.cursor)]).toEqual([
      'INTERNAL',
      [0, 1, 2],
      [3, 0],
    ]);
  });

  test('a matcher that throws is a view that failed', async () => {
    const stage = new Stage();
    const bad = await stage.join({
      name: 'bad',
      matches: () => {
        throw new Error('no');
      },
    });
    const good = await stage.join();
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    expect([bad.error?.code, good.offsets(0)]).toEqual(['INTERNAL', [0]]);
  });

  test('a batch that cannot be serialised ends before its first event', async () => {
    const stage = new Stage();
    const view = {
      ...viewOf({ name: 'b', batch: { maxEvents: 2, maxDelayMs: 10 } }),
      serialiseBatch: () => {
        throw new Error('no');
      },
    };
    const full = await stage.join({ view, batch: { maxEvents: 2, maxDelayMs: 10 } });
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    stage.put(0, 2);
    await stage.settle();
    const timed = await stage.join({ view, batch: { maxEvents: 5, maxDelayMs: 10 } });
    await stage.settle();
    stage.put(0, 3);
    await stage.clock.pass(10);
    expect([full.error?.code, vectorOf(full.error?.details.cursor)]).toEqual(['INTERNAL', [0, 0]]);
    expect([timed.error?.code, vectorOf(timed.error?.details.cursor)]).toEqual(['INTERNAL', [2, 0]]);
  });

  test('a socket that throws loses its own subscriptions only', async () => {
    const stage = new Stage();
    const broken = new TestSink();
    broken.write = () => {
      throw new Error('EBADF');
    };
    const bad = await stage.join({ sink: broken });
    const good = await stage.join();
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    expect([bad.error, good.offsets(0)]).toEqual([null, [0]]);
  });
});
