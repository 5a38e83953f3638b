/** The state of record, followed once and handed on: within the process as a journal like any other, and over channels. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Following, Journal, JournalRecord, JournalTopic } from '../../src/core/log/index.ts';
import { createRemote, createStreamServer, JournalRelay, type Remote } from '../../src/core/routing/index.ts';
import { createEmbeddedJournal } from '../../src/io/log/embedded/index.ts';
import { MemorySource } from '../delivery/memory-source.ts';
import { MemoryChannel } from '../link/memory-channel.ts';
import { Storage } from '../log/embedded/storage.ts';
import { journalConformance } from '../log/journal-conformance.ts';
import { clock, observe } from './stream.ts';

const prefix = '_sluice.';
const things: JournalTopic = { name: 'things', cleanup: 'compact' };
const openJournal = (storage: Storage, topics: readonly JournalTopic[]): Journal =>
  createEmbeddedJournal({
    name: 'test',
    path: storage.path,
    prefix,
    topics,
    clock: clock.now,
    observe: storage.logged,
  });
async function recreate(storage: Storage, { name, cleanup }: JournalTopic): Promise<void> {
  await using log = storage.open();
  await log.deleteTopic(prefix + name);
  await log.create(prefix + name, { partitions: 1, cleanup });
}

journalConformance('the journal that is handed on', async (topics) => {
  const storage = new Storage();
  return {
    clock: clock.now,
    journal: async () => new JournalRelay(openJournal(storage, topics), topics, clock),
    recreate: (topic) => recreate(storage, topic),
    async [Symbol.asyncDispose]() {
      storage[Symbol.dispose]();
    },
  };
});

class Follower {
  readonly records: JournalRecord[] = [];
  readonly lost: Error[] = [];
  following: Following | null = null;
  #waiting: (() => void)[] = [];

  async follow(journal: Journal): Promise<this> {
    this.following = await journal.follow(
      (record) => {
        this.records.push(record);
        for (const wake of this.#waiting.splice(0)) wake();
      },
      (error) => {
        this.lost.push(error);
        for (const wake of this.#waiting.splice(0)) wake();
      },
    );
    return this;
  }

  get values(): (string | null)[] {
    return this.records.map(({ value }) => value);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }
}

describe('the state over a channel', () => {
  let storage: Storage;
  let relay: JournalRelay;
  /** Another process that writes. */
  let writer: { readonly journal: Journal; readonly following: Following };
  let channels: { readonly here: MemoryChannel; readonly there: MemoryChannel; readonly remote: Remote }[];
  /** How often the journal behind was followed. */
  let followed: number;

  const connect = (): Remote => {
    const [here, there] = MemoryChannel.pair();
    void createStreamServer({
      source: new MemorySource(),
      journal: relay,
      standing: {},
      observe,
      wait: () => Promise.resolve(),
    }).serve(there);
    const remote = createRemote(here, clock, observe);
    channels.push({ here, there, remote });
    return remote;
  };
  const write = (key: string, value: string | null): Promise<null> =>
    writer.journal.transact(writer.following, () => ({ writes: [{ topic: 'things', key, value }], answer: null }));

  beforeEach(async () => {
    storage = new Storage();
    followed = 0;
    const inner = openJournal(storage, [things]);
    const counted: Journal = {
      follow(apply, lost) {
        followed += 1;
        return inner.follow(apply, lost);
      },
      transact: (following, decide) => inner.transact(following, decide),
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
    relay = new JournalRelay(counted, [things], clock);
    const journal = openJournal(storage, [things]);
    writer = {
      journal,
      following: await journal.follow(
        () => {},
        () => {},
      ),
    };
    channels = [];
  });
  afterEach(async () => {
    for (const { remote } of channels) remote.close();
    await relay[Symbol.asyncDispose]();
    await writer.journal[Symbol.asyncDispose]();
    storage[Symbol.dispose]();
  });

  test('is told to whoever comes, whenever they come, in order and once, and is followed once for all of them', async () => {
    for (let i = 0; i < 700; i += 1) await write(`k${i % 600}`, `${i}`);
    const early = await new Follower().follow(connect().journal);
    expect(new Map(early.records.map(({ key, value }) => [key, value])).size).toBe(600);
    await write('k5', 'new');
    await write('k6', null);
    await early.until(() => early.records.at(-1)?.key === 'k6');
    const late = await new Follower().follow(connect().journal);
    const local = await new Follower().follow(relay);
    for (const each of [late, local]) {
      const state = new Map(each.records.map(({ key, value }) => [key, value]));
      expect(state).toEqual(new Map(early.records.map(({ key, value }) => [key, value])));
      const offsets = each.records.map(({ offset }) => offset);
      expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    }
    await write('k7', 'newest');
    for (const each of [early, late, local]) await each.until(() => each.values.at(-1) === 'newest');
    expect(followed).toBe(1);
  });

  test('when it is followed, has all that was written before', async () => {
    const remote = connect();
    await new Follower().follow(remote.journal);
    for (let i = 0; i < 10; i += 1) {
      await write('k', `${i}`);
      const follower = await new Follower().follow(remote.journal);
      expect(follower.values.at(-1)).toBe(`${i}`);
      await follower.following?.[Symbol.asyncDispose]();
    }
  });

  test('is confirmed at least each second, never later than it was, and not at all while the channel stands still', async () => {
    const { journal } = connect();
    const { following } = await new Follower().follow(journal);
    const confirmed = (): number => following?.confirmedAt as number;
    expect(confirmed()).toBeLessThanOrEqual(clock.now());
    for (let i = 0; i < 3; i += 1) {
      const before = confirmed();
      while (confirmed() === before) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(confirmed() - before).toBeLessThan(2_000);
      expect(confirmed()).toBeLessThanOrEqual(clock.now());
    }
    // What was on its way when the channel stood still confirms the moment of its ask, not that of its arrival.
    const { here } = channels[0] as (typeof channels)[number];
    here.hold();
    const stood = clock.now();
    const last = confirmed();
    while (here.inbox.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    while (clock.now() < stood + 600) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(confirmed()).toBe(last);
    const released = clock.now();
    here.release();
    while (confirmed() === last) await new Promise((resolve) => setImmediate(resolve));
    expect(confirmed()).toBeLessThan(released - 100);
  });

  test('waits for an end that does not read, keeps nothing for it twice, and tells it the newest', async () => {
    const slow = await new Follower().follow(connect().journal);
    const { here } = channels[0] as (typeof channels)[number];
    here.hold();
    const large = 'x'.repeat(10_000);
    for (let i = 0; i < 200; i += 1) await write(`k${i % 5}`, `${i} ${large}`);
    // The channel's own bound, and what was sent when it was passed; not the two megabytes.
    expect(here.mostBytes).toBeLessThan(200_000);
    here.release();
    await slow.until(() => slow.values.at(-1)?.startsWith('199 ') === true);
    const state = new Map(slow.records.map(({ key, value }) => [key, value?.split(' ')[0]]));
    expect(state).toEqual(new Map([0, 1, 2, 3, 4].map((k) => [`k${k}`, `${195 + k}`])));
    const offsets = slow.records.map(({ offset }) => offset);
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
  });

  test('that is lost is lost for all who follow it, and may be followed anew', async () => {
    await write('k', 'old');
    const { journal } = connect();
    const remote = await new Follower().follow(journal);
    const local = await new Follower().follow(relay);
    await recreate(storage, things);
    for (const each of [remote, local]) await each.until(() => each.lost.length > 0);
    const again = await new Follower().follow(journal);
    expect(again.values).toEqual([]);
    for (const each of [remote, local]) expect(each.lost).toHaveLength(1);
    expect(followed).toBe(2);
  });

  test('cannot be changed', async () => {
    const { journal } = connect();
    const { following } = await new Follower().follow(journal);
    const decide = () => ({ writes: [{ topic: 'things', key: 'k', value: '1' }], answer: null });
    await expect(journal.transact(following as Following, decide)).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
  });
});
