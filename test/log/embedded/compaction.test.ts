import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';

import { type AppendRecord, LogError } from '../../../src/core/log/index.ts';
import type { EmbeddedLog } from '../../../src/io/log/embedded/index.ts';
import { collect, Recorder, scanFaults } from '../recorder.ts';
import { Storage } from './storage.ts';

const start = 1_700_000_000_000;

test('compaction keeps the newest record of each key under its own offset, and a scan still covers the whole range', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('compacted', { partitions: 1, cleanup: 'compact' });
  await log.append('compacted', [kept('a', 1), kept('b', 2), kept('a', 3), kept('c', 4), kept('b', 5)]);
  await log.compact();
  expect(await contents(log, 'compacted')).toEqual([
    [2, 'a', '3'],
    [3, 'c', '4'],
    [4, 'b', '5'],
  ]);
  expect(await log.extents('compacted')).toEqual([{ partition: 0, first: 0, end: 5 }]);
  const { incarnation } = await log.describe('compacted');
  const scans = await collect(log.range('compacted', incarnation, 0, 0, 5));
  expect(scans.map(({ from, to }) => [from, to])).toEqual([[0, 5]]);

  // What comes later supersedes what an earlier pass has kept.
  expect((await log.append('compacted', [kept('c', 6), kept('d', 7)])).map(({ offset }) => offset)).toEqual([5, 6]);
  await log.compact();
  expect(await contents(log, 'compacted')).toEqual([
    [2, 'a', '3'],
    [4, 'b', '5'],
    [5, 'c', '6'],
    [6, 'd', '7'],
  ]);
});

test('ranges that begin, end or lie in a gap of compaction are covered', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('gaps', { partitions: 1, cleanup: 'compact' });
  await log.append(
    'gaps',
    Array.from({ length: 1_000 }, (_, n) => kept(n % 100 === 50 ? `single${n}` : 'many', n)),
  );
  await log.compact();
  const { incarnation } = await log.describe('gaps');
  for (const [from, to] of [
    [0, 1_000],
    [0, 50],
    [50, 51],
    [51, 150],
    [60, 70],
    [960, 1_000],
  ] as const) {
    let next: number = from;
    for (const scan of await collect(log.range('gaps', incarnation, 0, from, to, { maxBytes: 40 }))) {
      expect(scanFaults(scan, next)).toEqual([]);
      next = scan.to;
    }
    expect(next).toBe(to);
  }
  const recorder = new Recorder();
  await using tail = log.tail('gaps', incarnation, new Map([[0, 0]]), recorder);
  await recorder.reads(0, 1_000);
  tail.pause(0);
  expect(recorder.records().map(({ offset }) => offset)).toEqual([
    50, 150, 250, 350, 450, 550, 650, 750, 850, 950, 999,
  ]);
  expect(recorder.broken).toEqual([]);
});

test('a tombstone stays readable for its time after compaction has passed it, then goes', async () => {
  using storage = new Storage();
  let now = start;
  await using log = storage.open({ now: () => now, tombstoneMs: 60_000 });
  await log.create('deletions', { partitions: 1, cleanup: 'compact' });
  await log.append('deletions', [kept('a', 1), kept('b', 2), { partition: 0, key: Buffer.from('a'), value: null }]);
  await log.compact();
  const withTombstone = [
    [1, 'b', '2'],
    [2, 'a', null],
  ];
  expect(await contents(log, 'deletions')).toEqual(withTombstone);
  now += 59_999;
  await log.compact();
  expect(await contents(log, 'deletions')).toEqual(withTombstone);
  await log.append('deletions', [{ partition: 0, key: Buffer.from('b'), value: null }]);
  now += 1;
  await log.compact();
  expect(await contents(log, 'deletions')).toEqual([[3, 'b', null]]);
  now += 60_000;
  await log.compact();
  expect(await contents(log, 'deletions')).toEqual([]);
  expect(await log.extents('deletions')).toEqual([{ partition: 0, first: 0, end: 4 }]);
});

test('a record without a key is refused where compaction is by key', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('keyed', { partitions: 1, cleanup: 'compact' });
  await expect(log.append('keyed', [kept('a', 1), { key: null, value: Buffer.from('x') }])).rejects.toBeInstanceOf(
    LogError,
  );
  expect((await log.extents('keyed'))[0]?.end).toBe(0);
});

test('a time is found in what compaction left', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('times', { partitions: 1, cleanup: 'compact' });
  const at = (key: string, after: number): AppendRecord => ({ ...kept(key, after), timestamp: start + after });
  // The record at 100 carries the highest time and goes: those after it must not be mistaken for it.
  await log.append('times', [at('a', 10), at('b', 100), at('c', 20), at('b', 30), at('d', 90)]);
  await log.compact();
  expect(await contents(log, 'times')).toEqual([
    [0, 'a', '10'],
    [2, 'c', '20'],
    [3, 'b', '30'],
    [4, 'd', '90'],
  ]);
  expect(await log.offsetsAt('times', start + 15)).toEqual([2]);
  expect(await log.offsetsAt('times', start + 25)).toEqual([3]);
  expect(await log.offsetsAt('times', start + 95)).toEqual([5]);
});

test('retention lets go of what is older than the topic keeps, and of nothing else', async () => {
  using storage = new Storage();
  let now = start;
  await using log = storage.open({ now: () => now, retentionMs: 10_000 });
  await log.create('default', { partitions: 2, cleanup: 'delete' });
  await log.create('longer', { partitions: 1, cleanup: 'delete', retentionMs: 60_000 });
  await log.create('ever', { partitions: 1, cleanup: 'delete', retentionMs: -1 });
  for (let n = 0; n < 10; n += 1) {
    for (const topic of ['default', 'longer', 'ever']) await log.append(topic, [kept('k', n)]);
    now += 1_000;
  }
  now = start + 15_500;
  await log.compact();
  expect(await log.extents('default')).toEqual([
    { partition: 0, first: 6, end: 10 },
    { partition: 1, first: 0, end: 0 },
  ]);
  expect((await contents(log, 'default')).map(([offset]) => offset)).toEqual([6, 7, 8, 9]);
  expect((await log.extents('longer'))[0]).toEqual({ partition: 0, first: 0, end: 10 });
  now = start + 1_000_000_000;
  await log.compact();
  expect((await log.extents('default'))[0]).toEqual({ partition: 0, first: 10, end: 10 });
  expect((await log.append('default', [kept('k', 0)]))[0]?.offset).toBe(10);
  expect((await log.extents('ever'))[0]).toEqual({ partition: 0, first: 0, end: 10 });
});

test('a deleted topic is gone at once and its records are swept up, while the new one of its name is left alone', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('gone', { partitions: 2, cleanup: 'delete' });
  await log.append(
    'gone',
    Array.from({ length: 2_000 }, (_, n) => ({ partition: n % 2, key: null, value: Buffer.from(`${n}`) })),
  );
  await log.deleteTopic('gone');
  await expect(log.describe('gone')).rejects.toMatchObject({ kind: 'UNKNOWN_TOPIC' });
  await log.create('gone', { partitions: 1, cleanup: 'delete' });
  await log.append('gone', [kept('new', 1)]);
  await log.compact();
  expect(await contents(log, 'gone')).toEqual([[0, 'new', '1']]);
  using file = new DatabaseSync(storage.path, { readOnly: true });
  expect(file.prepare('SELECT count(*) AS records FROM record').get()?.records).toBe(1);
  expect(file.prepare('SELECT count(*) AS slots FROM orphan').get()?.slots).toBe(0);
});

test('a lease is held by one at a time, can be prolonged and given up, and runs out', async () => {
  using storage = new Storage();
  let now = start;
  await using one = storage.open({ now: () => now });
  await using two = storage.open({ now: () => now });
  const mine = one.lease('feeder', 10_000);
  const theirs = two.lease('feeder', 10_000);
  expect(await mine.acquire()).toBe(true);
  expect(await theirs.acquire()).toBe(false);
  now += 9_000;
  expect(await mine.acquire()).toBe(true);
  now += 9_000;
  expect(await theirs.acquire()).toBe(false);
  await theirs.release();
  expect(await theirs.acquire()).toBe(false);
  now += 1_000;
  expect(await theirs.acquire()).toBe(true);
  expect(await mine.acquire()).toBe(false);
  await theirs.release();
  expect(await mine.acquire()).toBe(true);
  expect(await two.lease('another', 10_000).acquire()).toBe(true);
});

test('a lease whose holder died before the clock was set back does not last for ever', async () => {
  using storage = new Storage();
  let now = start;
  await using one = storage.open({ now: () => now });
  await using two = storage.open({ now: () => now });
  expect(await one.lease('feeder', 10_000).acquire()).toBe(true);
  now -= 86_400_000;
  expect(await two.lease('feeder', 10_000).acquire()).toBe(true);
});

test('of all that have the file open only the holder of the lease compacts, by itself', async () => {
  using storage = new Storage();
  await using other = storage.open();
  await other.create('aging', { partitions: 1, cleanup: 'delete', retentionMs: 1_000 });
  await other.append('aging', [
    { ...kept('old', 1), timestamp: Date.now() - 60_000 },
    { ...kept('new', 2), timestamp: Date.now() + 3_600_000 },
  ]);
  const lease = other.lease('compactor', 600_000);
  expect(await lease.acquire()).toBe(true);

  await using log = storage.open({ compactEveryMs: 100 });
  const { incarnation } = await log.describe('aging');
  const recorder = new Recorder();
  await using tail = log.tail('aging', incarnation, new Map([[0, 0]]), recorder);
  await recorder.reads(0, 2);
  // Two quiet scans: time for many rounds of the compactor.
  await recorder.anotherScan(0);
  expect((await recorder.anotherScan(0)).first).toBe(0);
  await lease.release();
  await recorder.until(() => recorder.scans.at(-1)?.first === 1, 'retention passes the old record');
  tail.pause(0);
  expect(await contents(log, 'aging')).toEqual([[1, 'new', '2']]);
});

function kept(key: string, n: number): AppendRecord {
  return { partition: 0, key: Buffer.from(key), value: Buffer.from(`${n}`) };
}

async function contents(log: EmbeddedLog, topic: string) {
  const { incarnation } = await log.describe(topic);
  const [extent] = await log.extents(topic);
  const scans = await collect(log.range(topic, incarnation, 0, extent?.first ?? 0, extent?.end ?? 0));
  return scans.flatMap(({ records }) =>
    records.map(({ offset, key, value }) => [offset, key?.toString(), value?.toString() ?? null]),
  );
}
