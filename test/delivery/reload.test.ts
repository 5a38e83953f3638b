import { describe, expect, test } from 'vitest';
import { cursorSection } from '../../src/core/delivery/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { Stage, viewOf } from './stage.ts';

const vectorOf = (cursor: unknown): readonly number[] => cursorSection(String(cursor), 'flights').vector;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('hold', () => {
  test('nothing is delivered and positions are kept; afterwards everybody continues exactly', async () => {
    const stage = new Stage();
    const live = await stage.join();
    const batch = await stage.join({ batch: { maxEvents: 5, maxDelayMs: 100 } });
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    stage.delivery.hold(true);
    stage.put(0, 3, 4);
    await stage.clock.pass(30_000);
    const late = await stage.join();
    await stage.clock.pass(1_000);
    stage.put(0, 5);
    await stage.clock.pass(1_000);
    expect([live.offsets(0), batch.offsets(0), late.offsets(0)]).toEqual([[0, 1], [], []]);
    expect([...live.progress, ...batch.progress]).toEqual([]);
    expect(vectorOf(live.subscription?.cursor)).toEqual([2, 0]);
    stage.delivery.hold(false);
    await stage.clock.pass(1_000);
    expect([live.offsets(0), batch.offsets(0), late.offsets(0)]).toEqual([range(0, 5), range(0, 5), [4]]);
    expect(stage.source.reads).toEqual([]);
  });

  test('longer than the window reaches: the rest comes from the log, and memory stays bounded meanwhile', async () => {
    const stage = new Stage({ ringBytes: 2_000 });
    const subscribers = [await stage.join(), await stage.join()];
    await stage.settle();
    stage.delivery.hold(true);
    for (let i = 0; i < 200; i += 5) stage.put(i % 2, ...range(i, i + 5));
    stage.delivery.hold(false);
    await stage.clock.pass(1_000);
    expect(stage.source.reads.length).toBeGreaterThan(0);
    for (const subscriber of subscribers) {
      expect(subscriber.offsets(0)).toEqual(range(0, 100));
      expect(subscriber.offsets(1)).toEqual(range(0, 100));
    }
  });

  test('a subscription can end while held, with its cursor', async () => {
    const stage = new Stage();
    const subscriber = await stage.join();
    await stage.settle();
    stage.delivery.hold(true);
    stage.put(0, 1);
    await stage.settle();
    subscriber.subscription?.end(new SluiceError('GRANT_ENDED'));
    expect(vectorOf(subscriber.error?.details.cursor)).toEqual([0, 0]);
    stage.delivery.hold(false);
    await stage.clock.pass(120_000);
    expect([stage.source.tails, stage.clock.timers]).toEqual([0, 0]);
  });
});

describe('reload', () => {
  test('events before the swap come by the old view, those after it by the new one, none is lost or doubled', async () => {
    const stage = new Stage();
    let projection = 'p1';
    const recompile = () => viewOf({ projection });
    const live = await stage.join({ recompile });
    const stalled = await stage.join({ id: 'stalled', recompile });
    await stage.settle();
    stalled.sink.stalled = true;
    stage.put(0, 0, 1, 2);
    await stage.settle();
    stage.put(0, 3);
    projection = 'p2';
    stage.source.projection = 'p2';
    stage.delivery.reload('flights');
    await stage.settle();
    stage.put(0, 4, 5);
    await stage.settle();
    stalled.sink.drain();
    await stage.settle();
    expect(live.events.map(({ offset, as, under }) => [offset, as, under])).toEqual([
      ...range(0, 4).map((offset) => [offset, 'all/p1', 'p1']),
      ...range(4, 6).map((offset) => [offset, 'all/p2', 'p2']),
    ]);
    // What it had not been handed is read again under the new contract, not taken from the window.
    expect(stalled.events.map(({ offset, as, under }) => [offset, as, under])).toEqual([
      ...range(0, 3).map((offset) => [offset, 'all/p1', 'p1']),
      ...range(3, 6).map((offset) => [offset, 'all/p2', 'p2']),
    ]);
  });

  test('scans of the old projection that still come are not used with the new views', async () => {
    const stage = new Stage();
    const live = await stage.join({ recompile: () => viewOf({ projection: 'p2' }) });
    await stage.settle();
    stage.delivery.reload('flights');
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.clock.pass(1_000);
    expect(live.events).toEqual([]);
    stage.source.projection = 'p2';
    await stage.clock.pass(10_000);
    expect(live.events.map(({ offset, under }) => [offset, under])).toEqual([
      [0, 'p2'],
      [1, 'p2'],
    ]);
  });

  test('a source that is ahead of the reload loses nothing', async () => {
    const stage = new Stage();
    const live = await stage.join({ recompile: () => viewOf({ projection: 'p2' }) });
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    stage.source.projection = 'p2';
    stage.put(0, 2);
    await stage.settle();
    stage.delivery.reload('flights');
    await stage.settle();
    expect(live.events.map(({ offset, as, under }) => [offset, as, under])).toEqual([
      [0, 'all/p1', 'p1'],
      [1, 'all/p2', 'p2'],
    ]);
  });

  test('subscriptions that shared a view may part: each is compiled for itself', async () => {
    const stage = new Stage();
    const one = await stage.join({ recompile: () => viewOf({ projection: 'p2', name: 'masked' }) });
    const two = await stage.join({ recompile: () => viewOf({ projection: 'p2', name: 'clear' }) });
    await stage.settle();
    stage.source.projection = 'p2';
    stage.delivery.reload('flights');
    stage.put(0, 1);
    await stage.settle();
    expect([one.events[0]?.as, two.events[0]?.as]).toEqual(['masked/p2', 'clear/p2']);
  });

  test('a view that no longer holds, and a product that went, end with the error and the cursor', async () => {
    const stage = new Stage();
    const refused = (error: unknown) => () => {
      throw error;
    };
    const gone = await stage.join({ recompile: refused(new SluiceError('NOT_FOUND')) });
    const broken = await stage.join({ recompile: refused(new Error('a bug')) });
    const fine = await stage.join();
    const elsewhere = await stage.join({ product: 'flights', recompile: () => viewOf() });
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    stage.delivery.reload('flights');
    await stage.settle();
    expect([gone.error?.code, broken.error?.code]).toEqual(['NOT_FOUND', 'INTERNAL']);
    expect([gone, broken].map(({ error }) => vectorOf(error?.details.cursor))).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect([fine.ended, elsewhere.ended]).toEqual([false, false]);
  });

  test('a contract that names another log ends its subscriptions with SOURCE_RESET, not with events of the other one', async () => {
    const stage = new Stage();
    const live = await stage.join();
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    stage.source.create('flights', 2);
    stage.delivery.reload('flights');
    await stage.settle();
    expect([live.error?.code, live.offsets(0)]).toEqual(['SOURCE_RESET', [0]]);
  });

  test('a contract that becomes deprecated is said with the next event', async () => {
    const stage = new Stage();
    const live = await stage.join({ recompile: () => viewOf({ projection: 'p2', status: 'deprecated' }) });
    await stage.settle();
    stage.source.projection = 'p2';
    stage.delivery.reload('flights');
    stage.put(0, 1);
    await stage.settle();
    expect(live.notices.map(({ code }) => code)).toEqual(['DEPRECATED']);
  });
});
