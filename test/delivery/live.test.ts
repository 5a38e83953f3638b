import { describe, expect, test } from 'vitest';
import { cursorSection } from '../../src/core/delivery/index.ts';
import { Stage, type Subscriber, TestSink, viewOf } from './stage.ts';

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

  test('what was appended between placing and subscribing is delivered', async () => {
    const stage = new Stage();
    const start = await stage.source.place('flights', { kind: 'latest' });
    stage.put(0, 1, 2);
    const subscriber = await stage.join({ from: start });
    await stage.settle();
    expect(subscriber.positions).toEqual(['0:0', '0:1']);
  });

  test('the ready cursor is the placement', async () => {
    const stage = new Stage();
    stage.put(1, 1, 2, 3);
    const subscriber = await stage.join();
    await stage.settle();
    expect(cursorSection(subscriber.ready ?? '', 'flights').vector).toEqual([0, 3]);
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

  test('a record is matched and serialised once for all who share a view', async () => {
    const stage = new Stage();
    let matched = 0;
    let serialised = 0;
    const counting = viewOf({
      matches: () => {
        matched += 1;
        return true;
      },
      serialise: (event, cursor) => {
        serialised += 1;
        return `{"data":{"event":${JSON.stringify({ partition: event.partition, offset: event.offset, value: 0, cursor, as: '' })}}}`;
      },
    });
    const subscribers = [];
    for (let i = 0; i < 50; i++) subscribers.push(await stage.join({ view: counting, id: `id-${i}` }));
    await stage.settle();
    stage.put(0, 1, 2, 3);
    await stage.settle();
    expect([matched, serialised]).toEqual([3, 3]);
    for (const subscriber of subscribers) expect(subscriber.offsets(0)).toEqual([0, 1, 2]);
  });

  test('one write per socket and tick, however many subscriptions share it', async () => {
    const stage = new Stage();
    const sink = new TestSink();
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < 10; i++) subscribers.push(await stage.join({ sink }));
    await stage.settle();
    const before = sink.writes;
    stage.put(0, 1, 2, 3);
    stage.put(1, 4);
    await stage.settle();
    expect(sink.writes - before).toBe(1);
    for (const subscriber of subscribers) expect(subscriber.positions).toEqual(['0:0', '0:1', '0:2', '1:0']);
  });

  test('a duplicate is recognised by its offset and dropped, whoever sent it', async () => {
    const stage = new Stage();
    const subscriber = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2, 3);
    await stage.settle();
    stage.source.inject('flights', { partition: 0, from: 0, to: 3 });
    stage.source.put('flights', 0, { value: 4 });
    stage.source.inject('flights', { partition: 0, from: 1, to: 4 });
    stage.source.deliver();
    await stage.settle();
    expect(subscriber.offsets(0)).toEqual([0, 1, 2, 3]);
  });

  test('a scan beyond the expected position is a gap: what it left out is read from the log', async () => {
    const stage = new Stage();
    const subscriber = await stage.join();
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    stage.source.put('flights', 0, { value: 2 }, { value: 3 }, { value: 4 });
    stage.source.inject('flights', { partition: 0, from: 3, to: 4 });
    await stage.settle();
    expect(subscriber.offsets(0)).toEqual([0, 1, 2, 3]);
    expect(stage.source.reads).toEqual([{ partition: 0, from: 1, to: 4 }]);
  });

  test('filters of one subscription do not touch another, and a filter never reorders', async () => {
    const stage = new Stage();
    const even = await stage.join({ name: 'even', matches: (event) => Number(event.data?.['value']) % 2 === 0 });
    const all = await stage.join();
    await stage.settle();
    stage.put(0, 1, 2, 3, 4, 5, 6);
    await stage.settle();
    expect(even.offsets(0)).toEqual([1, 3, 5]);
    expect(all.offsets(0)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('new partitions join every vector at their first offset', async () => {
    const stage = new Stage();
    const subscriber = await stage.join();
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    stage.source.grow('flights', 4);
    stage.put(3, 7, 8);
    await stage.settle();
    expect(subscriber.positions).toEqual(['0:0', '3:0', '3:1']);
    expect(cursorSection(subscriber.events.at(-1)?.cursor ?? '', 'flights').vector).toEqual([1, 0, 0, 2]);
    const resumed = await stage.join({ cursor: subscriber.events[0]?.cursor ?? '' });
    await stage.settle();
    expect(resumed.positions).toEqual(['3:0', '3:1']);
  });

  test('each batch handed over is charged once, with its events and bytes', async () => {
    const stage = new Stage();
    const alone = await stage.join({ id: 'a' });
    const sink = new TestSink();
    const shared = [await stage.join({ id: 'b', sink }), await stage.join({ id: 'c', sink })];
    const late = await stage.join({ id: 'd', from: await stage.source.place('flights', { kind: 'earliest' }) });
    await stage.settle();
    stage.put(0, 1, 2, 3);
    await stage.settle();
    for (const subscriber of [alone, ...shared, late]) expect(subscriber.charged).toBe(3);
    expect(alone.chargedBytes).toBe(alone.sink.taken);
    expect(shared.reduce((sum, { chargedBytes }) => sum + chargedBytes, 0)).toBe(sink.taken);
    expect(late.chargedBytes).toBe(late.sink.taken);
    const delivered = [...stage.metrics].find(([name]) => name.startsWith('sluice_events_delivered_total'));
    expect(delivered?.[1]).toBe(12);
  });

  test('a subscription that a charge ends gets no event after that, and its cursor stands after the batch', async () => {
    const stage = new Stage();
    const ended: Subscriber[] = [];
    for (let i = 0; i < 3; i++) {
      const subscriber: Subscriber = await stage.join({
        onCharge: () => {
          for (const each of ended) each.subscription?.end(null);
        },
      });
      ended.push(subscriber);
    }
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    stage.put(0, 3);
    await stage.settle();
    // Gates are told at the end of the tick: what it handed over stands.
    expect(ended.map((subscriber) => subscriber.offsets(0))).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    const positions = ended.map(({ subscription }) => cursorSection(subscription?.cursor ?? '', 'flights').vector[0]);
    expect(positions).toEqual([2, 2, 2]);
  });

  test('frames that wait for the one write of the tick go before the end of their subscription', async () => {
    const stage = new Stage();
    const sink = new TestSink();
    const waiting = await stage.join({ id: 'a', sink });
    const beside = await stage.join({ id: 'b', sink });
    const writesAtEnd: number[] = [];
    await stage.join({
      id: 'c',
      onCharge: () => {
        waiting.subscription?.end(null);
        writesAtEnd.push(sink.writes);
      },
    });
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    expect(writesAtEnd).toEqual([1]);
    expect([waiting.offsets(0), beside.offsets(0)]).toEqual([[0], [0]]);
    expect(cursorSection(waiting.subscription?.cursor ?? '', 'flights').vector).toEqual([1, 0]);
  });

  test('an event larger than any bound is delivered, alone', async () => {
    const stage = new Stage({ maxLagBytes: 1_000 });
    const big = 'x'.repeat(300_000);
    const view = viewOf({
      serialise: (event, cursor) =>
        `{"data":{"event":{"partition":0,"offset":${event.offset},"value":0,"as":"${big}","cursor":"${cursor}"}}}`,
    });
    const sink = new TestSink();
    const subscribers = [
      await stage.join({ view }),
      await stage.join({ view, sink }),
      await stage.join({ view, sink }),
    ];
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    for (const subscriber of subscribers) expect(subscriber.offsets(0)).toEqual([0, 1]);
  });
});

describe('progress', () => {
  test('is told every 10 s without events, with a cursor that passes what did not match', async () => {
    const stage = new Stage();
    const none = await stage.join({ name: 'none', matches: () => false });
    await stage.settle();
    stage.put(0, 1, 2, 3);
    await stage.clock.pass(10_000);
    expect(none.progress.map((cursor) => cursorSection(cursor, 'flights').vector)).toEqual([[3, 0]]);
    await stage.clock.pass(30_000);
    expect(none.progress).toHaveLength(4);
    const resumed = await stage.join({ cursor: none.progress.at(-1) ?? '' });
    stage.put(0, 4);
    await stage.settle();
    expect(resumed.offsets(0)).toEqual([3]);
  });

  test('is not told to those who get events, nor over a socket that takes none', async () => {
    const stage = new Stage();
    const busy = await stage.join();
    const stalled = await stage.join({ id: 'stalled' });
    await stage.settle();
    stalled.sink.stalled = true;
    for (let i = 0; i < 8; i++) {
      stage.put(0, i);
      await stage.clock.pass(5_000);
    }
    expect(busy.progress).toEqual([]);
    expect(stalled.progress).toEqual([]);
  });
});

describe('batches', () => {
  const batch = { maxEvents: 3, maxDelayMs: 100 };

  test('one message holds up to maxEvents, and what waits is sent after maxDelay', async () => {
    const stage = new Stage();
    const subscriber = await stage.join({ batch });
    await stage.settle();
    stage.put(0, 1, 2, 3, 4, 5);
    await stage.settle();
    expect(subscriber.messages.map(({ data }) => data.batch?.length)).toEqual([3]);
    await stage.clock.pass(99);
    expect(subscriber.messages).toHaveLength(1);
    await stage.clock.pass(1);
    expect(subscriber.messages.map(({ data }) => data.batch?.length)).toEqual([3, 2]);
    expect(subscriber.offsets(0)).toEqual([0, 1, 2, 3, 4]);
  });

  test('history comes in batches of at most maxEvents too', async () => {
    const stage = new Stage();
    stage.put(0, 1, 2, 3, 4, 5, 6, 7);
    const subscriber = await stage.join({ batch, from: await stage.source.place('flights', { kind: 'earliest' }) });
    await stage.settle();
    expect(subscriber.messages.map(({ data }) => data.batch?.length)).toEqual([3, 3, 1]);
    expect(subscriber.offsets(0)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('the cursor of a subscription that ends with a batch half collected stands before the batch', async () => {
    const stage = new Stage();
    const subscriber = await stage.join({ batch });
    await stage.settle();
    stage.put(0, 1, 2, 3, 4, 5);
    await stage.settle();
    subscriber.subscription?.end(null);
    const { cursor = '' } = subscriber.subscription ?? {};
    expect(cursorSection(cursor, 'flights').vector).toEqual([3, 0]);
    const resumed = await stage.join({ cursor, batch });
    await stage.settle();
    expect(resumed.offsets(0)).toEqual([3, 4]);
  });

  test('one who joins in the middle of a batch gets its own, from its position on', async () => {
    const stage = new Stage();
    const first = await stage.join({ batch });
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    const second = await stage.join({ batch });
    await stage.settle();
    stage.put(0, 3, 4);
    await stage.clock.pass(100);
    expect(first.offsets(0)).toEqual([0, 1, 2, 3]);
    expect(second.offsets(0)).toEqual([2, 3]);
  });

  test('progress in the middle of a batch stands before it', async () => {
    const stage = new Stage();
    const subscriber = await stage.join({ batch: { maxEvents: 10, maxDelayMs: 60_000 } });
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.clock.pass(10_000);
    expect(subscriber.progress.map((cursor) => cursorSection(cursor, 'flights').vector)).toEqual([[0, 0]]);
  });
});

describe('notices', () => {
  test('ride in the extensions of the next event, for that subscriber alone, once', async () => {
    const stage = new Stage();
    const told = await stage.join({ id: 'a', notices: [{ code: 'SHORT', message: 'm', found: 3 }] });
    const other = await stage.join({ id: 'b' });
    await stage.settle();
    expect(told.messages).toEqual([]);
    stage.put(0, 1, 2);
    await stage.settle();
    expect(told.messages.map(({ extensions }) => extensions)).toEqual([
      { sluice: { notices: [{ code: 'SHORT', message: 'm', found: 3 }] } },
      undefined,
    ]);
    expect(other.notices).toEqual([]);
    expect(told.events).toEqual(other.events);
  });

  test('are told once while catching up too, with the first of many chunks', async () => {
    const stage = new Stage({ maxLagBytes: 1_000 });
    stage.put(0, ...Array.from({ length: 100 }, (_, i) => i));
    const from = await stage.source.place('flights', { kind: 'earliest' });
    const told = await stage.join({ from, notices: [{ code: 'SHORT', message: 'm' }] });
    await stage.settle();
    expect(told.sink.writes).toBeGreaterThan(5);
    expect(told.messages.flatMap(({ extensions }, i) => (extensions === undefined ? [] : [i]))).toEqual([0]);
  });

  test('a deprecated contract is said with the first event, with its successor', async () => {
    const stage = new Stage();
    const sink = new TestSink();
    const subscribers = [
      await stage.join({ status: 'deprecated', sink }),
      await stage.join({ status: 'deprecated', sink }),
    ];
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    for (const { notices } of subscribers) {
      expect(notices).toEqual([
        expect.objectContaining({ code: 'DEPRECATED', successor: 'flights-v2', noticePeriod: 'P3M' }),
      ]);
    }
  });
});
