/** What access and usage are asked and told: once a batch and cohort for each gate, and a gate that is shut costs time alone. */
import { describe, expect, test } from 'vitest';
import type { Gate } from '../../src/core/delivery/index.ts';
import type { View } from '../../src/core/view/index.ts';
import { Stage, type Subscriber, TestSink, viewOf } from './stage.ts';

class TestGate implements Gate {
  readonly partner: string;
  open = true;
  asked = 0;
  readonly charges: { readonly view: View; readonly events: number; readonly bytes: number }[] = [];

  constructor(partner = 'a') {
    this.partner = partner;
  }

  admits(): boolean {
    this.asked += 1;
    return this.open;
  }

  charge(view: View, events: number, bytes: number): void {
    this.charges.push({ view, events, bytes });
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('a gate', () => {
  test('is asked and told once a batch for all of its subscriptions in a cohort', async () => {
    const stage = new Stage();
    const view = viewOf();
    const gates = [new TestGate('a'), new TestGate('b')];
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < 100; i++)
      subscribers.push(await stage.join({ id: `s${100 + i}`, view, gate: gates[i % 2] as Gate }));
    await stage.settle();
    for (const gate of gates) gate.asked = 0;
    stage.put(0, 1, 2, 3);
    await stage.settle();
    for (const gate of gates) {
      const mine = subscribers.filter((_, i) => gates[i % 2] === gate);
      expect(gate.asked).toBe(1);
      expect(gate.charges).toEqual([{ view, events: 150, bytes: mine.reduce((sum, { sink }) => sum + sink.taken, 0) }]);
    }
  });

  test('is told of sockets that several subscriptions share, and of those who catch up', async () => {
    const stage = new Stage();
    const gate = new TestGate();
    stage.put(0, 1, 2);
    const sink = new TestSink();
    for (const id of ['a', 'b', 'c']) await stage.join({ id, sink, gate });
    const late = await stage.join({ id: 'd', gate, from: await stage.source.place('flights', { kind: 'earliest' }) });
    await stage.settle();
    stage.put(0, 3);
    await stage.settle();
    const sum = (of: 'events' | 'bytes'): number => gate.charges.reduce((total, charge) => total + charge[of], 0);
    expect(sum('events')).toBe(6);
    expect(sum('bytes')).toBe(sink.taken + late.sink.taken);
  });

  test('that is shut holds its subscriptions where they are, nobody else; when it opens they go on exactly', async () => {
    const stage = new Stage({ ringBytes: 2_000 });
    const [shut, open] = [new TestGate('a'), new TestGate('b')];
    const held = await stage.join({ gate: shut });
    const other = await stage.join({ gate: open });
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.settle();
    shut.open = false;
    for (const value of range(2, 102)) stage.put(0, value);
    await stage.clock.pass(5_000);
    expect([held.offsets(0), other.offsets(0)]).toEqual([[0, 1], range(0, 102)]);
    shut.open = true;
    await stage.clock.pass(1_000);
    stage.put(0, 0);
    await stage.settle();
    expect(held.offsets(0)).toEqual(range(0, 103));
  });

  test('that is shut when its subscription begins lets it in later, from its position on', async () => {
    const stage = new Stage();
    const gate = new TestGate();
    gate.open = false;
    const subscriber = await stage.join({ gate });
    await stage.settle();
    stage.put(0, 1, 2);
    await stage.clock.pass(1_000);
    expect([subscriber.ready !== null, subscriber.offsets(0)]).toEqual([true, []]);
    gate.open = true;
    await stage.clock.pass(1_000);
    expect(subscriber.offsets(0)).toEqual([0, 1]);
  });

  test('that is shut leaves no timer behind when its subscriptions end', async () => {
    const stage = new Stage({ lingerMs: 100 });
    const gate = new TestGate();
    gate.open = false;
    const subscriber = await stage.join({ gate });
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    subscriber.subscription?.end(null);
    await stage.clock.pass(200);
    expect(stage.clock.timers).toBe(0);
  });

  test('that fails is shut and logged, and harms nobody else', async () => {
    const stage = new Stage();
    const broken = await stage.join({
      gate: {
        partner: 'a',
        admits: () => {
          throw new Error('no budget file');
        },
        charge: () => {},
      },
    });
    const uncounted = await stage.join({
      gate: {
        partner: 'b',
        admits: () => true,
        charge: () => {
          throw new Error('no ledger');
        },
      },
    });
    await stage.settle();
    stage.put(0, 1);
    await stage.settle();
    expect([broken.offsets(0), uncounted.offsets(0)]).toEqual([[], [0]]);
    expect(stage.logged.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['a gate failed', 'charging failed']),
    );
  });
});

describe('turns', () => {
  test('go by partner: one with a single subscription is not kept waiting by one with fifty', async () => {
    const stage = new Stage({ maxReplayReaders: 1, ringBytes: 300, maxLagBytes: 500 });
    stage.source.scanEvents = 5;
    stage.put(0, ...range(0, 1_000));
    stage.put(1, ...range(0, 1_000));
    await stage.settle();
    const { incarnation } = await stage.source.place('flights', { kind: 'earliest' });
    const crowd = new TestGate('crowd');
    // Nobody's place is anybody else's, so that nothing can be shared.
    for (let i = 0; i < 50; i++)
      await stage.join({ gate: crowd, from: { incarnation, vector: [i * 15, 1_000] }, id: `c${i}` });
    const alone = await stage.join({ gate: new TestGate('alone'), from: { incarnation, vector: [1_000, 950] } });
    let reads = 0;
    while (alone.events.length < 50) {
      reads = stage.source.reads.length;
      stage.clock.turn();
      for (let i = 0; i < 12; i++) await Promise.resolve();
    }
    // Ten scans of its own, and about as many of the other partner between them; turn by turn it would be five hundred.
    expect(reads).toBeGreaterThan(10);
    expect(reads).toBeLessThan(60);
  });
});
