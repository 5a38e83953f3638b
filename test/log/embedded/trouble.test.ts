import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';

import { LogError } from '../../../src/core/log/index.ts';
import { createEmbeddedJournal } from '../../../src/io/log/embedded/index.ts';
import { Recorder } from '../recorder.ts';
import { Storage } from './storage.ts';

const record = (bytes: number) => ({ partition: 0, key: null, value: Buffer.alloc(bytes, 'x') });

test('a log that is full refuses appends, says what to do, keeps what it has, and goes on once there is room', async () => {
  using storage = new Storage();
  await using log = storage.open({ maxBytes: 4_194_304 });
  await log.create('filling', { partitions: 1, cleanup: 'delete' });
  let appended = 0;
  const fill = async () => {
    for (;;) {
      await log.append(
        'filling',
        Array.from({ length: 3 }, () => record(60_000)),
      );
      appended += 3;
    }
  };
  const error = await fill().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LogError);
  expect(error).toMatchObject({ kind: 'UNAVAILABLE', message: expect.stringContaining('is full: free space') });
  expect(appended).toBeGreaterThan(30);
  expect((await log.extents('filling'))[0]).toEqual({ partition: 0, first: 0, end: appended });
  await log.expire('filling', 0, 20);
  expect((await log.append('filling', [record(60_000)]))[0]?.offset).toBe(appended);
});

test('a place that cannot be written is UNAVAILABLE with what to do', async () => {
  using storage = new Storage();
  // Nobody may create files here, root included.
  await using log = storage.open({ path: '/sys/sluice/cluster.db' });
  const error = await log.ping().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    kind: 'UNAVAILABLE',
    message: expect.stringMatching(/cluster "test" \(\/sys\/sluice\/cluster.db\) cannot be written: make .* writable/),
  });
});

test('a path beneath a file is UNAVAILABLE until the obstacle is gone', async () => {
  using storage = new Storage();
  const obstacle = join(storage.directory, 'obstacle');
  writeFileSync(obstacle, 'in the way');
  await using log = storage.open({ path: join(obstacle, 'cluster.db') });
  await expect(log.ping()).rejects.toMatchObject({
    kind: 'UNAVAILABLE',
    message: expect.stringContaining('see that its directory exists, is a directory'),
  });
  await expect(log.create('t', { partitions: 1, cleanup: 'delete' })).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
  rmSync(obstacle);
  await log.ping();
  await log.create('t', { partitions: 1, cleanup: 'delete' });
});

test("a file that is no database, or another program's, or a newer one's, is refused and left as it is", async () => {
  using storage = new Storage();
  const text = join(storage.directory, 'text.db');
  writeFileSync(text, 'These are my notes. '.repeat(500));
  const foreign = join(storage.directory, 'foreign.db');
  const theirs = new DatabaseSync(foreign);
  theirs.exec('CREATE TABLE record(id INTEGER)');
  theirs.close();
  const newer = join(storage.directory, 'newer.db');
  {
    await using log = storage.open({ path: newer });
    await log.ping();
  }
  const ours = new DatabaseSync(newer);
  ours.exec('PRAGMA user_version = 99');
  ours.close();
  for (const [path, why] of [
    [text, 'is not an embedded log'],
    [foreign, 'another program'],
    [newer, 'newer Sluice (format 99'],
  ] as const) {
    const before = statSync(path).size;
    await using log = storage.open({ path });
    await expect(log.ping()).rejects.toMatchObject({ kind: 'CORRUPT', message: expect.stringContaining(why) });
    await expect(log.create('t', { partitions: 1, cleanup: 'delete' })).rejects.toMatchObject({ kind: 'CORRUPT' });
    expect(statSync(path).size).toBe(before);
  }
});

test('a file of before there were keys of appends gets a place for them, and what it holds stays', async () => {
  using storage = new Storage();
  {
    await using log = storage.open();
    await log.create('t', { partitions: 1, cleanup: 'delete' });
    await log.append('t', [record(10)]);
  }
  const before = new DatabaseSync(storage.path);
  before.exec('DROP TABLE once');
  before.close();
  const once = { key: 'k', digest: 'd', memo: 'm' };
  await using log = storage.open();
  await using other = storage.open();
  const first = await log.appendOnce('t', [record(10)], once);
  expect(first.appended.map(({ offset }) => offset)).toEqual([1]);
  expect(await other.appendOnce('t', [record(10)], once)).toEqual({ ...first, isRepeated: true });
  expect(await log.extents('t')).toEqual([{ partition: 0, first: 0, end: 2 }]);
});

test('keys that are older than a day leave the file as new ones come', async () => {
  using storage = new Storage();
  let now = Date.now();
  await using log = storage.open({ now: () => now });
  await log.create('t', { partitions: 1, cleanup: 'delete' });
  const append = (n: number) => log.appendOnce('t', [record(1)], { key: `k${n}`, digest: '', memo: '' });
  for (let n = 0; n < 100; n++) await append(n);
  now += 86_400_000;
  for (let n = 100; n < 103; n++) await append(n);
  const file = new DatabaseSync(storage.path);
  expect(file.prepare('SELECT count(*) AS keys FROM once').get()).toEqual({ keys: 3 });
  file.close();
});

test("the file is its owner's alone", async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('t', { partitions: 1, cleanup: 'delete' });
  for (const suffix of ['', '-wal', '-shm']) expect(statSync(storage.path + suffix).mode & 0o077).toBe(0);
});

test('a lock that another process holds for a while delays a write; it is neither lost nor an error', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('t', { partitions: 1, cleanup: 'delete' });
  const other = new DatabaseSync(storage.path);
  other.exec('BEGIN IMMEDIATE');
  const appending = log.append('t', [record(10)]);
  // Reading goes on beside the lock, and the write has not got through.
  for (let round = 0; round < 20; round += 1) expect((await log.extents('t'))[0]?.end).toBe(0);
  other.exec('COMMIT');
  expect((await appending)[0]?.offset).toBe(0);
  other.close();
});

test('a lock that is never let go ends in UNAVAILABLE, and nothing is written', { timeout: 20_000 }, async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('t', { partitions: 1, cleanup: 'delete' });
  const other = new DatabaseSync(storage.path);
  other.exec('BEGIN IMMEDIATE');
  await expect(log.append('t', [record(10)])).rejects.toMatchObject({
    kind: 'UNAVAILABLE',
    message: expect.stringContaining('locked by another process'),
  });
  other.exec('ROLLBACK');
  other.close();
  expect((await log.append('t', [record(10)]))[0]?.offset).toBe(0);
});

test('a tail outlives the loss of its file and goes on at its position when it is back', async () => {
  using storage = new Storage();
  const directory = join(storage.directory, 'data');
  const away = join(storage.directory, 'away');
  const path = join(directory, 'cluster.db');
  await using log = storage.open({ path });
  await log.create('t', { partitions: 1, cleanup: 'delete' });
  await log.append('t', [record(1), record(2)]);
  const { incarnation } = await log.describe('t');
  const recorder = new Recorder();
  await using tail = log.tail('t', incarnation, new Map([[0, 0]]), recorder);
  await recorder.reads(0, 2);
  renameSync(directory, away);
  writeFileSync(directory, 'in the way');
  await recorder.until(() => recorder.reached.includes(false), 'the loss is told');
  expect(storage.logged.lines.some((line) => line.startsWith('error') && line.includes('cannot be opened'))).toBe(true);
  rmSync(directory);
  renameSync(away, directory);
  await recorder.until(() => recorder.reached.at(-1) === true, 'the return is told');
  await log.append('t', [record(3)]);
  await recorder.reads(0, 3);
  tail.pause(0);
  expect(recorder.records().map(({ value }) => value?.length)).toEqual([1, 2, 3]);
  expect(recorder.failures.size).toBe(0);
  expect(recorder.broken).toEqual([]);
});

test('a file that was replaced by another ends its tails with RECREATED', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('t', { partitions: 1, cleanup: 'delete' });
  await log.append('t', [record(1)]);
  const { incarnation } = await log.describe('t');
  const recorder = new Recorder();
  await using tail = log.tail('t', incarnation, new Map([[0, 0]]), recorder);
  await recorder.reads(0, 1);
  const elsewhere = join(storage.directory, 'elsewhere');
  mkdirSync(elsewhere);
  for (const suffix of ['', '-wal', '-shm']) renameSync(storage.path + suffix, join(elsewhere, `cluster.db${suffix}`));
  {
    await using another = storage.open();
    await another.create('t', { partitions: 1, cleanup: 'delete' });
    await another.append('t', [record(5), record(5), record(5)]);
  }
  expect((await recorder.fails(0)).kind).toBe('RECREATED');
  tail.pause(0);
  expect(recorder.records().map(({ value }) => value?.length)).toEqual([1]);
  expect((await log.describe('t')).incarnation).not.toEqual(incarnation);
});

test('a journal that cannot be reached at first waits, and is followed once it can', async () => {
  using storage = new Storage();
  const obstacle = join(storage.directory, 'obstacle');
  writeFileSync(obstacle, 'in the way');
  await using journal = createEmbeddedJournal({
    name: 'test',
    path: join(obstacle, 'state.db'),
    prefix: '_sluice.',
    topics: [{ name: 'things', cleanup: 'compact' }],
    clock: () => performance.now(),
    observe: storage.logged,
  });
  const told = new Promise<void>((resolve) => {
    storage.logged.warn = (message) => {
      if (message.includes('cannot be reached; waiting')) resolve();
    };
  });
  const following = journal.follow(
    () => undefined,
    () => undefined,
  );
  await told;
  rmSync(obstacle);
  await using followed = await following;
  expect(
    await journal.transact(followed, () => ({
      writes: [{ topic: 'things', key: 'a', value: '1' }],
      answer: 'written',
    })),
  ).toBe('written');
});

test('an append of many thousands gives the event loop back again and again, and nobody reads its half', async () => {
  using storage = new Storage();
  await using log = storage.open();
  await log.create('t', { partitions: 1, cleanup: 'delete' });
  const appending = log.append(
    't',
    Array.from({ length: 50_000 }, () => record(100)),
  );
  const seen = new Set<number>();
  let turns = 0;
  let done = false;
  const finished = appending.then(() => {
    done = true;
  });
  while (!done) {
    turns += 1;
    seen.add((await log.extents('t'))[0]?.end ?? -1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await finished;
  expect(turns).toBeGreaterThan(50);
  expect([...seen].filter((end) => end !== 0 && end !== 50_000)).toEqual([]);
  expect((await log.extents('t'))[0]?.end).toBe(50_000);
});
