import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';

import type { Log, LogRecord } from '../../../src/core/log/index.ts';
import type { EmbeddedLog } from '../../../src/io/log/embedded/index.ts';
import { collect, Recorder } from '../recorder.ts';
import { Storage } from './storage.ts';

const kills = 60;
const partitions = [0, 1, 2];

type Acknowledged = readonly [partition: number, offset: number, text: string];

test(`nothing acknowledged is lost and no offset is used twice over ${kills} kills in the middle of writes`, {
  timeout: 180_000,
}, async () => {
  using storage = new Storage();
  const topic = 'survivor';
  const acknowledged = new Map<string, string>();
  let reused = 0;
  const note = ([partition, offset, text]: Acknowledged) => {
    const place = `${partition}:${offset}`;
    if (acknowledged.has(place)) reused += 1;
    acknowledged.set(place, text);
  };
  {
    await using log = storage.open();
    await log.create(topic, { partitions: 3, cleanup: 'delete' });
  }
  // Half of the kills find the file open in this process too, the others leave it to nobody, so that the next to open it recovers.
  let beside: EmbeddedLog | undefined;
  let ends: readonly number[] = [0, 0, 0];
  let checked = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    if (kill % 2 === 0) {
      beside = storage.open();
      await beside.ping();
    }
    const child = appender(storage.path, topic, `life${kill}`, 1_000_000);
    const lines = createInterface({ input: child.stdout });
    const fresh: Acknowledged[] = [];
    let heard = 0;
    lines.on('line', (line) => {
      // The last line may have been cut by the kill: then nobody was told.
      if (!line.endsWith(']]')) return;
      heard += 1;
      fresh.push(...(JSON.parse(line) as Acknowledged[]));
      // It goes on writing while it is being killed: the signal falls anywhere.
      if (heard === 1 + (kill % 9)) child.kill('SIGKILL');
    });
    const [[, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')]);
    expect(signal).toBe('SIGKILL');
    expect(heard).toBeGreaterThan(kill % 9);
    await beside?.[Symbol.asyncDispose]();
    beside = undefined;

    for (const each of fresh) note(each);
    // What this life was told, among what it added; all lives together at the end.
    await using log = storage.open();
    const found = await readFrom(log, topic, ends);
    expect(fresh.filter(([partition, offset, text]) => textOf(found.get(`${partition}:${offset}`)) !== text)).toEqual(
      [],
    );
    expect(fresh.filter(([partition, offset]) => offset < (ends[partition] ?? 0))).toEqual([]);
    ends = (await log.extents(topic)).map(({ end }) => end);
    checked += 1;
  }
  expect(checked).toBe(kills);
  expect(reused).toBe(0);
  expect(acknowledged.size).toBeGreaterThan(kills);
  await using log = storage.open();
  const all = await readFrom(log, topic, [0, 0, 0]);
  expect([...acknowledged].filter(([place, text]) => textOf(all.get(place)) !== text)).toEqual([]);
  for (const { partition, first, end } of await log.extents(topic)) {
    const { incarnation } = await log.describe(topic);
    const records = (await collect(log.range(topic, incarnation, partition, first, end))).flatMap(
      (scan) => scan.records,
    );
    expect(first).toBe(0);
    expect(records.length).toBe(end);
    // An append is all or nothing: whoever's first record of this partition is there has all of them.
    const sizes = Map.groupBy(records, (record) => textOf(record)?.split('/').slice(0, 2).join('/') ?? '');
    for (const [append, members] of sizes) {
      const round = Number(append.split('/')[1]);
      const size = round % 7 === 6 ? 1_500 : 1 + (round % 20);
      expect([append, members.length]).toEqual([append, Math.ceil((size - partition) / 3)]);
    }
  }
});

test('two processes that append at once get each offset once, and a third one tails them', {
  timeout: 120_000,
}, async () => {
  using storage = new Storage();
  await using log = storage.open();
  const topic = 'shared';
  await log.create(topic, { partitions: 3, cleanup: 'delete' });
  const { incarnation } = await log.describe(topic);
  const recorder = new Recorder();
  await using tail = log.tail(topic, incarnation, new Map(partitions.map((partition) => [partition, 0])), recorder);
  const acknowledged: Acknowledged[] = [];
  const exits = ['one', 'two'].map(async (who) => {
    const child = appender(storage.path, topic, who, 150);
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => acknowledged.push(...(JSON.parse(line) as Acknowledged[])));
    const [[code]] = await Promise.all([once(child, 'exit'), once(lines, 'close')]);
    return code;
  });
  // This process writes as well.
  for (let round = 0; round < 100; round += 1) {
    const texts = partitions.map((partition) => `here/${round}/${partition}`);
    const positions = await log.append(
      topic,
      texts.map((text, partition) => ({ partition, key: Buffer.from(text), value: null })),
    );
    for (const [index, { partition, offset }] of positions.entries())
      acknowledged.push([partition, offset, texts[index] ?? '']);
  }
  expect(await Promise.all(exits)).toEqual([0, 0]);
  const places = new Map(acknowledged.map(([partition, offset, text]) => [`${partition}:${offset}`, text]));
  expect(places.size).toBe(acknowledged.length);
  const extents = await log.extents(topic);
  expect(extents.reduce((sum, { end }) => sum + end, 0)).toBe(acknowledged.length);
  await Promise.all(extents.map(({ partition, end }) => recorder.reads(partition, end)));
  tail.pause(0);
  for (const partition of partitions) {
    for (const record of recorder.records(partition))
      expect(textOf(record)).toBe(places.get(`${partition}:${record.offset}`));
    // Each writer's records are in the order in which it wrote them.
    for (const [who, records] of Map.groupBy(recorder.records(partition), (record) => textOf(record)?.split('/')[0])) {
      const rounds = records.map((record) => Number(textOf(record)?.split('/')[1]));
      expect([who, rounds]).toEqual([who, [...rounds].sort((a, b) => a - b)]);
    }
  }
  expect(recorder.broken).toEqual([]);
});

function appender(path: string, topic: string, who: string, rounds: number): ChildProcessByStdio<null, Readable, null> {
  const script = new URL('./appender.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path, topic, who, `${rounds}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Everything from the given offsets on, by `partition:offset`. */
async function readFrom(log: Log, topic: string, from: readonly number[]): Promise<Map<string, LogRecord>> {
  const { incarnation } = await log.describe(topic);
  const found = new Map<string, LogRecord>();
  for (const { partition, end } of await log.extents(topic)) {
    for await (const scan of log.range(topic, incarnation, partition, from[partition] ?? 0, end)) {
      for (const record of scan.records) found.set(`${partition}:${record.offset}`, record);
    }
  }
  return found;
}

function textOf(record: LogRecord | undefined): string | undefined {
  return record?.key?.toString();
}
